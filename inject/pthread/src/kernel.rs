//! The few system calls that `rustix` has no call for, or only one that allocates.
//!
//! Made directly, not by libc, so that `errno` stays the program's.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const RT_SIGPROCMASK: usize = 14;
    pub(super) const PRCTL: usize = 157;
    pub(super) const FUTEX: usize = 202;
    pub(super) const TGKILL: usize = 234;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const FUTEX: usize = 98;
    pub(super) const TGKILL: usize = 131;
    pub(super) const RT_SIGPROCMASK: usize = 135;
    pub(super) const PRCTL: usize = 167;
}

/// A system call; its result, or an error number made negative.
///
/// # Safety
///
/// What the call does with its arguments must be sound.
#[inline(always)]
unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's; the kernel keeps all but the registers named here.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    result
}

/// Whether the process has such a thread: the error is ESRCH if not.
pub(crate) fn thread_exists(process: u32, thread: u64) -> bool {
    const ESRCH: isize = 3;
    let Ok(thread) = usize::try_from(thread) else {
        return false;
    };
    // SAFETY: signal 0 is sent to nobody.
    unsafe { call(number::TGKILL, [process as usize, thread, 0, 0, 0, 0]) != -ESRCH }
}

/// The calling thread's name, in 16 bytes.
pub(crate) fn thread_name() -> [u64; 2] {
    const PR_GET_NAME: usize = 16;
    let mut name = [0_u64; 2];
    // SAFETY: the kernel writes at most 16 bytes there.
    unsafe {
        let to = (&raw mut name).addr();
        call(number::PRCTL, [PR_GET_NAME, to, 0, 0, 0, 0]);
    }
    name
}

/// Whether the word at this address can be read. The kernel reads the signal set before it looks at
/// what is to be done with it, which is nothing; the idea is Abseil's `AddressIsReadable`.
pub(crate) fn readable(address: usize) -> bool {
    const EFAULT: isize = 14;
    const NO_SUCH_CHANGE: usize = usize::MAX >> 33;
    // SAFETY: no signal mask is changed, and nothing is written.
    let result = unsafe {
        call(
            number::RT_SIGPROCMASK,
            [NO_SUCH_CHANGE, address & !7, 0, 8, 0, 0],
        )
    };
    result != -EFAULT
}

/// A call of futex with the program's own arguments.
///
/// # Safety
///
/// As the program's call.
pub(crate) unsafe fn futex(arguments: [usize; 6]) -> isize {
    // SAFETY: the caller's.
    unsafe { call(number::FUTEX, arguments) }
}

const WAIT_PRIVATE: usize = 128;
const WAKE_PRIVATE: usize = 129;

/// Sleeps until a word may hold something else.
pub(crate) fn wait_while(word: &AtomicU32, value: u32) {
    while word.load(Ordering::Acquire) == value {
        let word = core::ptr::from_ref(word).addr();
        // SAFETY: the word outlives the call, which only reads it.
        unsafe { futex([word, WAIT_PRIVATE, value as usize, 0, 0, 0]) };
    }
}

/// Wakes all who sleep at a word.
pub(crate) fn wake_all(word: &AtomicU32) {
    let word = core::ptr::from_ref(word).addr();
    // SAFETY: waking needs no more than an address.
    unsafe { futex([word, WAKE_PRIVATE, i32::MAX as usize, 0, 0, 0]) };
}
