//! `result.json`: writing, reading, and the schema generated from the types.

use crate::model::{RunResult, SCHEMA};

/// Why a result cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a result.
    #[error("not a {expected} file: {reason}")]
    Parse {
        /// The schema that was to be read.
        expected: &'static str,
        /// What the parser says, with line and column.
        reason: serde_json::Error,
    },
    /// The result names another schema.
    #[error("this version of locktoll reads {expected} here, and the file says it is {found:?}")]
    Schema {
        /// The schema that was to be read.
        expected: &'static str,
        /// The schema that the file names.
        found: String,
    },
    /// The result cannot be written as JSON.
    #[error("the result cannot be written as JSON: {reason}")]
    Write {
        /// What the writer says.
        reason: serde_json::Error,
    },
}

/// Writes a result as `result.json` holds it, with a newline at its end.
///
/// # Errors
///
/// [`Error::Write`] when a value has no form in JSON.
pub fn to_string_pretty(run: &RunResult) -> Result<String, Error> {
    write_pretty(run)
}

/// Writes any value of this library, with a newline at its end.
pub(crate) fn write_pretty(value: &impl serde::Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|reason| Error::Write { reason })?;
    text.push('\n');
    Ok(text)
}

/// Reads a result.
///
/// # Errors
///
/// [`Error::Schema`] when the file names another schema; [`Error::Parse`] with line and column when
/// it is not JSON or lacks what the schema asks for.
pub fn from_str(text: &str) -> Result<RunResult, Error> {
    read_schema(text, SCHEMA)
}

/// Reads a value that names its schema.
pub(crate) fn read_schema<T: serde::de::DeserializeOwned>(
    text: &str,
    expected: &'static str,
) -> Result<T, Error> {
    // The name is read first: a file of another version would fail at some field, and the message
    // would send its reader to the wrong place.
    #[derive(serde::Deserialize)]
    struct Name {
        schema: Option<String>,
    }
    if let Ok(Name {
        schema: Some(found),
    }) = serde_json::from_str::<Name>(text)
        && found != expected
    {
        return Err(Error::Schema { expected, found });
    }
    serde_json::from_str(text).map_err(|reason| Error::Parse { expected, reason })
}

/// The JSON schema of a result, as `schema/result-1.schema.json` holds it.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(RunResult);
    schema.insert("title".to_owned(), SCHEMA.into());
    schema.to_value()
}
