//! `locktoll report`: any old run written again, or two runs compared.

mod recording;
mod what_if;

use std::fs;
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;
use locktoll_bench::samples::{FILE_NAME, Samples};
use locktoll_report::model::RunResult;
use locktoll_report::{html, json, markdown, terminal, two_runs};

use crate::analysis;
use crate::analysis::measured::Overrides;
use crate::analysis::two_runs::compare_runs;
use crate::cli::{ReportArgs, ReportFormat};
use crate::error::{Error, Result};
use crate::what_if::holds_result;
use crate::{output, record};

/// What a run's directory holds beside its samples.
const RESULT_FILE: &str = "result.json";

/// Runs the command; the exit code.
///
/// # Errors
/// A run cannot be read, or a file cannot be written.
pub fn run(arguments: &ReportArgs) -> Result<u8> {
    match arguments.inputs.as_slice() {
        [one] => report(arguments, one),
        [first, second] => compare(arguments, first, second),
        _ => Err(Error::Usage("give one run, or two to compare".into())),
    }
}

fn report(arguments: &ReportArgs, input: &Path) -> Result<u8> {
    if record::holds_recording(input) {
        return recording::report(arguments, input);
    }
    if holds_result(input) {
        return what_if::report(arguments, input);
    }
    if arguments.export.is_some() {
        return Err(Error::Usage(format!(
            "--export: {} is no recording of `locktoll record`",
            input.display()
        )));
    }
    let result = read(input)?;
    if let Some(plots) = &arguments.plots {
        let written = output::write_plots(plots, &result)?;
        let files = if written == 1 { "plot" } else { "plots" };
        output::say(&format!("{written} {files}: {}\n", plots.display()));
    }
    let format = match (arguments.format, &arguments.out) {
        (None, None) => {
            let directory = folder(input);
            let page = directory.join("report.html");
            let text = directory.join("report.md");
            write(&page, &html::render(&result))?;
            write(&text, &markdown::render(&result))?;
            output::say(&format!("Report: {}, {}\n", page.display(), text.display()));
            return Ok(0);
        }
        (format, _) => format.unwrap_or(ReportFormat::Html),
    };
    let text = match format {
        ReportFormat::Html => html::render(&result),
        ReportFormat::Md => markdown::render(&result),
        ReportFormat::Json => json::to_string_pretty(&result)?,
        ReportFormat::Text => match &arguments.out {
            None => {
                output::print_text(&result);
                return Ok(0);
            }
            Some(_) => terminal::render(&result, &terminal::TerminalStyle::default()),
        },
    };
    deliver(arguments.out.as_deref(), &text)
}

/// The directory of a run, or the one in which a result lies.
fn folder(input: &Path) -> PathBuf {
    if input.is_dir() {
        return input.to_owned();
    }
    match input.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Reads a run: its samples, analysed again, where they are there; else its result.
fn read(input: &Path) -> Result<RunResult> {
    let result = if input.is_dir() {
        if input.join(FILE_NAME).exists() {
            let samples = Samples::read(&input.join(FILE_NAME))?;
            let shown = input.display().to_string();
            return analysis::of_run(&samples, &shown, &Overrides::default());
        }
        input.join(RESULT_FILE)
    } else {
        input.to_owned()
    };
    let text = fs::read_to_string(&result).map_err(BenchError::io("read", &result))?;
    json::from_str(&text).map_err(|source| Error::Result {
        path: result,
        source,
    })
}

fn compare(arguments: &ReportArgs, first: &Path, second: &Path) -> Result<u8> {
    if arguments.plots.is_some() || arguments.export.is_some() {
        return Err(Error::Usage("--plots, --export: give one run".into()));
    }
    if holds_result(first) || holds_result(second) {
        return Err(Error::Usage(
            "results of --what-if are not compared: each says what a cut would bring to the program as it was. \
             Compare the programs themselves by `locktoll bench --arm old=… --arm new=…`"
                .into(),
        ));
    }
    if record::holds_recording(first) || record::holds_recording(second) {
        return Err(Error::Usage(
            "recordings are not compared: each is one run without an interval. Compare the programs themselves \
             by `locktoll bench --arm old=… --arm new=…`"
                .into(),
        ));
    }
    let names = [first, second].map(|input| input.display().to_string());
    let runs = compare_runs((&names[0], &read(first)?), (&names[1], &read(second)?))?;
    let format = match (arguments.format, &arguments.out) {
        (Some(format), _) => format,
        (None, Some(_)) => ReportFormat::Html,
        (None, None) => ReportFormat::Text,
    };
    let text = match format {
        ReportFormat::Html => two_runs::to_html(&runs),
        ReportFormat::Md => two_runs::to_markdown(&runs),
        ReportFormat::Json => two_runs::to_json(&runs)?,
        ReportFormat::Text => two_runs::to_text(&runs, output::width()),
    };
    deliver(arguments.out.as_deref(), &text)?;
    // A script that asks whether something changed must not take this for "no".
    let is_compared = runs.rows.iter().any(|row| row.ratio.is_some());
    Ok(u8::from(!is_compared))
}

/// Writes text to a file, or to standard output.
fn deliver(out: Option<&Path>, text: &str) -> Result<u8> {
    match out {
        Some(path) => write(path, text)?,
        None => output::say(text),
    }
    Ok(0)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(BenchError::io("write", path))?;
    Ok(())
}
