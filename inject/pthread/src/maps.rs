//! `/proc/self/maps`, copied beside the recording, so that addresses can be named when the process is
//! gone; and which addresses it tells of.
//!
//! Copies stand one after the other in one file, since a library that was unloaded is in the earlier
//! ones only.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};

use crate::files;

/// Executable ranges of files, as they were when they were last looked at. Of what is beyond, every
/// new site is looked for anew.
static RANGES: [[AtomicUsize; 2]; 2048] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; 2048];
static KNOWN: AtomicUsize = AtomicUsize::new(0);
/// How often the maps may still be looked at for sites that are in no range: code made at run time
/// never is.
static BUDGET: AtomicU32 = AtomicU32::new(LOOKS);
const LOOKS: u32 = 256;
/// Who copies, since two at once would mix.
static BUSY: AtomicU32 = AtomicU32::new(0);

struct Buffer(UnsafeCell<[u8; 2048]>);

// SAFETY: invariant Buffer.
unsafe impl Sync for Buffer {}

/// What is read of the maps. Not on the stack, which may be a small one.
static BUFFER: Buffer = Buffer(UnsafeCell::new([0; 2048]));

/// In the child of a fork, which copies them anew. A signal handler that forked may have interrupted a
/// copy, which goes on when it returns.
pub(crate) fn forget(interrupted: bool) {
    KNOWN.store(0, Ordering::Relaxed);
    BUDGET.store(LOOKS, Ordering::Relaxed);
    if !interrupted {
        BUSY.store(0, Ordering::Release);
    }
}

/// Copies the maps again if the last copy does not tell of this site.
pub(crate) fn see(site: usize) {
    let known = KNOWN.load(Ordering::Acquire).min(RANGES.len());
    let inside = |range: &[AtomicUsize; 2]| {
        (range[0].load(Ordering::Relaxed)..range[1].load(Ordering::Relaxed)).contains(&site)
    };
    if RANGES[..known].iter().any(inside) {
        return;
    }
    let spent = |budget: u32| budget.checked_sub(1);
    if BUDGET
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent)
        .is_ok()
    {
        copy();
    }
}

/// Copies the maps, if other code is mapped than when they were last copied.
pub(crate) fn copy() {
    if BUSY.swap(1, Ordering::Acquire) == 0 {
        // SAFETY: invariant Buffer: the flag is set by this call, and cleared below.
        let buffer = unsafe { &mut *BUFFER.0.get() };
        if has_changed(buffer) == Some(true) {
            let _ = append(buffer);
        }
        BUSY.store(0, Ordering::Release);
    }
}

fn maps() -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::open(c"/proc/self/maps", flags, Mode::empty()).ok()
}

fn has_changed(buffer: &mut [u8]) -> Option<bool> {
    let from = maps()?;
    let mut lines = Lines::default();
    loop {
        let length = rustix::io::read(&from, &mut *buffer).ok()?;
        if length == 0 {
            break;
        }
        lines.take(buffer.get(..length)?);
    }
    let before = KNOWN.swap(lines.found, Ordering::AcqRel);
    Some(lines.changed || lines.found != before)
}

fn append(buffer: &mut [u8]) -> Option<()> {
    let name = files::name(b".maps");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let access = Mode::from_raw_mode(0o644);
    let to = rustix::fs::openat(files::folder()?, name.as_c_str()?, flags, access).ok()?;
    let from = maps()?;
    loop {
        let length = rustix::io::read(&from, &mut *buffer).ok()?;
        let mut rest = buffer.get(..length)?;
        if rest.is_empty() {
            return Some(());
        }
        while !rest.is_empty() {
            let written = rustix::io::write(&to, rest).ok().filter(|&n| n > 0)?;
            rest = rest.get(written..)?;
        }
    }
}

/// Finds executable ranges of files in lines `first-last perms offset device inode path`, in whatever
/// pieces they come.
#[derive(Default)]
struct Lines {
    found: usize,
    changed: bool,
    bounds: [usize; 2],
    executable: bool,
    of_file: bool,
    /// Which field of the line is read, of those above.
    field: usize,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (self.field, byte) {
                (_, b'\n') => {
                    if self.executable && self.of_file {
                        self.keep();
                    }
                    *self = Lines {
                        found: self.found,
                        changed: self.changed,
                        ..Lines::default()
                    };
                }
                (0, b'-') | (0..=5, b' ') => self.field += 1,
                (0 | 1, digit) => {
                    let digit = (digit as char).to_digit(16).unwrap_or(0) as usize;
                    self.bounds[self.field] = self.bounds[self.field] << 4 | digit;
                }
                (2, b'x') => self.executable = true,
                // An inode's number has no zeros before it.
                (5, digit) => self.of_file |= digit != b'0',
                _ => {}
            }
        }
    }

    fn keep(&mut self) {
        if let Some(range) = RANGES.get(self.found) {
            for (bound, now) in range.iter().zip(self.bounds) {
                self.changed |= bound.swap(now, Ordering::Relaxed) != now;
            }
            self.found += 1;
        }
    }
}
