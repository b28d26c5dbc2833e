//! A recording written again, or in the format of another tool.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_report::record::{self, Record, export};
use locktoll_report::terminal::TerminalStyle;
use locktoll_symbols::Symbolizer;

use super::{deliver, folder, write};
use crate::cli::{ExportFormat, ReportArgs, ReportFormat};
use crate::error::{Error, Result};
use crate::output;
use crate::record::{read, traces_of};
use crate::recorded::{Observed, perfetto};

/// Locks that text shows.
const TOP: usize = 10;

/// Writes a recording as it was asked for; the exit code.
pub(super) fn report(arguments: &ReportArgs, input: &Path) -> Result<u8> {
    if arguments.plots.is_some() {
        return Err(Error::Usage(
            "--plots: a recording's plots are in its page; use --format html".into(),
        ));
    }
    let found = read(input)?;
    for warning in found
        .warnings
        .iter()
        .filter(|warning| warning.code == "unreadable")
    {
        anstream::eprintln!("locktoll: warning: {}", warning.message);
    }
    let out = arguments.out.as_deref();
    if let Some(format) = arguments.export {
        return export_as(format, &found, input, out);
    }
    let format = match (arguments.format, out) {
        (None, None) => {
            let directory = folder(input);
            let (page, text) = (directory.join("record.html"), directory.join("record.md"));
            write(&page, &record::to_html(&found))?;
            write(&text, &record::to_markdown(&found))?;
            output::say(&format!("Report: {}, {}\n", page.display(), text.display()));
            return Ok(0);
        }
        (format, _) => format.unwrap_or(ReportFormat::Html),
    };
    let text = match format {
        ReportFormat::Html => record::to_html(&found),
        ReportFormat::Md => record::to_markdown(&found),
        ReportFormat::Json => record::to_string_pretty(&found)?,
        ReportFormat::Text => {
            let style = TerminalStyle {
                width: output::width(),
                color: false,
            };
            record::to_text(&found, &style, TOP)
        }
    };
    deliver(out, &text)
}

fn export_as(format: ExportFormat, found: &Record, input: &Path, out: Option<&Path>) -> Result<u8> {
    match format {
        ExportFormat::Folded => deliver(out, &export::to_folded(found)),
        ExportFormat::Openmetrics => deliver(out, &export::to_openmetrics(found)),
        ExportFormat::Pprof => {
            let bytes =
                export::to_pprof(found).map_err(BenchError::io("compress", "the profile"))?;
            bytes_to(out, &bytes)
        }
        ExportFormat::Perfetto => timeline(found, &traces_of(&folder(input)), out),
    }
}

fn bytes_to(out: Option<&Path>, bytes: &[u8]) -> Result<u8> {
    match out {
        Some(path) => {
            std::fs::write(path, bytes).map_err(BenchError::io("write", path))?;
        }
        None if std::io::stdout().is_terminal() => {
            return Err(Error::Usage(
                "the profile is not text: give --out FILE".into(),
            ));
        }
        // A reader that has gone has seen what it wanted.
        None => drop(std::io::stdout().write_all(bytes)),
    }
    Ok(0)
}

fn timeline(found: &Record, traces: &Path, out: Option<&Path>) -> Result<u8> {
    let observed = Observed::read(traces)?;
    if observed
        .processes
        .iter()
        .all(|process| process.recording.events.is_empty())
    {
        return Err(Error::Usage(
            "this recording has no single events: record with --mode events".into(),
        ));
    }
    let symbolizer = Symbolizer::new();
    let path = out.unwrap_or(Path::new("standard output"));
    let failed = || BenchError::io("write", path);
    if let Some(path) = out {
        let mut file = BufWriter::new(File::create(path).map_err(failed())?);
        perfetto::write(&observed, found, &symbolizer, &mut file)
            .and_then(|_| file.flush())
            .map_err(failed())?;
    } else {
        let mut text = Vec::new();
        perfetto::write(&observed, found, &symbolizer, &mut text).map_err(failed())?;
        output::say(&String::from_utf8_lossy(&text));
    }
    Ok(0)
}
