//! `record.html`: the page of a recording.

use maud::{Markup, html};

use super::model::Record;
use super::{flame, rows, wording};
use crate::html::both;
use crate::html::page::{self, Column, Head, Section, figure, table};
use crate::plots::svg::outside;
use crate::text::command;

/// Locks whose sites are told.
const DETAILED: usize = 10;
/// Rows of the other tables.
const ROWS: usize = 100;
/// Sites in the matrix.
const SITES: usize = 8;

/// Writes a recording as a page of HTML.
#[must_use]
pub fn render(record: &Record) -> String {
    let head = Head {
        title: outside(&format!("Locks of {}", command(&record.run.command))),
        about: wording::about(record),
        answer: answer(record),
        source: Some("record.json"),
    };
    let candidates: [(&'static str, &'static str, Option<Markup>); 8] = [
        ("locks", "Locks by time lost", locks(record)),
        ("owners", "Whose locks they are", owners(record)),
        ("waits", "Where threads waited", flames(record)),
        ("sites", "Call sites", sites(record)),
        ("blames", "Who waited for whom", blames(record)),
        ("threads", "Threads", threads(record)),
        ("idle", "Idle waiting", idle(record)),
        ("recording", "How it was recorded", Some(recording(record))),
    ];
    let sections: Vec<Section> = candidates
        .into_iter()
        .filter_map(|(id, heading, body)| {
            Some(Section {
                id,
                heading,
                body: body?,
            })
        })
        .collect();
    page::write(&head, &sections)
}

fn answer(record: &Record) -> Markup {
    let sentences = wording::answer(record, outside);
    html! {
        @for (index, sentence) in sentences.iter().enumerate() {
            p .lead[index == 0] { (sentence) }
        }
        div .trust { @for sentence in wording::course(record) { p { (sentence) } } }
        @for warning in &record.warnings { p .aside { (outside(&warning.message)) } }
    }
}

/// A table whose first column is a name and whose others are figures, but for those that are words.
fn figures(
    caption: &str,
    header: &[&'static str],
    words: &[usize],
    rows: Vec<Vec<String>>,
) -> Markup {
    let columns: Vec<(&str, Column)> = header
        .iter()
        .enumerate()
        .map(|(index, &name)| match index {
            0 => (name, Column::Name),
            index if words.contains(&index) => (name, Column::Long),
            _ => (name, Column::Figure),
        })
        .collect();
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.iter().map(|cell| outside(cell)).collect())
        .collect();
    table(caption, &columns, &rows)
}

fn locks(record: &Record) -> Option<Markup> {
    let (told, rest) = rows::told(record, ROWS);
    let shown = || told.iter();
    (!record.locks.is_empty()).then(|| {
        html! {
            (figures("Locks by the time that threads waited for them", &rows::LOCKS, &[], shown().map(|lock| rows::lock(record, lock)).collect()))
            @if rest > 0 { p { (rows::more_locks(rest)) } }
            p .note {
                "Time lost is the sum of all waits. Held is the share of the process's time. Contended are \
                 acquisitions that did not find the lock free."
            }
            (figures("Kinds, waiters and fairness", &rows::MORE, &[1], shown().map(|lock| rows::more(record, lock)).collect()))
            p .note {
                "Fairness is Jain's index of the threads' acquisitions: 1 where all took the lock equally \
                 often, 1 ÷ threads where one took it alone. Refused are attempts that were not to wait."
            }
        }
    })
}

fn owners(record: &Record) -> Option<Markup> {
    let mut rows = rows::owners(record);
    rows.truncate(ROWS);
    (rows.len() > 1).then(|| {
        html! {
            (figures("Locks by the part of the program that they belong to", &rows::OWNERS, &[], rows))
            p .note { (rows::OWNERS_NOTE) }
        }
    })
}

fn flames(record: &Record) -> Option<Markup> {
    let drawings = both(|layout| flame::draw(record, layout));
    (!drawings.is_empty()).then(|| {
        figure(
            &drawings,
            "Width is time waited; callers are above, the lock is at the end. Each call site's waits are \
             shared out over the stacks that were sampled there.",
        )
    })
}

fn sites(record: &Record) -> Option<Markup> {
    (!record.locks.is_empty()).then(|| {
        html! {
            p .note {
                "Made wait: how long others waited for the lock while this site held it, as far as that was seen."
            }
            @for lock in rows::detailed(record, DETAILED) {
                @let caption = outside(&format!("Sites of {}", rows::name(record, lock)));
                (figures(&caption, &rows::SITES, &[], lock.sites.iter().map(|site| rows::site(lock, site)).collect()))
            }
        }
    })
}

fn blames(record: &Record) -> Option<Markup> {
    if record.blames.is_empty() {
        return None;
    }
    let rows = record.blames.iter().take(ROWS).map(rows::blame).collect();
    Some(html! {
        (matrix(record))
        (figures("Each pair of call sites", &rows::BLAMES, &[1, 2], rows))
    })
}

/// Waiting sites by owning sites; the darker a cell, the more of all waits it holds.
fn matrix(record: &Record) -> Markup {
    let mut sites: Vec<(&str, f64)> = Vec::new();
    for blame in &record.blames {
        for site in [Some(&blame.waiter), blame.owner.as_ref()]
            .into_iter()
            .flatten()
        {
            match sites.iter_mut().find(|(name, _)| name == site) {
                Some((_, sum)) => *sum += blame.wait_ns,
                None => sites.push((site, blame.wait_ns)),
            }
        }
    }
    sites.sort_by(|a, b| b.1.total_cmp(&a.1));
    sites.truncate(SITES);
    let all: f64 = record.blames.iter().map(|blame| blame.wait_ns).sum();
    let waited = |waiter: &str, owner: Option<&str>| -> f64 {
        let of_pair = record
            .blames
            .iter()
            .filter(|blame| blame.waiter == waiter && blame.owner.as_deref() == owner);
        of_pair.map(|blame| blame.wait_ns).sum()
    };
    let letters = ["A", "B", "C", "D", "E", "F", "G", "H"];
    let caption = "Waiting site (row) by the site that held the lock (column)";
    html! {
        div .scroll role="region" aria-label=(caption) tabindex="0" {
            table .matrix {
                caption { span { (caption) } }
                thead { tr {
                    th scope="col" { "Waited" }
                    @for (letter, _) in letters.iter().zip(&sites) { th .num scope="col" { "for " (letter) } }
                    th .num scope="col" { "not seen" }
                } }
                tbody {
                    @for (letter, (waiter, _)) in letters.iter().zip(&sites) {
                        tr {
                            th .n scope="row" { (letter) " " (outside(waiter)) }
                            @for (owner, _) in &sites { (cell(waited(waiter, Some(owner)), all)) }
                            (cell(waited(waiter, None), all))
                        }
                    }
                }
            }
        }
    }
}

fn cell(wait_ns: f64, all_ns: f64) -> Markup {
    let share = if all_ns > 0.0 { wait_ns / all_ns } else { 0.0 };
    let class = match share {
        share if share > 0.3 => "num c3",
        share if share > 0.1 => "num c2",
        share if share > 0.01 => "num c1",
        _ => "num",
    };
    html! {
        td class=(class) {
            @if wait_ns > 0.0 { (crate::format::duration_ns(wait_ns)) } @else { (crate::format::MISSING) }
        }
    }
}

fn threads(record: &Record) -> Option<Markup> {
    let mut rows = rows::threads(rows::detailed(record, DETAILED).into_iter());
    rows.truncate(ROWS);
    (!rows.is_empty()).then(|| {
        html! {
            details {
                summary { "What each thread had of the first locks" }
                (figures("Threads by lock", &rows::THREADS, &[1], rows))
            }
        }
    })
}

fn idle(record: &Record) -> Option<Markup> {
    let rows: Vec<Vec<String>> = rows::idle_locks(record)
        .take(ROWS)
        .map(|lock| rows::idle(record, lock))
        .collect();
    (!rows.is_empty()).then(|| {
        html! {
            p .note { "Waits for something to happen, which are no contention." }
            (figures("Condition variables, semaphores and barriers", &rows::IDLE, &[1, 5], rows))
        }
    })
}

fn recording(record: &Record) -> Markup {
    let run = &record.run;
    let processes: Vec<Vec<String>> = run
        .processes
        .iter()
        .map(|process| {
            vec![
                process.pid.to_string(),
                process.trace.clone(),
                crate::format::count(process.threads),
                crate::format::duration_ns(process.wall_ns as f64),
                if process.ended {
                    "in order"
                } else {
                    "without a word (killed, crashed, or _exit)"
                }
                .to_owned(),
                crate::format::count(process.events_lost),
                crate::format::count(process.unnamed),
            ]
        })
        .collect();
    let header = [
        "Process",
        "Trace",
        "Threads",
        "Time",
        "Ended",
        "Events lost",
        "Unnamed",
    ];
    let facts: Vec<Vec<String>> = record
        .environment
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            vec![outside(name), outside(&value)]
        })
        .collect();
    html! {
        pre role="region" aria-label="Command" tabindex="0" { code { (outside(&command(&run.command))) } }
        p { (rows::sampling(record)) }
        (figures("Processes", &header, &[1, 4], processes))
        details {
            summary { "Environment" }
            (table("Environment", &[("Fact", Column::Name), ("Value", Column::Long)], &facts))
        }
    }
}
