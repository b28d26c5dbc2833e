//! Numbers in, estimates and verdicts out.
//!
//! [`compare`] takes two measured series and gives the overhead of one over the other with an
//! interval; [`decide`] takes all comparisons of one run and gives each a [`Verdict`]. The crate
//! does no I/O, keeps no state, prints nothing, and does not know what was measured.
//!
//! The analysis is fixed before the data are seen ([`Design`] and [`Policy`] are arguments, not
//! results). The other modules are the parts: each holds one method, with its source, so that a
//! reader can check a figure without reading the rest.
//!
//! ```
//! use locktoll_stats::{Design, Policy, Verdict, compare, decide};
//!
//! // Operations per second of two locks, five independent runs each.
//! let base = [8952.0, 8943.0, 8961.0, 8948.0, 8956.0];
//! let test = [8922.0, 8915.0, 8930.0, 8918.0, 8925.0];
//! let policy = Policy::default();
//! let comparison = compare(&base, &test, Design::Unpaired, &policy)?;
//! let decision = &decide(&[comparison], &policy)[0];
//! // 0.23% to 0.44%: there, and inside ±1%.
//! assert_eq!(decision.verdict, Verdict::Negligible);
//! # Ok::<(), locktoll_stats::Error>(())
//! ```
#![forbid(unsafe_code)]
// Ties and series that never vary are exact by definition; a tolerance would invent them.
#![allow(clippy::float_cmp)]

pub mod audit;
pub mod bca;
mod compare;
pub mod cut;
pub mod dependence;
mod distribution;
mod error;
pub mod fieller;
pub mod hierarchical;
pub mod hodges_lehmann;
pub mod holm;
mod input;
mod interval;
pub mod log_ratio;
pub mod mann_whitney;
mod moments;
mod note;
pub mod paired;
pub mod pass_through;
pub mod planning;
pub mod proportion;
mod rank_distribution;
mod secondary;
pub mod simulate;
pub mod stopping;
pub mod student;
pub mod summary;
pub mod tost;
pub mod usl;
mod verdict;
pub mod welch;

pub use compare::{Comparison, Design, Direction, Method, Overhead, Policy, compare};
pub use error::{Error, Series};
pub use interval::{Bounds, Interval};
pub use note::Note;
pub use secondary::{EquivalenceForms, Secondary};
pub use summary::Summary;
pub use verdict::{Decision, Verdict, decide};
