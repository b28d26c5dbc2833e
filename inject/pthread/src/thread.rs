//! What a thread knows of itself: one block of initial-exec thread-local storage, zero when a thread
//! begins, and without anything to be done when it ends.

use core::arch::global_asm;
use core::sync::atomic::{Ordering, compiler_fence};

use crate::session;

/// Timed acquisitions whose release is still to come.
pub(crate) const OPEN: usize = 16;

/// A thread's state. The first words are read by `entry` too.
#[repr(C, align(64))]
pub(crate) struct Thread {
    /// Its block in the file; null if it has none.
    pub(crate) block: *mut u8,
    /// How many of `open` are in use, at its beginning.
    pub(crate) open_count: usize,
    /// Acquisitions until the next hold is timed.
    pub(crate) countdown: i64,
    /// Set while this library works for the thread, so that a signal handler's locks pass by.
    busy: u32,
    /// The kernel's number.
    pub(crate) tid: u32,
    random: u64,
    /// The ring of its events; null if it has none.
    pub(crate) ring: *mut u8,
    /// Events to let pass until it asks for a block again.
    pub(crate) patience: u32,
    /// When it released the lock whose holds are lengthened, in ticks; 0 if it did not.
    pub(crate) released: u64,
    pub(crate) open: [Open; OPEN],
}

/// An acquisition that was timed, or whose wait was, and that is written out when it is released.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Open {
    pub(crate) lock: usize,
    pub(crate) site: usize,
    /// Number of the point.
    pub(crate) point: usize,
    /// The thread's entry of the point; null if it has none.
    pub(crate) entry: *mut u8,
    /// When it was had, in ticks.
    pub(crate) since: u64,
    /// Waited, in ticks.
    pub(crate) wait: u64,
    /// How many waits this one stands for; 0 if it was not timed.
    pub(crate) wait_weight: u32,
    /// How many holds this one stands for; 0 if it is not timed.
    pub(crate) hold_weight: u32,
    /// Call site of the owner that was waited for.
    pub(crate) owner_site: usize,
    /// Number of the stack sample plus one.
    pub(crate) stack: u32,
    /// What the lock is.
    pub(crate) kind: u32,
    /// Whether it is the acquisition before, which a wait for a condition had interrupted.
    pub(crate) resumed: bool,
}

global_asm!(
    ".section .tbss.locktoll_thread,\"awT\",@nobits",
    ".p2align 6",
    ".globl locktoll_thread",
    ".hidden locktoll_thread",
    ".type locktoll_thread,@object",
    ".size locktoll_thread, {size}",
    "locktoll_thread:",
    ".zero {size}",
    ".text",
    size = const size_of::<Thread>(),
);

/// The calling thread's state.
#[inline(always)]
pub(crate) fn own() -> *mut Thread {
    let thread: *mut Thread;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the thread's own address and the offset that the dynamic linker stored.
    unsafe {
        core::arch::asm!(
            "mov {0}, qword ptr fs:[0]",
            "add {0}, qword ptr [rip + locktoll_thread@gottpoff]",
            out(reg) thread,
            options(pure, readonly, nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "mrs {0}, tpidr_el0",
            "adrp {1}, :gottprel:locktoll_thread",
            "ldr {1}, [{1}, #:gottprel_lo12:locktoll_thread]",
            "add {0}, {0}, {1}",
            out(reg) thread,
            out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    thread
}

/// The kernel's number of the calling thread.
#[inline(always)]
pub(crate) fn tid() -> u32 {
    // SAFETY: Own.
    let tid = unsafe { &mut (*own()).tid };
    if *tid == 0 {
        *tid = rustix::thread::gettid()
            .as_raw_nonzero()
            .get()
            .cast_unsigned();
    }
    *tid
}

/// The calling thread's state, for bookkeeping that is not to be interrupted by itself. `None` in a
/// signal handler that came in between.
#[inline(always)]
pub(crate) fn enter() -> Option<&'static mut Thread> {
    // SAFETY: Own; a second reference cannot be made while `busy` is set.
    let thread = unsafe { &mut *own() };
    if thread.busy != 0 {
        return None;
    }
    thread.busy = 1;
    compiler_fence(Ordering::SeqCst);
    Some(thread)
}

/// Begins again after [`Thread::leave`], in the same call.
#[inline(always)]
pub(crate) fn resume() -> &'static mut Thread {
    // SAFETY: Own; `leave` ended the reference before.
    let thread = unsafe { &mut *own() };
    thread.busy = 1;
    compiler_fence(Ordering::SeqCst);
    thread
}

impl Thread {
    /// Ends what [`enter`] began.
    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        compiler_fence(Ordering::SeqCst);
        self.busy = 0;
    }

    /// Whether this library works for it, so that whoever asks is a signal handler.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy != 0
    }

    /// A number that no pattern of the program can follow: xorshift64, Marsaglia 2003.
    #[inline(always)]
    pub(crate) fn random(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        x
    }

    /// How many holds the next one stands for: 0 for most, `hold_every` for one of so many.
    #[inline(always)]
    pub(crate) fn hold_weight(&mut self) -> u32 {
        self.countdown -= 1;
        if self.countdown >= 0 {
            return 0;
        }
        self.draw_countdown();
        session::hold_every()
    }

    /// Acquisitions until the next hold is timed: any number from 0 to twice the mean, so that a
    /// program with a period is not always met at the same place of it.
    pub(crate) fn draw_countdown(&mut self) {
        let gaps = u64::from(session::hold_every()) * 2 - 1;
        #[expect(clippy::cast_possible_wrap, reason = "under 2^21")]
        let gap = (self.random() % gaps) as i64;
        self.countdown = gap;
    }

    /// In the child of a fork: what was open is the parent's.
    pub(crate) fn forget(&mut self) {
        self.block = core::ptr::null_mut();
        self.open_count = 0;
        self.patience = 0;
        self.tid = 0;
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }

    /// Which is the newest open acquisition of a lock.
    #[inline(always)]
    pub(crate) fn find(&self, lock: usize) -> Option<usize> {
        let mut index = self.open_count.min(OPEN);
        while index > 0 {
            index -= 1;
            if self.open[index].lock == lock {
                return Some(index);
            }
        }
        None
    }

    /// Takes an open acquisition out.
    #[inline]
    pub(crate) fn remove(&mut self, index: usize) {
        for index in index + 1..self.open_count.min(OPEN) {
            self.open[index - 1] = self.open[index];
        }
        self.open_count = self.open_count.saturating_sub(1);
    }

    /// Takes an open acquisition out, and gives it.
    pub(crate) fn take(&mut self, index: usize) -> Open {
        let open = self.open[index];
        self.remove(index);
        open
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open_count >= OPEN
    }

    /// Has the hold that was put in last begin later.
    #[inline(always)]
    pub(crate) fn restart(&mut self, since: u64) {
        let last = self.open_count.wrapping_sub(1);
        if let Some(open) = self.open.get_mut(last) {
            open.since = since;
        }
    }

    /// Puts an open acquisition in; there is room.
    #[inline(always)]
    pub(crate) fn push(&mut self, open: Open) {
        if let Some(place) = self.open.get_mut(self.open_count) {
            *place = open;
            self.open_count += 1;
        }
    }
}
