//! Throughput by threads: each configuration's means with their intervals, and where a law of
//! scaling fits, its curve.

use maud::{Markup, html};

use super::legend;
use super::scale::{Scale, Spacing, extent};
use super::svg::{
    Drawing, Layout, Path, SERIES, Set, outside, series_class, series_mark, text_width,
};
use crate::format::{self, quantity};
use crate::model::{Role, RunResult, ScalabilityLaw, Series};

/// Points by which a curve is drawn.
const CURVE_POINTS: u32 = 48;
/// Least distance of points that would cover each other.
const BESIDE_PX: f64 = 7.0;

/// One drawing for each workload with at least two thread counts.
pub(crate) fn draw(run: &RunResult, layout: Layout) -> Vec<Drawing> {
    let mut workloads: Vec<&Option<String>> = Vec::new();
    for series in bare(run) {
        if !workloads.contains(&&series.workload) {
            workloads.push(&series.workload);
        }
    }
    workloads
        .into_iter()
        .enumerate()
        .filter_map(|(index, workload)| one(run, layout, index, workload.as_deref()))
        .collect()
}

fn bare(run: &RunResult) -> impl Iterator<Item = &Series> {
    run.series
        .iter()
        .filter(|s| s.role == Role::Strategy && s.threads.is_some() && s.mean.is_some())
}

/// X(N) = λN ∕ (1 + σ(N−1) + κN(N−1)), as [`ScalabilityLaw`] defines it.
fn at_threads(law: &ScalabilityLaw, n: f64) -> f64 {
    let waiting = law.sigma.estimate * (n - 1.0);
    let talking = law.kappa.estimate * n * (n - 1.0);
    law.lambda.estimate * n / (1.0 + waiting + talking)
}

/// Thread counts at which a curve is drawn, evenly on their axis.
fn curve_threads([lo, hi]: [f64; 2], spacing: Spacing) -> impl Iterator<Item = f64> {
    (0..=CURVE_POINTS).map(move |step| {
        let share = f64::from(step) / f64::from(CURVE_POINTS);
        match spacing {
            Spacing::Log => lo * (hi / lo).powf(share),
            _ => lo + share * (hi - lo),
        }
    })
}

fn one(run: &RunResult, layout: Layout, index: usize, workload: Option<&str>) -> Option<Drawing> {
    let points: Vec<&Series> = bare(run)
        .filter(|s| s.workload.as_deref() == workload)
        .collect();
    let mut threads: Vec<u32> = points.iter().filter_map(|s| s.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let (first, last) = (*threads.first()?, *threads.last()?);
    if threads.len() < 2 || first == 0 {
        return None;
    }
    let mut configs: Vec<&str> = Vec::new();
    for series in &points {
        if !configs.contains(&series.config.as_str()) {
            configs.push(&series.config);
        }
    }
    let law = |config: &str| {
        let of =
            |s: &&crate::model::Scaling| s.config == config && s.workload.as_deref() == workload;
        run.scaling.iter().find(of).and_then(|s| s.law.as_ref())
    };
    let ends = points.iter().flat_map(|s| {
        s.ci.into_iter()
            .flatten()
            .chain(s.mean)
            .collect::<Vec<f64>>()
    });
    let drawn = configs.iter().filter_map(|config| law(config));
    let range = [f64::from(first), f64::from(last)];
    let spacing = if last / 4 > first {
        Spacing::Log
    } else {
        Spacing::Linear
    };
    // A law may peak between two thread counts.
    let curves = drawn.flat_map(|law| curve_threads(range, spacing).map(|n| at_threads(law, n)));
    let [lo, hi] = extent(ends.chain(curves).chain([0.0]))?;
    let unit = points.first().map_or("value", |s| s.unit.as_str());

    let width = layout.width();
    let entries: Vec<(Markup, String)> = configs
        .iter()
        .enumerate()
        .map(|(at, config)| (series_mark(at, 0.0, 0.0), (*config).to_owned()))
        .collect();
    let legend = legend::set((0.0, 34.0), width, &entries);
    let top = 34.0 + legend.height;
    let bottom = top + layout.pick(280.0, 230.0);
    let mut up = Scale::linear([lo, if hi > lo { hi * 1.04 } else { 1.0 }], [bottom, top]);
    up.hi = if up.hi.is_finite() { up.hi } else { hi };
    let ticks = up.ticks(44.0);
    let gutter = ticks
        .iter()
        .map(|tick| text_width(&quantity(*tick)))
        .fold(20.0, f64::max)
        .min(width / 3.0);
    let across = Scale {
        lo: range[0],
        hi: range[1],
        from: gutter + 28.0,
        to: width - 24.0,
        spacing,
    };
    let x_ticks = spaced(&threads, &across);
    let named = workload.filter(|_| run.has_several_workloads());
    let title = match named {
        Some(name) => format!("Throughput by threads, workload {}", outside(name)),
        None => "Throughput by threads".to_owned(),
    };
    Some(Drawing {
        name: format!("throughput-{}", index + 1),
        description: description(&points),
        title,
        layout,
        height: bottom + 46.0,
        body: html! {
            (Set("m").at(0.0, 12.0, &super::svg::fitted(&outside(unit), width)))
            (legend.body)
            @for tick in &ticks {
                @let y = up.at(*tick);
                path .grid d=(Path::default().line((gutter + 8.0, y), (width, y))) {}
                (Set("e m").at(gutter, y + 4.0, &quantity(*tick)))
            }
            path .axis d=(Path::default().line((gutter + 8.0, up.at(0.0)), (width, up.at(0.0)))) {}
            @for n in &x_ticks {
                (Set("c").at(across.at(f64::from(*n)), bottom + 17.0, &n.to_string()))
            }
            (Set("m c").at(f64::midpoint(across.from, across.to), bottom + 38.0, "threads"))
            @for (at, config) in configs.iter().enumerate() {
                @let of: Vec<&Series> = points.iter().copied().filter(|s| s.config == *config).collect();
                (series(&of, at, configs.len(), law(config), &across, &up))
            }
        },
    })
}

/// Thread counts whose figures have room under the axis.
fn spaced(threads: &[u32], across: &Scale) -> Vec<u32> {
    let mut kept: Vec<u32> = Vec::new();
    for &n in threads {
        let room = text_width(&n.to_string()) + 6.0;
        let free = kept
            .last()
            .is_none_or(|last| across.at(f64::from(n)) - across.at(f64::from(*last)) >= room);
        if free {
            kept.push(n);
        }
    }
    kept
}

/// One configuration. Without a law its points are joined by a thin line, which says only that they
/// belong together.
fn series(
    points: &[&Series],
    index: usize,
    of: usize,
    law: Option<&ScalabilityLaw>,
    across: &Scale,
    up: &Scale,
) -> Markup {
    let apart = BESIDE_PX.min(24.0 / of as f64);
    let beside = (index as f64 - (of as f64 - 1.0) / 2.0) * apart;
    let place = |n: u32| across.at(f64::from(n)) + beside;
    let mut sorted: Vec<(u32, &Series)> = points
        .iter()
        .filter_map(|s| Some((s.threads?, *s)))
        .collect();
    sorted.sort_by_key(|(n, _)| *n);
    let line = match law {
        Some(law) => {
            let points = curve_threads([across.lo, across.hi], across.spacing)
                .map(|n| (across.at(n) + beside, up.at(at_threads(law, n))));
            Path::default().to(points)
        }
        None => Path::default().to(sorted
            .iter()
            .filter_map(|(n, s)| Some((place(*n), up.at(s.mean?))))),
    };
    let class = series_class(index);
    // A second round through the colours is dashed.
    let dash = if index >= SERIES { " dash" } else { "" };
    let weight = if law.is_some() { "curve" } else { "thin" };
    html! {
        path class=(format!("{weight} s {class}{dash}")) d=(line) {}
        @for (n, s) in &sorted {
            g {
                title { (hover(s)) }
                @if let Some([lo, hi]) = s.ci {
                    @let x = place(*n);
                    path class=(format!("ci s {class}"))
                        d=(Path::default().line((x, up.at(lo)), (x, up.at(hi)))) {}
                }
                @if let Some(mean) = s.mean { (series_mark(index, place(*n), up.at(mean))) }
            }
        }
    }
}

fn hover(series: &Series) -> String {
    let mean = format::optional(series.mean, |mean| format::mean(mean, series.ci));
    let threads = series.threads.map_or_else(String::new, |n| {
        format!(", {}", format::plural(n.into(), "thread"))
    });
    outside(&format!(
        "{}{threads}: {mean} {}, n = {}",
        series.config, series.unit, series.n
    ))
}

fn description(points: &[&Series]) -> String {
    const TOLD: usize = 12;
    let mut told: Vec<String> = points.iter().take(TOLD).map(|s| hover(s)).collect();
    if points.len() > TOLD {
        told.push(format!("and {} more, in the table", points.len() - TOLD));
    }
    told.join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Estimate;

    #[test]
    fn the_law_is_evaluated_as_it_is_written() {
        let of = |estimate| Estimate { estimate, ci: None };
        let law = ScalabilityLaw {
            lambda: of(1000.0),
            sigma: of(0.05),
            kappa: of(0.01),
            peak_threads: None,
            worst_residual: 0.0,
            sigma_at_bound: false,
            kappa_at_bound: false,
            peak_at_least: None,
            peak_extrapolated: false,
            p_lack_of_fit: None,
        };
        // 1000·4 ∕ (1 + 0.05·3 + 0.01·4·3) = 4000 ∕ 1.27
        assert!((at_threads(&law, 4.0) - 4000.0 / 1.27).abs() < 1e-9);
        assert!((at_threads(&law, 1.0) - 1000.0).abs() < 1e-9);
    }
}
