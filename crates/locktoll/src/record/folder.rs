//! The folder of a recording: traces, and what was made of them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;
use locktoll_report::record::{self, Record};
use locktoll_symbols::Symbolizer;

use crate::error::{Error, Result};
use crate::recorded::{self, Facts, Observed};
use crate::what_if;

/// What holds every figure of a recording.
pub const RECORD_FILE: &str = "record.json";
/// The folder of the traces in it.
pub(super) const TRACES: &str = "traces";

/// Makes the folder of a new recording, which no other one uses.
pub(crate) fn create(out: Option<&Path>) -> Result<PathBuf> {
    let Some(out) = out else {
        return create_new();
    };
    if holds_recording(out) {
        return Err(is_used(out));
    }
    if what_if::holds_result(out) {
        return Err(Error::Usage(format!(
            "{} already holds the result of --what-if: give another --out",
            out.display()
        )));
    }
    fs::create_dir_all(out).map_err(BenchError::io("create the folder", out))?;
    let traces = out.join(TRACES);
    match fs::create_dir(&traces) {
        Ok(()) => Ok(out.to_owned()),
        // Another one begins there.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(is_used(out)),
        Err(error) => Err(BenchError::io("create the folder", &traces)(error).into()),
    }
}

fn is_used(folder: &Path) -> Error {
    Error::Usage(format!(
        "{} already holds a recording, or one that has begun: give another --out",
        folder.display()
    ))
}

/// Makes a folder that is named for now; of several recordings at once each has one of its own.
fn create_new() -> Result<PathBuf> {
    let now = jiff::Zoned::now();
    let name = format!("locktoll-record-{}", now.strftime("%Y%m%d-%H%M%S"));
    let mut directory = PathBuf::from(&name);
    for number in 2_u32.. {
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                directory = PathBuf::from(format!("{name}-{number}"));
            }
            made => {
                made.map_err(BenchError::io("create the folder", &directory))?;
                break;
            }
        }
    }
    let traces = directory.join(TRACES);
    fs::create_dir(&traces).map_err(BenchError::io("create the folder", &traces))?;
    Ok(directory)
}

/// Removes what [`create`] made, where nothing came to be recorded there.
pub(crate) fn discard(directory: &Path) {
    // What cannot be removed is left; why there is nothing in it, the caller tells.
    let _ = fs::remove_dir_all(directory.join(TRACES));
    let _ = fs::remove_dir(directory);
}

/// Whether a folder, or the file named, is a recording.
pub fn holds_recording(input: &Path) -> bool {
    if input.is_dir() {
        return input.join(RECORD_FILE).exists() || has_traces(&traces_of(input));
    }
    input.file_name().is_some_and(|name| name == RECORD_FILE)
}

/// Where the traces of a recording are: in a folder of it, or where the library was loaded by hand, in itself.
pub fn traces_of(recording: &Path) -> PathBuf {
    let folder = recording.join(TRACES);
    if folder.is_dir() {
        folder
    } else {
        recording.to_owned()
    }
}

fn has_traces(folder: &Path) -> bool {
    let is_trace = |entry: fs::DirEntry| {
        let path = entry.path();
        path.extension()
            .is_some_and(|extension| extension == "trace")
    };
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_trace))
}

/// Reads a recording: what was made of it, or where locktoll itself was ended before, its traces.
///
/// # Errors
/// There is neither, or it cannot be read.
pub fn read(input: &Path) -> Result<Record> {
    let file = if input.is_dir() {
        input.join(RECORD_FILE)
    } else {
        input.to_owned()
    };
    if !file.exists() && input.is_dir() {
        let observed = Observed::read(&traces_of(input))?;
        return Ok(recorded::analyse(
            &observed,
            Facts::default(),
            &Symbolizer::new(),
        ));
    }
    let text = fs::read_to_string(&file).map_err(BenchError::io("read", &file))?;
    record::from_str(&text).map_err(|source| Error::Result { path: file, source })
}

/// Writes `record.json`, `record.md` and `record.html`.
pub(super) fn write(directory: &Path, record: &Record) -> Result<()> {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(BenchError::io("write", &path))
    };
    write(RECORD_FILE, &record::to_string_pretty(record)?)?;
    write("record.md", &record::to_markdown(record))?;
    write("record.html", &record::to_html(record))?;
    Ok(())
}
