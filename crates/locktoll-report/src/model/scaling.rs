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
    /// Threads of the highest throughput; `null` where the law has no peak.
    pub peak_threads: Option<Estimate>,
    /// Largest distance of a measured mean from the law, as a fraction of the law.
    pub worst_residual: f64,
}
