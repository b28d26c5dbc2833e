//! The fault model's eyes: who is in a scope, and what happens to the second one.
//!
//! Only atomics look, so that the model itself has no undefined behaviour.

use std::cell::Cell;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use nix::sys::signal::{SigHandler, Signal, raise, signal};

use crate::FaultModel;

/// A driver call that a fault model watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Call {
    CommandBuffer,
    Encoder,
    SetPipeline,
    SetBuffer,
    SetValue,
    Dispatch,
    EndEncoding,
    Commit,
}

impl Call {
    const ALL: [Self; 8] = [
        Self::CommandBuffer,
        Self::Encoder,
        Self::SetPipeline,
        Self::SetBuffer,
        Self::SetValue,
        Self::Dispatch,
        Self::EndEncoding,
        Self::Commit,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CommandBuffer => "command_buffer",
            Self::Encoder => "encoder",
            Self::SetPipeline => "set_pipeline",
            Self::SetBuffer => "set_buffer",
            Self::SetValue => "set_value",
            Self::Dispatch => "dispatch",
            Self::EndEncoding => "end_encoding",
            Self::Commit => "commit",
        }
    }
}

/// One scope, and the thread that is in it.
///
/// | bits | meaning |
/// |---|---|
/// | 32–63 | the thread's number, 0 when nobody is in |
/// | 8–31 | depth of its nested calls |
/// | 0–7 | its outermost call, as an index into [`Call::ALL`] |
///
/// All accesses are relaxed. Where a lock keeps calls apart, the lock orders them and with them
/// this word; where nothing does, any value that a thread reads is proof enough of an overlap or
/// of none.
#[derive(Debug, Default)]
pub(crate) struct Detector(AtomicU64);

const DEPTH: u64 = 1 << 8;

impl Detector {
    /// Enters for one call; the caller must [`leave`](Self::leave) after an `Ok`.
    pub(crate) fn enter(&self, call: Call) -> Result<(), Overlap> {
        let me = thread_number();
        let entered = u64::from(me) << 32 | DEPTH | call as u64;
        let Err(found) = self
            .0
            .compare_exchange(0, entered, Ordering::Relaxed, Ordering::Relaxed)
        else {
            return Ok(());
        };
        let [index, ..] = found.to_le_bytes();
        let other = (found >> 32) as u32;
        if other == me {
            self.0.fetch_add(DEPTH, Ordering::Relaxed);
            return Ok(());
        }
        Err(Overlap {
            call,
            thread: me,
            // Only `enter` writes the index, from a `Call`.
            other_call: Call::ALL[usize::from(index) % Call::ALL.len()],
            other_thread: other,
        })
    }

    /// Leaves the call entered last. Only the thread that is in may do so.
    pub(crate) fn leave(&self) {
        let held = self.0.load(Ordering::Relaxed);
        let outermost = held & 0xffff_ff00 == DEPTH;
        self.0
            .store(if outermost { 0 } else { held - DEPTH }, Ordering::Relaxed);
    }
}

/// Two calls of two threads at once in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    call: Call,
    thread: u32,
    other_call: Call,
    other_thread: u32,
}

impl Overlap {
    /// How the real driver dies of this.
    fn signal(self) -> Signal {
        if self.call == Call::EndEncoding || self.other_call == Call::EndEncoding {
            Signal::SIGSEGV
        } else {
            Signal::SIGABRT
        }
    }

    /// Ends the process as the real driver would.
    pub(crate) fn end_process(self, model: FaultModel) -> ! {
        static DYING: AtomicBool = AtomicBool::new(false);
        // The first one is the cause; what others find while the process ends would hide it.
        if DYING.swap(true, Ordering::Relaxed) {
            loop {
                thread::park();
            }
        }
        // One write, so that the line stays whole. If it fails, the signal still tells.
        let _ = std::io::stderr().write_all(self.line(model).as_bytes());
        if self.signal() == Signal::SIGSEGV {
            // Rust's runtime catches SIGSEGV to report stack overflows.
            // SAFETY: the default action runs no code of ours in a signal handler.
            let _ = unsafe { signal(Signal::SIGSEGV, SigHandler::SigDfl) };
            let _ = raise(Signal::SIGSEGV);
        }
        std::process::abort()
    }

    /// The line that [`FAULT_PREFIX`](crate::FAULT_PREFIX) describes.
    fn line(self, model: FaultModel) -> String {
        let Self {
            call,
            thread,
            other_call,
            other_thread,
        } = self;
        let (signal, call, other_call) = (self.signal(), call.name(), other_call.name());
        let name = thread::current()
            .name()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        format!(
            "locktoll fault model {model}: {signal}: {call} by thread {thread}{name} \
             overlaps {other_call} by thread {other_thread}\n"
        )
    }
}

/// This thread's number, from 1, in the order of first calls.
fn thread_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static NUMBER: Cell<u32> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FAULT_PREFIX, Scope};

    /// What another thread's call finds.
    fn elsewhere(detector: &Detector, call: Call) -> Result<(), Overlap> {
        thread::scope(|scope| {
            let other = scope.spawn(|| detector.enter(call).inspect(|()| detector.leave()));
            other.join().unwrap()
        })
    }

    #[test]
    fn a_call_within_another_thread_s_call_is_an_overlap() {
        let detector = Detector::default();
        detector.enter(Call::Dispatch).unwrap();
        let overlap = elsewhere(&detector, Call::SetBuffer).unwrap_err();
        assert_eq!(
            (overlap.call, overlap.other_call),
            (Call::SetBuffer, Call::Dispatch)
        );
        assert_eq!(overlap.other_thread, thread_number());
        assert_ne!(overlap.thread, overlap.other_thread);
        detector.leave();
        elsewhere(&detector, Call::SetBuffer).unwrap();
        detector.enter(Call::Commit).unwrap();
    }

    #[test]
    fn a_thread_may_nest_and_is_in_until_its_outermost_call_ends() {
        let detector = Detector::default();
        detector.enter(Call::Commit).unwrap();
        detector.enter(Call::EndEncoding).unwrap();
        detector.leave();
        let overlap = elsewhere(&detector, Call::Encoder).unwrap_err();
        assert_eq!(overlap.other_call, Call::Commit);
        detector.leave();
        elsewhere(&detector, Call::Encoder).unwrap();
    }

    #[test]
    fn calls_are_remembered_by_their_index() {
        for (index, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, index);
        }
    }

    #[test]
    fn a_destroyed_context_is_a_segmentation_fault_and_any_other_overlap_an_abort() {
        let overlap = |call, other_call| Overlap {
            call,
            thread: 3,
            other_call,
            other_thread: 2,
        };
        for call in Call::ALL {
            let destroys = call == Call::EndEncoding;
            let expected = if destroys {
                Signal::SIGSEGV
            } else {
                Signal::SIGABRT
            };
            assert_eq!(overlap(call, Call::SetValue).signal(), expected);
            assert_eq!(overlap(Call::SetValue, call).signal(), expected);
        }
        let line = overlap(Call::Commit, Call::Dispatch).line(FaultModel::Agx(Scope::Queue));
        assert!(line.starts_with(FAULT_PREFIX), "{line}");
        assert!(line.starts_with("locktoll fault model agx:queue: SIGABRT: commit by thread 3"));
        assert!(line.ends_with(" overlaps dispatch by thread 2\n"), "{line}");
    }
}
