//! What is said of scaling: a law with its intervals, a bound, an open peak, a refusal.

use locktoll_report::markdown;
use locktoll_report::model::{Estimate, Role, RunResult, ScalabilityLaw, Scaling};
use locktoll_report::terminal::{TerminalStyle, render};

use crate::fixtures::{bench, series};

const COUNTS: [u32; 5] = [1, 2, 4, 8, 16];

fn estimate(estimate: f64, ci: [f64; 2]) -> Estimate {
    Estimate {
        estimate,
        ci: Some(ci),
    }
}

/// σ = 3.1% and κ = 0.28%, so that the peak is at √(0.969 ∕ 0.0028) = 18.6.
fn law() -> ScalabilityLaw {
    ScalabilityLaw {
        lambda: estimate(8012.0, [7990.0, 8034.0]),
        sigma: estimate(0.031, [0.026, 0.037]),
        kappa: estimate(0.0028, [0.0025, 0.0031]),
        sigma_at_bound: false,
        kappa_at_bound: false,
        peak_threads: Some(estimate(18.6, [17.6, 19.7])),
        peak_at_least: Some(17.6),
        peak_extrapolated: true,
        worst_residual: 0.0123,
        p_lack_of_fit: Some(0.41),
    }
}

fn scaling(config: &str, law: Option<ScalabilityLaw>, refused: Option<&str>) -> Scaling {
    Scaling {
        config: config.to_owned(),
        workload: None,
        threads: COUNTS.to_vec(),
        law,
        refused: refused.map(str::to_owned),
    }
}

fn one(law: ScalabilityLaw) -> RunResult {
    let mut run = bench();
    run.scaling = vec![scaling("global", Some(law), None)];
    run
}

/// A lock with a law, no lock with neither a peak nor a serial part, and one that is refused.
pub(crate) fn scales() -> RunResult {
    let mut run = bench();
    for threads in COUNTS {
        let n = f64::from(threads);
        let lawful = 8012.0 * n / (1.0 + 0.031 * (n - 1.0) + 0.0028 * n * (n - 1.0));
        run.series.extend([
            series(Role::Strategy, "none", Some(threads), 8100.0 * n),
            series(Role::Strategy, "global", Some(threads), lawful),
            series(
                Role::Strategy,
                "per-encoder",
                Some(threads),
                8000.0 * n.min(4.0),
            ),
        ]);
    }
    let unlimited = ScalabilityLaw {
        lambda: estimate(8100.0, [8077.0, 8123.0]),
        sigma: estimate(0.0, [0.0, 0.0041]),
        kappa: estimate(0.0, [0.0, 0.000_12]),
        sigma_at_bound: true,
        kappa_at_bound: true,
        peak_threads: None,
        peak_at_least: Some(91.0),
        peak_extrapolated: false,
        worst_residual: 0.0041,
        p_lack_of_fit: Some(0.77),
    };
    run.scaling = vec![
        scaling("none", Some(unlimited), None),
        scaling("global", Some(law()), None),
        scaling(
            "per-encoder",
            None,
            Some("at 4 threads the mean lies 18.2% off the nearest one"),
        ),
    ];
    run
}

/// The text without line breaks, so that sentences can be looked for.
fn said(run: &RunResult) -> String {
    let style = TerminalStyle {
        width: 2000,
        color: false,
    };
    render(run, &style)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[track_caller]
fn says(text: &str, sentence: &str) {
    assert!(text.contains(sentence), "{text}");
}

#[test]
fn a_law_is_told_with_its_intervals() {
    says(
        &said(&one(law())),
        "The global lock, from 1 to 16 threads: 3.10% (2.60% to 3.70%) of an op is done one after the \
         other; throughput peaks at 19 threads (18 to 20), beyond what was measured.",
    );
    says(
        &markdown::render(&one(law())),
        "each ordered pair of threads adds 0.280% (0.250% to 0.310%) to an op (κ)",
    );
}

#[test]
fn a_peak_without_an_end_says_so() {
    let mut open = law();
    open.peak_threads = Some(Estimate {
        estimate: 40.0,
        ci: None,
    });
    open.peak_at_least = Some(22.0);
    says(
        &said(&one(open.clone())),
        "throughput peaks at 40 threads (22 or more, or never), beyond what was measured.",
    );
    open.peak_threads = None;
    says(
        &said(&one(open.clone())),
        "no peak is seen, and one below 22 threads is excluded.",
    );
    open.peak_at_least = None;
    says(&said(&one(open)), "; there is no peak.");
}

#[test]
fn a_bound_is_a_bound_and_not_zero() {
    let text = markdown::render(&scales());
    says(
        &text,
        "no part of an op is seen to be done one after the other (at most 0.410%) (σ)",
    );
    says(
        &text,
        "pairs of threads are not seen to add to an op (at most 0.0120%) (κ)",
    );
}

#[test]
fn a_serial_share_above_one_is_no_share() {
    let mut falling = law();
    falling.sigma = estimate(1.5, [1.4, 1.6]);
    falling.peak_threads = Some(estimate(1.0, [1.0, 1.0]));
    falling.peak_extrapolated = false;
    says(
        &said(&one(falling)),
        "each further thread makes an op 150% (140% to 160%) longer, so that a second one already \
         lowers throughput; throughput peaks at 1 thread.",
    );
}

#[test]
fn a_refusal_is_told_where_there_were_thread_counts_enough() {
    says(
        &said(&scales()),
        "The per-encoder lock, from 1 to 16 threads: no scaling law is told, since at 4 threads the \
         mean lies 18.2% off the nearest one.",
    );
    let mut few = bench();
    let reason = "4 thread counts are needed, and there are 2";
    few.scaling = vec![scaling("global", None, Some(reason))];
    few.scaling[0].threads = vec![1, 8];
    assert!(!said(&few).contains(reason));
    says(&markdown::render(&few), reason);
}
