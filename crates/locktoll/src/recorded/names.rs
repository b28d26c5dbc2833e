//! Names of locks and of the places that take them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use locktoll_report::record::model::{LockKind, label};
use locktoll_symbols::{Datum, Frame, Symbolizer, is_idle_wait, is_lock_internal, known_lock};

use super::observed::ObservedProcess;
use super::stacks::Callers;

/// What is told of a call site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SiteName {
    pub(super) function: String,
    pub(super) location: Option<String>,
    pub(super) module: Option<String>,
    pub(super) inlined: Vec<String>,
    /// The first of those who take it there, by whom a lock is called.
    first: String,
    /// Who takes it by the same call too, which a function makes for several.
    others: Vec<SiteName>,
    frames: Vec<Frame>,
}

impl SiteName {
    pub(super) fn label(&self) -> String {
        label(
            &self.function,
            self.location.as_deref(),
            self.module.as_deref(),
        )
    }

    /// Callers that cannot be told apart, as one.
    fn together(self) -> Self {
        /// More would not fit a line.
        const NAMED: usize = 2;
        let unnamed = self.others.len().saturating_sub(NAMED);
        let mut labels: Vec<String> = std::iter::once(self.label())
            .chain(self.others.iter().take(NAMED).map(Self::label))
            .collect();
        let last = match self.others.last() {
            None => return self,
            Some(_) if unnamed > 0 => (format!("{unnamed} more"), None),
            Some(last) => {
                labels.pop();
                (last.function.clone(), last.location.clone())
            }
        };
        labels.push(last.0);
        Self {
            function: labels.join(" or "),
            location: last.1,
            ..self
        }
    }
}

/// What a lock is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockName {
    pub(super) text: String,
    /// Everybody calls it that.
    pub(super) known: bool,
    /// All locks of this name are told of as one; otherwise they are numbered.
    pub(super) together: bool,
    /// Who waits for it waits for something to happen, and not for a lock.
    pub(super) is_idle: bool,
}

impl LockName {
    fn own(text: String) -> Self {
        Self {
            text,
            known: false,
            together: false,
            is_idle: false,
        }
    }

    fn together(self) -> Self {
        Self {
            together: true,
            ..self
        }
    }

    fn idle(self, is_idle: bool) -> Self {
        Self { is_idle, ..self }
    }
}

/// Names within one process.
pub(super) struct Names<'a> {
    process: &'a ObservedProcess,
    symbolizer: &'a Symbolizer,
    callers: &'a Callers,
    /// Frames at a return address.
    frames: RefCell<HashMap<u64, Vec<Frame>>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        process: &'a ObservedProcess,
        symbolizer: &'a Symbolizer,
        callers: &'a Callers,
    ) -> Self {
        Self {
            process,
            symbolizer,
            callers,
            frames: RefCell::default(),
        }
    }

    /// The functions at a call, the innermost first.
    pub(super) fn frames(&self, return_address: u64) -> Vec<Frame> {
        let known = self.frames.borrow().get(&return_address).cloned();
        known.unwrap_or_else(|| {
            let frames = self
                .symbolizer
                .call_site(&self.process.maps, return_address);
            self.frames
                .borrow_mut()
                .insert(return_address, frames.clone());
            frames
        })
    }

    /// Who takes the lock. Where the call itself lies in a function that only passes it on, as
    /// `std::mutex::lock` of a program that was not optimised, it is who called that, as far as stacks were
    /// sampled there with some locks: all of them, since which of them did what is not known.
    pub(super) fn site(&self, site: u64, locks: &BTreeSet<u64>) -> SiteName {
        self.first(site, locks).together()
    }

    /// The same, by the name of the caller with the most time alone.
    fn first(&self, site: u64, locks: &BTreeSet<u64>) -> SiteName {
        if site == 0 {
            return SiteName {
                function: "sites that found no room".to_owned(),
                location: None,
                module: None,
                inlined: Vec::new(),
                first: "sites that found no room".to_owned(),
                others: Vec::new(),
                frames: Vec::new(),
            };
        }
        let frames = self.frames(site);
        if !frames.iter().all(is_lock_internal) {
            return named(frames);
        }
        let mut callers = self.callers.at(site, locks).into_iter().map(|(stack, _)| {
            let callers = stack
                .iter()
                .skip(1)
                .flat_map(|&address| self.frames(address));
            let callers = callers.take_while(|frame| frame.function.is_some());
            named(frames.iter().cloned().chain(callers).collect())
        });
        let Some(mut first) = callers.next() else {
            return named(frames);
        };
        let mut seen = BTreeSet::from([first.label()]);
        // Stacks that could not be followed tell of no caller.
        let known = callers.filter(|caller| !caller.frames.iter().all(is_lock_internal));
        first.others = known.filter(|caller| seen.insert(caller.label())).collect();
        first
    }

    /// What a lock is called. `site` takes it most.
    pub(super) fn lock(&self, address: u64, kind: LockKind, site: &SiteName) -> LockName {
        let is_idle = match kind {
            LockKind::Mutex | LockKind::RwLock | LockKind::SpinLock => false,
            LockKind::Condvar | LockKind::Semaphore | LockKind::Barrier => true,
            LockKind::Futex => is_idle_wait(&site.frames),
        };
        if address == 0 {
            return LockName::own("locks that found no room".to_owned())
                .together()
                .idle(is_idle);
        }
        let datum = self.symbolizer.datum(&self.process.maps, address);
        if let Some(known) = known_lock(datum.as_ref(), &site.frames) {
            // Where waiting for a condition is waiting for the lock, a mutex is a part of it, held for
            // moments.
            let is_part = known.waits_contend && kind == LockKind::Mutex;
            return LockName {
                text: if is_part {
                    format!("{}, its mutex", known.name)
                } else {
                    known.name.to_owned()
                },
                known: true,
                together: !known.is_each_its_own,
                is_idle: is_idle && !known.waits_contend,
            };
        }
        // parking_lot waits for a word of the waiting thread, not of the lock.
        let is_parking_lot = |frame: &Frame| {
            let name = frame.function.as_deref().unwrap_or_default();
            let file = frame.file.as_deref().unwrap_or_default();
            name.trim_start_matches('<').starts_with("parking_lot") || file.contains("/parking_lot")
        };
        if kind == LockKind::Futex && site.frames.iter().any(is_parking_lot) {
            return LockName::own(format!("parking_lot in {}", site.first))
                .together()
                .idle(is_idle);
        }
        let name = match datum {
            Some(Datum {
                symbol: Some((name, offset)),
                part,
                ..
            }) => match (part, offset) {
                (Some(part), _) => format!("{name}{part}"),
                (None, 0) => name,
                (None, offset) => format!("{name}+{offset:#x}"),
            },
            _ => format!("{} of {}", word(kind), site.first),
        };
        LockName::own(name).idle(is_idle)
    }
}

/// A site of these frames, by the innermost that is the program's own.
fn named(frames: Vec<Frame>) -> SiteName {
    let own = frames.iter().position(|frame| !is_lock_internal(frame));
    let frame = &frames[own.unwrap_or(0)];
    SiteName {
        function: function(frame),
        location: location(frame),
        module: frame.module.clone(),
        inlined: frames.iter().map(function).collect(),
        first: function(frame),
        others: Vec::new(),
        frames,
    }
}

pub(super) fn word(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwLock => "rwlock",
        LockKind::SpinLock => "spinlock",
        LockKind::Condvar => "condition variable",
        LockKind::Semaphore => "semaphore",
        LockKind::Barrier => "barrier",
        LockKind::Futex => "futex",
    }
}

/// A frame's function, or where it lies.
pub(super) fn function(frame: &Frame) -> String {
    match (&frame.function, &frame.module) {
        (Some(name), _) => name.clone(),
        (None, Some(module)) => format!("{module}+{:#x}", frame.offset),
        (None, None) => format!("{:#x}", frame.offset),
    }
}

/// `file:line`, of the file's path only its name: the whole path is long and of the machine that compiled it.
fn location(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref()?;
    let name = file.rsplit('/').next().unwrap_or(file);
    Some(match frame.line {
        Some(line) => format!("{name}:{line}"),
        None => name.to_owned(),
    })
}
