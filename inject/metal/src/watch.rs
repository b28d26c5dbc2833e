//! Who has been waiting for a lock for too long.
//!
//! A thread that waits cannot tell, so another one looks. It exists only where a warning or the end
//! of the process was asked for, and a thread that finds its lock free knows nothing of it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::Write as _;
use std::time::{Duration, Instant};

use locktoll_guard::{WaitObserver, thread_name};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::protection::Options;
use crate::tally::{self, Event};

/// How many times it looks in the shortest time that it is to notice.
const LOOKS: u32 = 4;

/// How long a time is that no clock can hold, and that a program may ask for.
const FAR: Duration = Duration::from_hours(24 * 365);

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
    /// Among the slow ones.
    is_counted: bool,
    is_timed_out: bool,
}

/// What is newly known of a wait.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    thread: usize,
    waited: Duration,
    is_newly_slow: bool,
    is_newly_timed_out: bool,
    /// Slow, and the last warning is long enough ago.
    is_warned_of: bool,
}

impl Watch {
    /// Begins to watch, if there is anything to watch for.
    pub(crate) fn start(options: &Options) -> Option<&'static Watch> {
        if options.slow.is_none() && !options.abort_on_timeout {
            return None;
        }
        let watch: &'static Watch = Box::leak(Box::new(Watch::new(options)));
        let named = std::thread::Builder::new().name("locktoll watch".into());
        // Without a thread there are no warnings, which is no reason to have no locks.
        let _ = named.spawn(move || watch.look());
        Some(watch)
    }

    fn new(options: &Options) -> Self {
        Watch {
            waits: Mutex::new(Vec::new()),
            is_over: AtomicBool::new(false),
            slow: options.slow.unwrap_or(Duration::MAX),
            slow_every: options.slow_every,
            timeout: options.timeout,
            abort_on_timeout: options.abort_on_timeout,
        }
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
            for finding in self.find(Instant::now(), &mut quiet_until) {
                self.act_on(&finding);
            }
        }
    }

    /// What there is to say about the waits of this moment. Said later, without the lock: whoever reads
    /// standard error may be slow, and threads that come to wait must not wait for that.
    fn find(&self, now: Instant, quiet_until: &mut Instant) -> SmallVec<[Finding; 4]> {
        let mut findings = SmallVec::new();
        for wait in self.waits.lock().iter_mut() {
            let waited = now.saturating_duration_since(wait.since);
            let is_slow = waited >= self.slow;
            let is_warned_of = is_slow && now >= *quiet_until;
            if is_warned_of {
                *quiet_until = now.checked_add(self.slow_every).unwrap_or(now + FAR);
            }
            let finding = Finding {
                thread: wait.thread,
                waited,
                is_newly_slow: is_slow && !wait.is_counted,
                is_newly_timed_out: waited >= self.timeout && !wait.is_timed_out,
                is_warned_of,
            };
            wait.is_counted |= finding.is_newly_slow;
            wait.is_timed_out |= finding.is_newly_timed_out;
            if finding.is_newly_slow || finding.is_newly_timed_out || finding.is_warned_of {
                findings.push(finding);
            }
        }
        findings
    }

    fn act_on(&self, finding: &Finding) {
        if finding.is_newly_slow {
            tally::add(Event::Slow);
        }
        if finding.is_newly_timed_out {
            tally::add(Event::TimeOut);
        }
        if finding.is_warned_of || finding.is_newly_timed_out {
            tell(finding.thread, finding.waited);
        }
        if finding.is_newly_timed_out && self.abort_on_timeout {
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
            is_counted: false,
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A watch without a thread: slow after 20 ms, told every 50 ms, too long after 100 ms.
    fn watch() -> Watch {
        let mut options = Options::new("global".parse().expect("a strategy"));
        options.slow = Some(ms(20));
        options.slow_every = ms(50);
        options.timeout = ms(100);
        Watch::new(&options)
    }

    /// What is found of this thread's one wait so long after it began: newly slow, newly timed out,
    /// warned of.
    fn after(watch: &Watch, waited: Duration, quiet_until: &mut Instant) -> Option<[bool; 3]> {
        let since = watch.waits.lock()[0].since;
        let findings = watch.find(since + waited, quiet_until);
        assert!(findings.len() <= 1, "{findings:?}");
        findings.first().map(|finding| {
            assert_eq!((finding.thread, finding.waited), (thread_name(), waited));
            [
                finding.is_newly_slow,
                finding.is_newly_timed_out,
                finding.is_warned_of,
            ]
        })
    }

    #[test]
    fn a_wait_is_counted_once_and_told_at_intervals() {
        let watch = watch();
        let mut quiet_until = Instant::now();
        watch.waits();
        for (waited, found) in [
            (ms(0), None),
            (ms(19), None),
            (ms(20), Some([true, false, true])),
            (ms(69), None),
            (ms(70), Some([false, false, true])),
            (ms(99), None),
            (ms(100), Some([false, true, false])),
            (ms(119), None),
            (ms(120), Some([false, false, true])),
        ] {
            let now = after(&watch, waited, &mut quiet_until);
            assert_eq!(now, found, "{waited:?}");
        }
    }

    #[test]
    fn the_longest_times_that_can_be_asked_for_are_never_over() {
        let mut watch = watch();
        watch.slow_every = Duration::MAX;
        watch.timeout = Duration::MAX;
        let mut quiet_until = Instant::now();
        watch.waits();
        let found = after(&watch, ms(20), &mut quiet_until);
        assert_eq!(found, Some([true, false, true]));
        assert_eq!(after(&watch, ms(60_000), &mut quiet_until), None);
    }

    #[test]
    fn of_several_slow_waits_each_is_counted_and_one_is_told() {
        let watch = watch();
        let mut quiet_until = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| watch.waits());
            }
        });
        let last = watch.waits.lock().iter().map(|wait| wait.since).max();
        let findings = watch.find(last.expect("three") + ms(30), &mut quiet_until);
        let count = |of: fn(&Finding) -> bool| findings.iter().filter(|each| of(each)).count();
        assert_eq!(count(|each| each.is_newly_slow), 3);
        assert_eq!(count(|each| each.is_warned_of), 1);
    }

    #[test]
    fn a_wait_that_has_ended_is_not_found_and_others_are() {
        let watch = watch();
        let mut quiet_until = Instant::now();
        watch.waits();
        let other = std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                watch.waits();
                thread_name()
            });
            waits.join().expect("no panic")
        });
        watch.waited();
        let since = watch.waits.lock()[0].since;
        let findings = watch.find(since + ms(25), &mut quiet_until);
        let threads: Vec<_> = findings.iter().map(|each| each.thread).collect();
        assert_eq!(threads, [other]);
    }

    #[test]
    fn nobody_watches_where_nothing_is_asked_for() {
        let mut options = Options::new("global".parse().expect("a strategy"));
        assert!(Watch::start(&options).is_none());
        options.abort_on_timeout = true;
        let watch = Watch::start(&options).expect("the time-out is asked for");
        watch.stop();
    }
}
