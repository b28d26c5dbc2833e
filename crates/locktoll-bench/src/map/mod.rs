//! A map of regimes: the overhead of one lock over threads, queues and device time per op, with
//! its crossovers found by few trials.
//!
//! ```text
//! Grid → stage → trials → sides → next stage → … → crossovers
//! ```
//!
//! [`grid`] is what could be measured, [`refine`] chooses from the sides that are known which
//! levels to measure next, [`judge`] tells on which side of the margin a point lies, [`stages`]
//! replays a run's samples to the stage that is due, and [`run`] runs it. The stages follow from
//! the samples alone, so that a resumed run goes on as it would have gone on.
//!
//! # What the adaptive choice does to the statistics
//!
//! A stage's number of blocks is set before the run. Each point is measured in one stage, and its
//! interval comes from its own blocks only: earlier data decide *where* is measured, never how long
//! or what counts, so every interval keeps its coverage. No point gets further blocks because of
//! what its first ones said. All points of a map, and its A/A cells, are one Holm family.

pub mod grid;
pub mod judge;
pub mod refine;
pub mod run;
pub mod stages;

pub use grid::{Grid, Row};
pub use refine::{Crossing, Level, Side};
pub use stages::Stage;
