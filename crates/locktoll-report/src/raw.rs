//! Raw values of several series side by side, block by block.

use std::collections::HashMap;

use crate::format::MISSING;
use crate::model::Series;

/// Whether a series has values, or crashes that stand in their place.
pub(crate) fn has_rows(series: &Series) -> bool {
    let crashed = series
        .crashes
        .as_ref()
        .is_some_and(|crashes| !crashes.events.is_empty());
    crashed || !series.values.is_empty()
}

/// One row for each block label, in the order of first appearance: the label, then a cell for each
/// series.
///
/// A label that comes twice in a series, as in a file without block labels, gets a row for each.
pub(crate) fn block_rows(
    series: &[&Series],
    label: fn(&str) -> String,
    figure: fn(f64) -> String,
) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row_of: HashMap<(&str, usize), usize> = HashMap::new();
    for (column, series) in series.iter().enumerate() {
        let crashes = series.crashes.iter().flat_map(|crashes| &crashes.events);
        let values = series
            .values
            .iter()
            .map(|value| (value.block.as_str(), figure(value.value)));
        let crashed = crashes.map(|event| (event.block.as_str(), "crashed".to_owned()));
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (block, text) in values.chain(crashed) {
            let nth = seen.entry(block).or_default();
            let row = *row_of.entry((block, *nth)).or_insert_with(|| {
                rows.push(vec![label(block)]);
                rows.len() - 1
            });
            *nth += 1;
            rows[row].resize(column + 1, MISSING.to_owned());
            rows[row].push(text);
        }
    }
    for row in &mut rows {
        row.resize(series.len() + 1, MISSING.to_owned());
    }
    rows.sort_by_key(|row| row[0].parse::<u64>().unwrap_or(u64::MAX));
    rows
}
