//! One test for each branch from verdicts and crashes to a recommendation.

use locktoll_report::model::{Comparison, Crashes, Origin, Role, RunResult};
use locktoll_report::recommend::recommendations;
use locktoll_stats::Verdict;

use crate::fixtures::{self, bench, calm, compared, crashed, empty, series};

fn row(test: &str, estimate: f64, verdict: Verdict) -> Comparison {
    let ci = [estimate - 0.002, estimate + 0.002];
    compared(Role::Strategy, test, Some(8), estimate, ci, verdict)
}

/// A measured run of these comparisons, with crash counts for the configurations named.
fn run(rows: Vec<Comparison>, crashes: &[(&str, Crashes)]) -> RunResult {
    let mut run = bench();
    for (config, crashes) in crashes {
        let mut series = series(Role::Strategy, config, Some(8), 1000.0);
        series.crashes = Some(crashes.clone());
        run.series.push(series);
    }
    run.comparisons = rows;
    run
}

/// The same with another baseline than `none`.
fn against(baseline: &str, mut rows: Vec<Comparison>, crashes: &[(&str, Crashes)]) -> RunResult {
    for row in &mut rows {
        row.baseline = baseline.into();
    }
    let mut run = run(rows, crashes);
    run.plan.baseline = baseline.into();
    run
}

#[test]
fn nothing_compared_recommends_nothing() {
    assert!(recommendations(&empty()).is_empty());
}

#[test]
fn a_free_or_negligible_lock_is_kept() {
    for verdict in [Verdict::Free, Verdict::Negligible] {
        let said = recommendations(&run(vec![row("global", 0.001, verdict)], &[]));
        assert_eq!(
            said,
            [
                "Keep the global lock at 8 threads: any difference from running without a lock is \
              within ±1%, so dropping it gains nothing beyond that."
            ]
        );
    }
}

#[test]
fn a_baseline_lock_is_kept_where_dropping_it_gains_nothing() {
    let run = against(
        "global",
        vec![row("none", -0.001, Verdict::Free)],
        &[("none", calm())],
    );
    assert_eq!(
        recommendations(&run),
        [
            "Keep the global lock at 8 threads: any difference from running without a lock is \
          within ±1%, so dropping it gains nothing beyond that."
        ]
    );
}

#[test]
fn a_lock_that_costs_may_be_dropped_only_where_the_driver_allows_it() {
    let run = run(
        vec![row("global", 0.331, Verdict::Costs)],
        &[("none", calm())],
    );
    assert_eq!(
        recommendations(&run),
        [
            "Drop the global lock at 8 threads only if the driver's documentation allows it: it costs \
          throughput (33.10% (32.90% to 33.30%)). 0 of 20 trials crashed without it, which bounds \
          the rate (below 13.9% at 95%) and does not show that there is no race."
        ]
    );
}

#[test]
fn crashes_that_were_not_counted_are_not_taken_for_safety() {
    let said = recommendations(&run(vec![row("global", 0.331, Verdict::Costs)], &[]));
    assert!(
        said[0].ends_with("Whether it crashes without one was not measured."),
        "{said:?}"
    );
}

#[test]
fn a_lock_that_pays_is_preferred_to_none() {
    let said = recommendations(&run(vec![row("global", -0.2, Verdict::Pays)], &[]));
    assert!(said[0].starts_with("Prefer the global lock to running without a lock at 8 threads"));
}

#[test]
fn crash_evidence_forbids_dropping_a_lock() {
    let rows = vec![
        row("global", 0.331, Verdict::Costs),
        row("per-encoder", 0.2, Verdict::Costs),
    ];
    let said = recommendations(&run(rows, &[("none", crashed())]));
    assert_eq!(
        said[0],
        "Keep a lock, whatever it costs: without one, 3 of 20 trials crashed with 8 threads (none)."
    );
    assert!(
        said.iter()
            .all(|line| !line.to_lowercase().contains("drop")),
        "{said:?}"
    );
}

#[test]
fn a_faster_unlocked_run_that_crashed_is_not_recommended() {
    let run = against(
        "global",
        vec![row("none", -0.3, Verdict::Pays)],
        &[("none", crashed()), ("global", calm())],
    );
    let said = recommendations(&run);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Keep a lock"), "{said:?}");
}

#[test]
fn a_faster_unlocked_run_without_crashes_needs_the_drivers_word() {
    let run = against(
        "global",
        vec![row("none", -0.3, Verdict::Pays)],
        &[("none", calm())],
    );
    let said = recommendations(&run);
    assert!(
        said[0].starts_with("Drop the global lock at 8 threads only if"),
        "{said:?}"
    );
    assert!(
        said[0].contains("does not show that there is no race"),
        "{said:?}"
    );
}

#[test]
fn a_lock_that_crashed_is_never_preferred() {
    let rows = vec![
        row("global", 0.331, Verdict::Costs),
        row("per-encoder", 0.001, Verdict::Free),
    ];
    let said = recommendations(&run(rows, &[("none", calm()), ("per-encoder", crashed())]));
    assert!(said[0].starts_with("Do not rely on the per-encoder lock: 3 of 20 trials crashed"));
    assert!(
        said[1..].iter().all(|line| !line.contains("per-encoder")),
        "{said:?}"
    );
}

#[test]
fn of_two_locks_the_better_is_preferred_when_intervals_lie_apart() {
    let rows = vec![
        row("global", 0.331, Verdict::Costs),
        row("per-encoder", 0.001, Verdict::Free),
    ];
    let said = recommendations(&run(rows, &[]));
    assert!(
        said.contains(
            &"At 8 threads, prefer the per-encoder lock (0.10% (-0.10% to 0.30%)) to the global \
              lock (33.10% (32.90% to 33.30%)): the overheads against none lie apart beyond their \
              intervals."
                .to_owned()
        ),
        "{said:?}"
    );
}

#[test]
fn of_two_locks_neither_is_preferred_when_intervals_touch() {
    let rows = vec![
        row("global", 0.03, Verdict::Costs),
        row("per-encoder", 0.027, Verdict::Costs),
    ];
    let said = recommendations(&run(rows, &[]));
    assert!(said.iter().all(|line| !line.contains("prefer")), "{said:?}");
}

#[test]
fn against_another_lock_the_faster_is_preferred() {
    let slower = against("per-encoder", vec![row("global", 0.3, Verdict::Costs)], &[]);
    assert!(
        recommendations(&slower)[0]
            .starts_with("Prefer the per-encoder lock to the global lock at 8 threads"),
    );
    let faster = against("global", vec![row("per-encoder", -0.3, Verdict::Pays)], &[]);
    assert!(
        recommendations(&faster)[0]
            .starts_with("Prefer the per-encoder lock to the global lock at 8 threads"),
    );
}

#[test]
fn equal_locks_are_chosen_by_something_else() {
    let run = against(
        "global",
        vec![row("per-encoder", 0.001, Verdict::Free)],
        &[],
    );
    assert_eq!(
        recommendations(&run),
        [
            "Choose between the per-encoder lock and the global lock at 8 threads by something else \
          than throughput: any difference is within ±1%."
        ]
    );
}

#[test]
fn a_baseline_that_crashed_yields_to_an_equal_lock() {
    let run = run(
        vec![row("global", 0.001, Verdict::Free)],
        &[("none", crashed())],
    );
    let said = recommendations(&run);
    assert!(
        said[1].starts_with("Use the global lock at 8 threads rather than"),
        "{said:?}"
    );
}

#[test]
fn unresolved_gives_the_exact_flag() {
    let mut open = row("global", 0.012, Verdict::Unresolved);
    open.blocks_needed = Some(42);
    assert_eq!(
        recommendations(&run(vec![open], &[])),
        [
            "Not settled: the global lock at 8 threads. A new run of 62 blocks would settle it with \
             80% power, if the estimate holds: the same command with --blocks 62 in place \
             of --precision and --max-time, into a new directory"
        ]
    );
}

#[test]
fn unresolved_without_an_estimate_of_blocks_says_so() {
    let open = row("global", 0.012, Verdict::Unresolved);
    let said = recommendations(&run(vec![open], &[]));
    assert!(
        said[0].contains("cannot be told from these values"),
        "{said:?}"
    );
}

#[test]
fn unresolved_imported_values_ask_for_values_and_not_for_flags() {
    let mut open = row("global", 0.012, Verdict::Unresolved);
    open.blocks_needed = Some(12);
    let mut run = empty();
    run.plan.origin = Origin::Import {
        file: "x.csv".to_owned(),
    };
    run.comparisons.push(open);
    let said = recommendations(&run);
    assert!(
        said[0].contains("12 further values in each configuration"),
        "{said:?}"
    );
    assert!(!said[0].contains("--"), "{said:?}");
}

#[test]
fn an_imported_none_is_only_a_name() {
    let mut run = empty();
    run.comparisons.push(row("global", 0.3, Verdict::Costs));
    let said = recommendations(&run);
    assert!(
        said[0].starts_with("Prefer none to global at 8 threads"),
        "{said:?}"
    );
}

#[test]
fn a_failed_a_a_arm_leaves_only_crashes_and_a_better_run() {
    let mut run = fixtures::a_a_fails();
    let said = recommendations(&run);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("its A/A arm failed"), "{said:?}");
    run.series[0].crashes = Some(crashed());
    let said = recommendations(&run);
    assert!(said[0].starts_with("Keep a lock"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn only_measured_configurations_are_named() {
    for (name, run) in fixtures::all() {
        let measured: Vec<&str> = run
            .series
            .iter()
            .map(|series| series.config.as_str())
            .chain(run.comparisons.iter().map(|row| row.test.as_str()))
            .collect();
        for line in recommendations(&run) {
            for strategy in [
                "global",
                "per-encoder",
                "per-queue",
                "throttle",
                "interposed",
            ] {
                assert!(
                    !line.contains(strategy) || measured.contains(&strategy),
                    "{name}: {line}"
                );
            }
        }
    }
}
