//! What the guard has counted and what it covers, for those who ask.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Write as _;

use locktoll_guard::Counts;
use locktoll_inject::Figured as _;

use crate::encoders;
use crate::fork;
use crate::guarding;
use crate::install::{self, Guarded};
use crate::protection::Protection;
use crate::signatures::Group;
use crate::tally::{self, Event};

/// What was counted since the process began; the locks' figures are those of the strategy that is
/// installed, since it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Guarded calls of encoders, nested ones too, ends left out.
    pub calls: u64,
    /// Encoders that factories have made.
    pub encoders_made: u64,
    /// Encoders that were there before the guard, or that an unguarded factory has made.
    pub encoders_met: u64,
    /// Encoders that were ended.
    pub encoders_ended: u64,
    /// Encoders whose memory was freed.
    pub encoders_freed: u64,
    /// Command buffers committed.
    pub commits: u64,
    /// Events encoded.
    pub events: u64,
    /// Calls on encoders that had ended.
    pub misuse: u64,
    /// Of these, calls that the driver did not get.
    pub refused: u64,
    /// Factories, commits and events with an encoder of the calling thread open.
    pub own_encoder_open: u64,
    /// Calls that waited for another thread's encoder.
    pub encoder_waits: u64,
    /// Such waits that would have closed a circle, and were left out.
    pub wait_circles: u64,
    /// Waits for an encoder or a lock that took too long.
    pub time_outs: u64,
    /// Waits for a lock that were warned of.
    pub slow_waits: u64,
    /// Encoders that are known and have not ended; the guard keeps those until they have.
    pub encoders_open: u64,
    /// Methods that have a wrapper now.
    pub guarded_methods: u64,
    /// By class of locks, such as `global`.
    pub locks: Vec<(&'static str, Counts)>,
}

/// What was counted; nothing in a forked child.
pub fn stats() -> Stats {
    if fork::is_child() {
        return Stats::default();
    }
    let sums = tally::sums();
    let of = |event: Event| sums[event as usize];
    Stats {
        calls: of(Event::Call),
        encoders_made: of(Event::Made),
        encoders_met: of(Event::Met),
        encoders_ended: of(Event::Ended),
        encoders_freed: of(Event::Freed),
        commits: of(Event::Commit),
        events: of(Event::Signal),
        misuse: of(Event::Misuse),
        refused: of(Event::Refused),
        own_encoder_open: of(Event::OwnOpen),
        encoder_waits: of(Event::Waited),
        wait_circles: of(Event::Circle),
        time_outs: of(Event::TimeOut),
        slow_waits: of(Event::Slow),
        encoders_open: guarding::installed()
            .map_or(0, |protection| encoders::open(protection.known_encoders)),
        guarded_methods: install::guarded_methods(),
        locks: guarding::installed().map_or_else(Vec::new, Protection::classes),
    }
}

/// What is and is not guarded of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The class.
    pub class: String,
    /// What it is.
    pub group: Group,
    /// Selectors that are guarded now.
    pub guarded: Vec<String>,
    /// Selectors of the table that the class has and that were left alone.
    pub refused: Vec<install::Refusal>,
    /// Selectors of the table that the class has not.
    pub absent: Vec<String>,
    /// Selectors of the class and its ancestors, `NSObject` left out, that no line of the table is
    /// about.
    pub unlisted: Vec<String>,
}

/// What is and is not guarded, class by class in the order in which they were met; nothing in a forked
/// child.
pub fn coverage() -> Vec<Coverage> {
    if fork::is_child() {
        return Vec::new();
    }
    let mut classes = Vec::new();
    install::each_class(|guarded, selectors| classes.push(Coverage::of(guarded, selectors)));
    classes
}

impl Coverage {
    fn of(guarded: &Guarded, selectors: &BTreeMap<CString, bool>) -> Self {
        let text = |selector: &CString| selector.to_string_lossy().into_owned();
        let refused = &guarded.refused;
        let is_refused = |name: &String| refused.iter().any(|each| each.selector == *name);
        Coverage {
            class: guarded.class.name().to_string_lossy().into_owned(),
            group: guarded.group,
            guarded: selectors
                .iter()
                .filter(|&(_, &is_guarded)| is_guarded)
                .map(|(selector, _)| text(selector))
                .collect(),
            refused: refused.clone(),
            absent: guarded.absent.clone(),
            unlisted: selectors
                .iter()
                .filter(|&(_, &is_guarded)| !is_guarded)
                .map(|(selector, _)| text(selector))
                .filter(|name| !is_refused(name))
                .collect(),
        }
    }
}

/// The coverage as lines for people: of each class what is guarded, what was left alone and why, what of
/// the table it has not, and what it has that no line of the table is about; then the classes that could
/// not be guarded.
pub fn coverage_text() -> String {
    let mut text = String::new();
    if fork::is_child() {
        return text;
    }
    for class in coverage() {
        let _ = writeln!(
            text,
            "{} ({}): {} methods guarded",
            class.class,
            class.group.name(),
            class.guarded.len()
        );
        for refusal in &class.refused {
            let _ = writeln!(text, "  left alone: {refusal}");
        }
        for (what, selectors) in [
            ("guarded", &class.guarded),
            ("absent", &class.absent),
            ("not in the table", &class.unlisted),
        ] {
            for selector in selectors {
                let _ = writeln!(text, "  {what}: {selector}");
            }
        }
    }
    for (class, why) in install::unguarded() {
        let _ = writeln!(text, "{class}: not guarded: {why}");
    }
    text
}
