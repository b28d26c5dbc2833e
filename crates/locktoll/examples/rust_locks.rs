//! Four threads that share a mutex of Rust's standard library and one of `parking_lot`, of which each is held
//! long by one function and shortly by another: a program to be recorded.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

static ACCOUNTS: Mutex<u64> = Mutex::new(0);
static JOURNAL: parking_lot::Mutex<u64> = parking_lot::Mutex::new(0);

const ROUNDS: u64 = 200;
const THREADS: u64 = 4;

#[inline(never)]
fn settle_accounts() {
    let mut accounts = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    thread::sleep(Duration::from_micros(500));
    *accounts += 1;
}

#[inline(never)]
fn book() {
    *ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner) += 1;
}

#[inline(never)]
fn flush_journal() {
    let mut journal = JOURNAL.lock();
    thread::sleep(Duration::from_micros(200));
    *journal += 1;
}

fn main() {
    thread::scope(|scope| {
        for index in 0..THREADS {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    if index == 0 {
                        settle_accounts();
                    } else {
                        book();
                    }
                    flush_journal();
                }
            });
        }
    });
    let accounts = *ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{accounts} bookings, {} flushes", JOURNAL.lock());
}
