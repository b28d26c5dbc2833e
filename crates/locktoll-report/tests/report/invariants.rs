//! What holds for every result, however odd.

use locktoll_report::model::RunResult;
use locktoll_report::terminal::{TerminalStyle, render};
use locktoll_report::{format, json, markdown, recommend};
use proptest::prelude::*;

use crate::arbitrary;

/// Cells of a Markdown table row; an escaped bar is no border.
fn cells(row: &str) -> usize {
    let mut bars = 0;
    let mut escaped = false;
    for c in row.chars() {
        match c {
            '|' if !escaped => bars += 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    bars
}

/// Words that a number must never become. Outside names may hold them, so they are left out.
fn has_broken_number(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(['(', ')', ';', ',', ':', '.', '±', '%', '|', '+']))
        .find(|word| {
            let unsigned = word.trim_start_matches(['-', '+']);
            let zero = !unsigned.is_empty()
                && unsigned.bytes().all(|byte| matches!(byte, b'0' | b'.'))
                && word.starts_with('-');
            zero || matches!(unsigned, "NaN" | "inf" | "infinity")
        })
        .map(str::to_owned)
}

/// The result with every outside word replaced, so that all odd numbers left are ours.
fn with_calm_names(run: &RunResult) -> RunResult {
    let mut run = run.clone();
    run.environment.clear();
    run.warnings.clear();
    run.plan.baseline = "none".into();
    for series in &mut run.series {
        series.unit = "ops/s".into();
        series.config = "global".into();
        series.workload = None;
        for value in &mut series.values {
            value.block = "b".into();
        }
        for event in series
            .crashes
            .iter_mut()
            .flat_map(|crashes| &mut crashes.events)
        {
            event.message = "gone".into();
            event.signal = "SIGABRT".into();
            event.block = "b".into();
            event.thread = None;
        }
    }
    for row in &mut run.scaling {
        row.config = "global".into();
        row.workload = None;
        row.refused = None;
    }
    for row in &mut run.comparisons {
        row.test = "global".into();
        row.baseline = "none".into();
        row.workload = None;
        row.missing = None;
    }
    run
}

proptest! {
    #[test]
    fn no_renderer_panics(run in arbitrary::run(), width in 0_usize..300, color: bool) {
        let _ = render(&run, &TerminalStyle { width, color });
        let _ = markdown::render(&run);
        let _ = recommend::recommendations(&run);
        let text = json::to_string_pretty(&run).unwrap();
        prop_assert_eq!(json::from_str(&text).unwrap(), run);
    }

    #[test]
    fn numbers_are_never_broken(run in arbitrary::run()) {
        let run = with_calm_names(&run);
        let texts = [
            render(&run, &TerminalStyle::default()),
            markdown::render(&run),
            recommend::recommendations(&run).join("\n"),
        ];
        for text in texts {
            let broken = has_broken_number(&text);
            prop_assert!(broken.is_none(), "{:?} in\n{}", broken, text);
        }
    }

    #[test]
    fn table_rows_have_as_many_cells_as_their_header(run in arbitrary::run()) {
        let text = markdown::render(&run);
        let mut header = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                header = None;
                continue;
            }
            let expected = *header.get_or_insert_with(|| cells(line));
            prop_assert_eq!(cells(line), expected, "{}", line);
        }
    }

    #[test]
    fn every_raw_value_is_in_the_appendix(run in arbitrary::run()) {
        let text = markdown::render(&run);
        let appendix = text.split("## Data Appendix").nth(1).unwrap();
        let words: Vec<&str> = appendix.split_whitespace().collect();
        for value in run.series.iter().flat_map(|series| &series.values) {
            let exact = format::exact(value.value);
            prop_assert!(words.contains(&exact.as_str()), "{} is not in\n{}", exact, appendix);
        }
    }

    #[test]
    fn terminal_text_has_no_control_characters(run in arbitrary::run()) {
        let text = render(&run, &TerminalStyle::default());
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
