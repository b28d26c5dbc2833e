//! Signals to locktoll while the program runs.
//!
//! None of them ends locktoll before the program. What a terminal sends (Ctrl-C, Ctrl-\\, its hanging up) goes to
//! the program by itself, since both are in the foreground; what a process sends to locktoll alone is handed on.

use std::sync::atomic::{AtomicI32, Ordering};

use locktoll_bench::Error as BenchError;
use nix::errno::Errno;
use nix::libc::{c_int, c_void, kill, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

use crate::error::Result;

const HANDED_ON: [Signal; 4] = [
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGHUP,
];

/// The program; 0 while there is none.
static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// Listens from now on. A signal that is ignored, as under `nohup`, stays so, for the program too.
///
/// # Errors
/// The system refuses it.
pub(super) fn listen() -> Result<()> {
    let handler = SigHandler::SigAction(hand_on);
    let action = SigAction::new(
        handler,
        SaFlags::SA_SIGINFO | SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in HANDED_ON {
        // SAFETY: the handler calls only what a handler may.
        let before = unsafe { sigaction(signal, &action) };
        let before =
            before.map_err(|errno| BenchError::io("listen for", "signals")(errno.into()))?;
        if matches!(before.handler(), SigHandler::SigIgn) {
            // SAFETY: ignoring has no handler.
            let _ = unsafe { sigaction(signal, &before) };
        }
    }
    Ok(())
}

/// The program that signals are handed on to; `None` once it has ended, since its number may be given to another.
pub(super) fn hand_on_to(program: Option<Pid>) {
    PROGRAM.store(program.map_or(0, Pid::as_raw), Ordering::Relaxed);
}

extern "C" fn hand_on(signal: c_int, about: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel gives a handler that asked for it what it knows of the signal.
    let code = unsafe { (*about).si_code };
    let program = PROGRAM.load(Ordering::Relaxed);
    // What the kernel itself sends has a code above 0: sigaction(2).
    if code <= 0 && program > 0 {
        let errno = Errno::last_raw();
        // SAFETY: may be called in a handler, and touches no memory.
        unsafe { kill(program, signal) };
        Errno::set_raw(errno);
    }
}
