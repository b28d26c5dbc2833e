//! Entries of `x86_64`, System V ABI: arguments in rdi, rsi, rdx, rcx, r8, r9, the return address at
//! the stack pointer. Only registers that a call may change are used.

use core::arch::naked_asm;
use core::mem::offset_of;

use locktoll_trace::recording::layout::{TABLE, entry as record, thread as block};

use crate::hooks;
use crate::points::PHI;
use crate::thread::Thread;

macro_rules! entry {
    (1, $target:path) => {
        naked_asm!("mov rsi, [rsp]", "lea rdx, [rsp + 8]", "mov rcx, rbp", "jmp {}", sym $target)
    };
    (2, $target:path) => {
        naked_asm!("mov rdx, [rsp]", "lea rcx, [rsp + 8]", "mov r8, rbp", "jmp {}", sym $target)
    };
    (3, $target:path) => {
        naked_asm!("mov rcx, [rsp]", "lea r8, [rsp + 8]", "mov r9, rbp", "jmp {}", sym $target)
    };
    // No register is left for the frame pointer.
    (4, $target:path) => {
        naked_asm!("mov r8, [rsp]", "lea r9, [rsp + 8]", "jmp {}", sym $target)
    };
}

crate::entry::common_entries!();

/// A taken lock goes to Rust; a free one to glibc, or to [`counting_lock`] first.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn pthread_mutex_lock() {
    naked_asm!(
        "cmp dword ptr [rdi], 0",
        "jne 2f",
        "jmp qword ptr [rip + locktoll_free_lock]",
        "2:",
        "mov rsi, [rsp]",
        "lea rdx, [rsp + 8]",
        "mov rcx, rbp",
        "jmp {slow}",
        slow = sym hooks::mutex::lock,
    )
}

const _: () = assert!(record::SIZE == 64 && TABLE == 512 && block::HELD_WORDS == 128);
const _: () = assert!(record::LOCK == 0 && record::SITE == 8);

/// Counts a free lock in the thread's table, and goes on to glibc. If the table does not know of this
/// lock at this call site, or a hold is to be timed, Rust does all of it.
///
/// The look-up is that of `points::place`: slots `(lock * PHI >> 40) + site`, modulo the table's
/// size, and its neighbour.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn counting_lock() {
    naked_asm!(
        "mov rax, qword ptr [rip + locktoll_thread@gottpoff]",
        "mov rcx, qword ptr fs:[rax + {block}]",
        "test rcx, rcx",
        "jz 3f",
        "mov rsi, [rsp]",
        "movabs rdx, {phi}",
        "imul rdx, rdi",
        "mov r8, rdx",
        "shr r8, 40",
        "add r8d, esi",
        "and r8d, 511",
        "shl r8d, 6",
        "cmp qword ptr [rcx + r8 + {entries}], rdi",
        "jne 2f",
        "cmp qword ptr [rcx + r8 + {entries} + 8], rsi",
        "jne 2f",
        "4:",
        "sub qword ptr fs:[rax + {countdown}], 1",
        "js 3f",
        "shr rdx, 57",
        "lea r8, [rcx + r8 + {entries}]",
        "mov qword ptr [rcx + rdx * 8 + {held}], r8",
        "add qword ptr [r8 + {acquisitions}], 1",
        "jmp qword ptr [rip + locktoll_real_mutex_lock]",
        "2:",
        "xor r8d, 64",
        "cmp qword ptr [rcx + r8 + {entries}], rdi",
        "jne 3f",
        "cmp qword ptr [rcx + r8 + {entries} + 8], rsi",
        "je 4b",
        "3:",
        "mov rsi, [rsp]",
        "lea rdx, [rsp + 8]",
        "mov rcx, rbp",
        "jmp {slow}",
        block = const offset_of!(Thread, block),
        countdown = const offset_of!(Thread, countdown),
        entries = const block::ENTRIES,
        held = const block::HELD,
        acquisitions = const record::ACQUISITIONS,
        phi = const PHI,
        slow = sym hooks::mutex::lock,
    )
}

/// If nothing is open in this thread, only glibc has something to do.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn pthread_mutex_unlock() {
    naked_asm!(
        "mov rax, qword ptr [rip + locktoll_thread@gottpoff]",
        "cmp qword ptr fs:[rax + {open}], 0",
        "jne 2f",
        "jmp qword ptr [rip + locktoll_real_mutex_unlock]",
        "2:",
        "jmp {slow}",
        open = const offset_of!(Thread, open_count),
        slow = sym hooks::mutex::unlock,
    )
}

/// The arguments are the call's number and six more, the last on the stack. Waits at a futex go to
/// Rust; all else goes on to glibc.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn syscall() {
    naked_asm!(
        // This one has a frame, which unwinders have to know of.
        ".cfi_startproc",
        "cmp edi, 202",
        "jne 2f",
        "mov eax, edx",
        "and eax, 0x7f",
        "jz 3f",
        // FUTEX_WAIT_BITSET
        "cmp eax, 9",
        "je 3f",
        "2:",
        "jmp qword ptr [rip + {other}]",
        "3:",
        "mov rax, [rsp + 8]",
        "mov r10, [rsp]",
        "lea r11, [rsp + 8]",
        "push rbp",
        "push r11",
        "push r10",
        ".cfi_adjust_cfa_offset 24",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "mov r8, r9",
        "mov r9, rax",
        "call {wait}",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "ret",
        ".cfi_endproc",
        other = sym hooks::futex::OTHER_CALLS,
        wait = sym hooks::futex::wait,
    )
}

/// Until glibc's `syscall` is known: the same, and `errno` by Rust.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn plain_syscall() {
    naked_asm!(
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "cmp rax, -4095",
        "jae 2f",
        "ret",
        "2:",
        "mov rdi, rax",
        "jmp {failed}",
        failed = sym hooks::futex::failed,
    )
}
