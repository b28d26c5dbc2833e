//! The folder of an experiment: its result in every form.

use std::fs;
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_report::what_if::{self, WhatIf};

use crate::error::{Error, Result};

/// What holds every figure.
pub(crate) const RESULT_FILE: &str = "what-if.json";
pub(crate) const PAGE_FILE: &str = "what-if.html";
pub(crate) const TEXT_FILE: &str = "what-if.md";

/// Whether a folder holds a result, or the file named is one.
pub(crate) fn holds_result(input: &Path) -> bool {
    if input.is_dir() {
        return input.join(RESULT_FILE).exists();
    }
    input.file_name().is_some_and(|name| name == RESULT_FILE)
}

/// Reads a result from its folder, or from the file named.
///
/// # Errors
/// It cannot be read, or is of another version.
pub(crate) fn read(input: &Path) -> Result<WhatIf> {
    let file = if input.is_dir() {
        input.join(RESULT_FILE)
    } else {
        input.to_owned()
    };
    let text = fs::read_to_string(&file).map_err(BenchError::io("read", &file))?;
    what_if::from_str(&text).map_err(|source| Error::Result { path: file, source })
}

/// Writes a result and what people read of it.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(directory: &Path, result: &WhatIf) -> Result<()> {
    for (name, text) in [
        (RESULT_FILE, what_if::to_string_pretty(result)?),
        (PAGE_FILE, what_if::to_html(result)),
        (TEXT_FILE, what_if::to_markdown(result)),
    ] {
        let path = directory.join(name);
        fs::write(&path, text).map_err(BenchError::io("write", &path))?;
    }
    Ok(())
}
