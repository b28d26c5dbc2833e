//! The plots of a result, as SVG: pure functions from the model to a drawing.
//!
//! Each plot is laid out twice, for a desk and for a phone, since text that is scaled down to a
//! phone's width cannot be read. Colours are CSS variables with a light and a dark value; a mark or
//! a word always says the same as a colour does. What a sighted reader takes from a plot stands in
//! its description, and in a table beside it on the page.

pub(crate) mod causes;
pub(crate) mod ceiling;
pub(crate) mod forest;
pub(crate) mod legend;
pub(crate) mod map;
pub(crate) mod paired;
pub(crate) mod run_order;
pub(crate) mod scale;
pub(crate) mod svg;
pub(crate) mod throughput;

use crate::model::RunResult;
use svg::{Drawing, Layout};

/// Every plot that a result has data for, as files: their names and what they hold.
///
/// Each file carries its own style and follows the reader's choice of light or dark.
///
/// ```no_run
/// let run = locktoll_report::json::from_str(&std::fs::read_to_string("result.json")?)?;
/// for (name, svg) in locktoll_report::plots::all(&run) {
///     std::fs::write(name, svg)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn all(run: &RunResult) -> Vec<(String, String)> {
    drawings(run, Layout::Wide)
        .iter()
        .map(|drawing| (format!("{}.svg", drawing.name), drawing.standalone()))
        .collect()
}

/// All drawings in one layout, in the order of the page.
pub(crate) fn drawings(run: &RunResult, layout: Layout) -> Vec<Drawing> {
    let mut found: Vec<Drawing> = forest::draw(run, layout).into_iter().collect();
    found.extend(throughput::draw(run, layout));
    found.extend(paired::draw(run, layout));
    found.extend(run_order::draw(run, layout));
    found.extend(causes::draw(run, layout));
    found.extend(ceiling::draw(run, layout));
    found.extend(map::draw(run, layout));
    found
}
