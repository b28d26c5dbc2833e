//! What a person reads when a run ends: the answer first, then the figures behind it.

mod causes;
mod map;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use locktoll_stats::Verdict;

use crate::evidence::{AaOutcome, a_a};
use crate::forest;
use crate::format::{self, count, given_percent, half_width, optional, percent, share};
use crate::model::{Comparison, Role, RunResult, Series};
use crate::regime::Regime;
use crate::text::{plain, wrap};
use crate::wording::scaling::scaling_sentences;
use crate::wording::{self, Voice, a_a_sentence, answer, crash_sentences, series_name};

/// Narrower terminals get lines of this many columns all the same.
const NARROWEST: usize = 40;

/// How to write for one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether the words of verdicts are coloured.
    pub color: bool,
}

impl Default for TerminalStyle {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
        }
    }
}

/// Writes a result for a person at a terminal.
///
/// The answer comes first, in sentences; a failed A/A arm comes before it, since nothing below can
/// then be trusted.
///
/// ```no_run
/// use locktoll_report::terminal::{TerminalStyle, render};
/// let run = locktoll_report::json::from_str(&std::fs::read_to_string("result.json")?)?;
/// print!("{}", render(&run, &TerminalStyle::default()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn render(run: &RunResult, style: &TerminalStyle) -> String {
    let width = style.width.max(NARROWEST);
    let voice = Voice {
        stress: if style.color { coloured } else { bare },
        name: plain,
    };
    let mut paragraphs: Vec<String> = Vec::new();
    let (mut lines, a_a_line) = match &run.map {
        Some(map) => (
            wording::map::answer(run, map, &voice),
            wording::map::a_a_sentence(run, map, &voice),
        ),
        None => (answer(run, &voice), a_a_sentence(run, &voice)),
    };
    match a_a(run) {
        AaOutcome::Failed => lines.insert(0, a_a_line),
        _ => lines.push(a_a_line),
    }
    lines.extend(crash_sentences(run, &voice));
    lines.extend(
        run.causes
            .iter()
            .map(|cause| wording::cause::finding(run, cause, &voice)),
    );
    let ceiling = run.ceiling.as_ref();
    lines.extend(ceiling.and_then(|ceiling| wording::cause::ceiling(run, ceiling, &voice)));
    lines.extend(scaling_sentences(run, &voice));
    lines.extend(run.map.as_ref().and_then(wording::map::crashes));
    paragraphs.push(
        lines
            .iter()
            .map(|line| wrap(line, width, "", "  "))
            .collect(),
    );
    paragraphs.extend(causes::tables(run, width));
    let help = reading_help(run);
    paragraphs.push(
        help.iter()
            .map(|line| wrap(line, width, "", "  "))
            .collect(),
    );
    if let Some(map) = &run.map {
        paragraphs.extend(map::paragraphs(map, width, &voice));
    }
    for regime in run.regimes() {
        let table = table(run, &regime, width);
        paragraphs.push(format!(
            "{}\n{table}",
            capital_first(&plain(&regime.label(run)))
        ));
    }
    paragraphs.push(forest::plot(run, width, voice.stress));
    let warnings = run.warnings.iter();
    paragraphs.push(
        warnings
            .map(|w| wrap(&plain(&w.message), width, "warning: ", "  "))
            .collect::<String>(),
    );
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n")
}

/// What the tables mean, and what must be known of the device.
fn reading_help(run: &RunResult) -> Vec<String> {
    let mut lines = vec![format!(
        "Overhead is the share of the baseline's throughput that is lost. Intervals are {}; the \
         margin is ±{}.",
        given_percent(run.plan.confidence),
        given_percent(run.plan.margin)
    )];
    if run.series.iter().any(|series| series.contention.is_some()) {
        lines.push("\"waited\" is the share of acquisitions that found the lock taken.".to_owned());
    }
    let notes = run
        .plan
        .experiment
        .iter()
        .flat_map(|experiment| &experiment.device_notes);
    lines.extend(notes.map(|note| plain(note)));
    lines
}

/// The strategies and the A/A arm of one regime.
fn table(run: &RunResult, regime: &Regime, width: usize) -> String {
    let rows: Vec<&Series> = run
        .series_in(regime)
        .filter(|series| series.role != Role::Counted)
        .collect();
    let unit = rows
        .first()
        .map_or_else(|| "value".to_owned(), |series| plain(&series.unit));
    let counted = run
        .series_in(regime)
        .any(|series| series.contention.is_some());
    let tried = rows.iter().any(|series| series.crashes.is_some());
    let mut header = vec![String::new(), unit, "overhead".into(), "interval, %".into()];
    header.push("verdict".into());
    if counted {
        header.push("waited".into());
    }
    if tried {
        header.push("crash".into());
    }
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(&header);
    for series in rows {
        let mut cells = vec![plain(&series_name(series)), throughput(series)];
        cells.extend(overhead(run, series));
        if counted {
            cells.push(contended(run, regime, series));
        }
        if tried {
            cells.push(optional(series.crashes.as_ref(), |crashes| {
                format!("{}/{}", count(crashes.crashed), count(crashes.trials))
            }));
        }
        table.add_row(cells);
    }
    let last = header.len() - 1;
    for column in table.column_iter_mut() {
        column.set_padding((0, if column.index == last { 0 } else { 2 }));
        if column.index == 0 {
            continue;
        }
        // Names may wrap; a figure that is broken over two lines cannot be read.
        column.set_constraint(ColumnConstraint::ContentWidth);
        if header[column.index] != "verdict" {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines();
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

fn throughput(series: &Series) -> String {
    optional(series.mean, |mean| format::mean(mean, series.ci))
}

/// Overhead, interval and verdict of a series; the baseline has none.
fn overhead(run: &RunResult, series: &Series) -> [String; 3] {
    let regime = series.regime();
    let is_a_a = series.role == Role::AA;
    let mut rows = run.comparisons_in(series.role, &regime);
    let Some(row) = rows.find(|row| is_a_a || row.test == series.config) else {
        let is_baseline = series.config == run.plan.baseline;
        let word = if is_baseline {
            "baseline"
        } else {
            format::MISSING
        };
        return [String::new(), String::new(), word.to_owned()];
    };
    [estimate(row), interval(row), format::verdict(row.verdict)]
}

fn estimate(row: &Comparison) -> String {
    let half = row.overhead.ci.map(half_width);
    optional(row.overhead.estimate, |estimate| {
        format::signed_percent(estimate, half)
    })
}

/// `32.58 to 33.67`: the unit is in the header, since the line is short.
fn interval(row: &Comparison) -> String {
    if !wording::is_known(&row.overhead) {
        return wording::NOT_KNOWN.to_owned();
    }
    optional(row.overhead.ci, |ci| {
        let half = Some(half_width(ci));
        let bare = |x| percent(x, half).trim_end_matches('%').to_owned();
        format!("{} to {}", bare(ci[0]), bare(ci[1]))
    })
}

/// Contention is counted in an arm of its own, whose figures stand beside the bare strategy.
fn contended(run: &RunResult, regime: &Regime, series: &Series) -> String {
    if series.role == Role::AA {
        return String::new();
    }
    let counted = run
        .find_in(regime, Role::Counted, &series.config)
        .and_then(|counted| counted.contention.as_ref())
        .or(series.contention.as_ref());
    optional(counted, |contention| share(contention.rate))
}

fn capital_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

fn bare(_: Verdict, word: &str) -> String {
    word.to_owned()
}

/// Red for a cost, yellow for what is not settled, green for the rest.
fn coloured(verdict: Verdict, word: &str) -> String {
    let color = match verdict {
        Verdict::Costs => AnsiColor::Red,
        Verdict::Unresolved => AnsiColor::Yellow,
        Verdict::Free | Verdict::Negligible | Verdict::Pays => AnsiColor::Green,
    };
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{word}{style:#}")
}
