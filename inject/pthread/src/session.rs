//! The recording's file: made at a process's first event, and mapped.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use locktoll_trace::recording::layout::{Shape, event, header, thread};
use locktoll_trace::recording::{self, Began, Mode};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FallocateFlags, Mode as Permissions, OFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::process::{Resource, getrlimit};

use crate::files;
use crate::settings::Settings;
use crate::thread::Thread;
use crate::words::{add_own, add_shared, get, put};
use crate::{blocks, clock, delay, kernel, maps};

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
/// Events that each thread has room for: 0 or a power of two.
static EVENTS: AtomicUsize = AtomicUsize::new(0);
static DELAYS_NS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
/// The process that is recorded.
static PROCESS: AtomicU32 = AtomicU32::new(0);
static BEGAN_TICKS: AtomicU64 = AtomicU64::new(0);
/// Where a fork's parent had its mapping; null if it had none. There is room for the child's.
static ROOM: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
/// Events that came while there was no mapping yet, and that could not wait for it.
static LOST_EARLY: AtomicU64 = AtomicU64::new(0);

/// Points, locks and blames that there is room for. A table cannot grow: it lies in a mapping that all threads use
/// without a lock. So it is large, which costs addresses and no memory.
static CAPACITY: AtomicUsize = AtomicUsize::new(LARGE);
const LARGE: usize = 16_384;
/// For a process that may not have so large a file, or not so many addresses.
const SMALL: usize = 4_096;

/// What a recording has room for. A file is a hole but for what is used.
pub(crate) fn shape() -> Shape {
    let capacity = CAPACITY.load(Ordering::Relaxed);
    Shape {
        threads: 512,
        points: capacity,
        locks: capacity,
        blames: capacity,
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
    files::go_to(settings.folder);
    PROCESS.store(process(), Ordering::Relaxed);
    STATE.store(WANTED, Ordering::Release);
}

/// Whether events are recorded, or would be.
#[inline(always)]
pub(crate) fn recording() -> bool {
    STATE.load(Ordering::Relaxed) != OFF
}

#[inline(always)]
pub(crate) fn mode() -> Mode {
    Mode(MODE.load(Ordering::Relaxed))
}

#[inline(always)]
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
    if base.is_null() {
        LOST_EARLY.fetch_add(1, Ordering::Relaxed);
    } else {
        // SAFETY: Mapping.
        unsafe { add_shared(base, header::EVENTS_LOST, 1) };
    }
}

/// The mapping, made if need be; of several threads that come at once, one makes it and the others
/// wait. Null if it cannot be made, and in a child of `vfork` that comes before its parent.
///
/// Not to be called in a signal handler, which may have interrupted its maker.
pub(crate) fn mapped() -> *mut u8 {
    loop {
        let base = base();
        if !base.is_null() {
            return base;
        }
        let state = STATE.load(Ordering::Acquire);
        match state {
            MAKING => kernel::wait_while(&STATE, MAKING),
            WANTED if !is_this_process() => {
                lose_event();
                return core::ptr::null_mut();
            }
            WANTED => {
                let (order, failed) = (Ordering::AcqRel, Ordering::Relaxed);
                if STATE
                    .compare_exchange(WANTED, MAKING, order, failed)
                    .is_ok()
                {
                    make_and_tell();
                }
            }
            READY => {}
            _ => return core::ptr::null_mut(),
        }
    }
}

#[cold]
fn make_and_tell() {
    let made = make().or_else(|| {
        // Where there is room already it has its size.
        ROOM.load(Ordering::Relaxed).is_null().then_some(())?;
        CAPACITY.store(SMALL, Ordering::Relaxed);
        make()
    });
    if let Some(base) = made {
        BASE.store(base, Ordering::Release);
        // SAFETY: Mapping.
        unsafe {
            add_shared(
                base,
                header::EVENTS_LOST,
                LOST_EARLY.swap(0, Ordering::Relaxed),
            );
        }
    }
    let state = if made.is_some() { READY } else { OFF };
    STATE.store(state, Ordering::Release);
    kernel::wake_all(&STATE);
    if made.is_some() {
        maps::copy();
    }
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
    let process = PROCESS.load(Ordering::Relaxed);
    let folder = files::folder()?;
    #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
    let new = files::temporary(process, clock::ticks() as u32);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let access = Permissions::from_raw_mode(0o644);
    let file = rustix::fs::openat(&folder, new.as_c_str()?, flags, access).ok()?;
    let made = fill(&file, &shape, process).and_then(|base| {
        files::publish(&folder, &new, process)?;
        Some(base)
    });
    if made.is_none() {
        let _ = rustix::fs::unlinkat(&folder, new.as_c_str()?, AtFlags::empty());
    }
    made
}

/// Gives a file its size, maps it and begins the recording.
fn fill(file: &OwnedFd, shape: &Shape, process: u32) -> Option<*mut u8> {
    let size = shape.file_size();
    rustix::fs::ftruncate(file, size as u64).ok()?;
    // On a full disk this fails, where a first store into a hole would end the program. What a
    // longer run comes to use is not kept free for it.
    for (at, length) in [
        (0, shape.thread(8)),
        (shape.point_index(), shape.point(64) - shape.point_index()),
    ] {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), at as u64, length as u64) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {}
            Err(_) => return None,
        }
    }
    let room = ROOM.load(Ordering::Relaxed);
    let place = if room.is_null() {
        MapFlags::empty()
    } else {
        MapFlags::FIXED
    };
    // SAFETY: a new mapping, which touches no other memory, or one in the place of this library's
    // own.
    let base = unsafe {
        rustix::mm::mmap(
            room.cast(),
            size,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED | place,
            file,
            0,
        )
    };
    let base: *mut u8 = base.ok()?.cast();
    // Each page is used by itself: reading ahead would fill most of the hole with zeros.
    // SAFETY: advice for the mapping just made.
    let _ = unsafe { rustix::mm::madvise(base.cast(), size, Advice::Random) };
    let began_ticks = clock::ticks();
    BEGAN_TICKS.store(began_ticks, Ordering::Relaxed);
    let (clock, ns_per_tick) = clock::of_recording();
    let began = Began {
        producer: "locktoll-pthread",
        pid: process,
        parent: rustix::process::getppid()
            .map_or(0, |parent| parent.as_raw_nonzero().get().cast_unsigned()),
        mode: mode(),
        clock,
        ns_per_tick,
        hold_every: u64::from(hold_every()),
        at_ns: clock::at_ns(began_ticks),
        at_unix_ns: clock::unix_ns(),
    };
    // SAFETY: just mapped with this size.
    let words = unsafe { words(base, size) };
    if !recording::begin(words, shape, &began) {
        return None;
    }
    let [inside, outside] = DELAYS_NS.each_ref().map(|ns| ns.load(Ordering::Relaxed));
    // SAFETY: no other thread knows of the mapping yet.
    unsafe { delay::announce(base, inside, outside) };
    Some(base)
}

/// All words of the mapping.
///
/// # Safety
///
/// The mapping at `base` has this size (invariant Mapping).
unsafe fn words<'a>(base: *mut u8, size: usize) -> &'a [AtomicU64] {
    // SAFETY: the caller's; any bits are a word, and all access is by atomics.
    unsafe { core::slice::from_raw_parts(base.cast(), size / 8) }
}

/// Says that the process ends in order.
pub(crate) fn end() {
    let base = base();
    if !base.is_null() && is_this_process() {
        // SAFETY: Mapping.
        let words = unsafe { words(base, shape().file_size()) };
        maps::copy();
        recording::end(words, clock::at_ns(clock::ticks()));
    }
}

/// When the recording began, in ticks.
#[inline(always)]
pub(crate) fn began_ticks() -> u64 {
    BEGAN_TICKS.load(Ordering::Relaxed)
}

/// The kernel's number of the calling process.
fn process() -> u32 {
    let number = rustix::process::getpid().as_raw_nonzero().get();
    number.cast_unsigned()
}

/// Whether the calling process is the one that is recorded: not so in a child of `vfork`, nor in one
/// made behind glibc's back.
pub(crate) fn is_this_process() -> bool {
    process() == PROCESS.load(Ordering::Relaxed)
}

/// Whether a thread of the recorded process exists.
pub(crate) fn has_thread(tid: u64) -> bool {
    kernel::thread_exists(PROCESS.load(Ordering::Relaxed), tid)
}

/// In the child of a fork, where there is one thread: gives the parent's file up.
///
/// Private memory takes its place, and later the child's own file does. For a signal handler may
/// have forked, and what it interrupted still stores to where the file was.
pub(crate) fn forked(thread: &mut Thread) {
    thread.forget();
    let base = BASE.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if !base.is_null() {
        let size = shape().file_size();
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: Mapping: the place is this library's, and no other thread is there.
        let emptied = unsafe { rustix::mm::mmap_anonymous(base.cast(), size, access, flags) };
        if emptied.is_err() {
            STATE.store(OFF, Ordering::Release);
        }
        ROOM.store(base, Ordering::Relaxed);
    }
    blocks::forget();
    maps::forget(thread.is_busy());
    LOST_EARLY.store(0, Ordering::Relaxed);
    PROCESS.store(process(), Ordering::Relaxed);
    if STATE.load(Ordering::Relaxed) != OFF {
        STATE.store(WANTED, Ordering::Release);
    }
}

/// The ring of a thread's events; null where events are not recorded.
pub(crate) fn ring_of(base: *mut u8, number: usize) -> *mut u8 {
    let shape = shape();
    if shape.events == 0 {
        return core::ptr::null_mut();
    }
    // SAFETY: Mapping: the caller's number is that of a block.
    unsafe { base.add(shape.event(number, 0)) }
}

/// Writes an event of the thread to its ring.
#[inline(always)]
pub(crate) fn ring(thread: &Thread, words: [u64; 4]) {
    let (ring, block) = (thread.ring, thread.block);
    if ring.is_null() || block.is_null() {
        return lose_event();
    }
    // SAFETY: Mapping, Own. The capacity is a power of two.
    unsafe {
        let head = get(block, thread::EVENTS_HEAD);
        #[expect(clippy::cast_possible_truncation, reason = "below the capacity")]
        let slot = head as usize & (EVENTS.load(Ordering::Relaxed).wrapping_sub(1));
        for (index, value) in words.into_iter().enumerate() {
            put(ring, slot * event::SIZE + index * 8, value);
        }
        add_own(block, thread::EVENTS_HEAD, 1);
    }
}
