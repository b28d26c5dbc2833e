//! The values that a fit uses: checked, scaled, and sorted by thread count and block.

use std::collections::BTreeMap;

use super::{Point, Refusal, Replicates, THREAD_COUNTS_NEEDED, VALUES_NEEDED};
use crate::input::Scale;
use crate::{Error, Series};

/// Values further apart than this factor cannot be squared side by side.
const MIN_RELATIVE: f64 = 1e-70;

/// More values than this are refused: a thousand resamples of them would take seconds.
const MAX_VALUES: usize = 100_000;

/// Scaled values by thread count; with [`Replicates::Blocks`], in the same blocks at each.
#[derive(Debug)]
pub(super) struct Table {
    /// Distinct thread counts, ascending.
    pub(super) threads: Vec<u32>,
    /// The values at each of them.
    pub(super) values: Vec<Vec<f64>>,
    pub(super) replicates: Replicates,
    scale: Scale,
}

impl Table {
    pub(super) fn new(points: &[Point], replicates: Replicates) -> Result<Self, Refusal> {
        check(points)?;
        let scale = Scale::of(points.iter().map(|point| &point.throughput));
        let mut by_threads: BTreeMap<u32, Vec<(u64, f64)>> = BTreeMap::new();
        for point in points {
            let scaled = scale.apply(point.throughput);
            if scaled < MIN_RELATIVE {
                return Err(Error::OutOfRange {
                    series: Series::Values,
                }
                .into());
            }
            by_threads
                .entry(point.threads)
                .or_default()
                .push((point.block, scaled));
        }
        if by_threads.len() < THREAD_COUNTS_NEEDED {
            return Err(Refusal::TooFewThreadCounts {
                got: by_threads.len(),
            });
        }
        let values = match replicates {
            Replicates::Blocks => complete_blocks(&by_threads)?,
            Replicates::Independent => by_threads
                .values()
                .map(|of| of.iter().map(|&(_, value)| value).collect())
                .collect(),
        };
        let table = Self {
            threads: by_threads.into_keys().collect(),
            values,
            replicates,
            scale,
        };
        table.enough_values()?;
        Ok(table)
    }

    pub(super) fn means(&self) -> Vec<f64> {
        self.values.iter().map(|of| mean(of)).collect()
    }

    /// From the table's scale back to the unit of the caller.
    pub(super) fn unscale(&self, x: f64) -> f64 {
        self.scale.undo(x)
    }

    pub(super) fn fewest_values(&self) -> usize {
        self.values.iter().map(Vec::len).min().unwrap_or(0)
    }

    fn enough_values(&self) -> Result<(), Refusal> {
        for (&threads, of) in self.threads.iter().zip(&self.values) {
            let got = of.len();
            if got < VALUES_NEEDED {
                return Err(match self.replicates {
                    Replicates::Blocks => Refusal::TooFewBlocks { got },
                    Replicates::Independent => Refusal::TooFewValues { threads, got },
                });
            }
        }
        Ok(())
    }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn check(points: &[Point]) -> Result<(), Refusal> {
    if points.len() > MAX_VALUES {
        return Err(Error::TooMany {
            limit: MAX_VALUES as u64,
            got: points.len() as u64,
        }
        .into());
    }
    for point in points {
        let (threads, value) = (point.threads, point.throughput);
        if !value.is_finite() || value <= 0.0 {
            return Err(Refusal::NotAThroughput { threads, value });
        }
        if threads == 0 {
            return Err(Refusal::NoThreads);
        }
    }
    Ok(())
}

/// The values of the blocks that have every thread count, in the order of the blocks.
fn complete_blocks(by_threads: &BTreeMap<u32, Vec<(u64, f64)>>) -> Result<Vec<Vec<f64>>, Refusal> {
    let mut by_block: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (column, (&threads, of)) in by_threads.iter().enumerate() {
        for &(block, value) in of {
            let row = by_block.entry(block).or_default();
            if row.len() > column {
                return Err(Refusal::RepeatedBlock { threads });
            }
            // A row that missed a thread count stays short, and is left out below.
            if row.len() == column {
                row.push(value);
            }
        }
    }
    by_block.retain(|_, row| row.len() == by_threads.len());
    Ok((0..by_threads.len())
        .map(|column| by_block.values().map(|row| row[column]).collect())
        .collect())
}
