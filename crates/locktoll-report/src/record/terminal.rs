//! What a person reads when a recorded program has ended.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::model::{Lock, Record};
use super::{rows, wording};
use crate::terminal::TerminalStyle;
use crate::text::{plain, wrap};

const NARROWEST: usize = 40;
/// Columns that are left out where there is no room for them: of locks, the median and the longest wait, and the
/// holds' tail; of sites, the median wait.
const LOCKS_WITHOUT: [usize; 4] = [5, 7, 9, 10];
const SITES_WITHOUT: [usize; 1] = [5];
/// The least width at which all columns fit.
const WIDE: usize = 130;
/// Parts of the program shown by whose locks they are.
const OWNERS: usize = 6;
/// The least room for a name, so that it is not broken into syllables.
const NAME: usize = 22;
/// The longest that is kept together in other columns.
const FIGURE: usize = 9;
/// Locks whose sites are shown.
const DETAILED: usize = 5;
/// Call sites shown of each lock.
const SITES: usize = 3;

/// Writes a recording for a terminal: the answer, the `top` locks with their sites, who waited for whom, and
/// what was waited for idly.
#[must_use]
pub fn render(record: &Record, style: &TerminalStyle, top: usize) -> String {
    let width = style.width.max(NARROWEST);
    let lines = |sentences: Vec<String>| -> String {
        sentences
            .iter()
            .map(|sentence| wrap(sentence, width, "", "  "))
            .collect()
    };
    let mut paragraphs = vec![lines(wording::answer(record, plain))];
    let locks: Vec<&Lock> = record.locks.iter().take(top).collect();
    let without = |columns: &'static [usize]| if width < WIDE { columns } else { &[] };
    paragraphs.push(table(
        &rows::LOCKS,
        locks.iter().map(|lock| rows::lock(record, lock)),
        without(&LOCKS_WITHOUT),
        width,
    ));
    // Where nobody waited, it does not matter who took it.
    let detailed = rows::detailed(record, DETAILED.min(top));
    for lock in detailed
        .iter()
        .filter(|lock| lock.sites.len() > 1 || !lock.known)
    {
        let sites = lock
            .sites
            .iter()
            .take(SITES)
            .map(|site| rows::site(lock, site));
        let mut paragraph = format!("Sites of {}\n", plain(&rows::name(record, lock)));
        paragraph += &table(&rows::SITES, sites, without(&SITES_WITHOUT), width);
        paragraphs.push(paragraph);
    }
    if record.locks.len() > top {
        let more = record.locks.len() - top;
        paragraphs.push(format!(
            "… and {more} more locks in record.json and record.html\n"
        ));
    }
    let owners = rows::owners(record);
    if owners.len() > 1 {
        let owners = table(&rows::OWNERS, owners.into_iter().take(OWNERS), &[], width);
        paragraphs.push(format!("Whose locks they are\n{owners}"));
    }
    let blames = table(
        &rows::BLAMES,
        record.blames.iter().take(top).map(rows::blame),
        &[],
        width,
    );
    if !blames.is_empty() {
        paragraphs.push(format!("Who waited for whom\n{blames}"));
    }
    let idle = table(
        &rows::IDLE,
        rows::idle_locks(record)
            .take(top)
            .map(|lock| rows::idle(record, lock)),
        &[],
        width,
    );
    if !idle.is_empty() {
        paragraphs.push(format!("Idle waiting, which is no contention\n{idle}"));
    }
    let mut closing = vec![rows::sampling(record)];
    closing.extend(wording::course(record));
    paragraphs.push(lines(closing));
    paragraphs.push(
        record
            .warnings
            .iter()
            .map(|warning| wrap(&plain(&warning.message), width, "warning: ", "  "))
            .collect(),
    );
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n")
}

/// A table without some of its columns; without rows, nothing.
fn table(
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    without: &[usize],
    width: usize,
) -> String {
    let shown = |cells: Vec<String>| -> Vec<String> {
        let cells = cells.into_iter().enumerate();
        let shown = cells.filter(|(column, _)| !without.contains(column));
        shown.map(|(_, cell)| plain(&cell)).collect()
    };
    let header = shown(header.iter().map(|name| name.to_lowercase()).collect());
    let rows: Vec<Vec<String>> = rows.map(shown).collect();
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header.clone());
    for row in &rows {
        table.add_row(row);
    }
    if table.is_empty() {
        return String::new();
    }
    for (index, name) in header.iter().enumerate() {
        // Figures are not broken; names may be.
        let cells = rows.iter().filter_map(|row| row.get(index));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        let least = if index == 0 {
            NAME
        } else {
            longest.min(FIGURE).max(name.len())
        };
        // With a space on both sides.
        let least = u16::try_from(least + 2).unwrap_or(u16::MAX);
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    let text = table.to_string();
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    trimmed.join("\n") + "\n"
}
