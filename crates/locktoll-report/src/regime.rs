//! The regimes of a run: one workload at one thread count.
//!
//! A cost holds for a regime. Tables and sentences go regime by regime, so that no figure is ever
//! taken over two workloads or two thread counts.

use std::collections::BTreeSet;

use crate::format::plural;
use crate::model::{Comparison, Role, RunResult, Series};

/// One workload at one thread count; either may be unknown for imported values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Regime {
    /// The workload, when known.
    pub workload: Option<String>,
    /// Threads that encoded, when known.
    pub threads: Option<u32>,
}

impl Regime {
    fn of(workload: Option<&String>, threads: Option<u32>) -> Self {
        Self {
            workload: workload.cloned(),
            threads,
        }
    }

    /// `8 threads`; with the workload where the run has several; `all values` where nothing is
    /// known.
    #[must_use]
    pub fn label(&self, run: &RunResult) -> String {
        let threads = self.threads.map(|n| plural(n.into(), "thread"));
        let workload = self
            .workload
            .as_ref()
            .filter(|_| run.has_several_workloads());
        match (workload, threads) {
            (Some(workload), Some(threads)) => format!("workload {workload}, {threads}"),
            (Some(workload), None) => format!("workload {workload}"),
            (None, Some(threads)) => threads,
            (None, None) => "all values".to_owned(),
        }
    }

    /// The start of a sentence about this regime: `At 8 threads,`; empty where nothing is known.
    #[must_use]
    pub fn lead(&self, run: &RunResult) -> String {
        let label = self.label(run);
        match (&self.workload, self.threads) {
            (Some(_), _) if run.has_several_workloads() => format!("With {label},"),
            (_, Some(_)) => format!("At {label},"),
            (_, None) => String::new(),
        }
    }
}

impl Series {
    /// The regime in which the values were taken.
    #[must_use]
    pub fn regime(&self) -> Regime {
        Regime::of(self.workload.as_ref(), self.threads)
    }
}

impl Comparison {
    /// The regime in which the two series were taken.
    #[must_use]
    pub fn regime(&self) -> Regime {
        Regime::of(self.workload.as_ref(), self.threads)
    }
}

impl RunResult {
    /// The regimes of all series and comparisons, by workload and thread count.
    #[must_use]
    pub fn regimes(&self) -> Vec<Regime> {
        let series = self.series.iter().map(Series::regime);
        let comparisons = self.comparisons.iter().map(Comparison::regime);
        series
            .chain(comparisons)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// Whether names of workloads must be told apart.
    #[must_use]
    pub fn has_several_workloads(&self) -> bool {
        let series = self.series.iter().map(|series| &series.workload);
        let comparisons = self
            .comparisons
            .iter()
            .map(|comparison| &comparison.workload);
        series.chain(comparisons).collect::<BTreeSet<_>>().len() > 1
    }

    /// The series of one regime, in the order of the file.
    pub fn series_in<'a>(&'a self, regime: &'a Regime) -> impl Iterator<Item = &'a Series> {
        self.series
            .iter()
            .filter(move |series| series.regime() == *regime)
    }

    /// The comparisons of one role in one regime, in the order of the file.
    pub fn comparisons_in<'a>(
        &'a self,
        role: Role,
        regime: &'a Regime,
    ) -> impl Iterator<Item = &'a Comparison> {
        self.comparisons_of(role)
            .filter(move |comparison| comparison.regime() == *regime)
    }

    /// The series of a configuration in one regime.
    #[must_use]
    pub fn find_in(&self, regime: &Regime, role: Role, config: &str) -> Option<&Series> {
        self.series.iter().find(|series| {
            series.role == role && series.config == config && series.regime() == *regime
        })
    }
}
