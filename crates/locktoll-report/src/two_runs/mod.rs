//! Two runs compared: what both measured, side by side, and what else was different.
//!
//! Two runs are not interleaved. What changed between them besides what was meant to change (the
//! machine's temperature, its other programs) is part of every difference here, and no statistics
//! can take it out; every output says so.

mod html;
mod markdown;
mod terminal;

use locktoll_stats::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use html::render as to_html;
pub use markdown::render as to_markdown;
pub use terminal::render as to_text;

use crate::format::{half_width, optional, plural, significant};
use crate::model::{Estimate, Role};

/// The schema name and version of a comparison of two runs.
pub const SCHEMA: &str = "locktoll.comparison/1";

/// What every output says before the figures.
pub(crate) const NOT_INTERLEAVED: &str = "The two runs are not interleaved: whatever changed on \
    the machine between them is part of each difference, and the intervals do not cover it.";

/// Two runs, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TwoRuns {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The run that the other is compared with, as the user named it.
    pub first: String,
    /// The other run.
    pub second: String,
    /// The difference, as a fraction, below which nobody cares.
    pub margin: f64,
    /// Confidence of all intervals, as a fraction.
    pub confidence: f64,
    /// One row for each series that both runs have, in the order of the first.
    pub rows: Vec<Row>,
    /// Series that only one run has, or has several times, in words.
    pub unmatched: Vec<String>,
    /// What differs in plan and environment.
    pub differences: Vec<Difference>,
}

/// One series in both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The kind of series.
    pub role: Role,
    /// The configuration.
    pub config: String,
    /// Threads that encoded, when known.
    pub threads: Option<u32>,
    /// The workload, when known.
    pub workload: Option<String>,
    /// Unit of the means.
    pub unit: String,
    /// Values and their mean in the first run.
    pub first: Side,
    /// Values and their mean in the second run.
    pub second: Side,
    /// Throughput of the second run ÷ that of the first, with Fieller's interval.
    pub ratio: Option<Estimate>,
    /// p-value of "no difference", two-sided (Welch).
    pub p_difference: Option<f64>,
    /// The same after Holm's correction over all rows.
    pub p_difference_holm: Option<f64>,
    /// p-value of "the difference is at least the margin" (TOST).
    pub p_equivalence: Option<f64>,
    /// The decision: `costs` where the second run is slower, `pays` where it is faster.
    pub verdict: Option<Verdict>,
    /// Why there is no ratio, where there is none.
    pub missing: Option<String>,
}

/// One run's part of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Number of values.
    pub n: usize,
    /// Mean, with its Student-t interval.
    pub mean: Option<Estimate>,
}

/// A setting or a fact that differs between the runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// `plan` or `environment`, a point, and the name.
    pub name: String,
    /// In the first run; `null` where it is not there.
    pub first: Option<String>,
    /// In the second run; `null` where it is not there.
    pub second: Option<String>,
}

/// Writes a comparison as JSON, with a newline at its end.
///
/// # Errors
///
/// [`crate::json::Error::Write`] when a value has no form in JSON.
pub fn to_json(runs: &TwoRuns) -> Result<String, crate::json::Error> {
    let text = serde_json::to_string_pretty(runs)
        .map_err(|reason| crate::json::Error::Write { reason })?;
    Ok(text + "\n")
}

/// What the verdict says of the second run.
pub(crate) fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Costs) => "slower",
        Some(Verdict::Pays) => "faster",
        Some(Verdict::Negligible) => "differs within the margin",
        Some(Verdict::Free) => "the same within the margin",
        Some(Verdict::Unresolved) => "unresolved",
        None => "not compared",
    }
}

/// `Of 8 series that both runs have, in the second run: 3 slower, 5 unresolved.`
pub(crate) fn summary(runs: &TwoRuns) -> String {
    if runs.rows.is_empty() {
        return "The two runs have no series in common, so nothing is compared.".to_owned();
    }
    let classes = [
        Some(Verdict::Costs),
        Some(Verdict::Pays),
        Some(Verdict::Negligible),
        Some(Verdict::Free),
        Some(Verdict::Unresolved),
        None,
    ];
    let parts: Vec<String> = classes
        .into_iter()
        .filter_map(|class| {
            let n = runs.rows.iter().filter(|row| row.verdict == class).count();
            (n > 0).then(|| format!("{n} {}", word(class)))
        })
        .collect();
    format!(
        "Of {} series that both runs have, in the second run: {}.",
        crate::format::count(runs.rows.len() as u64),
        parts.join(", ")
    )
}

/// `global (A/A)`.
pub(crate) fn row_name(row: &Row) -> String {
    match row.role {
        Role::Strategy => row.config.clone(),
        Role::AA => format!("{} (A/A)", row.config),
        Role::Counted => format!("{} (counted)", row.config),
        Role::Probe => format!("{} (probe)", row.config),
    }
}

/// `mlp, 8 threads`, as far as it is known.
pub(crate) fn regime(row: &Row) -> String {
    let threads = row.threads.map(|n| plural(n.into(), "thread"));
    let parts: Vec<String> = row.workload.iter().cloned().chain(threads).collect();
    if parts.is_empty() {
        "all values".to_owned()
    } else {
        parts.join(", ")
    }
}

/// `1.02 (0.99 to 1.05)`, as fine as the interval allows.
pub(crate) fn ratio(row: &Row) -> [String; 2] {
    let Some(found) = &row.ratio else {
        let missing = row.missing.clone();
        return [
            crate::format::MISSING.to_owned(),
            missing.unwrap_or_default(),
        ];
    };
    let Some([lo, hi]) = found.ci else {
        return [significant(found.estimate, 3), "no interval".to_owned()];
    };
    // A ratio reads as a percentage does, a hundred times smaller.
    let half = half_width([lo, hi]);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    let decimals = (1.0 - half.log10().floor()).clamp(0.0, 6.0) as usize;
    let write = |x: f64| crate::format::fixed_point(x, decimals);
    [
        write(found.estimate),
        format!("{} to {}", write(lo), write(hi)),
    ]
}

/// `8,922 ± 7 (n = 5)`.
pub(crate) fn mean(side: &Side) -> String {
    let mean = optional(side.mean.as_ref(), |mean| {
        crate::format::mean(mean.estimate, mean.ci)
    });
    format!("{mean} (n = {})", side.n)
}
