//! What can be dispatched.
//!
//! Two kernels compute: `axpy`, the smallest that has a result, and the layers of a small
//! perceptron, the inference workload of the field. The third only takes time.

use std::fmt;

pub(crate) mod compute;
pub mod reference;

/// Argument slots that an encoder has.
pub const SLOTS: usize = 4;

/// What a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// `y[i] += a · x[i]` for each thread `i`.
    ///
    /// Slots: 0 buffer `x`, 1 buffer `y`, 2 value `a`. Threads: elements.
    Axpy,
    /// `y[i] = f(b[i] + Σ_j w[i · inputs + j] · x[j])` for each thread `i`, where `f` is
    /// `max(0, ·)` or nothing.
    ///
    /// Slots: 0 buffer `w`, row after row, 1 buffer `b`, 2 buffer `x`, 3 buffer `y`. Threads:
    /// outputs, at most `outputs`.
    MlpLayer {
        /// Length of `x`.
        inputs: u32,
        /// Length of `b` and `y`.
        outputs: u32,
        /// Whether negative outputs become zero.
        relu: bool,
    },
    /// Computes nothing, but occupies the device. Slots: none. Threads: any.
    Timed {
        /// For how long; `None` leaves it to the device's own time per command buffer.
        duration_ns: Option<u64>,
    },
}

/// The layers of the `mlp` workload: 512 → 1024 → 1024 → 512, with `ReLU` on the hidden ones.
pub const MLP: [Kernel; 3] = [
    Kernel::MlpLayer {
        inputs: 512,
        outputs: 1024,
        relu: true,
    },
    Kernel::MlpLayer {
        inputs: 1024,
        outputs: 1024,
        relu: true,
    },
    Kernel::MlpLayer {
        inputs: 1024,
        outputs: 512,
        relu: false,
    },
];

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Axpy => f.write_str("axpy"),
            Self::MlpLayer {
                inputs, outputs, ..
            } => write!(f, "mlp layer {inputs}→{outputs}"),
            Self::Timed { .. } => f.write_str("timed"),
        }
    }
}
