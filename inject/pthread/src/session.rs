//! The recording's file: made at a process's first event, mapped, and shared out to threads.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use locktoll_trace::recording::layout::{self, Shape, entry, header, point, thread as block};
use locktoll_trace::recording::{self, Began, Mode};
use rustix::fs::{FallocateFlags, Mode as Permissions, OFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::{Resource, getrlimit};
use rustix::thread::gettid;

use crate::settings::{PATH, Settings};
use crate::thread::Thread;
use crate::words::{add_own, add_shared, get, put, word};
use crate::{clock, delay, kernel, maps};

/// Nothing is recorded.
const OFF: u32 = 0;
/// The file is made at the next event.
const WANTED: u32 = 1;
/// A thread makes it.
const MAKING: u32 = 2;
/// There is a mapping.
const READY: u32 = 3;

static STATE: AtomicU32 = AtomicU32::new(OFF);
/// Where the file is mapped (invariant Mapping).
static BASE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static MODE: AtomicU32 = AtomicU32::new(0);
static HOLD_EVERY: AtomicU32 = AtomicU32::new(1);
static EVENTS: AtomicUsize = AtomicUsize::new(0);
static DELAYS_NS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static FOLDER: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static FOLDER_LENGTH: AtomicUsize = AtomicUsize::new(0);
/// The process that the mapping is of.
static PROCESS: AtomicU32 = AtomicU32::new(0);
static BEGAN_TICKS: AtomicU64 = AtomicU64::new(0);
static SEARCH: AtomicUsize = AtomicUsize::new(0);
/// The part of the file's name that is after the process number.
static ORDINAL: AtomicU32 = AtomicU32::new(0);

/// By thread number, the block of the thread that was last seen with it.
static BLOCKS: [AtomicPtr<u8>; 4096] = [const { AtomicPtr::new(core::ptr::null_mut()) }; 4096];

/// What every recording has room for. A file is a hole but for what is used.
pub(crate) fn shape() -> Shape {
    Shape {
        threads: 512,
        points: 4096,
        locks: 4096,
        blames: 4096,
        stacks: 512,
        events: EVENTS.load(Ordering::Relaxed),
    }
}

/// Takes the settings; from now on events are recorded.
pub(crate) fn want(settings: &Settings) {
    MODE.store(settings.mode.0, Ordering::Relaxed);
    HOLD_EVERY.store(settings.hold_every, Ordering::Relaxed);
    EVENTS.store(settings.ring(), Ordering::Relaxed);
    DELAYS_NS[0].store(settings.delay.inside_ns, Ordering::Relaxed);
    DELAYS_NS[1].store(settings.delay.outside_ns, Ordering::Relaxed);
    delay::want(&settings.delay);
    FOLDER_LENGTH.store(settings.folder.len(), Ordering::Relaxed);
    FOLDER.store(settings.folder.as_ptr().cast_mut(), Ordering::Relaxed);
    STATE.store(WANTED, Ordering::Release);
}

/// Whether events are recorded, or would be.
#[inline(always)]
pub(crate) fn recording() -> bool {
    STATE.load(Ordering::Relaxed) != OFF
}

pub(crate) fn mode() -> Mode {
    Mode(MODE.load(Ordering::Relaxed))
}

pub(crate) fn hold_every() -> u32 {
    HOLD_EVERY.load(Ordering::Relaxed)
}

/// Where the file is mapped; null if it is not.
#[inline(always)]
pub(crate) fn base() -> *mut u8 {
    BASE.load(Ordering::Acquire)
}

/// Counts an event that cannot be recorded.
#[cold]
pub(crate) fn lose_event() {
    let base = base();
    if !base.is_null() {
        // SAFETY: Mapping.
        unsafe { add_shared(base, header::EVENTS_LOST, 1) };
    }
}

/// The mapping, made if need be. Null if there is none, or not yet.
pub(crate) fn mapped() -> *mut u8 {
    let base = base();
    if !base.is_null() {
        return base;
    }
    let take = STATE.compare_exchange(WANTED, MAKING, Ordering::AcqRel, Ordering::Relaxed);
    if take.is_err() {
        return core::ptr::null_mut();
    }
    let base = make().unwrap_or(core::ptr::null_mut());
    BASE.store(base, Ordering::Release);
    let state = if base.is_null() { OFF } else { READY };
    STATE.store(state, Ordering::Release);
    if state == READY {
        maps::copy();
    }
    base
}

/// The path of one of this process's files.
pub(crate) struct Path {
    bytes: [u8; PATH + 64],
    length: usize,
}

impl Path {
    fn of(ordinal: u32, extension: &[u8]) -> Path {
        let mut path = Path {
            bytes: [0; PATH + 64],
            length: 0,
        };
        let folder = FOLDER.load(Ordering::Relaxed);
        let length = FOLDER_LENGTH.load(Ordering::Relaxed);
        // SAFETY: `want` stored both, of a string of the process's environment, which stays.
        path.push(unsafe { core::slice::from_raw_parts(folder, length) });
        path.push(b"/");
        path.number(PROCESS.load(Ordering::Relaxed));
        path.push(b"-");
        path.number(ordinal);
        path.push(extension);
        path
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }

    /// Without a zero inside, since the environment's strings have none.
    pub(crate) fn as_c_str(&self) -> Option<&core::ffi::CStr> {
        core::ffi::CStr::from_bytes_with_nul(self.bytes.get(..=self.length)?).ok()
    }
}

/// The path of this process's file with this extension.
pub(crate) fn path(extension: &[u8]) -> Path {
    Path::of(ORDINAL.load(Ordering::Relaxed), extension)
}

fn make() -> Option<*mut u8> {
    let shape = shape();
    let size = shape.file_size();
    // A file beyond the limit would be answered by a signal that ends the program.
    if getrlimit(Resource::Fsize)
        .current
        .is_some_and(|limit| limit < size as u64)
    {
        return None;
    }
    let process = rustix::process::getpid().as_raw_nonzero().get();
    PROCESS.store(process.cast_unsigned(), Ordering::Relaxed);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut ordinal = 0;
    let file = loop {
        let path = Path::of(ordinal, b".trace");
        match rustix::fs::open(path.as_c_str()?, flags, Permissions::from_raw_mode(0o644)) {
            Ok(file) => break file,
            Err(Errno::EXIST) if ordinal < 100_000 => ordinal += 1,
            Err(_) => return None,
        }
    };
    ORDINAL.store(ordinal, Ordering::Relaxed);
    rustix::fs::ftruncate(&file, size as u64).ok()?;
    // On a full disk this fails, where a first store into a hole would end the program. What a
    // longer run comes to use is not kept free for it.
    for (at, length) in [
        (0, shape.thread(8)),
        (shape.point_index(), shape.point(64) - shape.point_index()),
    ] {
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), at as u64, length as u64) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {}
            Err(_) => return None,
        }
    }
    // SAFETY: a new mapping, which touches no other memory.
    let base = unsafe {
        rustix::mm::mmap(
            core::ptr::null_mut(),
            size,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            &file,
            0,
        )
    };
    let base: *mut u8 = base.ok()?.cast();
    let began_ticks = clock::ticks();
    BEGAN_TICKS.store(began_ticks, Ordering::Relaxed);
    let (clock, ns_per_tick) = clock::of_recording();
    let began = Began {
        producer: "locktoll-pthread",
        pid: process.cast_unsigned(),
        parent: rustix::process::getppid()
            .map_or(0, |parent| parent.as_raw_nonzero().get().cast_unsigned()),
        mode: mode(),
        clock,
        ns_per_tick,
        hold_every: u64::from(hold_every()),
        at_ns: clock::at_ns(began_ticks),
        at_unix_ns: clock::unix_ns(),
    };
    // SAFETY: just mapped with this size, page-aligned and zero, and used by atomics alone.
    let words = unsafe { core::slice::from_raw_parts(base.cast::<AtomicU64>(), size / 8) };
    if !recording::begin(words, &shape, &began) {
        return None;
    }
    let [inside, outside] = DELAYS_NS.each_ref().map(|ns| ns.load(Ordering::Relaxed));
    // SAFETY: no other thread knows of the mapping yet.
    unsafe { delay::announce(base, inside, outside) };
    Some(base)
}

/// Says that the process ends in order.
pub(crate) fn end() {
    let base = base();
    if !base.is_null() && is_this_process() {
        let size = shape().file_size();
        // SAFETY: Mapping.
        let words = unsafe { core::slice::from_raw_parts(base.cast::<AtomicU64>(), size / 8) };
        maps::copy();
        recording::end(words, clock::at_ns(clock::ticks()));
    }
}

/// When the recording began, in ticks.
#[inline(always)]
pub(crate) fn began_ticks() -> u64 {
    BEGAN_TICKS.load(Ordering::Relaxed)
}

/// Whether the mapping is this process's: not so in a child made behind glibc's back.
fn is_this_process() -> bool {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    process.cast_unsigned() == PROCESS.load(Ordering::Relaxed)
}

/// In the child of a fork, where there is one thread: gives the parent's file up.
pub(crate) fn forked(thread: &mut Thread) {
    thread.block = core::ptr::null_mut();
    thread.open_count = 0;
    thread.patience = 0;
    thread.tid = 0;
    let base = BASE.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if !base.is_null() {
        // SAFETY: Mapping: no other thread is there, and this one has just forgotten its block.
        let _ = unsafe { rustix::mm::munmap(base.cast(), shape().file_size()) };
    }
    for block in &BLOCKS {
        block.store(core::ptr::null_mut(), Ordering::Relaxed);
    }
    if STATE.load(Ordering::Relaxed) != OFF {
        STATE.store(WANTED, Ordering::Release);
    }
}

/// Events that a thread without a block lets pass until it asks again.
const PATIENCE: u32 = 1024;

/// Gives the thread a block, if there is one.
#[cold]
pub(crate) fn attach(thread: &mut Thread) {
    if thread.patience > 0 {
        thread.patience -= 1;
        return;
    }
    let base = mapped();
    if base.is_null() || !is_this_process() {
        return;
    }
    let tid = gettid().as_raw_nonzero().get().cast_unsigned();
    let number = free_block(base).or_else(|| dead_block(base, tid));
    let Some(number) = number else {
        thread.patience = PATIENCE;
        // SAFETY: Mapping.
        unsafe { add_shared(base, header::THREADS_REFUSED, 1) };
        return;
    };
    // SAFETY: Mapping: the number is below the shape's capacity.
    let own = unsafe { base.add(shape().thread(number)) };
    let name = kernel::thread_name();
    // SAFETY: Mapping, and Own: `free_block` or `dead_block` claimed it.
    unsafe {
        put(own, block::TID, u64::from(tid));
        put(own, block::BEGAN_NS, clock::at_ns(clock::ticks()));
        put(own, block::NAME, name[0]);
        put(own, block::NAME + 8, name[1]);
        word(own, block::STATE).store(block::LIVE, Ordering::Release);
    }
    thread.tid = tid;
    thread.number = number;
    thread.seed(u64::from(tid) ^ clock::ticks() << 20);
    thread.countdown = 0;
    BLOCKS[tid as usize % BLOCKS.len()].store(own, Ordering::Release);
    thread.block = own;
}

fn free_block(base: *mut u8) -> Option<usize> {
    let capacity = shape().threads;
    // SAFETY: Mapping.
    let used = unsafe { word(base, header::THREADS_USED) };
    if used.load(Ordering::Relaxed) >= capacity as u64 {
        return None;
    }
    let number = usize::try_from(used.fetch_add(1, Ordering::Relaxed)).ok()?;
    (number < capacity).then_some(number)
}

/// Takes over the block of a thread that is dead. What it counted goes to the points.
fn dead_block(base: *mut u8, tid: u32) -> Option<usize> {
    let shape = shape();
    let process = PROCESS.load(Ordering::Relaxed);
    for _ in 0..shape.threads {
        let number = SEARCH.fetch_add(1, Ordering::Relaxed) % shape.threads;
        // SAFETY: Mapping: the number is below the capacity.
        let own = unsafe { base.add(shape.thread(number)) };
        // SAFETY: Mapping.
        let (state, owner) = unsafe { (word(own, block::STATE), get(own, block::TID)) };
        if state.load(Ordering::Acquire) != block::LIVE {
            continue;
        }
        // The kernel gives numbers anew: an owner of this thread's own number is dead.
        let dead = owner == u64::from(tid) || !kernel::thread_exists(process, owner);
        let claim = || {
            let (live, claimed) = (block::LIVE, block::CLAIMED);
            state.compare_exchange(live, claimed, Ordering::AcqRel, Ordering::Relaxed)
        };
        if dead && claim().is_ok() {
            // SAFETY: Mapping, and Own: it is claimed now, and its owner is dead.
            unsafe {
                add_shared(base, header::THREADS_REUSED, 1);
                write_back(base, &shape, own);
            }
            return Some(number);
        }
    }
    None
}

/// Adds all entries of a block to their points, and empties the block.
///
/// # Safety
///
/// The block is the caller's (Own).
unsafe fn write_back(base: *mut u8, shape: &Shape, own: *mut u8) {
    for index in 0..layout::TABLE {
        // SAFETY: Mapping: inside the block.
        unsafe {
            let entry = own.add(block::ENTRIES + index * entry::SIZE);
            if get(entry, entry::SITE) != 0 {
                evict(base, shape, entry);
            }
        }
    }
    for index in 0..block::HELD_WORDS {
        // SAFETY: as above.
        unsafe { put(own, block::HELD + index * 8, 0) };
    }
    // SAFETY: as above.
    unsafe {
        let lost = get(own, block::EVENTS_HEAD);
        add_shared(base, header::EVENTS_LOST, lost);
        put(own, block::EVENTS_HEAD, 0);
    }
}

/// Adds an entry to its point, and empties it.
///
/// # Safety
///
/// The entry is the caller's (Own).
pub(crate) unsafe fn evict(base: *mut u8, shape: &Shape, own: *mut u8) {
    // SAFETY: Mapping: numbers of points are stored by `points`, below the capacity.
    unsafe {
        put(own, entry::LOCK, 0);
        put(own, entry::SITE, 0);
        let number = get(own, entry::POINT).saturating_sub(1);
        let number = usize::try_from(number).unwrap_or(0).min(shape.points - 1);
        let to = base.add(shape.point(number));
        for (from, at) in [
            (entry::ACQUISITIONS, point::ACQUISITIONS),
            (entry::CONTENTIONS, point::CONTENTIONS),
            (entry::REFUSED, point::REFUSED),
        ] {
            let count = get(own, from);
            put(own, from, 0);
            if count > 0 {
                add_shared(to, at, count);
            }
        }
        put(own, entry::WAIT_NS, 0);
        put(own, entry::HOLD_NS, 0);
        put(own, entry::POINT, 0);
    }
}

/// The block of the live thread with this number; null if it has none.
#[inline]
pub(crate) fn block_of(tid: u32) -> *mut u8 {
    let own = BLOCKS[tid as usize % BLOCKS.len()].load(Ordering::Acquire);
    // SAFETY: Mapping: only blocks are stored there.
    if own.is_null() || unsafe { get(own, block::TID) } != u64::from(tid) {
        return core::ptr::null_mut();
    }
    own
}

/// Writes an event of the thread to its ring.
///
/// # Safety
///
/// The block is the calling thread's (Own).
#[inline]
pub(crate) unsafe fn ring(thread: &Thread, words: [u64; 4]) {
    let shape = shape();
    let base = base();
    if base.is_null() || thread.block.is_null() || shape.events == 0 {
        return lose_event();
    }
    // SAFETY: Mapping, Own.
    unsafe {
        let head = get(thread.block, block::EVENTS_HEAD);
        #[expect(clippy::cast_possible_truncation, reason = "below the capacity")]
        let slot = (head % shape.events as u64) as usize;
        let to = base.add(shape.event(thread.number, slot));
        for (index, value) in words.into_iter().enumerate() {
            put(to, index * 8, value);
        }
        add_own(thread.block, block::EVENTS_HEAD, 1);
    }
}
