//! What-if: known time added to the holds of one lock, or between them.
//!
//! The command tells by which object, and where in it, the lock lies and the calls that take it,
//! since addresses differ from run to run. Time is added inside a hold before the program has the
//! lock, and outside it after the release, by reading the clock until it is over: a thread that
//! slept would give its processor away, which a longer section does not. How long it really was is
//! counted in the thread's block, so that nothing has to be believed.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use locktoll_trace::recording::layout::{header, thread as block};
use rustix::fs::{Mode, OFlags};

use crate::clock;
use crate::session;
use crate::thread::Thread;
use crate::words::{add_own, get, put};

/// Call sites that can be chosen.
const SITES: usize = 32;
/// How often the maps are read for objects that are not loaded yet.
const LOOKS: u32 = 4096;

/// A place in an object.
struct Place {
    path: AtomicPtr<u8>,
    path_length: AtomicUsize,
    /// From where the object's first mapping begins.
    offset: AtomicUsize,
    /// Where that is in this process; 0 until its object is found.
    address: AtomicUsize,
}

/// The lock, if its place is known, then the call sites.
static PLACES: [Place; 1 + SITES] = [const {
    Place {
        path: AtomicPtr::new(core::ptr::null_mut()),
        path_length: AtomicUsize::new(0),
        offset: AtomicUsize::new(0),
        address: AtomicUsize::new(0),
    }
}; 1 + SITES];
static SITES_USED: AtomicUsize = AtomicUsize::new(0);
static LOCK_GIVEN: AtomicBool = AtomicBool::new(false);
/// Whether a lock is chosen.
static CHOSEN: AtomicBool = AtomicBool::new(false);
static LOOKS_LEFT: AtomicU32 = AtomicU32::new(0);

/// What the environment says of it.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// `OFFSET@PATH`.
    pub(crate) lock: &'static [u8],
    /// The same, several parted by `:`; or `*` for all.
    pub(crate) sites: &'static [u8],
    pub(crate) inside_ns: u64,
    pub(crate) outside_ns: u64,
}

impl Wanted {
    pub(crate) const NONE: Wanted = Wanted {
        lock: &[],
        sites: &[],
        inside_ns: 0,
        outside_ns: 0,
    };
}

/// Takes over which lock is chosen. A place that cannot be read chooses nothing.
pub(crate) fn want(wanted: &Wanted) {
    if !wanted.lock.is_empty() {
        if !PLACES[0].set(wanted.lock) {
            return;
        }
        LOCK_GIVEN.store(true, Ordering::Relaxed);
    }
    // All locks at all sites.
    let all = wanted.sites == b"*";
    let mut used = 0;
    for text in wanted.sites.split(|&byte| byte == b':') {
        if let Some(place) = PLACES.get(1 + used)
            && place.set(text)
        {
            used += 1;
        }
    }
    SITES_USED.store(used, Ordering::Relaxed);
    LOOKS_LEFT.store(LOOKS, Ordering::Relaxed);
    let chosen = all || used > 0 || !wanted.lock.is_empty();
    CHOSEN.store(chosen, Ordering::Release);
}

impl Place {
    fn set(&self, text: &'static [u8]) -> bool {
        let Some(at) = text.iter().position(|&byte| byte == b'@') else {
            return false;
        };
        let (offset, path) = (&text[..at], &text[at + 1..]);
        let digits = offset.strip_prefix(b"0x").unwrap_or(offset);
        let Some(offset) = str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        else {
            return false;
        };
        self.offset.store(offset, Ordering::Relaxed);
        self.path_length.store(path.len(), Ordering::Relaxed);
        self.path.store(path.as_ptr().cast_mut(), Ordering::Relaxed);
        !path.is_empty()
    }

    fn path(&self) -> &'static [u8] {
        let path = self.path.load(Ordering::Relaxed);
        if path.is_null() {
            return &[];
        }
        // SAFETY: `set` stored both, of a string that stays.
        unsafe { core::slice::from_raw_parts(path, self.path_length.load(Ordering::Relaxed)) }
    }

    fn address(&self) -> usize {
        self.address.load(Ordering::Relaxed)
    }
}

/// Whether this lock, taken here, is the chosen one.
#[inline(always)]
pub(crate) fn is_chosen(lock: usize, site: usize) -> bool {
    CHOSEN.load(Ordering::Relaxed) && is_at_chosen_place(lock, site)
}

fn is_at_chosen_place(lock: usize, site: usize) -> bool {
    if LOCK_GIVEN.load(Ordering::Relaxed) && PLACES[0].address() != lock {
        return false;
    }
    let used = SITES_USED.load(Ordering::Relaxed).min(SITES);
    used == 0 || PLACES[1..=used].iter().any(|place| place.address() == site)
}

/// When the thread asks for the chosen lock: tells how long it was without it.
#[inline]
pub(crate) fn asks(thread: &mut Thread) {
    let released = core::mem::replace(&mut thread.released, 0);
    if released != 0 && !thread.block.is_null() {
        let apart = clock::ns(clock::ticks().saturating_sub(released));
        count(thread, block::APART, block::APART_NS, apart);
    }
}

/// Counts a hold of the chosen lock, which took so many ticks.
#[inline]
pub(crate) fn held(thread: &Thread, ticks: u64) {
    if !thread.block.is_null() {
        count(thread, block::HOLDS, block::HOLDS_NS, clock::ns(ticks));
    }
}

/// Adds time to a hold of the chosen lock that has just begun.
#[inline]
pub(crate) fn inside(thread: &Thread) {
    add(
        thread,
        header::DELAY_INSIDE_NS,
        block::INSIDE,
        block::INSIDE_NS,
    );
}

/// Adds time after a release of the chosen lock.
#[inline]
pub(crate) fn outside(thread: &mut Thread) {
    let (count, sum) = (block::OUTSIDE, block::OUTSIDE_NS);
    add(thread, header::DELAY_OUTSIDE_NS, count, sum);
    thread.released = clock::ticks();
}

fn add(thread: &Thread, setting: usize, counted: usize, sum: usize) {
    let base = session::base();
    if base.is_null() || thread.block.is_null() {
        return;
    }
    // SAFETY: Mapping: a word of the header.
    let ns = unsafe { get(base, setting) };
    if ns == 0 {
        return;
    }
    let began = clock::ticks();
    let mut passed = 0;
    while passed < ns {
        passed = clock::ns(clock::ticks().saturating_sub(began));
    }
    count(thread, counted, sum, passed);
}

fn count(thread: &Thread, counted: usize, sum: usize, ns: u64) {
    // SAFETY: Mapping, Own.
    unsafe {
        add_own(thread.block, counted, 1);
        add_own(thread.block, sum, ns);
    }
}

/// Tells the file what is added from its beginning on. The command may change it while the program
/// runs.
///
/// # Safety
///
/// `base` is a mapping that no other thread uses yet.
pub(crate) unsafe fn announce(base: *mut u8, inside_ns: u64, outside_ns: u64) {
    // SAFETY: the caller's; words of the header.
    unsafe {
        put(base, header::DELAY_INSIDE_NS, inside_ns);
        put(base, header::DELAY_OUTSIDE_NS, outside_ns);
    }
}

/// Looks where the chosen places are, as far as that is not known.
#[cold]
pub(crate) fn look() {
    let used = SITES_USED.load(Ordering::Relaxed).min(SITES);
    let unknown = |place: &Place| !place.path().is_empty() && place.address() == 0;
    if !CHOSEN.load(Ordering::Relaxed) || !PLACES[..=used].iter().any(unknown) {
        return;
    }
    let spent = |looks: u32| looks.checked_sub(1);
    let looks = LOOKS_LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    if looks.is_ok() {
        let _ = try_look();
    }
}

fn try_look() -> Option<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(c"/proc/self/maps", flags, Mode::empty()).ok()?;
    // Not much of a stack that may be a small one.
    let mut buffer = [0; 256];
    let mut lines = Lines::new();
    loop {
        let length = rustix::io::read(&file, &mut buffer).ok()?;
        if length == 0 {
            return Some(());
        }
        for &byte in buffer.get(..length)? {
            lines.take(byte);
        }
    }
}

/// Lines `first-last perms offset dev inode path`, in whatever pieces they come.
struct Lines {
    first: usize,
    /// Fields that are behind.
    field: u32,
    /// Bytes of the path that are behind.
    length: usize,
    /// Of which of the places the path is, as far as it was seen.
    same: u64,
    /// Whether the byte before was a space.
    space: bool,
}

const _: () = assert!(SITES < 64);

impl Lines {
    fn new() -> Lines {
        Lines {
            first: 0,
            field: 0,
            length: 0,
            same: u64::MAX,
            space: false,
        }
    }

    fn take(&mut self, byte: u8) {
        if byte == b'\n' {
            self.end();
            *self = Lines::new();
            return;
        }
        if self.field < 5 {
            match (self.field, byte) {
                (0, b'-') => self.field = 1,
                (0, digit) => {
                    let digit = (digit as char).to_digit(16).unwrap_or(0) as usize;
                    self.first = self.first << 4 | digit;
                }
                // Fields 1 to 5 are the last address to the inode; many spaces may follow.
                (_, b' ') if !self.space => self.field += 1,
                _ => {}
            }
            self.space = byte == b' ';
            return;
        }
        if self.length == 0 && byte == b' ' {
            return;
        }
        // The inode's own digits come before the path, which begins with a slash.
        if self.length == 0 && byte != b'/' {
            return;
        }
        for (number, place) in PLACES.iter().enumerate() {
            if place.path().get(self.length) != Some(&byte) {
                self.same &= !(1 << number);
            }
        }
        self.length += 1;
    }

    /// The first mapping of an object is the one that counts.
    fn end(&self) {
        for (number, place) in PLACES.iter().enumerate() {
            let is_path = self.length > 0
                && self.same >> number & 1 == 1
                && place.path().len() == self.length;
            if is_path && place.address() == 0 {
                let offset = place.offset.load(Ordering::Relaxed);
                place
                    .address
                    .store(self.first.wrapping_add(offset), Ordering::Relaxed);
            }
        }
    }
}
