//! `record.json`: writing, reading, and the schema generated from the types.

use super::model::{Record, SCHEMA};
use crate::json::{Error, read_schema, write_pretty};

/// Writes a recording as `record.json` holds it, with a newline at its end.
///
/// # Errors
/// [`Error::Write`] when a value has no form in JSON.
pub fn to_string_pretty(record: &Record) -> Result<String, Error> {
    write_pretty(record)
}

/// Reads a recording.
///
/// # Errors
/// [`Error::Schema`] when the file names another schema; [`Error::Parse`] when it is not JSON, or lacks what
/// the schema asks for.
pub fn from_str(text: &str) -> Result<Record, Error> {
    read_schema(text, SCHEMA)
}

/// The JSON schema of a recording, as `schema/record-1.schema.json` holds it.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Record);
    schema.insert("title".to_owned(), SCHEMA.into());
    schema.to_value()
}
