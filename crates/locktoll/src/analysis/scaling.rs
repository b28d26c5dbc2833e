//! Throughput over threads: one scalability law, or one refusal, for each configuration.

use std::collections::{BTreeMap, BTreeSet};

use locktoll_report::model::{Estimate, Plan, Role, ScalabilityLaw, Scaling, Series};
use locktoll_stats::usl::{Fit, Parameter, Point, Replicates, fit};

/// Any fixed number: the same values always give the same intervals.
const SEED: u64 = 0x7363_616c_696e_6721;

/// How each configuration scales, workload by workload; bare locks only. A configuration with
/// values at one thread count alone has no entry.
pub(super) fn of_series(series: &[Series], plan: &Plan) -> Vec<Scaling> {
    let mut groups: Vec<(&Series, Vec<&Series>)> = Vec::new();
    for one in series.iter().filter(|one| one.role == Role::Strategy) {
        let same = |(first, _): &&mut (&Series, Vec<&Series>)| {
            first.config == one.config && first.workload == one.workload
        };
        match groups.iter_mut().find(same) {
            Some((_, members)) => members.push(one),
            None => groups.push((one, vec![one])),
        }
    }
    groups
        .into_iter()
        .filter_map(|(first, members)| of_configuration(first, &members, plan))
        .collect()
}

fn of_configuration(first: &Series, members: &[&Series], plan: &Plan) -> Option<Scaling> {
    let points = points(members);
    let threads: Vec<u32> = points
        .iter()
        .map(|point| point.threads)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let largest = match threads.as_slice() {
        [] | [_] => return None,
        [.., largest] => *largest,
    };
    let replicates = if plan.paired {
        Replicates::Blocks
    } else {
        Replicates::Independent
    };
    let found = if plan.higher_is_better {
        fit(&points, replicates, plan.confidence, SEED).map_err(|refusal| refusal.to_string())
    } else {
        Err("lower is better here, so that the values are no throughputs".to_owned())
    };
    let (law, refused) = match found {
        Ok(fit) => (Some(law(&fit, largest)), None),
        Err(reason) => (None, Some(reason)),
    };
    Some(Scaling {
        config: first.config.clone(),
        workload: first.workload.clone(),
        threads,
        law,
        refused,
    })
}

/// Every value with its block; labels of blocks become numbers.
fn points(members: &[&Series]) -> Vec<Point> {
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut points = Vec::new();
    for series in members {
        let Some(threads) = series.threads else {
            continue;
        };
        for value in &series.values {
            let next = numbers.len() as u64;
            points.push(Point {
                threads,
                block: *numbers.entry(&value.block).or_insert(next),
                throughput: value.value,
            });
        }
    }
    points
}

fn law(fit: &Fit, largest_measured: u32) -> ScalabilityLaw {
    let estimate = |parameter: &Parameter| Estimate {
        estimate: parameter.estimate,
        ci: Some([parameter.ci.lo, parameter.ci.hi]),
    };
    let peak = &fit.peak;
    ScalabilityLaw {
        lambda: estimate(&fit.lambda),
        sigma: estimate(&fit.sigma),
        kappa: estimate(&fit.kappa),
        sigma_at_bound: fit.sigma.at_bound,
        kappa_at_bound: fit.kappa.at_bound,
        peak_threads: peak.threads.map(|threads| Estimate {
            estimate: threads,
            ci: peak.at_least.zip(peak.at_most).map(|(lo, hi)| [lo, hi]),
        }),
        peak_at_least: peak.at_least,
        peak_extrapolated: peak
            .threads
            .is_some_and(|threads| threads > f64::from(largest_measured)),
        worst_residual: fit.worst_residual(),
        p_lack_of_fit: Some(fit.lack_of_fit.p),
    }
}

#[cfg(test)]
mod tests {
    use locktoll_report::model::{Origin, Value};

    use super::*;

    const COUNTS: [u32; 5] = [1, 2, 4, 8, 16];

    fn plan(paired: bool, higher_is_better: bool) -> Plan {
        Plan {
            origin: Origin::Import {
                file: "values.csv".to_owned(),
            },
            baseline: "none".to_owned(),
            baseline_reason: None,
            margin: 0.01,
            confidence: 0.95,
            paired,
            higher_is_better,
            max_cost: None,
            experiment: None,
        }
    }

    /// σ = 0.1, κ = 0.01, with blocks that are 1% slower, level, and 1% faster.
    fn series(config: &str, role: Role, threads: u32) -> Series {
        let n = f64::from(threads);
        let level = 1000.0 * n / (1.0 + 0.1 * (n - 1.0) + 0.01 * n * (n - 1.0));
        let values = [("slow", 0.99), ("level", 1.0), ("fast", 1.01)];
        Series {
            config: config.to_owned(),
            role,
            probe: None,
            threads: Some(threads),
            workload: None,
            n: values.len(),
            mean: Some(level),
            sd: None,
            se: None,
            ci: None,
            unit: "ops/s".to_owned(),
            values: values
                .map(|(block, factor)| Value {
                    block: block.to_owned(),
                    order: None,
                    value: level * factor,
                    iterations: Vec::new(),
                })
                .into(),
            crashes: None,
            contention: None,
            utilisation: None,
            latency: None,
            fairness: None,
            variance: None,
        }
    }

    fn all(counts: &[u32]) -> Vec<Series> {
        counts
            .iter()
            .map(|&threads| series("global", Role::Strategy, threads))
            .collect()
    }

    #[test]
    fn a_law_has_its_parameters_and_its_peak() {
        let found = of_series(&all(&COUNTS), &plan(true, true));
        assert_eq!((found.len(), &found[0].threads[..]), (1, &COUNTS[..]));
        let law = found[0].law.as_ref().expect("follows the law");
        assert!((law.lambda.estimate - 1000.0).abs() < 1e-6);
        assert!((law.sigma.estimate - 0.1).abs() < 1e-9);
        assert!((law.kappa.estimate - 0.01).abs() < 1e-9);
        // √(0.9 ∕ 0.01), which 16 threads reach and 8 do not.
        let peak = law.peak_threads.expect("has a peak").estimate;
        assert!((peak - 90_f64.sqrt()).abs() < 1e-6 && !law.peak_extrapolated);
        let fewer = of_series(&all(&COUNTS[..4]), &plan(true, true));
        assert!(
            fewer[0]
                .law
                .as_ref()
                .expect("the same law")
                .peak_extrapolated
        );
    }

    #[test]
    fn blocks_count_only_where_they_mean_something() {
        let width = |paired| {
            let found = of_series(&all(&COUNTS), &plan(paired, true));
            let law = found[0].law.clone().expect("follows the law");
            let [lo, hi] = law.sigma.ci.expect("has an interval");
            hi - lo
        };
        assert!(width(true) < 1e-9 && width(false) > 0.01);
    }

    #[test]
    fn too_few_counts_are_named_and_one_is_nothing_to_tell() {
        let found = of_series(&all(&COUNTS[..3]), &plan(true, true));
        assert_eq!(found[0].law, None);
        assert_eq!(
            found[0].refused.as_deref(),
            Some("4 thread counts are needed, and there are 3")
        );
        assert_eq!(of_series(&all(&COUNTS[..1]), &plan(true, true)), []);
        let mut crashed = all(&COUNTS[..2]);
        crashed[1].values.clear();
        assert_eq!(of_series(&crashed, &plan(true, true)), []);
    }

    #[test]
    fn times_and_other_arms_are_not_fitted() {
        let found = of_series(&all(&COUNTS), &plan(true, false));
        assert!(found[0].law.is_none() && found[0].refused.is_some());
        let counted: Vec<Series> = COUNTS
            .iter()
            .map(|&threads| series("global", Role::Counted, threads))
            .collect();
        assert_eq!(of_series(&counted, &plan(true, true)), []);
    }
}
