//! Every figure of `fixtures/worked.json` that this crate computes, to nine digits.

use locktoll_stats::audit::IndexCorrelation;
use locktoll_stats::bca::{Bca, Resampling};
use locktoll_stats::dependence::autocorrelation;
use locktoll_stats::fieller::Fieller;
use locktoll_stats::hierarchical;
use locktoll_stats::hodges_lehmann::HodgesLehmann;
use locktoll_stats::holm;
use locktoll_stats::log_ratio::LogRatio;
use locktoll_stats::mann_whitney::{MannWhitney, RankMethod};
use locktoll_stats::paired::{PairedDifference, PairedLogRatio, log_ratios};
use locktoll_stats::stopping::{stein_blocks, stein_n};
use locktoll_stats::student::Studentized;
use locktoll_stats::tost::{Tost, log_bounds};
use locktoll_stats::welch::Welch;
use locktoll_stats::{
    Bounds, Design, Interval, Method, Note, Policy, Summary, Verdict, compare, decide,
};
use serde_json::Value;

const CONFIDENCE: f64 = 0.95;
const MARGIN: f64 = 0.01;
/// Name in the fixture, base series, test series.
const PAIRS: [(&str, &str, &str); 2] = [("B_minus_A", "B", "A"), ("C_minus_D", "C", "D")];

fn worked() -> Value {
    serde_json::from_str(include_str!("fixtures/worked.json")).expect("the fixture is JSON")
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not a number: {value}"))
}

fn interval(value: &Value) -> Interval {
    Interval {
        lo: number(&value[0]),
        hi: number(&value[1]),
    }
}

fn data(worked: &Value, series: &str) -> Vec<f64> {
    let values = worked["series"][series]["data"]
        .as_array()
        .expect("an array");
    values.iter().map(number).collect()
}

#[track_caller]
fn close(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs(),
        "got {got}, expected {expected}"
    );
}

/// A quantity that is a small difference of large ones: nine digits of the large ones.
#[track_caller]
fn close_on_scale(got: f64, expected: f64, scale: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * scale,
        "got {got}, expected {expected}"
    );
}

#[track_caller]
fn close_interval(got: Interval, expected: Interval) {
    close(got.lo, expected.lo);
    close(got.hi, expected.hi);
}

#[track_caller]
fn close_bounds(got: Bounds, expected: Interval) {
    close_interval(got.interval().expect("bounded"), expected);
}

/// Runs a check on both pairs: the fixture's entry, base, test.
fn for_pairs(check: impl Fn(&Value, &[f64], &[f64])) {
    let worked = worked();
    for (name, base, test) in PAIRS {
        check(
            &worked["pairs"][name],
            &data(&worked, base),
            &data(&worked, test),
        );
    }
}

#[test]
fn summaries() {
    let worked = worked();
    for name in ["A", "B", "C", "D"] {
        let expected = &worked["series"][name];
        let got = Summary::compute(&data(&worked, name), CONFIDENCE).expect("valid");
        assert_eq!(got.n, 5);
        close(got.mean, number(&expected["mean"]));
        close(got.sd.expect("sd"), number(&expected["sample_sd"]));
        close(got.se.expect("se"), number(&expected["se"]));
        close_interval(got.ci.expect("ci"), interval(&expected["ci95"]));
        close(
            got.ci.expect("ci").half_width(),
            number(&expected["margin95"]),
        );
    }
}

#[test]
fn lag_one_autocorrelation() {
    let worked = worked();
    for name in ["A", "B", "C", "D"] {
        let got = autocorrelation(&data(&worked, name), 1).expect("valid");
        close(got, number(&worked["series"][name]["lag1_autocorr"]));
    }
}

#[test]
fn stein_plans() {
    let worked = worked();
    for name in ["A", "B", "C", "D"] {
        let summary = Summary::compute(&data(&worked, name), CONFIDENCE).expect("valid");
        let plans = worked["series"][name]["stein_N_for_rel_halfwidth"]
            .as_object()
            .expect("map");
        for (relative, expected) in plans {
            let half_width = relative.parse::<f64>().expect("number") * summary.mean;
            let got = stein_n(summary.sd.expect("sd"), summary.n, half_width, CONFIDENCE);
            assert_eq!(got.ok(), expected.as_u64(), "{name} {relative}");
        }
    }
    for_pairs(|expected, base, test| {
        let d = log_ratios(base, test).expect("valid");
        let plans = &expected["planning_stein_blocks_log_paired_halfwidth"];
        for (half_width, expected) in plans.as_object().expect("map") {
            let got = stein_blocks(&d, half_width.parse().expect("number"), CONFIDENCE);
            assert_eq!(got.ok(), expected.as_u64(), "{half_width}");
        }
    });
}

#[test]
fn welch() {
    for_pairs(|expected, base, test| {
        let expected = &expected["welch"];
        let got = Welch::compute(base, test, CONFIDENCE).expect("valid");
        close(got.difference, number(&expected["diff"]));
        close(got.se, number(&expected["se"]));
        close(got.t.expect("t"), number(&expected["t"]));
        close(got.df, number(&expected["df"]));
        close(got.p, number(&expected["p"]));
        close_interval(got.ci, interval(&expected["ci95"]));
    });
}

#[test]
fn fieller() {
    for_pairs(|expected, base, test| {
        let expected = &expected["fieller"];
        let satterthwaite = &expected["df_satterthwaite_at_Rhat"];
        let got = Fieller::unpaired(base, test, CONFIDENCE).expect("valid");
        close(got.df, number(&satterthwaite["df"]));
        close(got.g, number(&satterthwaite["g"]));
        close_bounds(got.ratio_ci, interval(&satterthwaite["ratio_ci95"]));
        close_bounds(got.overhead_ci, interval(&satterthwaite["overhead_ci95"]));

        let pooled = &expected["df_n1+n2-2"];
        let got = Fieller::unpaired_with_df(base, test, 8.0, CONFIDENCE).expect("valid");
        close(got.g, number(&pooled["g"]));
        close_bounds(got.overhead_ci, interval(&pooled["overhead_ci95"]));

        let paired = &expected["paired_by_index_df_n-1"];
        let got = Fieller::paired(base, test, CONFIDENCE).expect("valid");
        close(got.df, number(&paired["df"]));
        close(got.g, number(&paired["g"]));
        close_bounds(got.ratio_ci, interval(&paired["ratio_ci95"]));
        close_bounds(got.overhead_ci, interval(&paired["overhead_ci95"]));
    });
}

#[test]
fn log_ratio_of_means() {
    for_pairs(|expected, base, test| {
        let expected = &expected["log_ratio_of_means_delta"];
        let got = LogRatio::compute(base, test, CONFIDENCE).expect("valid");
        close(got.log_ratio, number(&expected["log_ratio"]));
        close(got.se, number(&expected["se"]));
        close(got.df, number(&expected["df"]));
        close_interval(got.ratio_ci, interval(&expected["ratio_ci95"]));
        close_interval(got.overhead_ci, interval(&expected["overhead_ci95"]));
    });
}

/// Welch on logarithms is no method of its own: it is Welch, given logarithms.
#[test]
fn welch_of_logarithms() {
    for_pairs(|expected, base, test| {
        let expected_p = number(&expected["log_welch_geometric_mean_ratio"]["p"]);
        let expected = &expected["log_welch_geometric_mean_ratio"];
        let logs = |values: &[f64]| values.iter().map(|x| x.ln()).collect::<Vec<_>>();
        let got = Welch::compute(&logs(base), &logs(test), CONFIDENCE).expect("valid");
        close(-got.difference, number(&expected["log_ratio"]));
        close(got.df, number(&expected["df"]));
        close(got.p, expected_p);
        let log_ratio = Interval {
            lo: -got.ci.hi,
            hi: -got.ci.lo,
        };
        close_interval(
            log_ratio.log_ratio_to_overhead(),
            interval(&expected["overhead_ci95"]),
        );
    });
}

#[test]
fn paired_methods() {
    for_pairs(|expected, base, test| {
        let log = &expected["log_paired_by_index"];
        let got = PairedLogRatio::compute(base, test, CONFIDENCE).expect("valid");
        close(got.mean, number(&log["mean"]));
        close(got.sd, number(&log["sd"]));
        close(got.t.expect("t"), number(&log["t"]));
        close(got.df, number(&log["df"]));
        close(got.p, number(&log["p"]));
        close(got.overhead, number(&log["overhead"]));
        close_interval(got.overhead_ci, interval(&log["overhead_ci95"]));

        let difference = &expected["paired_by_index"];
        let got = PairedDifference::compute(base, test, CONFIDENCE).expect("valid");
        close(got.mean, number(&difference["mean_diff"]));
        close(got.sd, number(&difference["sd_diff"]));
        close(got.t.expect("t"), number(&difference["t"]));
        close(got.p, number(&difference["p"]));
        close_interval(got.ci, interval(&difference["ci95"]));
    });
}

#[track_caller]
fn close_tost(got: Tost, expected: &Value) {
    close(got.lower.t.expect("t"), number(&expected["t_lower"]));
    close(got.upper.t.expect("t"), number(&expected["t_upper"]));
    close(got.lower.p, number(&expected["p_lower"]));
    close(got.upper.p, number(&expected["p_upper"]));
    close(got.p, number(&expected["p"]));
}

#[test]
fn equivalence_in_all_forms() {
    for_pairs(|expected, base, test| {
        let expected = &expected["tost_1pct"];
        let linear = &expected["ratio_linear_form(H0: mean_t<=0.99 mean_b or >=1.01 mean_b)"];
        let got = Tost::ratio_linear(base, test, MARGIN).expect("valid");
        close_tost(got, linear);
        close(got.lower.df, number(&linear["df_lower"]));
        close(got.upper.df, number(&linear["df_upper"]));

        let bounds = log_bounds(MARGIN).expect("valid");
        close_interval(bounds, interval(&expected["log_delta"]["bounds"]));
        close_tost(
            Tost::log_delta(base, test, MARGIN).expect("valid"),
            &expected["log_delta"],
        );

        let logs = |values: &[f64]| values.iter().map(|x| x.ln()).collect::<Vec<_>>();
        let welch = Welch::compute(&logs(base), &logs(test), CONFIDENCE).expect("valid");
        let log_welch = Studentized {
            estimate: -welch.difference,
            se: welch.se,
            df: welch.df,
        };
        close_tost(Tost::of(&log_welch, bounds), &expected["log_welch"]);

        let fixed = &expected["welch_difference_fixed_margin=1%_of_base_mean"];
        let margin = number(&fixed["margin"]);
        let welch = Welch::compute(base, test, CONFIDENCE).expect("valid");
        let difference = Studentized {
            estimate: -welch.difference,
            se: welch.se,
            df: welch.df,
        };
        close_tost(
            Tost::of(
                &difference,
                Interval {
                    lo: -margin,
                    hi: margin,
                },
            ),
            fixed,
        );

        let fieller = Fieller::unpaired(base, test, 0.90).expect("valid");
        close_bounds(
            fieller.overhead_ci,
            interval(&expected["fieller_90_overhead_ci"]),
        );
        let equivalent = expected["equivalent_at_1pct_alpha05"].as_bool();
        assert_eq!(Some(got.p < 0.05), equivalent);
    });
}

#[test]
fn rank_methods() {
    for_pairs(|expected, base, test| {
        let mann_whitney = &expected["mann_whitney"];
        let got = MannWhitney::compute(base, test).expect("valid");
        assert_eq!(got.method, RankMethod::Exact);
        close(got.u, number(&mann_whitney["U"]));
        close(got.p, number(&mann_whitney["p_exact"]));
        let normal = MannWhitney::asymptotic(base, test).expect("valid");
        close(normal.p, number(&mann_whitney["p_asymptotic_cc"]));

        let expected = &expected["hodges_lehmann"];
        let got = HodgesLehmann::compute(base, test, CONFIDENCE).expect("valid");
        close(got.shift, number(&expected["shift_base_minus_test"]));
        close(
            got.ratio.expect("ratio"),
            number(&expected["median_pairwise_ratio"]),
        );
        let ci = got.ci.expect("enough values");
        assert_eq!(ci.order, 3);
        close(ci.confidence, number(&expected["exact_conf"]));
        close_interval(ci.shift, interval(&expected["ci"]));
        close_interval(ci.ratio.expect("ratio"), interval(&expected["ratio_ci"]));
    });
}

#[test]
fn bootstrap_by_enumeration() {
    for_pairs(|expected, base, test| {
        let expected = &expected["bootstrap_exact_enumeration"];
        let got = Bca::ratio_of_means(base, test, CONFIDENCE).expect("valid");
        let distinct = expected["distinct_resamples"].as_u64().expect("a count");
        assert_eq!(got.resampling, Resampling::Exact { distinct });
        close(got.z0, number(&expected["z0"]));
        close(got.acceleration, number(&expected["acceleration"]));
        close_interval(got.alphas, interval(&expected["bca_alphas"]));
        close(got.bootstrap_se, number(&expected["boot_se_ratio"]));
        close_interval(got.ratio_ci, interval(&expected["ratio_bca95"]));
        close_interval(got.overhead_ci, interval(&expected["overhead_bca95"]));
    });
}

#[test]
fn holm_adjustment() {
    let worked = worked();
    let expected = &worked["holm_two_welch_p"];
    let values = |key: &str| -> Vec<f64> {
        expected[key]
            .as_array()
            .expect("array")
            .iter()
            .map(number)
            .collect()
    };
    for (got, expected) in holm::adjust(&values("raw"))
        .into_iter()
        .zip(values("adjusted"))
    {
        close(got, expected);
    }
}

#[test]
fn kalibera_jones() {
    let worked = worked();
    let expected = &worked["kalibera_jones_example"];
    let samples: Vec<Vec<f64>> =
        serde_json::from_value(expected["data"].clone()).expect("processes of iterations");
    let got = hierarchical::Estimate::compute(&samples, CONFIDENCE).expect("valid");
    close(got.mean, number(&expected["mean"]));
    close(got.iteration_variance, number(&expected["S1_2"]));
    close(got.process_mean_variance, number(&expected["S2_2"]));
    close(got.process_variance, number(&expected["T2_2"]));
    close(got.ci.half_width(), number(&expected["ci95_halfwidth"]));
    close(got.icc.expect("varies"), number(&expected["icc"]));
    let iterations = got
        .optimal_iterations(10.0, 1.0)
        .expect("valid")
        .expect("processes vary");
    close(
        iterations,
        number(&expected["optimal_iterations_if_process_cost_10_and_iter_cost_1"]),
    );
}

#[test]
fn index_correlation() {
    for_pairs(|expected, base, test| {
        let expected = &expected["audit_index_correlation"];
        let got = IndexCorrelation::compute(base, test).expect("valid");
        close(got.r, number(&expected["r"]));
        close(got.t.expect("t"), number(&expected["t"]));
        close(got.df, number(&expected["df"]));
        close(got.p, number(&expected["p_two_sided"]));
    });
}

/// What the whole pipeline says about the published data, unpaired as imported series are.
#[test]
fn verdicts_of_the_published_series() {
    let worked = worked();
    let policy = Policy::default();
    let comparisons = PAIRS.map(|(name, base, test)| {
        let got = compare(
            &data(&worked, base),
            &data(&worked, test),
            Design::Unpaired,
            &policy,
        )
        .expect("valid");
        let expected = &worked["pairs"][name];
        let fieller = &expected["fieller"]["df_satterthwaite_at_Rhat"];
        close(
            got.overhead.estimate,
            number(&expected["overhead"]["point"]),
        );
        close_bounds(
            got.overhead.ci.expect("ci"),
            interval(&fieller["overhead_ci95"]),
        );
        assert_eq!(got.overhead.method, Method::FiellerSatterthwaite);
        close(
            got.p_difference.expect("p"),
            number(&expected["welch"]["p"]),
        );
        got
    });
    let decisions = decide(&comparisons, &policy);
    let holm = &worked["holm_two_welch_p"]["adjusted"];
    for (i, decision) in decisions.iter().enumerate() {
        close(decision.p_difference_holm.expect("p"), number(&holm[i]));
        assert_eq!(decision.blocks_needed, None);
    }
    assert_eq!(decisions[0].verdict, Verdict::Negligible);
    assert_eq!(decisions[1].verdict, Verdict::Costs);
    // B − A by index is 30, 28, 31, 30, 31; C − D is not suspicious.
    let flagged = |i: usize| {
        comparisons[i]
            .notes
            .iter()
            .any(|note| matches!(note, Note::IndexCorrelated { .. }))
    };
    assert!(flagged(0));
    assert!(!flagged(1));
}

/// As [`verdicts_of_the_published_series`], declared as pairs.
#[test]
fn verdicts_of_the_published_series_as_pairs() {
    for_pairs(|expected, base, test| {
        let got = compare(base, test, Design::Paired, &Policy::default()).expect("valid");
        let expected = &expected["log_paired_by_index"];
        close(got.overhead.estimate, number(&expected["overhead"]));
        close_bounds(
            got.overhead.ci.expect("ci"),
            interval(&expected["overhead_ci95"]),
        );
        assert_eq!(got.overhead.method, Method::PairedLogRatio);
        close(got.p_difference.expect("p"), number(&expected["p"]));
        assert_eq!(got.n_pairs, Some(5));
    });
}

/// Two stages of which the first is the whole run give the paired analysis, whatever the plan.
#[test]
fn a_run_inside_its_first_stage_is_a_paired_run() {
    for_pairs(|_, base, test| {
        let policy = Policy::default();
        let paired = compare(base, test, Design::Paired, &policy).expect("valid");
        for first_stage in [5, 10] {
            let staged = compare(base, test, Design::TwoStage { first_stage }, &policy);
            let staged = staged.expect("valid");
            assert_eq!(staged.overhead.method, Method::SteinTwoStage);
            assert_eq!(staged.overhead.ci, paired.overhead.ci);
            assert_eq!(staged.p_difference, paired.p_difference);
            assert_eq!(staged.p_equivalence, paired.p_equivalence);
        }
    });
}

/// The figures of the fixture in the unit that they have there, after the scaling inside.
#[test]
fn secondary_results_keep_the_unit_of_the_values() {
    for_pairs(|expected, base, test| {
        let got = compare(base, test, Design::Paired, &Policy::default()).expect("valid");
        let welch = got.secondary.welch.expect("welch");
        close(welch.difference, number(&expected["welch"]["diff"]));
        close_interval(welch.ci, interval(&expected["welch"]["ci95"]));
        let paired = got.secondary.difference_paired.expect("paired");
        close(
            paired.mean,
            number(&expected["paired_by_index"]["mean_diff"]),
        );
        close(paired.sd, number(&expected["paired_by_index"]["sd_diff"]));
        let shift = got.secondary.hodges_lehmann.expect("shift");
        let scale = base[0];
        close_on_scale(
            shift.shift,
            number(&expected["hodges_lehmann"]["shift_base_minus_test"]),
            scale,
        );
    });
}
