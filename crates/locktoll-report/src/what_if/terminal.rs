//! What a person reads at the end.

use comfy_table::Table;

use super::model::WhatIf;
use super::{rows, wording};
use crate::terminal::TerminalStyle;
use crate::text::{plain, wrap};

const NARROWEST: usize = 40;

/// Writes a result for a terminal.
#[must_use]
pub fn render(result: &WhatIf, style: &TerminalStyle) -> String {
    let width = style.width.max(NARROWEST);
    let lines = |sentences: Vec<String>| -> String {
        sentences
            .iter()
            .map(|sentence| wrap(sentence, width, "", "  "))
            .collect()
    };
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(rows::CUTS.map(str::to_lowercase));
    for cut in &result.cuts {
        table.add_row(rows::cut(cut));
    }
    let table = table.to_string();
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    let mut paragraphs = vec![
        lines(wording::answer(result, plain)),
        table.join("\n") + "\n",
        lines(wording::evidence(result)),
        wrap(wording::READING, width, "", "  "),
        result
            .warnings
            .iter()
            .map(|warning| wrap(&plain(warning), width, "warning: ", "  "))
            .collect(),
    ];
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n")
}
