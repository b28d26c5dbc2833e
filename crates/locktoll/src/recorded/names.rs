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
    /// sampled there with some locks.
    pub(super) fn site(&self, site: u64, locks: &BTreeSet<u64>) -> SiteName {
        if site == 0 {
            return SiteName {
                function: "sites that found no room".to_owned(),
                location: None,
                module: None,
                inlined: Vec::new(),
                frames: Vec::new(),
            };
        }
        let mut frames = self.frames(site);
        if frames.iter().all(is_lock_internal)
            && let Some(stack) = self.callers.heaviest(site, locks)
        {
            let callers = stack
                .iter()
                .skip(1)
                .flat_map(|&address| self.frames(address));
            frames.extend(callers.take_while(|frame| frame.function.is_some()));
        }
        let own = frames.iter().position(|frame| !is_lock_internal(frame));
        let frame = &frames[own.unwrap_or(0)];
        SiteName {
            function: function(frame),
            location: location(frame),
            module: frame.module.clone(),
            inlined: frames.iter().map(function).collect(),
            frames,
        }
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
            name.trim_start_matches('<').starts_with("parking_lot")
        };
        if kind == LockKind::Futex && site.frames.iter().any(is_parking_lot) {
            return LockName::own(format!("parking_lot in {}", site.function))
                .together()
                .idle(is_idle);
        }
        let name = match datum {
            Some(Datum {
                symbol: Some((name, 0)),
                ..
            }) => name,
            Some(Datum {
                symbol: Some((name, offset)),
                ..
            }) => format!("{name}+{offset:#x}"),
            _ => format!("{} of {}", word(kind), site.function),
        };
        LockName::own(name).idle(is_idle)
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
