//! The course of the experiment: every run in the order of time.

use super::model::WhatIf;
use super::wording::arm;
use crate::format::{duration_ns, plural};
use crate::plots::run_order::{Course, Point, draw_course, of_series, outliers};
use crate::plots::svg::{Drawing, Layout};

/// Draws all runs, each kind as a series of its own.
pub(super) fn draw(result: &WhatIf, layout: Layout) -> Option<Drawing> {
    let mut kinds: Vec<(String, Vec<(u64, f64)>)> = Vec::new();
    for (order, run) in (1..).zip(&result.runs) {
        let name = arm(run);
        let placed = (order, run.time_ns);
        match kinds.iter_mut().find(|(kind, _)| *kind == name) {
            Some((_, runs)) => runs.push(placed),
            None => kinds.push((name, vec![placed])),
        }
    }
    let points: Vec<Point> = kinds
        .iter()
        .flat_map(|(name, runs)| {
            of_series(runs, |index| {
                let (order, time_ns) = runs[index];
                format!("run {order}, {name}: {}", duration_ns(time_ns))
            })
        })
        .collect();
    let course = Course {
        title: "Every run in the order of time",
        description: format!(
            "{} in the order of time, each as the distance of its time from the median of its kind. {}.",
            plural(points.len() as u64, "run"),
            outliers(&points)
        ),
        points,
        crashes: Vec::new(),
        one: "a run",
        axis: [
            "run, in the order of time; height: distance of its time from the median of its kind",
            "run, in the order of time",
        ],
    };
    draw_course(&course, layout)
}
