//! What the wrappers do now: nothing, or guard by one strategy.
//!
//! A wrapper reads one pointer. It is null while the guard is not installed, and while it is being
//! installed or taken away; so methods that are put in place one by one come into force all at once.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering, fence};
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use locktoll_guard::{Counts, Guard, Instrument, OwnedLock, Section, Site, Strategy as Locks};
use locktoll_inject::{Figured, Record};
use parking_lot::Mutex;

use crate::buffers::Buffers;
use crate::encoders::Encoders;
use crate::strategy::{OnMisuse, Strategy};
use crate::tally;
use crate::watch::Watch;
use crate::within::{self, Within};

/// How the guard is to work.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which lock is taken.
    pub strategy: Strategy,
    /// Whether acquisitions are counted and timed.
    pub instrument: Instrument,
    /// What is done about calls on encoders that have ended.
    pub on_misuse: OnMisuse,
    /// How long a thread waits for another thread's encoder before it goes on, and how long it waits
    /// for a lock before that is reported.
    pub timeout: Duration,
    /// Whether the process ends when the time is over.
    pub abort_on_timeout: bool,
    /// After how long a wait for a lock is warned of; never, if it is not set.
    pub slow: Option<Duration>,
    /// The shortest time between two warnings.
    pub slow_every: Duration,
    /// Whether standard error is told what is installed.
    pub verbose: bool,
    /// Names of further classes of command buffers, that wrap the driver's own.
    pub classes: Vec<String>,
}

impl Options {
    /// A strategy, and otherwise what the environment variables stand for where they are not set.
    pub fn new(strategy: Strategy) -> Self {
        Options {
            strategy,
            instrument: Instrument::Counted,
            on_misuse: OnMisuse::default(),
            timeout: Duration::from_secs(5),
            abort_on_timeout: false,
            slow: None,
            slow_every: Duration::from_secs(1),
            verbose: false,
            classes: Vec::new(),
        }
    }
}

/// A strategy at work. Never freed, since a call may still be in it when the guard is gone.
pub(crate) struct Protection {
    pub(crate) options: Options,
    /// Round methods of encoders; of all, where the strategy does not tell them apart.
    calls: Guard,
    /// No lock tells that a thread is in a call.
    is_lockless: bool,
    /// Round methods of command buffers, where they have locks of their own.
    buffers: Option<Guard>,
    pub(crate) known_encoders: &'static Encoders,
    pub(crate) known_buffers: &'static Buffers,
    /// For what has no record.
    spare: OwnedLock,
    pub(crate) record: Option<&'static Record>,
    watch: Option<&'static Watch>,
    /// What is to be told when the calling thread has left its section.
    pending: Mutex<Vec<String>>,
    has_pending: AtomicBool,
}

/// A section of a call of an encoder, and that the thread is in a call where no lock tells it.
pub(crate) struct Turn<'a> {
    _section: Section<'a>,
    _within: Option<Within>,
}

static CURRENT: AtomicPtr<Protection> = AtomicPtr::new(ptr::null_mut());

/// The objects of the process, which outlive each installation.
static ENCODERS: OnceLock<Encoders> = OnceLock::new();
static BUFFERS: OnceLock<Buffers> = OnceLock::new();

impl Protection {
    pub(crate) fn new(options: Options, record: Option<&'static Record>) -> Self {
        let locks = options.strategy.locks();
        let watch = Watch::start(&options);
        let guard = || {
            let observer = watch.map(|watch| watch as &dyn locktoll_guard::WaitObserver);
            Guard::observed(locks, options.instrument, observer)
        };
        Protection {
            calls: guard(),
            is_lockless: !matches!(locks, Locks::Global | Locks::PerEncoder),
            buffers: (locks == Locks::PerEncoder).then(guard),
            known_encoders: ENCODERS.get_or_init(Encoders::new),
            known_buffers: BUFFERS.get_or_init(Buffers::new),
            spare: OwnedLock::new(),
            record,
            watch,
            pending: Mutex::default(),
            has_pending: AtomicBool::new(false),
            options,
        }
    }

    /// Ends what goes on beside it, when it is in force no more.
    pub(crate) fn retire(&self) {
        if let Some(watch) = self.watch {
            watch.stop();
        }
    }

    /// What is in force.
    #[inline]
    pub(crate) fn current() -> Option<&'static Protection> {
        // SAFETY: null, or what `set` was given, which lives as long as the process.
        unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
    }

    /// Puts a strategy into force, or none.
    pub(crate) fn set(protection: Option<&'static Protection>) {
        let pointer = protection.map_or(ptr::null_mut(), |each| ptr::from_ref(each).cast_mut());
        CURRENT.store(pointer, Ordering::SeqCst);
        // See `is_current`.
        fence(Ordering::SeqCst);
    }

    /// Whether it is in force. Who makes an object known and then finds that it is has done so before
    /// whoever takes the guard away looks at all objects that are known.
    pub(crate) fn is_current(&self) -> bool {
        fence(Ordering::SeqCst);
        ptr::eq(CURRENT.load(Ordering::SeqCst), self)
    }

    /// Enters the section of a call of an encoder.
    #[inline]
    pub(crate) fn enter_encoder<'a>(&'a self, lock: &'a OwnedLock) -> Turn<'a> {
        Turn {
            _section: self.calls.enter(Site {
                queue: lock,
                encoder: lock,
            }),
            _within: self.is_lockless.then(Within::an_encoder),
        }
    }

    /// Enters the section of a call of a command buffer.
    pub(crate) fn enter_buffer<'a>(&'a self, lock: &'a OwnedLock) -> Section<'a> {
        let guard = self.buffers.as_ref().unwrap_or(&self.calls);
        guard.enter(Site {
            queue: lock,
            encoder: lock,
        })
    }

    /// Enters the section of a call of an encoder that nothing is known of.
    pub(crate) fn enter_spare(&self) -> Turn<'_> {
        self.enter_encoder(&self.spare)
    }

    /// As [`report`](Self::report), once the calling thread has left its section: whoever reads standard
    /// error may be slow.
    pub(crate) fn report_later(&self, line: String) {
        self.pending.lock().push(line);
        self.has_pending.store(true, Ordering::Release);
    }

    /// Tells what is to be told later, unless the thread is in a section yet.
    #[inline]
    pub(crate) fn tell_pending(&self) {
        if self.has_pending.load(Ordering::Acquire) {
            self.tell_pending_now();
        }
    }

    #[cold]
    fn tell_pending_now(&self) {
        if within::is_in_a_call() {
            return;
        }
        self.has_pending.store(false, Ordering::Release);
        let lines = core::mem::take(&mut *self.pending.lock());
        for line in lines {
            self.report(&line, false);
        }
    }

    /// Tells of something, in the trace and on standard error, and ends the process if so decided.
    pub(crate) fn report(&self, line: &str, ends: bool) {
        if let Some(record) = self.record {
            record.note(line);
        }
        // Nobody can be told that this fails.
        let _ = writeln!(std::io::stderr(), "locktoll: {line}");
        if ends {
            std::process::abort();
        }
    }
}

/// How the encoders that are open at the time are called in the trace.
const OPEN: &str = "encoders_open";

impl Figured for Protection {
    fn classes(&self) -> Vec<(&'static str, Counts)> {
        let of_calls = match self.options.strategy.locks() {
            Locks::None => return Vec::new(),
            Locks::Throttle(_) => "throttle",
            Locks::PerEncoder => "encoder",
            _ => "global",
        };
        let mut classes = vec![(of_calls, self.calls.counts())];
        if let Some(buffers) = &self.buffers {
            classes.push(("command buffer", buffers.counts()));
        }
        classes
    }

    fn reset(&self) {
        self.calls.reset();
        if let Some(buffers) = &self.buffers {
            buffers.reset();
        }
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        tally::counters()
    }

    fn standing(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("guarded_methods", crate::install::guarded_methods()),
            (OPEN, crate::encoders::open(self.known_encoders)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use locktoll_trace::Trace;

    use super::*;

    #[test]
    fn lines_that_threads_report_at_once_stay_whole() {
        const THREADS: usize = 6;
        const LINES: usize = 15;
        let folder = tempfile::tempdir().expect("a folder");
        let record = Record::create(folder.path(), "metal swizzle", "global").expect("a trace");
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let record = &record;
                scope.spawn(move || {
                    (0..LINES).for_each(|line| record.note(&format!("{thread} tells {line}")));
                });
            }
        });
        let trace = &Trace::read_dir(folder.path()).expect("can be read")[0];
        let mut told: Vec<&str> = trace.notes.lines().collect();
        told.sort_unstable();
        let all = (0..THREADS).flat_map(|thread| (0..LINES).map(move |line| (thread, line)));
        let mut expected: Vec<String> = all
            .map(|(thread, line)| format!("{thread} tells {line}"))
            .collect();
        expected.sort_unstable();
        assert_eq!(told, expected);
    }
}
