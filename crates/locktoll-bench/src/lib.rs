//! Plans and runs the experiment: which lock costs how much, on which device.
//!
//! ```text
//! Plan → Trial (child process) → Samples
//! ```
//!
//! [`plan`] says what is measured in which order, [`trial`] measures one cell in the present
//! process, [`launch`] starts a trial as a child that may crash, [`program`] does so with a program
//! of the user's, [`samples`] keeps what came of it, [`stopping`] says when there is enough,
//! [`run`] ties these together, and [`map`] chooses where to measure next. Estimates and
//! verdicts are made elsewhere, from [`samples::Samples`] alone.

mod as_text;
pub mod baseline;
mod child;
pub mod duration;
pub mod environment;
pub mod error;
pub mod launch;
pub mod layer_counts;
pub mod layer_missing;
pub mod lock_cost;
pub mod map;
pub mod measure;
pub mod plan;
pub mod probe;
pub mod program;
pub mod protocol;
pub mod run;
pub mod samples;
pub mod stages;
pub mod stopping;
pub mod sync_pattern;
pub mod trial;
mod usage;
pub mod workload;

pub use error::{Error, Result};
