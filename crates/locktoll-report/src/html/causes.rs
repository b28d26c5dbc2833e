//! Why the throughput is what it is: findings with their evidence, pass-throughs, the ceiling.

use maud::{Markup, html};

use super::both;
use super::page::{Column, VOICE, figure, marked, table};
use crate::format::{duration_ns, optional, p_value, plural, quantity};
use crate::model::{Cause, Estimate, RunResult};
use crate::plots::svg::outside;
use crate::plots::{causes as plot, ceiling as ceiling_plot};
use crate::wording;
use crate::wording::cause::{
    duration_interval, evidence, finding, part_name, place, ratio_interval, share_interval,
};
use crate::wording::parts;

pub(super) fn write(run: &RunResult) -> Option<Markup> {
    if run.causes.is_empty() {
        return None;
    }
    let shares: Vec<Vec<String>> = run.causes.iter().flat_map(share_rows).collect();
    let slopes: Vec<Vec<String>> = run.causes.iter().flat_map(slope_rows).collect();
    let share_columns = [
        ("Configuration", Column::Name),
        ("Threads", Column::Figure),
        ("Part", Column::Words),
        ("Share of the time per op", Column::Figure),
        ("An op needs", Column::Figure),
    ];
    let slope_columns = [
        ("Configuration", Column::Name),
        ("Threads", Column::Figure),
        ("1 ns more", Column::Words),
        ("Arrives, ns", Column::Figure),
        ("Levels", Column::Words),
        ("On one line", Column::Words),
        ("p (one line)", Column::Figure),
    ];
    let formula_columns = [
        ("Part", Column::Words),
        ("Formula", Column::Long),
        ("What feeds it", Column::Long),
    ];
    let formulas: Vec<Vec<String>> = parts::formulas().collect();
    Some(html! {
        @for cause in &run.causes {
            h3 { (outside(&format!("{}, {}", cause.config, plural(cause.threads.into(), "thread")))) }
            p { (marked(&finding(run, cause, &VOICE))) }
            ul { @for line in evidence(cause, &VOICE) { li { (marked(&line)) } } }
        }
        (figure(
            &both(|layout| plot::draw(run, layout)),
            "Each dot is the share of one part in the time per op, each line its interval; 0% and 100% \
             are the strong lines. Where the parts do not add up to 100%, something is missing or \
             limits twice.",
        ))
        p .note { (parts::LETTERS) }
        (table("Formulas of the parts", &formula_columns, &formulas))
        (table("Parts of the time per op", &share_columns, &shares))
        (table("Pass-through: of 1 ns added per op, how much arrives in the time per op",
            &slope_columns, &slopes))
        @if parts::have_reference(&run.causes) { p .note { (parts::REFERENCE) } }
    })
}

/// The shares, below the time per op of which they are shares.
fn share_rows(cause: &Cause) -> Vec<Vec<String>> {
    let whole = [
        "time per op".to_owned(),
        "100%".to_owned(),
        optional(cause.time_per_op_ns.as_ref(), duration_interval),
    ];
    let rows = cause.shares.iter().map(|row| {
        [
            part_name(row.part).to_owned(),
            optional(row.share.as_ref(), share_interval),
            optional(row.demand_ns, duration_ns),
        ]
    });
    let head = || [outside(&cause.config), cause.threads.to_string()];
    std::iter::once(whole)
        .chain(rows)
        .map(|cells| head().into_iter().chain(cells).collect())
        .collect()
}

fn slope_rows(cause: &Cause) -> Vec<Vec<String>> {
    cause
        .pass_throughs
        .iter()
        .map(|row| {
            let slope = optional(row.estimate.as_ref(), ratio_interval);
            vec![
                outside(&cause.config),
                cause.threads.to_string(),
                place(row.resource).to_owned(),
                slope,
                parts::levels(row),
                parts::on_one_line(row).to_owned(),
                optional(row.p_linear, p_value),
            ]
        })
        .collect()
}

/// `1.20 ms (1.10 ms to 1.30 ms)`.
fn interval(found: &Estimate, write: fn(f64) -> String) -> String {
    let range = found.ci.map_or_else(String::new, |[lo, hi]| {
        format!(" ({} to {})", write(lo), write(hi))
    });
    format!("{}{range}", write(found.estimate))
}

pub(super) fn ceiling(run: &RunResult) -> Option<Markup> {
    let ceiling = run.ceiling.as_ref()?;
    let limits: Vec<Vec<String>> = ceiling
        .limits
        .iter()
        .map(|limit| {
            vec![
                plural(limit.threads.into(), "thread"),
                limit.queues.to_string(),
                wording::cause::waited(limit).to_owned(),
                interval(&limit.ops_per_s, quantity),
            ]
        })
        .collect();
    let steps: Vec<Vec<String>> = ceiling
        .steps
        .iter()
        .map(|step| {
            vec![
                outside(&step.removed),
                interval(&step.saved_ns, duration_ns),
                share_interval(&step.share),
                interval(&step.left_ns, duration_ns),
            ]
        })
        .collect();
    Some(html! {
        @if let Some(sentence) = wording::cause::ceiling(run, ceiling, &VOICE) {
            p { (sentence) }
        }
        (figure(
            &both(|layout| ceiling_plot::draw(run, layout)),
            "From the workload as it is, one thing after the other is taken away; each step lacks \
             all that the steps above it took. Lines are intervals.",
        ))
        (table("What each step saved", &[
            ("Taken away", Column::Words),
            ("Saved per op", Column::Figure),
            ("Share of the whole", Column::Figure),
            ("Left per op", Column::Figure),
        ], &steps))
        (table("Throughput of empty ops", &[
            ("Threads", Column::Words),
            ("Queues", Column::Figure),
            ("Waiting", Column::Words),
            ("Ops per second", Column::Figure),
        ], &limits))
    })
}
