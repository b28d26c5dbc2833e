//! A regime map in each renderer: the crossovers in words, the grid, and no section without content.

use locktoll_report::markdown;
use locktoll_report::model::{Crossover, MapCell, Overhead, RegimeMap, RunResult};
use locktoll_report::terminal::{TerminalStyle, render};
use locktoll_stats::{Method, Verdict};

use crate::fixtures;

const LEVELS_NS: [u64; 9] = [
    2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000,
];

fn cell(queues: u32, work_ns: u64, overhead: f64, verdict: Verdict) -> MapCell {
    MapCell {
        threads: 8,
        queues,
        work_ns,
        n: 6,
        baseline_per_s: Some(1e9 / work_ns as f64),
        overhead: Overhead {
            estimate: Some(overhead),
            ci: Some([overhead - 0.004, overhead + 0.004]),
            confidence: 0.95,
            method: Some(Method::PairedLogRatio),
        },
        verdict: Some(verdict),
        blocks_needed: (verdict == Verdict::Unresolved).then_some(18),
        crashed: 0,
    }
}

fn crossover(queues: u32, below: Verdict, above: Verdict, between_ns: [u64; 2]) -> Crossover {
    Crossover {
        threads: 8,
        queues,
        below,
        above,
        between_ns,
    }
}

/// Invented: on 1 queue the lock costs and is then free; on 8 it pays, is free, and an end is open.
pub(crate) fn map() -> RunResult {
    use Verdict::{Costs, Free, Pays, Unresolved};
    let mut run = fixtures::bench();
    let mut open = cell(8, 512_000, 0.006, Unresolved);
    open.crashed = 2;
    run.map = Some(RegimeMap {
        baseline: "none".to_owned(),
        test: "global".to_owned(),
        levels_ns: LEVELS_NS.to_vec(),
        cells: vec![
            cell(1, 2_000, 0.441, Costs),
            cell(1, 8_000, 0.083, Costs),
            cell(1, 16_000, 0.0012, Free),
            cell(1, 32_000, 0.0004, Free),
            cell(1, 512_000, -0.0002, Free),
            cell(8, 2_000, -0.48, Pays),
            cell(8, 4_000, -0.12, Pays),
            cell(8, 8_000, 0.0008, Free),
            cell(8, 32_000, 0.0001, Free),
            open,
        ],
        a_a: vec![
            cell(1, 32_000, 0.0011, Free),
            cell(8, 32_000, -0.0007, Free),
        ],
        crossovers: vec![
            crossover(1, Costs, Free, [8_000, 16_000]),
            crossover(8, Pays, Free, [4_000, 8_000]),
        ],
        trials: 132,
        full_grid_trials: 228,
        complete: false,
    });
    run
}

fn text(run: &RunResult, width: usize) -> String {
    let style = TerminalStyle {
        width,
        color: false,
    };
    render(run, &style)
}

/// On one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn crossovers_are_told_with_the_levels_on_their_sides() {
    let said = flat(&text(&map(), 80));
    for sentence in [
        "At 8 threads on 1 queue, against none, the global lock costs more than 1% up to 8.00 µs of \
         GPU work per op and is free from 16.0 µs.",
        "At 8 threads on 8 queues, against none, the global lock gains more than 1% up to 4.00 µs of \
         GPU work per op and is free from 8.00 µs; unresolved at 1 of 5 points.",
        "It took 132 trials of the 228 that the finest grid takes (57.9%); not every crossover is \
         known to one step of the grid, a factor of 2.00.",
        "A/A passes",
        "2 of 132 trials crashed",
    ] {
        assert!(said.contains(sentence), "{sentence}\nis not in\n{said}");
    }
}

#[test]
fn a_regime_between_two_crossovers_has_both_its_ends() {
    let mut run = map();
    let map = run.map.as_mut().unwrap();
    map.crossovers = vec![
        // Out of order, and with two words for what is inside the margin.
        crossover(1, Verdict::Free, Verdict::Pays, [128_000, 256_000]),
        crossover(1, Verdict::Costs, Verdict::Negligible, [4_000, 16_000]),
    ];
    let said = flat(&text(&run, 80));
    let sentence = "costs more than 1% up to 4.00 µs of GPU work per op, is within ±1% from 16.0 µs to \
                    128 µs and gains more than 1% from 256 µs.";
    assert!(said.contains(sentence), "{said}");
    // The other row has none left, so its verdicts are told.
    let none = "no crossover of the global lock against none was found: it gains at 2.00 µs and \
                4.00 µs, is free at 8.00 µs and 32.0 µs and is unresolved at 512 µs.";
    assert!(said.contains(none), "{said}");
}

#[test]
fn a_row_without_a_crossover_says_what_is_known() {
    use Verdict::{Costs, Free, Negligible, Unresolved};
    for (row, sentence) in [
        (
            [(2_000, Costs), (8_000, Costs), (64_000, Unresolved)],
            "costs up to at least 8.00 µs of GPU work per op; from where it is free is not known; \
             unresolved at 1 of 3 points.",
        ),
        (
            [(2_000, Unresolved), (8_000, Free), (64_000, Free)],
            "is free at the latest from 8.00 µs of GPU work per op; what it does with less work is \
             not known; unresolved at 1 of 3 points.",
        ),
        (
            [(2_000, Negligible), (8_000, Free), (64_000, Free)],
            "is negligible (within ±1%) from 2.00 µs to 64.0 µs of GPU work per op; what it does with \
             less or more work is not known.",
        ),
        (
            [(2_000, Free), (8_000, Unresolved), (64_000, Unresolved)],
            "is free up to at least 2.00 µs of GPU work per op; what it does with more work is not \
             known; unresolved at 2 of 3 points.",
        ),
    ] {
        let mut run = map();
        let map = run.map.as_mut().unwrap();
        map.crossovers.clear();
        map.cells = row.map(|(work, word)| cell(1, work, 0.0, word)).to_vec();
        let said = flat(&text(&run, 80));
        assert!(said.contains(sentence), "{sentence}\nis not in\n{said}");
        let settles = said.contains("in a new map, --blocks 24 would settle");
        assert_eq!(
            settles,
            row.iter().any(|(_, word)| *word == Unresolved),
            "{said}"
        );
    }
}

/// 6 blocks were measured, and what is needed comes on top: a new map has all its blocks anew.
#[test]
fn what_would_settle_the_open_points_is_told_in_blocks_of_a_new_map() {
    for (needed, sentence) in [
        (
            &[Some(18)][..],
            "1 point is unresolved: in a new map, --blocks 24 would settle it with 80% power if \
             its estimate holds.",
        ),
        (
            &[Some(394), Some(6), Some(14)],
            "3 points are unresolved: in a new map, --blocks 20 would settle 2 of them and --blocks 400 \
             would settle all of them, each with 80% power if its estimate holds.",
        ),
        (
            &[Some(6), None],
            "2 points are unresolved: in a new map, --blocks 12 would settle 1 of them with 80% \
             power if its estimate holds.",
        ),
        (
            &[None, None],
            "2 points are unresolved: how many blocks would settle them cannot be told from these \
             values.",
        ),
    ] {
        let mut run = map();
        let map = run.map.as_mut().unwrap();
        map.crossovers.clear();
        map.cells = needed
            .iter()
            .zip(LEVELS_NS)
            .map(|(&blocks_needed, work)| MapCell {
                blocks_needed,
                ..cell(1, work, 0.006, Verdict::Unresolved)
            })
            .collect();
        let told = [
            text(&run, 80),
            markdown::render(&run).replace("**", ""),
            locktoll_report::html::render(&run)
                .replace("<strong class=\"unresolved\">", "")
                .replace("</strong>", ""),
        ];
        for said in told.map(|told| flat(&told)) {
            assert!(said.contains(sentence), "{sentence}\nis not in\n{said}");
        }
    }
}

#[test]
fn a_failed_a_a_comes_first() {
    let mut run = map();
    run.map.as_mut().unwrap().a_a[1].verdict = Some(Verdict::Costs);
    assert!(text(&run, 80).starts_with("A/A FAILS"));
    let report = markdown::render(&run);
    let (fails, answer) = (report.find("A/A FAILS"), report.find("costs"));
    assert!(fails.is_some() && fails < answer, "{report}");
}

#[test]
fn every_level_and_every_overhead_is_drawn_at_any_width() {
    let wide = text(&map(), 100);
    assert!(wide.contains("8 threads, 1 queue   ▲·▲==···="), "{wide}");
    assert!(wide.contains("8 threads, 8 queues  ▼▼=·=···?"), "{wide}");
    for width in [40, 60, 100, 300] {
        let text = text(&map(), width);
        assert!(
            text.contains("+44.10% ▲") || text.contains("+44.1% ▲"),
            "{text}"
        );
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn a_map_without_points_says_so() {
    let mut run = map();
    let map = run.map.as_mut().unwrap();
    (map.cells, map.a_a, map.crossovers) = (Vec::new(), Vec::new(), Vec::new());
    map.full_grid_trials = 0;
    assert!(text(&run, 80).contains("Nothing was measured"));
    assert!(markdown::render(&run).contains("None was found."));
}
