//! The driver does what its header says: each documented crash in a child process, what is counted,
//! every selector, and that nothing is left behind.

mod crashes;
mod lifetimes;
mod metal;
mod order;
mod selectors;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The driver's counts and settings are the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    locktoll_objc_driver::reset();
    alone
}
