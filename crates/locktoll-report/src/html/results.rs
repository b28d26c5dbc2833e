//! What was measured: overhead, throughput, blocks, the course of the run, contention, latency.

use locktoll_stats::Verdict;
use maud::{Markup, html};

use super::both;
use super::page::{Column, figure, table};
use crate::caution::note_text;
use crate::format::{
    self, count, duration_ns, given_percent, half_width, optional, p_value, plural, quantity,
    share, signed_percent,
};
use crate::model::{Comparison, Role, RunResult, Timing};
use crate::plots::svg::outside;
use crate::plots::{forest, paired, run_order, throughput as throughput_plot};
use crate::rows;
use crate::wording::overhead_interval;

const NAME: (&str, Column) = ("Configuration", Column::Name);
const REGIME: (&str, Column) = ("Regime", Column::Words);

pub(super) fn overhead(run: &RunResult) -> Option<Markup> {
    if run.comparisons.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = forest::rows(run)
        .into_iter()
        .map(|row| comparison_row(run, row, &forest::row_name(row)))
        .collect();
    let counted: Vec<Vec<String>> = run
        .comparisons_of(Role::Counted)
        .map(|row| comparison_row(run, row, &format!("{} (counted)", row.test)))
        .collect();
    let columns = [
        NAME,
        REGIME,
        ("Against", Column::Name),
        ("Overhead", Column::Figure),
        ("Interval", Column::Figure),
        ("Verdict", Column::Words),
        ("p, Holm", Column::Figure),
        ("p, TOST", Column::Figure),
        ("n", Column::Figure),
    ];
    let notes = notes(run);
    Some(html! {
        p .note {
            "Overhead is the share of the baseline's throughput that is lost: positive is a cost, \
             negative a gain. Intervals are at " (given_percent(run.plan.confidence))
            "; the margin is ±" (given_percent(run.plan.margin)) "."
        }
        (figure(&both(|layout| forest::draw(run, layout)), ""))
        (table("Overhead of each lock, and of the baseline against itself", &columns, &rows))
        (table("What counting costs: counted against bare", &columns, &counted))
        @if !notes.is_empty() {
            details {
                summary { "Notes on single comparisons (" (notes.len()) ")" }
                ul { @for note in &notes { li { (note) } } }
            }
        }
    })
}

fn comparison_row(run: &RunResult, row: &Comparison, name: &str) -> Vec<String> {
    let half = row.overhead.ci.map(half_width);
    let verdict = match (row.verdict, row.blocks_needed) {
        (Some(Verdict::Unresolved), Some(blocks)) => {
            format!("unresolved; about {}", plural(blocks, "further block"))
        }
        (verdict, _) => format::verdict(verdict),
    };
    vec![
        outside(name),
        outside(&row.regime().label(run)),
        outside(&row.baseline),
        optional(row.overhead.estimate, |x| signed_percent(x, half)),
        overhead_interval(&row.overhead),
        verdict,
        optional(row.p_difference_holm, p_value),
        optional(row.p_equivalence, p_value),
        format!("{} / {}", row.n_test, row.n_baseline),
    ]
}

fn notes(run: &RunResult) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &run.comparisons {
        let remarks = row.notes.iter().map(note_text);
        let missing = row.missing.iter().map(|why| format!("no estimate: {why}"));
        lines.extend(missing.chain(remarks).map(|remark| {
            outside(&format!(
                "{} against {}, {}: {remark}",
                forest::row_name(row),
                row.baseline,
                row.regime().label(run)
            ))
        }));
    }
    lines
}

pub(super) fn throughput(run: &RunResult) -> Option<Markup> {
    if run.series.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = run
        .series
        .iter()
        .filter(|series| series.role != Role::Counted)
        .map(|series| {
            let mean = optional(series.mean, |mean| format::mean(mean, series.ci));
            let figures = [
                mean,
                outside(&series.unit),
                optional(series.sd, quantity),
                count(series.n as u64),
            ];
            let head = rows::head(run, series, outside);
            head.into_iter().chain(figures).collect()
        })
        .collect();
    let columns = [
        NAME,
        REGIME,
        ("Mean", Column::Figure),
        ("Unit", Column::Words),
        ("SD", Column::Figure),
        ("n", Column::Figure),
    ];
    let laws = run.scaling.iter().any(|scaling| scaling.law.is_some());
    let caption = if laws {
        "Means with their intervals; curves are the Universal Scalability Law where it fits. \
         Configurations stand side by side so that intervals do not cover each other."
    } else {
        "Means with their intervals; lines join points of one configuration and say no more. \
         Configurations stand side by side so that intervals do not cover each other."
    };
    Some(html! {
        (figure(&both(|layout| throughput_plot::draw(run, layout)), caption))
        (table("Mean throughput ± half-width of its interval", &columns, &rows))
        (scaling(run))
    })
}

/// The laws of scaling, and why there is none.
fn scaling(run: &RunResult) -> Markup {
    let interval = |found: &crate::model::Estimate, write: &dyn Fn(f64) -> String| {
        let range = found.ci.map_or_else(String::new, |[lo, hi]| {
            format!(" ({} to {})", write(lo), write(hi))
        });
        format!("{}{range}", write(found.estimate))
    };
    let rows: Vec<Vec<String>> = run
        .scaling
        .iter()
        .filter_map(|scaling| {
            let law = scaling.law.as_ref()?;
            Some(vec![
                outside(&scaling.config),
                outside(scaling.workload.as_deref().unwrap_or(format::MISSING)),
                interval(&law.lambda, &quantity),
                interval(&law.sigma, &share),
                interval(&law.kappa, &share),
                optional(law.peak_threads.as_ref(), |peak| interval(peak, &quantity)),
                share(law.worst_residual),
            ])
        })
        .collect();
    let refused: Vec<String> = run
        .scaling
        .iter()
        .filter_map(|scaling| {
            let why = scaling.refused.as_ref()?;
            Some(outside(&format!("{}: {why}", scaling.config)))
        })
        .collect();
    let columns = [
        NAME,
        ("Workload", Column::Words),
        ("λ, one thread", Column::Figure),
        ("σ, contention", Column::Figure),
        ("κ, coherency", Column::Figure),
        ("Peak at threads", Column::Figure),
        ("Worst residual", Column::Figure),
    ];
    html! {
        (table("Universal Scalability Law, X(N) = λN ∕ (1 + σ(N−1) + κN(N−1))", &columns, &rows))
        @if !refused.is_empty() {
            p { "No law of scaling:" }
            ul { @for line in &refused { li { (line) } } }
        }
    }
}

pub(super) fn blocks(run: &RunResult) -> Option<Markup> {
    let drawings = both(|layout| paired::draw(run, layout));
    if drawings.is_empty() {
        return None;
    }
    let drawn = paired::panels(run).len();
    let all = run.comparisons_of(Role::Strategy).count();
    let left_out = if all > drawn {
        format!(" {} of {all} comparisons are drawn.", count(drawn as u64))
    } else {
        String::new()
    };
    let caption = format!(
        "Each thin line is one block: the baseline on the left, the lock on the right. The thick \
         line joins the means. Each panel has its own scale, which does not begin at zero.{left_out}"
    );
    Some(figure(&drawings, &caption))
}

pub(super) fn order(run: &RunResult) -> Option<Markup> {
    let drawings = both(|layout| run_order::draw(run, layout));
    if drawings.is_empty() {
        return None;
    }
    let warm_up = run_order::warm_up(run).unwrap_or_default();
    let caption = format!(
        "Each trial against the order of execution, as its distance from the median of its own \
         series. Outliers lie outside Tukey's fences, 1.5 interquartile ranges beyond the quartiles \
         of their series; they are marked, and not removed. {warm_up}"
    );
    Some(figure(&drawings, &caption))
}

pub(super) fn contention(run: &RunResult) -> Option<Markup> {
    let rows: Vec<Vec<String>> = run
        .series
        .iter()
        .filter_map(|series| {
            let seen = series.contention.as_ref()?;
            let time = |ns: Option<f64>| optional(ns, duration_ns);
            let quantiles =
                |timing: &Timing| [timing.p50_ns, timing.p99_ns, timing.max_ns].map(time);
            let [wait_50, wait_99, wait_max] = quantiles(&seen.wait);
            let [hold_50, hold_99, hold_max] = quantiles(&seen.hold);
            let lock = series.utilisation.as_ref().and_then(|busy| busy.lock);
            Some(vec![
                outside(&series.config),
                outside(&series.regime().label(run)),
                share(seen.rate),
                optional(seen.expected_rate, share),
                quantity(seen.acquisitions_per_op),
                wait_50,
                wait_99,
                wait_max,
                hold_50,
                hold_99,
                hold_max,
                optional(lock, share),
            ])
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let columns = [
        NAME,
        REGIME,
        ("Waited", Column::Figure),
        ("Expected", Column::Figure),
        ("Locks per op", Column::Figure),
        ("Wait 50%", Column::Figure),
        ("99%", Column::Figure),
        ("largest", Column::Figure),
        ("Hold 50%", Column::Figure),
        ("99%", Column::Figure),
        ("largest", Column::Figure),
        ("Lock busy", Column::Figure),
    ];
    Some(html! {
        p .note {
            "Waited is the share of acquisitions that found the lock taken, from counted trials of \
             their own; expected is what hold × rate predicts for threads that ask independently. \
             Waits are of contended acquisitions only; holds are sampled. A lock can be waited for \
             and cost nothing: see the overhead."
        }
        (table("Lock events, with quantiles of waiting and holding", &columns, &rows))
    })
}

pub(super) fn latency(run: &RunResult) -> Option<Markup> {
    let rows = rows::latency(run, outside);
    if rows.is_empty() {
        return None;
    }
    let columns = [
        NAME,
        REGIME,
        ("50%", Column::Figure),
        ("90%", Column::Figure),
        ("99%", Column::Figure),
        ("Largest", Column::Figure),
        ("Fairness", Column::Figure),
    ];
    Some(html! {
        p .note {
            "From the start of encoding to the end of the op's wait; the median over trials of each \
             trial's quantile. Fairness is Jain's index of ops per thread: 1 is even, 1/threads is \
             one thread only."
        }
        (table("Latency of one op, and fairness", &columns, &rows))
    })
}
