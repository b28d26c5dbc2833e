//! Renders a locktoll result: terminal text, Markdown, HTML with plots, JSON.
//!
//! Pure functions from [`model::RunResult`] to text, and from a recording of a program's locks
//! ([`record::Record`]). Nothing here measures, decides or prints:
//! verdicts are in the result, and renderers put them into words.

pub mod evidence;
pub mod format;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;
pub mod plots;
pub mod recommend;
pub mod record;
pub mod regime;
pub mod terminal;
pub mod text;
pub mod two_runs;
pub mod what_if;

mod caution;
mod forest;
mod raw;
mod rows;
mod wording;
