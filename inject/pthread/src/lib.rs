//! Measures the locks of an unmodified program.
//!
//! Loaded by `LD_PRELOAD`, this library stands before glibc's functions for mutexes, reader-writer
//! locks, spinlocks, condition variables, semaphores, barriers, and the C11 names of mutexes and
//! condition variables, and before `syscall` for the waits of Rust's locks. What it sees goes into a
//! recording (`locktoll_trace::recording`), a memory-mapped file that survives the death of the
//! program. `docs/record.md` has its settings, and what is and is not seen.
//!
//! It never allocates, takes a lock, panics or resolves a symbol once the program runs, and it calls
//! the same function of glibc that the program called: no trylock comes first, so the hand-off
//! between threads is the program's own.
//!
//! # How
//!
//! A free mutex costs an increment in a table that belongs to the thread, done *before* the lock is
//! taken, and a jump (`entry`). Everything else is Rust (`hooks`): it looks up the *point*, one lock
//! at one call site (`points`), times a sample of waits and holds (`acquire`), and writes what it
//! measured after the release (`settle`), not inside the critical section. The time at which a wait
//! ended is the one thing that has to be read there.
//!
//! # Invariants
//!
//! - **Mapping.** Once `session` has published the base address of the file's mapping, it stays
//!   mapped, with the size of `session::shape`, until the process ends or a fork's child gives it up
//!   with no other thread there. All offsets come from `locktoll_trace::recording::layout`.
//! - **Own.** A thread's block in the file is stored to by its thread only; others read it, and take
//!   it over only when the kernel says that no such thread exists. `thread::Thread` is reached by its
//!   own thread only.
//! - **Caller's.** Addresses of locks come from the program and are good for as long as glibc would
//!   use them: until the lock call returns, or until the unlock is called.
//! - **Kept.** A byte of `kept`'s room is written by the call of `copy` that was given it, and only read
//!   after.
//! - **Buffer.** `maps`'s buffer is used by who has set `maps`'s flag, from then until it is cleared.

#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
// What is on a hot path is to be one function: each call more would be seen in the figures.
#![allow(clippy::inline_always)]

mod acquire;
mod blocks;
mod clock;
mod delay;
mod entry;
mod files;
mod hooks;
mod kept;
mod kernel;
mod maps;
mod points;
mod real;
mod session;
mod settings;
mod settle;
mod stacks;
mod start;
mod thread;
mod words;
