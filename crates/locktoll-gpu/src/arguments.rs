//! An encoder's argument slots as far as a dispatch must check them; the buffers themselves are
//! bound in the driver at once.
//!
//! Each slot is one word, so calls that overlap against the device's contract leave some caller's
//! argument, never half of one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Kernel, SLOTS};

/// The slots. A word is [`EMPTY`], [`VALUE`], or [`BUFFER`] more than a buffer's length.
#[derive(Debug, Default)]
pub(crate) struct Arguments([AtomicU64; SLOTS]);

const EMPTY: u64 = 0;
const VALUE: u64 = 1;
const BUFFER: u64 = 2;

impl Arguments {
    pub(crate) fn clear(&self) {
        for slot in &self.0 {
            slot.store(EMPTY, Ordering::Relaxed);
        }
    }

    /// The slot at `index`, if there is one.
    pub(crate) fn slot(&self, index: usize) -> Result<ArgumentSlot<'_>, Error> {
        let mut slots = (0..).zip(&self.0);
        let (index, word) = slots.nth(index).ok_or(Error::NoSuchSlot { index })?;
        Ok(ArgumentSlot { word, index })
    }

    /// Whether `kernel` may be dispatched with `threads` threads; if so, how many they are.
    pub(crate) fn check(&self, kernel: Kernel, threads: usize) -> Result<u32, Error> {
        match kernel {
            Kernel::Timed { .. } => Ok(0),
            Kernel::Axpy => {
                let needed = threads as u64;
                self.check_buffers(kernel, &[needed; 2])?;
                self.check_value(kernel, 2)?;
                Ok(clamp(needed))
            }
            Kernel::MlpLayer {
                inputs, outputs, ..
            } => {
                let rows = u32::try_from(threads).ok().filter(|rows| *rows <= outputs);
                let rows = rows.ok_or(Error::TooManyThreads {
                    kernel,
                    threads,
                    outputs,
                })?;
                let (rows_64, inputs) = (u64::from(rows), u64::from(inputs));
                self.check_buffers(kernel, &[inputs * rows_64, rows_64, inputs, rows_64])?;
                Ok(rows)
            }
        }
    }

    fn check_buffers(&self, kernel: Kernel, needed: &[u64]) -> Result<(), Error> {
        for (index, (slot, needed)) in self.0.iter().zip(needed).enumerate() {
            let Some(len) = slot.load(Ordering::Relaxed).checked_sub(BUFFER) else {
                return Err(Error::Unbound {
                    kernel,
                    index,
                    wanted: "a buffer",
                });
            };
            if len < *needed {
                return Err(Error::BufferTooShort {
                    kernel,
                    index,
                    needed: *needed,
                    len: usize::try_from(len).unwrap_or(usize::MAX),
                });
            }
        }
        Ok(())
    }

    fn check_value(&self, kernel: Kernel, index: usize) -> Result<(), Error> {
        if self.0[index].load(Ordering::Relaxed) == VALUE {
            Ok(())
        } else {
            Err(Error::Unbound {
                kernel,
                index,
                wanted: "a value",
            })
        }
    }
}

/// Elements of a buffer that exists are fewer than 2³²: its size in bytes is limited to that.
fn clamp(elements: u64) -> u32 {
    u32::try_from(elements).unwrap_or(u32::MAX)
}

/// One slot that exists.
pub(crate) struct ArgumentSlot<'a> {
    word: &'a AtomicU64,
    /// Its number.
    pub(crate) index: u32,
}

impl ArgumentSlot<'_> {
    pub(crate) fn holds_buffer(&self, len: usize) {
        self.word.store(len as u64 + BUFFER, Ordering::Relaxed);
    }

    pub(crate) fn holds_value(&self) {
        self.word.store(VALUE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(lengths: &[usize]) -> Arguments {
        let arguments = Arguments::default();
        for (index, len) in lengths.iter().enumerate() {
            arguments.slot(index).unwrap().holds_buffer(*len);
        }
        arguments
    }

    const LAYER: Kernel = Kernel::MlpLayer {
        inputs: 3,
        outputs: 4,
        relu: true,
    };

    #[test]
    fn a_dispatch_needs_exactly_what_it_touches() {
        // 3 inputs, 2 of at most 4 outputs: 6 weights, 2 biases, 3 inputs, 2 results.
        let enough = [6, 2, 3, 2];
        assert_eq!(buffers(&enough).check(LAYER, 2).unwrap(), 2);
        for (index, len) in enough.into_iter().enumerate() {
            let mut short = enough;
            short[index] -= 1;
            let refused = buffers(&short).check(LAYER, 2);
            assert!(
                matches!(refused, Err(Error::BufferTooShort { index: at, needed, len: has, .. })
                    if (at, needed, has) == (index, len as u64, len - 1)),
                "{refused:?}"
            );
        }
        let many = buffers(&[100; 4]).check(LAYER, 5);
        assert!(matches!(
            many,
            Err(Error::TooManyThreads {
                threads: 5,
                outputs: 4,
                ..
            })
        ));
    }

    #[test]
    fn a_slot_of_the_wrong_kind_is_unbound() {
        let arguments = buffers(&[4, 4, 4]);
        let unbound = |index, wanted| {
            let refused = arguments.check(Kernel::Axpy, 4);
            matches!(refused, Err(Error::Unbound { index: at, wanted: what, .. })
                if (at, what) == (index, wanted))
        };
        assert!(unbound(2, "a value"));
        arguments.slot(2).unwrap().holds_value();
        assert_eq!(arguments.check(Kernel::Axpy, 4).unwrap(), 4);
        arguments.slot(1).unwrap().holds_value();
        assert!(unbound(1, "a buffer"));
        arguments.clear();
        assert!(unbound(0, "a buffer"));
        assert!(
            arguments
                .check(Kernel::Timed { duration_ns: None }, 9)
                .is_ok()
        );
        assert!(matches!(
            arguments.slot(SLOTS).map(|_| ()),
            Err(Error::NoSuchSlot { index: SLOTS })
        ));
    }
}
