//! An encoder's argument slots, and the work that a dispatch makes of them.
//!
//! A dispatch is checked in full when it is recorded, so that executing it cannot fail.

use super::buffer::SoftBuffer;
use crate::Error;
use crate::kernels::{Kernel, SLOTS, compute};

#[derive(Debug, Default)]
pub(crate) struct Arguments([Slot; SLOTS]);

#[derive(Debug, Default)]
pub(crate) enum Slot {
    #[default]
    Empty,
    Buffer(SoftBuffer),
    Value(f32),
}

/// One dispatch of a kernel that computes. Its buffers are at least as long as it needs.
#[derive(Debug)]
pub(crate) enum Work {
    Axpy {
        a: f32,
        x: SoftBuffer,
        y: SoftBuffer,
        elements: usize,
    },
    MlpLayer {
        weights: SoftBuffer,
        bias: SoftBuffer,
        x: SoftBuffer,
        y: SoftBuffer,
        inputs: usize,
        outputs: usize,
        relu: bool,
    },
}

impl Arguments {
    pub(crate) fn set(&mut self, index: usize, argument: Slot) -> Result<(), Error> {
        *self.0.get_mut(index).ok_or(Error::NoSuchSlot { index })? = argument;
        Ok(())
    }

    pub(crate) fn axpy(&self, threads: usize) -> Result<Work, Error> {
        let kernel = Kernel::Axpy;
        Ok(Work::Axpy {
            x: self.buffer(kernel, 0, threads as u64)?,
            y: self.buffer(kernel, 1, threads as u64)?,
            a: self.value(kernel, 2)?,
            elements: threads,
        })
    }

    pub(crate) fn mlp_layer(
        &self,
        inputs: u32,
        outputs: u32,
        relu: bool,
        threads: usize,
    ) -> Result<Work, Error> {
        let kernel = Kernel::MlpLayer {
            inputs,
            outputs,
            relu,
        };
        let rows = u32::try_from(threads).ok().filter(|rows| *rows <= outputs);
        let rows = u64::from(rows.ok_or(Error::TooManyThreads {
            kernel,
            threads,
            outputs,
        })?);
        Ok(Work::MlpLayer {
            weights: self.buffer(kernel, 0, u64::from(inputs) * rows)?,
            bias: self.buffer(kernel, 1, rows)?,
            x: self.buffer(kernel, 2, u64::from(inputs))?,
            y: self.buffer(kernel, 3, rows)?,
            inputs: inputs as usize,
            outputs: threads,
            relu,
        })
    }

    fn buffer(&self, kernel: Kernel, index: usize, needed: u64) -> Result<SoftBuffer, Error> {
        let Slot::Buffer(buffer) = &self.0[index] else {
            return Err(Error::Unbound {
                kernel,
                index,
                wanted: "a buffer",
            });
        };
        let len = buffer.len();
        if (len as u64) < needed {
            return Err(Error::BufferTooShort {
                kernel,
                index,
                needed,
                len,
            });
        }
        Ok(buffer.clone())
    }

    fn value(&self, kernel: Kernel, index: usize) -> Result<f32, Error> {
        match self.0[index] {
            Slot::Value(value) => Ok(value),
            _ => Err(Error::Unbound {
                kernel,
                index,
                wanted: "a value",
            }),
        }
    }
}

impl Work {
    pub(crate) fn run(&self) {
        match self {
            Self::Axpy { a, x, y, elements } => {
                let x = x.snapshot();
                y.write(|y| compute::axpy(*a, &x[..*elements], y));
            }
            Self::MlpLayer {
                weights,
                bias,
                x,
                y,
                inputs,
                outputs,
                relu,
            } => {
                let (weights, bias, x) = (weights.snapshot(), bias.snapshot(), x.snapshot());
                y.write(|y| {
                    compute::mlp_layer(&weights, &bias, &x[..*inputs], *relu, &mut y[..*outputs]);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(lengths: &[usize]) -> Arguments {
        let mut arguments = Arguments::default();
        for (index, len) in lengths.iter().enumerate() {
            let buffer = SoftBuffer::new(&vec![1.0; *len]);
            arguments.set(index, Slot::Buffer(buffer)).unwrap();
        }
        arguments
    }

    #[test]
    fn a_dispatch_needs_exactly_what_it_touches() {
        // 3 inputs, 2 of at most 4 outputs: 6 weights, 2 biases, 3 inputs, 2 results.
        let enough = [6, 2, 3, 2];
        assert!(arguments(&enough).mlp_layer(3, 4, true, 2).is_ok());
        for (index, len) in enough.into_iter().enumerate() {
            let mut short = enough;
            short[index] -= 1;
            match arguments(&short).mlp_layer(3, 4, true, 2).unwrap_err() {
                Error::BufferTooShort {
                    index: at,
                    needed,
                    len: has,
                    ..
                } => {
                    assert_eq!((at, needed, has), (index, len as u64, len - 1));
                }
                other => panic!("{other}"),
            }
        }
        let many = arguments(&[100; 4]).mlp_layer(3, 4, true, 5);
        assert!(matches!(
            many,
            Err(Error::TooManyThreads {
                threads: 5,
                outputs: 4,
                ..
            })
        ));
        let huge = arguments(&[100; 4]).mlp_layer(u32::MAX, u32::MAX, true, u32::MAX as usize);
        assert!(matches!(huge, Err(Error::BufferTooShort { index: 0, .. })));
    }

    #[test]
    fn a_slot_of_the_wrong_kind_is_unbound() {
        let mut arguments = arguments(&[4, 4, 4]);
        let refused = arguments.axpy(4);
        assert!(matches!(
            refused,
            Err(Error::Unbound {
                index: 2,
                wanted: "a value",
                ..
            })
        ));
        arguments.set(2, Slot::Value(1.0)).unwrap();
        assert!(arguments.axpy(4).is_ok());
        assert!(matches!(
            arguments.axpy(5),
            Err(Error::BufferTooShort { index: 0, .. })
        ));
        arguments.set(1, Slot::Value(1.0)).unwrap();
        let refused = arguments.axpy(4);
        assert!(matches!(
            refused,
            Err(Error::Unbound {
                index: 1,
                wanted: "a buffer",
                ..
            })
        ));
        let beyond = arguments.set(SLOTS, Slot::Empty);
        assert!(matches!(beyond, Err(Error::NoSuchSlot { index: SLOTS })));
    }

    #[test]
    fn a_buffer_may_be_read_and_written_by_one_dispatch() {
        let buffer = SoftBuffer::new(&[1.0, 2.0, 3.0]);
        let mut arguments = Arguments::default();
        arguments.set(0, Slot::Buffer(buffer.clone())).unwrap();
        arguments.set(1, Slot::Buffer(buffer.clone())).unwrap();
        arguments.set(2, Slot::Value(2.0)).unwrap();
        arguments.axpy(2).unwrap().run();
        assert_eq!(buffer.snapshot()[..], [3.0, 6.0, 3.0]);
    }
}
