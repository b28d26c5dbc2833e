//! From imported series to a result.

use std::collections::BTreeMap;

use locktoll_report::model::{self, Origin, Plan, Role, RunResult, Series, Value};
use locktoll_stats::{Design, Direction, Policy, Summary};

use super::{Pair, Values, judge, scaling, warnings};
use crate::error::{Error, Result};
use crate::import::{ImportedSeries, Regime};

/// How imported series are to be analysed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How the user named the file.
    pub file: String,
    /// The baseline that the user named.
    pub baseline: Option<String>,
    /// Whether to compare within blocks.
    pub paired: bool,
    /// Margin, confidence and direction.
    pub policy: Policy,
    /// The largest allowed overhead, as a fraction.
    pub max_cost: Option<f64>,
    /// Unit of the values.
    pub unit: String,
}

/// Analyses imported series.
///
/// # Errors
/// The baseline is not in the file, or the statistics refuse a series.
pub fn analyse(series: &[ImportedSeries], settings: &Settings) -> Result<RunResult> {
    let (baseline, baseline_reason) = baseline(series, settings.baseline.as_deref())?;
    let mut regimes: BTreeMap<&Regime, Vec<&ImportedSeries>> = BTreeMap::new();
    for one in series {
        regimes.entry(&one.regime).or_default().push(one);
    }
    let mut pairs = Vec::new();
    for (regime, members) in &regimes {
        let base = members.iter().find(|one| one.config == baseline);
        for test in members.iter().filter(|one| one.config != baseline) {
            let values = match base {
                Some(base) => values(base, test, settings.paired)?,
                None => Values::Missing(format!("'{baseline}' has no values in this regime")),
            };
            pairs.push(Pair {
                role: Role::Strategy,
                baseline: baseline.clone(),
                test: test.config.clone(),
                threads: regime.threads,
                workload: regime.workload.clone(),
                values,
                design: if settings.paired {
                    Design::Paired
                } else {
                    Design::Unpaired
                },
            });
        }
    }
    let comparisons = judge(pairs, &settings.policy)?;
    let mut result = RunResult {
        schema: model::SCHEMA.to_owned(),
        environment: model::Environment::new(),
        plan: Plan {
            origin: Origin::Import {
                file: settings.file.clone(),
            },
            baseline,
            baseline_reason,
            margin: settings.policy.margin,
            confidence: settings.policy.confidence,
            paired: settings.paired,
            higher_is_better: settings.policy.direction == Direction::HigherIsBetter,
            max_cost: settings.max_cost,
            experiment: None,
        },
        series: series.iter().map(|one| describe(one, settings)).collect(),
        comparisons,
        probes: Vec::new(),
        causes: Vec::new(),
        scaling: Vec::new(),
        ceiling: None,
        map: None,
        warnings: Vec::new(),
    };
    result.scaling = scaling::of_series(&result.series, &result.plan);
    result.warnings = warnings::of_comparisons(&result);
    Ok(result)
}

fn baseline(series: &[ImportedSeries], named: Option<&str>) -> Result<(String, Option<String>)> {
    let has = |name: &str| series.iter().any(|one| one.config == name);
    match named {
        Some(name) if has(name) => Ok((name.to_owned(), None)),
        Some(name) => {
            let mut known: Vec<&str> = Vec::new();
            for one in series {
                if !known.contains(&one.config.as_str()) {
                    known.push(&one.config);
                }
            }
            Err(Error::Usage(format!(
                "no configuration '{name}' in the file; it has {}",
                known.join(", ")
            )))
        }
        None => {
            let preferred = ["none", "per-encoder"].into_iter().find(|name| has(name));
            let line = |one: &&ImportedSeries| one.values.first().map(|value| value.line);
            let first = series
                .iter()
                .min_by_key(line)
                .map_or("", |one| one.config.as_str());
            let chosen = preferred.unwrap_or(first);
            let reason = match preferred {
                Some("none") => None,
                Some(_) => Some("there is no 'none' in the file".to_owned()),
                None => Some("it comes first in the file".to_owned()),
            };
            Ok((chosen.to_owned(), reason))
        }
    }
}

/// The values to compare: all of both series, or those of the blocks that both have.
fn values(base: &ImportedSeries, test: &ImportedSeries, paired: bool) -> Result<Values> {
    let all = |series: &ImportedSeries| series.values.iter().map(|value| value.value).collect();
    if !paired {
        return Ok(Values::Present {
            baseline: all(base),
            test: all(test),
        });
    }
    let by_block: BTreeMap<&str, f64> = base
        .values
        .iter()
        .map(|value| (value.block.as_str(), value.value))
        .collect();
    let alone = |one: &ImportedSeries, other: &ImportedSeries| {
        one.values
            .iter()
            .find(|value| other.values.iter().all(|there| there.block != value.block))
            .map(|value| (value.block.clone(), value.line))
    };
    for (one, other) in [(base, test), (test, base)] {
        if let Some((block, line)) = alone(one, other) {
            return Err(Error::Usage(format!(
                "--paired needs every block in both series: block '{block}' of '{}' (line {line}) \
                 is not in '{}'",
                one.config, other.config
            )));
        }
    }
    let (baseline, test) = test
        .values
        .iter()
        .filter_map(|value| Some((*by_block.get(value.block.as_str())?, value.value)))
        .unzip();
    Ok(Values::Present { baseline, test })
}

fn describe(series: &ImportedSeries, settings: &Settings) -> Series {
    let plain: Vec<f64> = series.values.iter().map(|value| value.value).collect();
    let summary = Summary::compute(&plain, settings.policy.confidence).ok();
    Series {
        config: series.config.clone(),
        role: Role::Strategy,
        probe: None,
        threads: series.regime.threads,
        workload: series.regime.workload.clone(),
        n: plain.len(),
        mean: summary.as_ref().map(|s| s.mean),
        sd: summary.as_ref().and_then(|s| s.sd),
        se: summary.as_ref().and_then(|s| s.se),
        ci: summary.as_ref().and_then(|s| s.ci).map(|ci| [ci.lo, ci.hi]),
        unit: settings.unit.clone(),
        values: series
            .values
            .iter()
            .map(|value| Value {
                block: value.block.clone(),
                order: None,
                value: value.value,
                iterations: Vec::new(),
            })
            .collect(),
        crashes: None,
        contention: None,
        utilisation: None,
        latency: None,
        fairness: None,
        variance: None,
    }
}
