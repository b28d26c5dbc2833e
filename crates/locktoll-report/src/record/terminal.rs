//! What a person reads when a recorded program has ended.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::model::{Lock, Record};
use super::{rows, wording};
use crate::terminal::TerminalStyle;
use crate::text::{plain, wrap};

const NARROWEST: usize = 40;
/// Columns of the table of locks that a terminal has room for.
const SHOWN: [usize; 8] = [0, 1, 2, 3, 4, 5, 6, 8];
/// Parts of the program shown by whose locks they are.
const OWNERS: usize = 6;
/// The least room for a name, so that it is not broken into syllables.
const NAME: u16 = 26;
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
    paragraphs.push(table(
        &SHOWN.map(|column| rows::LOCKS[column]),
        locks.iter().map(|lock| {
            let cells = rows::lock(lock);
            SHOWN.map(|column| cells[column].clone()).to_vec()
        }),
        width,
    ));
    // Where nobody waited, it does not matter who took it.
    for lock in locks
        .iter()
        .filter(|lock| lock.wait.total_ns > 0.0 && (lock.sites.len() > 1 || !lock.known))
    {
        let sites = lock
            .sites
            .iter()
            .take(SITES)
            .map(|site| rows::site(lock, site));
        let mut paragraph = format!("Sites of {}\n", plain(&lock.name));
        paragraph += &table(&rows::SITES, sites, width);
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
        let owners = table(&rows::OWNERS, owners.into_iter().take(OWNERS), width);
        paragraphs.push(format!("Whose locks they are\n{owners}"));
    }
    let blames = table(
        &rows::BLAMES,
        record.blames.iter().take(top).map(rows::blame),
        width,
    );
    if !blames.is_empty() {
        paragraphs.push(format!("Who waited for whom\n{blames}"));
    }
    let idle = table(
        &rows::IDLE,
        rows::idle_locks(record).take(top).map(rows::idle),
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

/// A table; without rows, nothing.
fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>, width: usize) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header.iter().map(|name| name.to_lowercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    if table.is_empty() {
        return String::new();
    }
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(NAME)));
    }
    let text = table.to_string();
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    trimmed.join("\n") + "\n"
}
