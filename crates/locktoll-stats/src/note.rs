//! What a reader should know before trusting a comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::IndexCorrelation;
use crate::dependence::{Drift, LevelShift, LjungBox, autocorrelation, effective_sample_size};
use crate::input::ScaledPair;
use crate::moments::Moments;
use crate::{Design, Series, paired};

/// A check warns below this p-value. It is made many times in a run, so one in twenty would cry
/// wolf.
const WARN_P: f64 = 0.01;

/// Below this many values the checks on order have no power, and χ² is no guide to Ljung–Box.
const MIN_ORDERED: usize = 8;

/// A warning about the data of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// Too few values for an interval.
    TooFew {
        /// The shorter series.
        series: Series,
        /// Values that an interval needs.
        needed: usize,
        /// Values present.
        got: usize,
    },
    /// A zero value: the methods that take logarithms were left out.
    ZeroValue {
        /// Which series.
        series: Series,
        /// Position of the first zero, from 0.
        index: usize,
    },
    /// All values are the same: the interval says nothing about how well they were measured.
    ConstantSeries {
        /// Which series.
        series: Series,
    },
    /// Values occur more than once: the clock or counter may be too coarse.
    Tied {
        /// Values that equal another one, over both series.
        values: usize,
    },
    /// Neighbours in run order resemble each other: the interval is too narrow.
    Autocorrelated {
        /// Which series.
        series: Series,
        /// Autocorrelation at lag 1.
        lag1: f64,
        /// Ljung–Box p-value at lag 1.
        p: f64,
        /// Number of independent values that would carry as much information.
        effective_n: f64,
    },
    /// A trend over the run.
    Drift {
        /// Which series.
        series: Series,
        /// Change for each block, a fraction of the mean (of the ratio, for log ratios).
        slope_per_block: f64,
        /// P-value of "no slope".
        p: f64,
    },
    /// A step in the run; near the start it suggests that the warm-up was too short.
    LevelShift {
        /// Which series.
        series: Series,
        /// Number of values before the step.
        at: usize,
        /// Size of the step, a fraction of the mean (of the ratio, for log ratios).
        step: f64,
        /// P-value of "no step anywhere".
        p: f64,
    },
    /// Series analysed as independent go up and down together: they were paired, or not measured.
    IndexCorrelated {
        /// Correlation by position.
        r: f64,
        /// Its two-sided p-value.
        p: f64,
    },
}

/// All warnings for one comparison.
pub(crate) fn notes(pair: &ScaledPair, design: Design) -> Vec<Note> {
    let mut notes = Vec::new();
    let series = [(&pair.base, Series::Base), (&pair.test, Series::Test)];
    let (shorter, name) = if pair.test.len() < pair.base.len() {
        series[1]
    } else {
        series[0]
    };
    if shorter.len() < 2 {
        notes.push(Note::TooFew {
            series: name,
            needed: 2,
            got: shorter.len(),
        });
    }
    for (values, series) in series {
        if let Some(index) = values.iter().position(|&x| x == 0.0) {
            notes.push(Note::ZeroValue { series, index });
        }
        if values.len() > 1 && values.iter().all(|&x| x == values[0]) {
            notes.push(Note::ConstantSeries { series });
        }
    }
    notes.extend(tied(pair));
    match design {
        Design::Unpaired => {
            for (values, series) in series {
                order_notes(values, series, &mut notes);
            }
            notes.extend(index_correlated(pair));
        }
        Design::Paired | Design::TwoStage { .. } => {
            if let Ok(d) = paired::log_ratios(&pair.base, &pair.test) {
                if d.len() > 1 && d.iter().all(|&x| x == d[0]) {
                    notes.push(Note::ConstantSeries {
                        series: Series::LogRatios,
                    });
                }
                order_notes(&d, Series::LogRatios, &mut notes);
            }
        }
    }
    notes
}

fn tied(pair: &ScaledPair) -> Option<Note> {
    let mut all: Vec<f64> = pair.base.iter().chain(&pair.test).copied().collect();
    all.sort_by(f64::total_cmp);
    let values = all
        .chunk_by(|a, b| a == b)
        .map(<[f64]>::len)
        .filter(|&n| n > 1)
        .sum();
    (values > 0).then_some(Note::Tied { values })
}

/// Checks on run order; silent where a check does not apply.
fn order_notes(values: &[f64], series: Series, notes: &mut Vec<Note>) {
    if values.len() < MIN_ORDERED {
        return;
    }
    let Ok(moments) = Moments::of(values, series) else {
        return;
    };
    // A log ratio is relative already; other series are put relative to their mean.
    let unit = if series == Series::LogRatios {
        1.0
    } else {
        moments.mean
    };
    if let (Ok(lag1), Ok(test), Ok(effective_n)) = (
        autocorrelation(values, 1),
        LjungBox::compute(values, 1),
        effective_sample_size(values),
    ) && lag1 > 0.0
        && test.p < WARN_P
    {
        notes.push(Note::Autocorrelated {
            series,
            lag1,
            p: test.p,
            effective_n,
        });
    }
    if let Ok(drift) = Drift::compute(values)
        && drift.p < WARN_P
    {
        notes.push(Note::Drift {
            series,
            slope_per_block: drift.slope / unit,
            p: drift.p,
        });
    }
    if let Ok(shift) = LevelShift::compute(values)
        && shift.p < WARN_P
    {
        let step = (shift.after - shift.before) / unit;
        notes.push(Note::LevelShift {
            series,
            at: shift.at,
            step,
            p: shift.p,
        });
    }
}

fn index_correlated(pair: &ScaledPair) -> Option<Note> {
    let correlation = IndexCorrelation::compute(&pair.base, &pair.test).ok()?;
    (correlation.r > 0.0 && correlation.p < WARN_P).then_some(Note::IndexCorrelated {
        r: correlation.r,
        p: correlation.p,
    })
}
