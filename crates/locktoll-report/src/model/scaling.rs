//! Throughput over threads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;

/// How one configuration scales with threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scaling {
    /// The configuration.
    pub config: String,
    /// The workload, when known.
    pub workload: Option<String>,
    /// The thread counts that have values, ascending.
    #[serde(default)]
    pub threads: Vec<u32>,
    /// The law that fits, if one does.
    pub law: Option<ScalabilityLaw>,
    /// Why there is no law, where there is none.
    pub refused: Option<String>,
}

/// The Universal Scalability Law, X(N) = λN ∕ (1 + σ(N−1) + κN(N−1)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScalabilityLaw {
    /// Throughput of one thread, λ, in the series' unit.
    pub lambda: Estimate,
    /// Contention σ: the share that is done one after the other.
    pub sigma: Estimate,
    /// Coherency κ: the cost of every pair of threads.
    pub kappa: Estimate,
    /// Whether the data would put σ below zero, so that the bound holds it there.
    #[serde(default)]
    pub sigma_at_bound: bool,
    /// The same for κ.
    #[serde(default)]
    pub kappa_at_bound: bool,
    /// Threads of the highest throughput; `null` where the law has no peak. Without interval where
    /// the data do not exclude that there is no peak.
    pub peak_threads: Option<Estimate>,
    /// Lower end of the peak's interval, also where it has no upper end; `null` where the data
    /// exclude a peak.
    #[serde(default)]
    pub peak_at_least: Option<f64>,
    /// Whether the peak lies beyond the largest thread count measured.
    #[serde(default)]
    pub peak_extrapolated: bool,
    /// Largest distance of a measured mean from the law, as a fraction of the law.
    pub worst_residual: f64,
    /// p-value of "the means scatter round the law as noise does" (F test of lack of fit).
    #[serde(default)]
    pub p_lack_of_fit: Option<f64>,
}
