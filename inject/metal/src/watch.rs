//! Who has been waiting for a lock for too long.
//!
//! A thread that waits cannot tell, so another one looks. It exists only where a warning or the end
//! of the process was asked for, and a thread that finds its lock free knows nothing of it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::Write as _;
use std::time::{Duration, Instant};

use locktoll_guard::{WaitObserver, thread_name};
use parking_lot::Mutex;

use crate::protection::Options;
use crate::tally::{self, Event};

/// How many times it looks in the shortest time that it is to notice.
const LOOKS: u32 = 4;

/// Threads that wait for a lock, and since when.
pub(crate) struct Watch {
    waits: Mutex<Vec<Wait>>,
    is_over: AtomicBool,
    slow: Duration,
    slow_every: Duration,
    timeout: Duration,
    abort_on_timeout: bool,
}

struct Wait {
    thread: usize,
    since: Instant,
    is_told: bool,
    is_timed_out: bool,
}

impl Watch {
    /// Begins to watch, if there is anything to watch for.
    pub(crate) fn start(options: &Options) -> Option<&'static Watch> {
        if options.slow.is_none() && !options.abort_on_timeout {
            return None;
        }
        let watch: &'static Watch = Box::leak(Box::new(Watch {
            waits: Mutex::new(Vec::new()),
            is_over: AtomicBool::new(false),
            slow: options.slow.unwrap_or(Duration::MAX),
            slow_every: options.slow_every,
            timeout: options.timeout,
            abort_on_timeout: options.abort_on_timeout,
        }));
        let named = std::thread::Builder::new().name("locktoll watch".into());
        // Without a thread there are no warnings, which is no reason to have no locks.
        let _ = named.spawn(move || watch.look());
        Some(watch)
    }

    /// Ends the watching.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn look(&self) {
        let shortest = self.slow.min(self.timeout).max(Duration::from_millis(4));
        let mut quiet_until = Instant::now();
        while !self.is_over.load(Ordering::Relaxed) {
            std::thread::sleep(shortest / LOOKS);
            let now = Instant::now();
            for wait in self.waits.lock().iter_mut() {
                let waited = now.saturating_duration_since(wait.since);
                if waited >= self.timeout && !wait.is_timed_out {
                    wait.is_timed_out = true;
                    self.time_out(wait.thread, waited);
                }
                if waited >= self.slow {
                    if !wait.is_told {
                        tally::add(Event::Slow);
                        wait.is_told = true;
                    }
                    if now >= quiet_until {
                        tell(wait.thread, waited);
                        quiet_until = now + self.slow_every;
                    }
                }
            }
        }
    }

    fn time_out(&self, thread: usize, waited: Duration) {
        tally::add(Event::TimeOut);
        tell(thread, waited);
        if self.abort_on_timeout {
            let _ = writeln!(
                std::io::stderr(),
                "locktoll: that is too long; the process ends, as was asked for"
            );
            std::process::abort();
        }
    }
}

fn tell(thread: usize, waited: Duration) {
    let _ = writeln!(
        std::io::stderr(),
        "locktoll: thread {thread:#x} has been waiting for a lock for {} ms",
        waited.as_millis()
    );
}

impl WaitObserver for Watch {
    fn waits(&self) {
        self.waits.lock().push(Wait {
            thread: thread_name(),
            since: Instant::now(),
            is_told: false,
            is_timed_out: false,
        });
    }

    fn waited(&self) {
        let thread = thread_name();
        let mut waits = self.waits.lock();
        if let Some(at) = waits.iter().rposition(|wait| wait.thread == thread) {
            waits.swap_remove(at);
        }
    }
}
