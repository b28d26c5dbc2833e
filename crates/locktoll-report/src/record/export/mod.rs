//! A recording in the formats of other tools.

mod folded;
mod openmetrics;
mod pprof;

pub use folded::to_folded;
pub use openmetrics::to_openmetrics;
pub use pprof::{Profile, to_pprof};
