//! `/proc/self/maps`, copied beside the recording, so that addresses can be named when the process is
//! gone; and which addresses it tells of.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rustix::fs::{CWD, Mode, OFlags};

use crate::files;

/// Executable ranges of the last copy.
static RANGES: [[AtomicUsize; 2]; 512] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; 512];
static KNOWN: AtomicUsize = AtomicUsize::new(0);
/// Copies that may still be made for sites that are in no range: code made at run time never is.
static BUDGET: AtomicU32 = AtomicU32::new(COPIES);
const COPIES: u32 = 256;
/// Who copies, since two at once would mix.
static BUSY: AtomicU32 = AtomicU32::new(0);

/// Copies the maps again if they do not tell of this site.
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

/// In the child of a fork, which copies them anew.
pub(crate) fn forget() {
    KNOWN.store(0, Ordering::Relaxed);
    BUDGET.store(COPIES, Ordering::Relaxed);
    BUSY.store(0, Ordering::Release);
}

/// Copies the maps. A reader sees the old or the new copy, never half of one.
pub(crate) fn copy() {
    if BUSY.swap(1, Ordering::Acquire) == 0 {
        let _ = try_copy();
        BUSY.store(0, Ordering::Release);
    }
}

fn try_copy() -> Option<()> {
    let (path, new) = (files::path(b".maps"), files::path(b".maps.new"));
    let (path, new) = (path.as_c_str()?, new.as_c_str()?);
    let none = Mode::empty();
    let from = rustix::fs::open(c"/proc/self/maps", OFlags::RDONLY | OFlags::CLOEXEC, none).ok()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let to = rustix::fs::open(new, flags, Mode::from_raw_mode(0o644)).ok()?;
    let mut buffer = [0; 2048];
    let mut lines = Lines::new();
    loop {
        let length = rustix::io::read(&from, &mut buffer).ok()?;
        let mut rest = buffer.get(..length)?;
        if rest.is_empty() {
            break;
        }
        lines.take(rest);
        while !rest.is_empty() {
            let written = rustix::io::write(&to, rest).ok().filter(|&n| n > 0)?;
            rest = rest.get(written..)?;
        }
    }
    KNOWN.store(lines.found, Ordering::Release);
    rustix::fs::renameat(CWD, new, CWD, path).ok()
}

/// Finds executable ranges in lines `first-last perms …`, in whatever pieces they come.
struct Lines {
    found: usize,
    bounds: [usize; 2],
    /// Which field of the line is read; 4 for those that do not matter.
    field: usize,
    column: usize,
}

impl Lines {
    fn new() -> Lines {
        Lines {
            found: 0,
            bounds: [0; 2],
            field: 0,
            column: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (self.field, byte) {
                (_, b'\n') => {
                    self.field = 0;
                    self.bounds = [0; 2];
                }
                (0, b'-') | (1, b' ') => {
                    self.field += 1;
                    self.column = 0;
                }
                (0 | 1, digit) => {
                    let digit = (digit as char).to_digit(16).unwrap_or(0) as usize;
                    self.bounds[self.field] = self.bounds[self.field] << 4 | digit;
                }
                (2, letter) => {
                    self.column += 1;
                    if self.column == 3 {
                        self.field = 4;
                        if letter == b'x' {
                            self.keep();
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self) {
        if let Some([first, last]) = RANGES.get(self.found) {
            first.store(self.bounds[0], Ordering::Relaxed);
            last.store(self.bounds[1], Ordering::Relaxed);
            self.found += 1;
        }
    }
}
