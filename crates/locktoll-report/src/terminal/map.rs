//! A regime map on a terminal: a strip of verdicts over all levels, and the overheads measured.

use locktoll_stats::Verdict;

use crate::format::{MISSING, duration_ns, half_width, signed_percent};
use crate::model::{MapCell, RegimeMap};
use crate::text::{columns, pad, wrap};
use crate::wording::Voice;
use crate::wording::map::{Row, of, rows};

/// Columns between those of a table.
const GAP: usize = 2;

/// One glyph for each verdict; they differ without colour too.
const GLYPHS: [(Verdict, &str); 5] = [
    (Verdict::Costs, "▲"),
    (Verdict::Pays, "▼"),
    (Verdict::Free, "="),
    (Verdict::Negligible, "~"),
    (Verdict::Unresolved, "?"),
];
const NOT_MEASURED: &str = "·";

/// The strip, what its glyphs mean, and the tables; empty for a map without points.
pub(super) fn paragraphs(map: &RegimeMap, width: usize, voice: &Voice) -> Vec<String> {
    let rows = rows(map);
    if rows.is_empty() {
        return Vec::new();
    }
    let mut paragraphs = vec![strip(map, &rows, width, voice)];
    paragraphs.extend(tables(map, &rows, width, voice));
    paragraphs.push(legend(width));
    paragraphs
}

fn glyph(verdict: Option<Verdict>, voice: &Voice) -> String {
    let found = verdict.and_then(|verdict| GLYPHS.iter().find(|(known, _)| *known == verdict));
    found.map_or_else(
        || MISSING.to_owned(),
        |(verdict, glyph)| (voice.stress)(*verdict, glyph),
    )
}

fn legend(width: usize) -> String {
    let mut words: Vec<String> = GLYPHS
        .iter()
        .map(|(verdict, glyph)| format!("{glyph} {verdict}"))
        .collect();
    words.push(format!("{NOT_MEASURED} not measured"));
    wrap(&words.join(", "), width, "", "  ")
}

/// One line for each row, one column for each level; where those do not fit, one for each level that
/// was measured in any row; where not even those do, nothing: the tables have them all.
fn strip(map: &RegimeMap, rows: &[Row], width: usize, voice: &Voice) -> String {
    let label = rows.iter().map(|row| columns(&row.label())).max();
    let room = width.saturating_sub(label.unwrap_or(0) + GAP);
    let (levels, which) = if map.levels_ns.len() <= room {
        (map.levels_ns.clone(), "all levels")
    } else {
        (measured(map), "the levels measured")
    };
    let (Some(&first), Some(&last)) = (levels.first(), levels.last()) else {
        return String::new();
    };
    if levels.len() > room {
        return String::new();
    }
    let mut out = wrap(
        &format!(
            "GPU work per op from {} to {}, {which}:",
            duration_ns(first as f64),
            duration_ns(last as f64)
        ),
        width,
        "",
        "  ",
    );
    for row in rows {
        let cells = row.cells(map);
        let glyphs: String = levels
            .iter()
            .map(|&work| {
                cells.iter().find(|cell| cell.work_ns == work).map_or_else(
                    || NOT_MEASURED.to_owned(),
                    |cell| glyph(cell.verdict, voice),
                )
            })
            .collect();
        out += &pad(&row.label(), label.unwrap_or(0) + GAP);
        out += &glyphs;
        out.push('\n');
    }
    out
}

/// Levels measured in any row, increasing.
fn measured(map: &RegimeMap) -> Vec<u64> {
    let mut works: Vec<u64> = map.cells.iter().map(|cell| cell.work_ns).collect();
    works.sort_unstable();
    works.dedup();
    works
}

/// The overhead of every measured point: work downwards, as many rows of the map side by side as the
/// width holds.
fn tables(map: &RegimeMap, rows: &[Row], width: usize, voice: &Voice) -> Vec<String> {
    let work_columns = 12;
    let widest = rows.iter().map(|row| columns(&row.label())).max();
    let each = widest.unwrap_or(0) + GAP;
    let side_by_side = (width.saturating_sub(work_columns) / each.max(1)).max(1);
    rows.chunks(side_by_side)
        .map(|rows| table(map, rows, voice))
        .collect()
}

/// Columns are as wide as what is seen of their widest entry, which colour adds nothing to.
fn table(map: &RegimeMap, rows: &[Row], voice: &Voice) -> String {
    let mut lines = vec![vec!["work per op".to_owned()]];
    lines[0].extend(rows.iter().map(|row| row.label()));
    for work in measured(map) {
        let here: Vec<Option<&MapCell>> = rows
            .iter()
            .map(|row| {
                let mut cells = map.cells.iter();
                cells.find(|cell| of(cell) == *row && cell.work_ns == work)
            })
            .collect();
        if here.iter().any(Option::is_some) {
            let mut line = vec![duration_ns(work as f64)];
            line.extend(here.into_iter().map(|cell| overhead(cell, voice)));
            lines.push(line);
        }
    }
    let width = |column: usize| {
        let widths = lines.iter().map(|line| columns(&line[column]));
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..=rows.len()).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let right: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(text, width)| " ".repeat(width - columns(text)) + text)
            .collect();
        out += right.join(&" ".repeat(GAP)).trim_end();
        out.push('\n');
    }
    out
}

/// `+44.1% ▲`; nothing where the row was not measured at that level.
fn overhead(cell: Option<&MapCell>, voice: &Voice) -> String {
    let Some(cell) = cell else {
        return String::new();
    };
    let figure = cell.overhead.estimate.map_or_else(
        || MISSING.to_owned(),
        |estimate| signed_percent(estimate, cell.overhead.ci.map(half_width)),
    );
    format!("{figure} {}", glyph(cell.verdict, voice))
}
