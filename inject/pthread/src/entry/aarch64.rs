//! Entries of `aarch64`, AAPCS64: arguments in x0 to x7, the return address in x30, the frame pointer
//! in x29. Assembled, and never run.

use core::arch::naked_asm;

use crate::hooks;

macro_rules! entry {
    (1, $target:path) => {
        naked_asm!("mov x1, x30", "mov x2, sp", "mov x3, x29", "b {}", sym $target)
    };
    (2, $target:path) => {
        naked_asm!("mov x2, x30", "mov x3, sp", "mov x4, x29", "b {}", sym $target)
    };
    (3, $target:path) => {
        naked_asm!("mov x3, x30", "mov x4, sp", "mov x5, x29", "b {}", sym $target)
    };
    (4, $target:path) => {
        naked_asm!("mov x4, x30", "mov x5, sp", "b {}", sym $target)
    };
}

crate::entry::common_entries!();

crate::entry::entries! {
    pthread_mutex_lock 1 hooks::mutex::lock;
}

#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn pthread_mutex_unlock() {
    naked_asm!("b {}", sym hooks::mutex::unlock)
}

/// Waits at a futex go to Rust; all else goes on to glibc.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn syscall() {
    naked_asm!(
        "cmp w0, 98",
        "b.ne 2f",
        "ands w9, w2, 0x7f",
        "b.eq 3f",
        "cmp w9, 9",
        "b.eq 3f",
        "2:",
        "adrp x9, {other}",
        "ldr x9, [x9, :lo12:{other}]",
        "br x9",
        "3:",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x5, x6",
        "mov x6, x30",
        "mov x7, sp",
        "str x29, [sp, -16]!",
        "str x30, [sp, 8]",
        "bl {wait}",
        "ldr x30, [sp, 8]",
        "add sp, sp, 16",
        "ret",
        other = sym hooks::futex::OTHER_CALLS,
        wait = sym hooks::futex::wait,
    )
}

/// Until glibc's `syscall` is known: the same, and `errno` by Rust.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn plain_syscall() {
    naked_asm!(
        "mov x8, x0",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x5, x6",
        "svc 0",
        "cmn x0, 4095",
        "b.cs 2f",
        "ret",
        "2:",
        "b {failed}",
        failed = sym hooks::futex::failed,
    )
}
