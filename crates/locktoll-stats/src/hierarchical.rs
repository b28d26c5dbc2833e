//! Variance of processes and of the iterations inside them (Kalibera and Jones).
//!
//! Iterations inside one process share its memory layout, its clock and its luck. Pooling them as
//! if they were independent gives intervals several times too narrow; the process is the unit, and
//! the iterations only make its mean more precise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::Confidence;
use crate::moments::Moments;
use crate::paired::mean_estimate;
use crate::{Error, Interval, Series};

/// Mean over processes with its interval, and where the variance comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Number of processes.
    pub processes: usize,
    /// Iterations in each process.
    pub iterations: usize,
    /// Grand mean.
    pub mean: f64,
    /// S₁²: mean variance of the iterations inside a process; also its own component T₁².
    pub iteration_variance: f64,
    /// S₂²: variance of the process means.
    pub process_mean_variance: f64,
    /// T₂² = max(0, S₂² − S₁²/iterations): what processes add beyond their iterations.
    pub process_variance: f64,
    /// Interval of the mean, from the process means only.
    pub ci: Interval,
    /// T₂²/(T₁² + T₂²): the share of the variance that no number of iterations removes. `None`
    /// when nothing varies.
    pub icc: Option<f64>,
}

impl Estimate {
    /// Analyses `samples[process][iteration]`.
    ///
    /// mean ± t₍r₂−1₎·√(S₂²/r₂). Source: T. Kalibera and R. Jones, *Rigorous benchmarking in
    /// reasonable time* (ISMM 2013) and arXiv 2007.10899, with the correction made in
    /// libkalibera. The clamp at zero is added: an estimate of a variance can come out negative.
    ///
    /// # Errors
    ///
    /// Fewer than two processes or iterations, different numbers of iterations, values that are
    /// not finite, an unsupported confidence.
    pub fn compute(samples: &[Vec<f64>], confidence: f64) -> Result<Self, Error> {
        let confidence = Confidence::new(confidence)?;
        let expected = samples.first().map_or(0, Vec::len);
        let mut within = Vec::with_capacity(samples.len());
        for (process, iterations) in samples.iter().enumerate() {
            if iterations.len() != expected {
                return Err(Error::Unbalanced {
                    process,
                    expected,
                    got: iterations.len(),
                });
            }
            within.push(Moments::at_least_two(iterations, Series::Values)?);
        }
        let means: Vec<f64> = within.iter().map(|m| m.mean).collect();
        let between = Moments::at_least_two(&means, Series::Values)?;
        let iteration_variance =
            within.iter().map(|m| m.variance).sum::<f64>() / within.len() as f64;
        let process_variance = (between.variance - iteration_variance / expected as f64).max(0.0);
        let total = iteration_variance + process_variance;
        Ok(Self {
            processes: samples.len(),
            iterations: expected,
            mean: between.mean,
            iteration_variance,
            process_mean_variance: between.variance,
            process_variance,
            ci: mean_estimate(&between).interval_at(confidence),
            icc: (total > 0.0).then(|| process_variance / total),
        })
    }

    /// The number of iterations a process that is best for a given total time, unrounded:
    /// √(process cost/iteration cost · T₁²/T₂²). `None` when processes add no variance: then one
    /// process with many iterations is best.
    ///
    /// # Errors
    ///
    /// A cost that is not a positive number. Both costs are in the same unit, whichever it is.
    pub fn optimal_iterations(
        &self,
        process_cost: f64,
        iteration_cost: f64,
    ) -> Result<Option<f64>, Error> {
        for (name, value) in [
            ("process cost", process_cost),
            ("iteration cost", iteration_cost),
        ] {
            if !(value > 0.0 && value < f64::INFINITY) {
                return Err(Error::Parameter {
                    name,
                    value,
                    limit: f64::INFINITY,
                });
            }
        }
        let ratio = self.iteration_variance / self.process_variance;
        Ok((self.process_variance > 0.0).then(|| (process_cost / iteration_cost * ratio).sqrt()))
    }
}
