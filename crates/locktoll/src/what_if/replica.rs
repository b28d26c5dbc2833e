//! Threads that take a lock, work, release it, work, and do nothing else.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use clap::Args;

use crate::error::{Error, Result};
use crate::output;

/// `locktoll replica`.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub struct ReplicaArgs {
    /// Acquisitions of each thread, parted by commas
    #[arg(long, value_delimiter = ',', required = true, value_name = "LIST")]
    pub acquisitions: Vec<u64>,

    /// Steps of work inside each hold, a few to the nanosecond
    #[arg(long, value_name = "N")]
    pub hold: u64,

    /// Steps of work after each
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub apart: u64,

    /// Waiters spin before they sleep
    #[arg(long)]
    pub adaptive: bool,
}

/// Runs the threads and prints how many nanoseconds that took.
///
/// # Errors
/// There are no such locks here.
pub fn run(arguments: &ReplicaArgs) -> Result<u8> {
    let Some(lock) = Lock::new(arguments.adaptive) else {
        return Err(Error::Usage(
            "the system refused a mutex, or has none of the C library's".into(),
        ));
    };
    let begin = Barrier::new(arguments.acquisitions.len() + 1);
    let began = thread::scope(|scope| {
        for &acquisitions in &arguments.acquisitions {
            let (lock, begin) = (&lock, &begin);
            scope.spawn(move || {
                begin.wait();
                let mut own = 1;
                for _ in 0..acquisitions {
                    lock.with(|shared| *shared = work(*shared, arguments.hold));
                    own = work(own, arguments.apart);
                }
                black_box(own);
            });
        }
        begin.wait();
        Instant::now()
    });
    output::say(&format!("{}\n", began.elapsed().as_nanos()));
    Ok(0)
}

/// So many dependent multiplications, which no processor can do side by side.
#[inline]
fn work(mut x: u64, steps: u64) -> u64 {
    for _ in 0..steps {
        // Knuth's generator, MMIX.
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        keep(&mut x);
    }
    x
}

/// Lets the compiler foresee nothing of it, and keeps it in a register, where `black_box` would store it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
fn keep(x: &mut u64) {
    // SAFETY: no instruction at all.
    unsafe {
        core::arch::asm!(
            "/* {0} */",
            inout(reg) * x,
            options(nomem, nostack, preserves_flags)
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn keep(x: &mut u64) {
    *x = black_box(*x);
}

#[cfg(target_os = "linux")]
use self::pthread::Lock;

/// A mutex of the C library, since the library that is loaded into a program sees only those, and since it is
/// their hand-over between threads that the replica is for.
#[cfg(target_os = "linux")]
mod pthread {
    use nix::libc;

    use super::UnsafeCell;

    /// Invariant Placed: the mutex is in the heap and initialised, and is not moved until it is dropped.
    pub(super) struct Lock {
        mutex: Box<UnsafeCell<libc::pthread_mutex_t>>,
        shared: UnsafeCell<u64>,
    }

    // SAFETY: the mutex is made for several threads, and `shared` is reached under it only.
    unsafe impl Sync for Lock {}

    impl Lock {
        pub(super) fn new(adaptive: bool) -> Option<Self> {
            let lock = Self {
                mutex: Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)),
                shared: UnsafeCell::new(1),
            };
            if !adaptive {
                return Some(lock);
            }
            // SAFETY: Placed; attributes are initialised before they are used, and the mutex is not
            // taken yet.
            let made = unsafe {
                let mut attributes = std::mem::zeroed::<libc::pthread_mutexattr_t>();
                libc::pthread_mutexattr_init(&raw mut attributes) == 0
                    && libc::pthread_mutexattr_settype(
                        &raw mut attributes,
                        libc::PTHREAD_MUTEX_ADAPTIVE_NP,
                    ) == 0
                    && libc::pthread_mutex_init(lock.mutex.get(), &raw const attributes) == 0
            };
            made.then_some(lock)
        }

        #[inline]
        pub(super) fn with(&self, work: impl FnOnce(&mut u64)) {
            // SAFETY: Placed; this thread does not have it, so that taking it cannot fail.
            unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
            // SAFETY: the mutex is had.
            work(unsafe { &mut *self.shared.get() });
            // SAFETY: Placed; this thread has it.
            unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
        }
    }

    impl Drop for Lock {
        fn drop(&mut self) {
            // SAFETY: Placed; nobody else knows of it any more.
            unsafe { libc::pthread_mutex_destroy(self.mutex.get()) };
        }
    }
}

/// Elsewhere nothing is recorded, so nothing is replicated.
#[cfg(not(target_os = "linux"))]
struct Lock(UnsafeCell<u64>);

#[cfg(not(target_os = "linux"))]
// SAFETY: there is none.
unsafe impl Sync for Lock {}

#[cfg(not(target_os = "linux"))]
impl Lock {
    fn new(_adaptive: bool) -> Option<Self> {
        None
    }

    fn with(&self, work: impl FnOnce(&mut u64)) {
        let mut own = 0;
        work(&mut own);
        black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_what_it_says() {
        assert_eq!(work(5, 0), 5);
        let once = 5_u64
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        assert_eq!(work(5, 1), once);
        assert_eq!(work(5, 2), work(once, 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn holds_of_two_threads_exclude_each_other() {
        for adaptive in [false, true] {
            let lock = Lock::new(adaptive).unwrap();
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for _ in 0..10_000 {
                            lock.with(|shared| *shared += 1);
                        }
                    });
                }
            });
            let mut sum = 0;
            lock.with(|shared| sum = *shared);
            assert_eq!(sum, 20_001);
        }
    }
}
