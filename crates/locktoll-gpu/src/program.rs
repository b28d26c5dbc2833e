//! What a dispatch of a kernel tells its shader, for the devices that have shaders.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::shaders::AXPY_WIDTH;
use crate::{Kernel, SLOTS};

/// The binding behind the slots', to which [`Kernel::Timed`] pretends to write.
pub(crate) const SINK: u32 = 4;
const _: () = assert!(SINK as usize == SLOTS);

/// Where a slot's number lies in the shaders' `Arguments`: one after the other from their beginning.
pub(crate) const fn value_offset(slot: u32) -> u32 {
    4 * slot
}

/// Where a dispatch's [`Dimensions`] lie in the `Arguments`: behind the slots' numbers.
pub(crate) const DIMENSIONS_OFFSET: u32 = value_offset(SINK);

/// What a dispatch tells its shader, as 32-bit words in the order of the shaders' `Arguments`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dimensions {
    pub(crate) threads: u32,
    pub(crate) inputs: u32,
    pub(crate) relu: bool,
    pub(crate) iterations: u32,
}

impl Dimensions {
    pub(crate) const BYTES: u32 = 16;

    pub(crate) fn bytes(self) -> [u8; Self::BYTES as usize] {
        let words = [
            self.threads,
            self.inputs,
            u32::from(self.relu),
            self.iterations,
        ];
        let mut bytes = [0; Self::BYTES as usize];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }
}

/// A kernel as its dispatches need it, beside the driver's object.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) kernel: Kernel,
    /// Of [`Kernel::Timed`]: how often each thread goes round.
    iterations: AtomicU32,
    /// Of [`Kernel::Timed`]: workgroups.
    groups: AtomicU32,
    /// Calibrated, so that others may have it.
    is_ready: AtomicBool,
}

impl Program {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            iterations: AtomicU32::new(0),
            groups: AtomicU32::new(1),
            is_ready: AtomicBool::new(false),
        }
    }

    /// What a [`Kernel::Timed`] does.
    pub(crate) fn set(&self, groups: u32, iterations: u32) {
        self.groups.store(groups, Ordering::Relaxed);
        self.iterations.store(iterations, Ordering::Relaxed);
    }

    pub(crate) fn set_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Workgroups, of which a device may allow fewer, and what the shader is told.
    pub(crate) fn shape(&self, threads: u32) -> (u32, Dimensions) {
        let dimensions = Dimensions {
            threads,
            ..Dimensions::default()
        };
        match self.kernel {
            Kernel::Axpy => (threads.div_ceil(AXPY_WIDTH), dimensions),
            Kernel::MlpLayer { inputs, relu, .. } => (
                threads,
                Dimensions {
                    inputs,
                    relu,
                    ..dimensions
                },
            ),
            Kernel::Timed { .. } => (
                self.groups.load(Ordering::Relaxed),
                Dimensions {
                    iterations: self.iterations.load(Ordering::Relaxed),
                    ..dimensions
                },
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kernel_is_told_what_its_shader_reads() {
        let shape = |kernel, threads| Program::new(kernel).shape(threads);
        let of = |threads, inputs, relu, iterations| Dimensions {
            threads,
            inputs,
            relu,
            iterations,
        };
        assert_eq!(shape(Kernel::Axpy, 129), (2, of(129, 0, false, 0)));
        let layer = Kernel::MlpLayer {
            inputs: 5,
            outputs: 9,
            relu: true,
        };
        assert_eq!(shape(layer, 7), (7, of(7, 5, true, 0)));
        let timed = Program::new(Kernel::Timed { duration_ns: None });
        timed.set(64, 1_000);
        assert_eq!(timed.shape(0), (64, of(0, 0, false, 1_000)));
        let words: Vec<u8> = [7_u32, 5, 1, 0]
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
        assert_eq!(shape(layer, 7).1.bytes().as_slice(), words);
    }
}
