//! A regime map in words: where the lock costs, is free and pays, row by row.

use locktoll_stats::Verdict;

use super::{NOT_KNOWN, Voice, capital, is_known};
use crate::evidence::{AaOutcome, a_a};
use crate::format::{
    count, duration_ns, given_percent, half_width, list, percent, percent_interval, plural, share,
};
use crate::model::{Crossover, MapCell, RegimeMap, RunResult};

/// Levels that a sentence lists one by one.
const SPELLED_OUT: usize = 4;

/// A row of a map: a number of threads on a number of queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) threads: u32,
    pub(crate) queues: u32,
}

impl Row {
    /// `8 threads, 1 queue`.
    pub(crate) fn label(self) -> String {
        let threads = plural(self.threads.into(), "thread");
        format!("{threads}, {}", plural(self.queues.into(), "queue"))
    }

    /// `at 8 threads on 1 queue`.
    fn place(self) -> String {
        let threads = plural(self.threads.into(), "thread");
        format!("at {threads} on {}", plural(self.queues.into(), "queue"))
    }

    /// The row's points, by work.
    pub(crate) fn cells(self, map: &RegimeMap) -> Vec<&MapCell> {
        let mut cells: Vec<&MapCell> = map.cells.iter().filter(|cell| of(cell) == self).collect();
        cells.sort_by_key(|cell| cell.work_ns);
        cells
    }
}

/// The row of a point.
pub(crate) fn of(cell: &MapCell) -> Row {
    Row {
        threads: cell.threads,
        queues: cell.queues,
    }
}

/// The rows of a map.
pub(crate) fn rows(map: &RegimeMap) -> Vec<Row> {
    let mut rows: Vec<Row> = map.cells.iter().map(of).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The answer: one sentence for each row, and what it took to find out.
pub(crate) fn answer(run: &RunResult, map: &RegimeMap, voice: &Voice) -> Vec<String> {
    let rows = rows(map);
    if rows.is_empty() {
        return vec!["Nothing was measured: the map has no points.".to_owned()];
    }
    let mut lines: Vec<String> = rows.iter().map(|&at| row(run, map, at, voice)).collect();
    lines.push(effort(map));
    lines.extend(unresolved(map, voice));
    lines
}

fn row(run: &RunResult, map: &RegimeMap, at: Row, voice: &Voice) -> String {
    let cells = at.cells(map);
    let mut crossovers: Vec<&Crossover> = map
        .crossovers
        .iter()
        .filter(|crossover| (crossover.threads, crossover.queues) == (at.threads, at.queues))
        .collect();
    crossovers.sort_by_key(|crossover| crossover.between_ns);
    let test = voice.subject(run, &map.test);
    let base = (voice.name)(&map.baseline);
    let known = Known::of(&cells).filter(|_| crossovers.is_empty());
    let is_told = known.is_some() || !crossovers.is_empty();
    let said = if let Some(known) = known {
        format!(
            "against {base}, {test} {}",
            known.told(run.plan.margin, voice)
        )
    } else if crossovers.is_empty() {
        let verdicts = by_verdict(&cells, voice);
        format!("no crossover of {test} against {base} was found: it {verdicts}")
    } else {
        let regimes = list(&regimes(&crossovers, run.plan.margin, voice));
        format!("against {base}, {test} {regimes}")
    };
    let open = cells
        .iter()
        .filter(|cell| cell.verdict == Some(Verdict::Unresolved))
        .count();
    let open = if open > 0 && is_told {
        let stressed = (voice.stress)(Verdict::Unresolved, "unresolved");
        let all = plural(cells.len() as u64, "point");
        format!("; {stressed} at {} of {all}", count(open as u64))
    } else {
        String::new()
    };
    let place = at.place();
    capital(&format!("A{}, {said}{open}.", &place[1..]))
}

/// One clause for each regime along the work: `costs more than 1% up to 1.00 ms of GPU work per op`,
/// `is free from 1.41 ms`.
fn regimes(crossovers: &[&Crossover], margin: f64, voice: &Voice) -> Vec<String> {
    let work = |ns: u64| duration_ns(ns as f64);
    let mut clauses = Vec::new();
    let (first, last) = (crossovers[0], crossovers[crossovers.len() - 1]);
    clauses.push(format!(
        "{} up to {} of GPU work per op",
        word(first.below, margin, voice),
        work(first.between_ns[0])
    ));
    for pair in crossovers.windows(2) {
        let (from, to) = (pair[0].between_ns[1], pair[1].between_ns[0]);
        let regime = if pair[0].above == pair[1].below {
            word(pair[0].above, margin, voice)
        } else {
            format!("is within ±{}", given_percent(margin))
        };
        clauses.push(if from == to {
            format!("{regime} at {}", work(from))
        } else {
            format!("{regime} from {} to {}", work(from), work(to))
        });
    }
    clauses.push(format!(
        "{} from {}",
        word(last.above, margin, voice),
        work(last.between_ns[1])
    ));
    clauses
}

/// What a settled verdict says of the lock. A crossover's costs and gains lie beyond the margin with
/// their whole interval.
fn word(verdict: Verdict, margin: f64, voice: &Voice) -> String {
    let margin = given_percent(margin);
    let stress = |word: &str| (voice.stress)(verdict, word);
    match verdict {
        Verdict::Costs => format!("{} more than {margin}", stress("costs")),
        Verdict::Pays => format!("{} more than {margin}", stress("gains")),
        Verdict::Free => format!("is {}", stress("free")),
        Verdict::Negligible => format!("is {} (within ±{margin})", stress("negligible")),
        Verdict::Unresolved => format!("is {}", stress("unresolved")),
    }
}

/// What is known of a row without a crossover whose decided points all say the same.
struct Known {
    verdict: Verdict,
    /// The least and the most work with that verdict.
    decided: [u64; 2],
    /// The least and the most work measured.
    measured: [u64; 2],
}

impl Known {
    fn of(cells: &[&MapCell]) -> Option<Self> {
        let inside = |verdict| matches!(verdict, Verdict::Free | Verdict::Negligible);
        let decided: Vec<(u64, Verdict)> = cells
            .iter()
            .filter_map(|cell| Some((cell.work_ns, cell.verdict?)))
            .filter(|(_, verdict)| *verdict != Verdict::Unresolved)
            .collect();
        let (&(from, first), &(to, _)) = (decided.first()?, decided.last()?);
        let alike = |other: Verdict| other == first || (inside(first) && inside(other));
        if !decided.iter().all(|&(_, verdict)| alike(verdict)) {
            return None;
        }
        let all_free = decided.iter().all(|&(_, verdict)| verdict == Verdict::Free);
        Some(Self {
            verdict: if inside(first) && !all_free {
                Verdict::Negligible
            } else {
                first
            },
            decided: [from, to],
            measured: [cells.first()?.work_ns, cells.last()?.work_ns],
        })
    }

    /// `costs up to at least 200 µs of GPU work per op; from where it is free is not known`.
    fn told(&self, margin: f64, voice: &Voice) -> String {
        let word = match self.verdict {
            Verdict::Costs => (voice.stress)(Verdict::Costs, "costs"),
            Verdict::Pays => (voice.stress)(Verdict::Pays, "gains"),
            inside => word(inside, margin, voice),
        };
        let [from, to] = self.decided.map(|ns| duration_ns(ns as f64));
        let [from_least, to_most] = [
            self.decided[0] == self.measured[0],
            self.decided[1] == self.measured[1],
        ];
        let is_inside = matches!(self.verdict, Verdict::Free | Verdict::Negligible);
        let (reach, open) = match (from_least, to_most) {
            _ if is_inside && self.measured[0] == self.measured[1] => {
                (format!("at {from}"), "with less or more work")
            }
            (true, true) if is_inside => (format!("from {from} to {to}"), "with less or more work"),
            (true, _) if is_inside => (format!("up to at least {to}"), "with more work"),
            (false, true) if is_inside => (format!("at the latest from {from}"), "with less work"),
            (true, _) => {
                return format!(
                    "{word} up to at least {to} of GPU work per op; from where it is free is not known"
                );
            }
            (false, true) => (format!("at the latest from {from}"), "with less work"),
            (false, false) => (format!("from {from} to {to}"), "with less or more work"),
        };
        format!("{word} {reach} of GPU work per op; what it does {open} is not known")
    }
}

/// `is free at 2.00 µs, 31.6 µs and 500 µs`, by verdict.
fn by_verdict(cells: &[&MapCell], voice: &Voice) -> String {
    let classes = [
        (Some(Verdict::Costs), "costs"),
        (Some(Verdict::Pays), "gains"),
        (Some(Verdict::Negligible), "is negligible"),
        (Some(Verdict::Free), "is free"),
        (Some(Verdict::Unresolved), "is unresolved"),
        (None, "is not compared"),
    ];
    let clauses: Vec<String> = classes
        .into_iter()
        .filter_map(|(verdict, words)| {
            let works: Vec<u64> = cells
                .iter()
                .filter(|cell| cell.verdict == verdict)
                .map(|cell| cell.work_ns)
                .collect();
            let words = verdict.map_or_else(|| words.to_owned(), |v| (voice.stress)(v, words));
            (!works.is_empty()).then(|| format!("{words} at {}", levels(&works)))
        })
        .collect();
    list(&clauses)
}

fn levels(works: &[u64]) -> String {
    let work = |ns: &u64| duration_ns(*ns as f64);
    match works {
        [first, .., last] if works.len() > SPELLED_OUT => format!(
            "{} levels from {} to {}",
            works.len(),
            work(first),
            work(last)
        ),
        _ => list(&works.iter().map(work).collect::<Vec<_>>()),
    }
}

/// Trials run, and how near the crossovers are known.
fn effort(map: &RegimeMap) -> String {
    let trials = plural(map.trials, "trial");
    let full = count(map.full_grid_trials);
    let part = if map.full_grid_trials > 0 {
        let part = map.trials as f64 / map.full_grid_trials as f64;
        format!(" ({})", share(part))
    } else {
        String::new()
    };
    let known = if map.complete {
        "the ends of every row are settled, and every crossover is known to one step of the grid"
    } else {
        "not every crossover is known to one step of the grid"
    };
    let step = step(map).map_or_else(String::new, |factor| format!(", a factor of {factor:.2}"));
    format!("It took {trials} of the {full} that the finest grid takes{part}; {known}{step}.")
}

/// What would settle the points that are not: blocks of a new map, since going on with this one after
/// having seen it would be a second look.
fn unresolved(map: &RegimeMap, voice: &Voice) -> Option<String> {
    let open: Vec<&MapCell> = map
        .cells
        .iter()
        .filter(|cell| cell.verdict == Some(Verdict::Unresolved))
        .collect();
    let blocks_of = |cell: &&MapCell| Some(cell.blocks_needed?.saturating_add(cell.n as u64));
    let mut blocks: Vec<u64> = open.iter().filter_map(blocks_of).collect();
    blocks.sort_unstable();
    let all = open.len();
    let known = blocks.len();
    let one = all == 1;
    let settles = match blocks.as_slice() {
        [] if all == 0 => return None,
        [] => {
            let those = if one { "it" } else { "them" };
            format!("how many blocks would settle {those} cannot be told from these values")
        }
        [.., most] => {
            let whom = match (one, known == all) {
                (true, _) => "it".to_owned(),
                (_, true) => "all of them".to_owned(),
                _ => format!("{} of them", count(known as u64)),
            };
            // One point that lies on the margin itself may need more blocks than anyone has time for.
            let middle = known.div_ceil(2);
            let fewer = if blocks[middle - 1] < *most {
                format!(
                    "--blocks {} would settle {} of them and ",
                    blocks[middle - 1],
                    count(middle as u64)
                )
            } else {
                String::new()
            };
            let each = if known == 1 { "" } else { ", each" };
            format!(
                "in a new map, {fewer}--blocks {most} would settle {whom}{each} with 80% power if its \
                 estimate holds"
            )
        }
    };
    Some(format!(
        "{} {} {}: {settles}.",
        plural(all as u64, "point"),
        if one { "is" } else { "are" },
        (voice.stress)(Verdict::Unresolved, "unresolved"),
    ))
}

/// The mean factor from one level of the finest grid to the next.
fn step(map: &RegimeMap) -> Option<f64> {
    let (first, last) = (*map.levels_ns.first()?, *map.levels_ns.last()?);
    let steps = map.levels_ns.len() - 1;
    (steps > 0 && first > 0).then(|| (last as f64 / first as f64).powf(1.0 / steps as f64))
}

/// Whether the baseline is shown to equal itself, where it was measured twice.
pub(crate) fn a_a_sentence(run: &RunResult, map: &RegimeMap, voice: &Voice) -> String {
    let margin = given_percent(run.plan.margin);
    let rows: Vec<String> = map
        .a_a
        .iter()
        .map(|cell| {
            let word = cell.verdict.map_or_else(
                || "no verdict".to_owned(),
                |v| (voice.stress)(v, &v.to_string()),
            );
            format!(
                "{} with {} of work {} {word}",
                of(cell).place(),
                duration_ns(cell.work_ns as f64),
                size(cell)
            )
        })
        .collect();
    let rows = rows.join("; ");
    let twice = "the baseline against itself";
    match a_a(run) {
        AaOutcome::NotRun => {
            "A/A: not run, so nothing shows that the experiment tells same from same.".to_owned()
        }
        AaOutcome::Passed => format!(
            "A/A passes: {twice} is shown to stay within ±{margin}, by equivalence tests ({rows})."
        ),
        AaOutcome::Unsettled => {
            format!("A/A is not settled: {twice} is not shown to stay within ±{margin} ({rows}).")
        }
        AaOutcome::Failed => format!(
            "A/A FAILS: {twice} differs ({rows}). Differences of this size come from the \
             experiment, not from a lock."
        ),
    }
}

/// `33.1% (32.6% to 33.7%)`.
fn size(cell: &MapCell) -> String {
    let Some(estimate) = cell.overhead.estimate else {
        return "without estimate".to_owned();
    };
    match cell.overhead.ci {
        Some(ci) if !is_known(&cell.overhead) => format!(
            "{} (interval {NOT_KNOWN})",
            percent(estimate, Some(half_width(ci)))
        ),
        Some(ci) => format!(
            "{} ({})",
            percent(estimate, Some(half_width(ci))),
            percent_interval(ci)
        ),
        None => format!("{} (no interval)", percent(estimate, None)),
    }
}

/// What crashed, where something did.
pub(crate) fn crashes(map: &RegimeMap) -> Option<String> {
    let crashed: u64 = map.cells.iter().chain(&map.a_a).map(|c| c.crashed).sum();
    (crashed > 0).then(|| {
        format!(
            "{} of {} crashed; a block with a crash does not count at its point.",
            count(crashed),
            plural(map.trials, "trial")
        )
    })
}

/// What a reader might take from a map that it does not say.
pub(crate) const LIMITS: [&str; 2] = [
    "Between two measured levels of the same side nothing was measured: a regime that begins and \
     ends there is not seen.",
    "A crossover lies between two settled points: one with its whole interval beyond the margin, \
     the other inside it by the equivalence test, or both beyond it on different sides.",
];
