//! What a program would gain if one lock were held shorter: the model, and the model as text, Markdown,
//! HTML and JSON.

mod agreement;
mod course;
mod gains;
mod html;
mod markdown;
pub mod model;
mod response;
mod rows;
mod terminal;
mod wording;

pub use html::render as to_html;
pub use markdown::render as to_markdown;
pub use model::WhatIf;
pub use terminal::render as to_text;

use crate::json::{Error, read_schema, write_pretty};

/// Writes a result as `what-if.json` holds it, with a newline at its end.
///
/// # Errors
/// [`Error::Write`] when a value has no form in JSON.
pub fn to_string_pretty(result: &WhatIf) -> Result<String, Error> {
    write_pretty(result)
}

/// Reads a result.
///
/// # Errors
/// [`Error::Schema`] when the file names another schema; [`Error::Parse`] when it is not JSON, or lacks what
/// the schema asks for.
pub fn from_str(text: &str) -> Result<WhatIf, Error> {
    read_schema(text, model::SCHEMA)
}

/// The JSON schema of a result, as `schema/what-if-1.schema.json` holds it.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(WhatIf);
    schema.insert("title".to_owned(), model::SCHEMA.into());
    schema.to_value()
}
