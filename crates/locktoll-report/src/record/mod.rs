//! A recording of a program's locks: its model, and the model as text, Markdown, HTML and JSON.
//!
//! [`Record`] is what `record.json` holds. As everywhere in this library, the figures and their names are
//! already decided there; the renderers choose words for them and nothing else.

pub mod export;
mod flame;
mod html;
mod json;
mod markdown;
pub mod model;
mod rows;
mod terminal;
mod wording;

pub use html::render as to_html;
pub use json::{from_str, schema, to_string_pretty};
pub use markdown::render as to_markdown;
pub use model::Record;
pub use terminal::render as to_text;
