//! Each sentence says what its verdict and interval carry, and no more.

use locktoll_report::model::{Role, RunResult};
use locktoll_report::terminal::{TerminalStyle, render};
use locktoll_report::{html, markdown};
use locktoll_stats::Verdict;

use crate::fixtures::{self, bench, calm, compared, crashed, series};

/// The text without line breaks, so that sentences can be looked for.
fn said(run: &RunResult) -> String {
    let text = render(
        run,
        &TerminalStyle {
            width: 2000,
            color: false,
        },
    );
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn one(estimate: f64, ci: [f64; 2], verdict: Verdict) -> RunResult {
    let mut run = bench();
    run.comparisons.push(compared(
        Role::Strategy,
        "global",
        Some(8),
        estimate,
        ci,
        verdict,
    ));
    run
}

#[test]
fn a_cost_has_its_interval() {
    let text = said(&one(0.331, [0.276, 0.386], Verdict::Costs));
    assert!(
        text.contains("At 8 threads, the global lock costs 33.1% (27.6% to 38.6%) against none."),
        "{text}"
    );
    assert!(!text.contains("not shown to be under"), "{text}");
}

#[test]
fn a_cost_that_may_be_under_the_margin_says_so() {
    let text = said(&one(0.0143, [0.0074, 0.0212], Verdict::Costs));
    assert!(text.contains("costs 1.43% (0.74% to 2.12%) against none, not shown to be under 1%."));
}

#[test]
fn an_interval_that_tells_nothing_has_no_figures() {
    let nothing = one(-4.0, [-2_329_969_105.25, 1.0], Verdict::Unresolved);
    let text = said(&nothing);
    assert!(
        text.contains("overhead -400% (interval not known)"),
        "{text}"
    );
    let report = markdown::render(&nothing);
    assert!(report.contains("| not known |"), "{report}");
    for output in [text, report, html::render(&nothing)] {
        assert!(!output.contains("232996910525"), "{output}");
    }
    // 51 times the throughput, known to two parts in fifty: that is something.
    let text = said(&one(-50.0, [-52.0, -48.0], Verdict::Pays));
    assert!(text.contains("5000% (4800% to 5200%)"), "{text}");
}

#[test]
fn a_gain_is_a_positive_figure() {
    let text = said(&one(-0.016, [-0.0223, -0.0098], Verdict::Pays));
    assert!(text.contains("gains 1.60% (0.98% to 2.23%) against none, not shown to be under 1%."));
}

#[test]
fn a_negligible_difference_is_called_real() {
    let text = said(&one(0.0034, [0.0023, 0.0044], Verdict::Negligible));
    assert!(
        text.contains("negligible: a real difference, within ±1%."),
        "{text}"
    );
}

#[test]
fn free_is_no_difference_seen_and_not_zero() {
    let text = said(&one(0.0002, [-0.001, 0.0014], Verdict::Free));
    assert!(text.contains("free against none: no difference seen, and any is within ±1%"));
    assert!(text.contains("overhead 0.02% (-0.10% to 0.14%)."), "{text}");
}

#[test]
fn an_interval_past_the_margin_is_not_hidden_by_the_equivalence_test() {
    let text = said(&one(0.005, [-0.0004, 0.0104], Verdict::Free));
    assert!(text.contains("by the equivalence test, p = 0.0015; the interval reaches past it"));
}

#[test]
fn unresolved_says_how_many_blocks_would_settle_it() {
    let mut run = one(0.012, [-0.009, 0.033], Verdict::Unresolved);
    run.comparisons[0].blocks_needed = Some(42);
    let text = said(&run);
    assert!(text.contains("unresolved against none: overhead 1.2% (-0.9% to 3.3%); not settled; about 42 further blocks might settle it."), "{text}");
    run.comparisons[0].blocks_needed = None;
    assert!(said(&run).contains("how many further blocks would settle it is not known"));
}

#[test]
fn holm_is_named_where_it_undoes_an_interval() {
    let mut run = one(0.012, [0.001, 0.023], Verdict::Unresolved);
    run.comparisons[0].p_difference_holm = Some(0.08);
    assert!(
        said(&run)
            .contains("excludes zero, but not after Holm's correction over the run (p = 0.080)")
    );
}

#[test]
fn no_crash_is_a_bound_and_not_zero() {
    let mut run = one(0.0, [-0.001, 0.001], Verdict::Free);
    let mut counted = series(Role::Strategy, "none", Some(8), 1000.0);
    counted.crashes = Some(calm());
    run.series.push(counted);
    let text = said(&run);
    assert!(
        text.contains("0 of 20 trials crashed in the series: below 13.9% at 95%."),
        "{text}"
    );
    assert!(!text.contains(" 0%"), "{text}");
}

#[test]
fn crashes_have_a_rate_an_interval_and_their_signals() {
    let mut run = bench();
    let mut none = series(Role::Strategy, "none", Some(8), 1000.0);
    none.crashes = Some(crashed());
    run.series.push(none);
    let text = said(&run);
    assert!(
        text.contains(
            "At 8 threads, strategy none: 3 of 20 trials crashed, 15% (3% to 38%); SIGABRT 2 \
             times, SIGSEGV once."
        ),
        "{text}"
    );
}

#[test]
fn a_failed_a_a_arm_comes_first() {
    let text = said(&crate::fixtures::a_a_fails());
    assert!(
        text.starts_with("A/A FAILS: the baseline against itself differs"),
        "{text}"
    );
}

#[test]
fn workloads_are_named_where_there_are_several() {
    let mut run = bench();
    for (workload, verdict) in [("mlp", Verdict::Costs), ("axpy", Verdict::Free)] {
        let mut row = compared(
            Role::Strategy,
            "global",
            Some(8),
            0.004,
            [0.003, 0.005],
            verdict,
        );
        row.workload = Some(workload.to_owned());
        run.comparisons.push(row);
    }
    let text = said(&run);
    assert!(
        text.contains("With workload mlp, 8 threads, the global lock costs"),
        "{text}"
    );
    assert!(
        text.contains("With workload axpy, 8 threads, the global lock is free"),
        "{text}"
    );
}

#[test]
fn an_outside_name_cannot_colour_the_terminal() {
    let mut run = crate::fixtures::imported();
    run.comparisons[0].test = "a\u{1b}[31mb".to_owned();
    run.series[0].config = "a\u{1b}[31mb".to_owned();
    assert!(!said(&run).contains('\u{1b}'));
}

#[test]
fn the_four_outcomes_of_a_a() {
    use locktoll_report::evidence::{AaOutcome, a_a};

    let outcome = |verdicts: &[Option<Verdict>]| {
        let mut run = bench();
        for verdict in verdicts {
            let mut row = compared(
                Role::AA,
                "none",
                Some(8),
                0.001,
                [-0.001, 0.003],
                Verdict::Free,
            );
            row.verdict = *verdict;
            run.comparisons.push(row);
        }
        a_a(&run)
    };
    let free = Some(Verdict::Free);
    assert_eq!(outcome(&[]), AaOutcome::NotRun);
    assert_eq!(
        outcome(&[free, Some(Verdict::Negligible)]),
        AaOutcome::Passed
    );
    assert_eq!(
        outcome(&[free, Some(Verdict::Unresolved)]),
        AaOutcome::Unsettled
    );
    assert_eq!(outcome(&[free, None]), AaOutcome::Unsettled);
    assert_eq!(
        outcome(&[Some(Verdict::Unresolved), Some(Verdict::Pays)]),
        AaOutcome::Failed
    );
    assert_eq!(outcome(&[Some(Verdict::Costs)]), AaOutcome::Failed);

    let mut warned = fixtures::three_strategies();
    assert_eq!(a_a(&warned), AaOutcome::Passed);
    warned.warnings = fixtures::a_a_fails().warnings;
    assert_eq!(a_a(&warned), AaOutcome::Failed);
}

/// 3 acquisitions at 19.1 ns are 57.3 ns; 8 threads at 41,900 ops/s spend 190.9 µs on an op.
#[test]
fn what_a_locked_baseline_leaves_out_has_its_size() {
    let report = locktoll_report::markdown::render(&fixtures::crashes());
    assert!(
        report.contains("8 threads: 19.1 ns × 3 per op = 57.3 ns, 0.0300% of the 191 µs of one op"),
        "{report}"
    );
    let report = locktoll_report::markdown::render(&fixtures::three_strategies());
    assert!(
        report.contains("Nothing: the baseline runs without a lock"),
        "{report}"
    );
}
