//! The result of `locktoll record --what-if` written again.

use std::path::Path;

use locktoll_report::terminal::TerminalStyle;
use locktoll_report::what_if;

use super::{deliver, folder, write};
use crate::cli::{ReportArgs, ReportFormat};
use crate::error::{Error, Result};
use crate::output;
use crate::what_if::{PAGE_FILE, TEXT_FILE, read};

/// Writes a result as it was asked for; the exit code.
pub(super) fn report(arguments: &ReportArgs, input: &Path) -> Result<u8> {
    if arguments.plots.is_some() {
        return Err(Error::Usage(
            "--plots: the plots of a what-if are in its page; use --format html".into(),
        ));
    }
    if arguments.export.is_some() {
        return Err(Error::Usage(format!(
            "--export: {} is no recording but what was found out by --what-if; use --format",
            input.display()
        )));
    }
    let found = read(input)?;
    let out = arguments.out.as_deref();
    let format = match (arguments.format, out) {
        (None, None) => {
            let directory = folder(input);
            let (page, text) = (directory.join(PAGE_FILE), directory.join(TEXT_FILE));
            write(&page, &what_if::to_html(&found))?;
            write(&text, &what_if::to_markdown(&found))?;
            output::say(&format!("Report: {}, {}\n", page.display(), text.display()));
            return Ok(0);
        }
        (format, _) => format.unwrap_or(ReportFormat::Html),
    };
    let text = match format {
        ReportFormat::Html => what_if::to_html(&found),
        ReportFormat::Md => what_if::to_markdown(&found),
        ReportFormat::Json => what_if::to_string_pretty(&found)?,
        ReportFormat::Text => {
            let style = TerminalStyle {
                width: output::width(),
                color: false,
            };
            what_if::to_text(&found, &style)
        }
    };
    deliver(out, &text)
}
