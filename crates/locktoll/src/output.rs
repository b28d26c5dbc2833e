//! What a command leaves behind: files in the run's directory, text on the terminal.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_report::model::RunResult;
use locktoll_report::{html, json, markdown, plots, terminal};

use crate::error::Result;
use crate::policy;

/// Columns of text where the output is no terminal.
const PLAIN_WIDTH: usize = 100;

/// Writes `result.json`, `report.md` and `report.html`.
///
/// # Errors
/// A file cannot be written.
pub fn write_files(directory: &Path, result: &RunResult) -> Result<()> {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(BenchError::io("write", &path))
    };
    write("result.json", &json::to_string_pretty(result)?)?;
    write("report.md", &markdown::render(result))?;
    write("report.html", &html::render(result))?;
    Ok(())
}

/// Writes each plot of a result as an SVG file into a folder, which is made where it is missing; the
/// number of files.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write_plots(directory: &Path, result: &RunResult) -> Result<usize> {
    fs::create_dir_all(directory).map_err(BenchError::io("create the folder", directory))?;
    let plots = plots::all(result);
    for (name, svg) in &plots {
        let path = directory.join(name);
        fs::write(&path, svg).map_err(BenchError::io("write", &path))?;
    }
    Ok(plots.len())
}

/// Writes text to standard output. A reader that has closed it early (`locktoll … | head`) has seen
/// what it wanted: that is no error, and no panic as with `println!`.
pub fn say(text: &str) {
    let mut out = anstream::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints the summary for people, and what the policy says.
pub fn print_text(result: &RunResult) {
    let width = width();
    // Colours are always asked for; the stream removes them where nobody can see them.
    let style = terminal::TerminalStyle { width, color: true };
    say(&terminal::render(result, &style));
    if let (Some(outcome), Some(max_cost)) = (policy(result), result.plan.max_cost) {
        say(&format!("\n{}\n", outcome.describe(max_cost)));
    }
}

/// What the policy says, where there is one.
pub fn policy(result: &RunResult) -> Option<policy::Outcome> {
    result
        .plan
        .max_cost
        .map(|max_cost| policy::judge(result, max_cost))
}

/// A line that tells where the files are.
pub fn where_files_are(directory: &Path) -> String {
    let shown = directory.display();
    format!(
        "Report: {shown}/report.html, {shown}/report.md · result: {shown}/result.json · raw data: \
         {shown}/samples.jsonl"
    )
}

/// Columns of the terminal, or of text that goes elsewhere.
pub fn width() -> usize {
    console_width().unwrap_or(PLAIN_WIDTH)
}

fn console_width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    console::Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns))
}
