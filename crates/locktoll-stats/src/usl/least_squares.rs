//! Relative least squares with σ, κ ≥ 0: exact, without iteration.
//!
//! N ∕ X is linear in θ = (1∕λ, σ∕λ, κ∕λ). Each mean X̄ is weighted so that relative distances count
//! equally: the sum of (X̄·θ·a(N) − 1)² with a(N) = (1, N−1, N(N−1)) ∕ N is least, and
//! X̄·θ·a(N) − 1 is mean ∕ law − 1. The sum is convex in θ, so its least value under bounds lies where
//! some of the bounded parameters are zero and the rest are free: four cases, each a linear
//! problem. λ must be finite, so 1∕λ is free in all of them.

use super::Refusal;
use crate::{Error, Series};

/// Columns whose part that is new is smaller than this cannot be told from the others.
const SINGULAR: f64 = 1e-12;

/// Which of σ and κ are free, simplest first.
const CASES: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];
/// A case with more parameters must be nearer by more than rounding (a sum of squares of relative
/// distances); else a straight line would peak at a hundred million threads.
const ROUNDING: f64 = 1e-20;

/// A law, in the scale of its table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Law {
    /// 1∕λ, σ∕λ, κ∕λ.
    pub(super) theta: [f64; 3],
    pub(super) sigma_at_bound: bool,
    pub(super) kappa_at_bound: bool,
}

impl Law {
    /// The law with σ, κ ≥ 0 that is nearest to the means.
    pub(super) fn fit(threads: &[u32], means: &[f64]) -> Result<Self, Refusal> {
        let mut best: Option<(f64, Self)> = None;
        for free in CASES {
            let Some(theta) = solve(threads, means, free) else {
                continue;
            };
            if theta[0] <= 0.0 || theta[1] < 0.0 || theta[2] < 0.0 {
                continue;
            }
            let law = Self {
                theta,
                sigma_at_bound: !free[0],
                kappa_at_bound: !free[1],
            };
            let distance = law.distance(threads, means);
            if best.is_none_or(|(least, _)| distance + ROUNDING < least) {
                best = Some((distance, law));
            }
        }
        let (_, law) = best.ok_or(Error::OutOfRange {
            series: Series::Values,
        })?;
        if [law.lambda(), law.sigma(), law.kappa()]
            .iter()
            .all(|x| x.is_finite())
        {
            Ok(law)
        } else {
            Err(Refusal::Open)
        }
    }

    /// The law without bounds, as (λ, σ, κ): `None` where λ is not positive. Its σ or κ may be
    /// below zero, and it is never told: intervals need an estimate that no bound bends.
    pub(super) fn unbounded(threads: &[u32], means: &[f64]) -> Option<[f64; 3]> {
        let theta = solve(threads, means, [true, true])?;
        let found = [1.0 / theta[0], theta[1] / theta[0], theta[2] / theta[0]];
        (theta[0] > 0.0 && found.iter().all(|x| x.is_finite())).then_some(found)
    }

    pub(super) fn lambda(&self) -> f64 {
        1.0 / self.theta[0]
    }

    pub(super) fn sigma(&self) -> f64 {
        self.theta[1] / self.theta[0]
    }

    pub(super) fn kappa(&self) -> f64 {
        self.theta[2] / self.theta[0]
    }

    pub(super) fn throughput(&self, threads: u32) -> f64 {
        1.0 / dot(&self.theta, &terms(threads))
    }

    /// An orthonormal basis of what a small change of the free parameters does to the relative
    /// throughputs, at the law.
    pub(super) fn directions(&self, threads: &[u32]) -> Vec<Vec<f64>> {
        let expected: Vec<f64> = threads.iter().map(|&n| self.throughput(n)).collect();
        let free = [!self.sigma_at_bound, !self.kappa_at_bound];
        let columns: Vec<Vec<f64>> = free_columns(threads, &expected, free)
            .into_iter()
            .map(|(_, column)| column)
            .collect();
        orthonormal(&columns).unwrap_or_default().basis
    }

    fn distance(&self, threads: &[u32], means: &[f64]) -> f64 {
        let relative = |(&n, mean): (&u32, &f64)| mean * dot(&self.theta, &terms(n)) - 1.0;
        threads.iter().zip(means).map(relative).map(|r| r * r).sum()
    }
}

/// a(N): 1∕N, (N−1)∕N, N−1.
fn terms(threads: u32) -> [f64; 3] {
    let n = f64::from(threads);
    [1.0 / n, (n - 1.0) / n, n - 1.0]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The weighted columns of the parameters that are free, with their positions.
fn free_columns(threads: &[u32], weights: &[f64], free: [bool; 2]) -> Vec<(usize, Vec<f64>)> {
    [true, free[0], free[1]]
        .into_iter()
        .enumerate()
        .filter(|&(_, is_free)| is_free)
        .map(|(position, _)| {
            let column = threads
                .iter()
                .zip(weights)
                .map(|(&n, weight)| weight * terms(n)[position])
                .collect();
            (position, column)
        })
        .collect()
}

/// θ of one case; `None` where the thread counts cannot tell its parameters apart.
fn solve(threads: &[u32], means: &[f64], free: [bool; 2]) -> Option<[f64; 3]> {
    let columns = free_columns(threads, means, free);
    let plain: Vec<Vec<f64>> = columns.iter().map(|(_, column)| column.clone()).collect();
    let factors = orthonormal(&plain)?;
    let mut rest = vec![1.0; means.len()];
    let mut along = Vec::with_capacity(plain.len());
    for direction in &factors.basis {
        let share = dot(direction, &rest);
        subtract(&mut rest, share, direction);
        along.push(share);
    }
    let mut theta = [0.0; 3];
    for (row, &(position, _)) in columns.iter().enumerate().rev() {
        let known: f64 = (row + 1..columns.len())
            .map(|later| factors.upper[later][row] * theta[columns[later].0])
            .sum();
        theta[position] = (along[row] - known) / factors.upper[row][row];
    }
    Some(theta)
}

/// Columns = basis × upper, where `upper[column][row]` belongs to the basis vector `row`.
#[derive(Debug, Default)]
struct Factors {
    basis: Vec<Vec<f64>>,
    upper: Vec<Vec<f64>>,
}

/// Modified Gram–Schmidt, twice for each column, so that nearly parallel columns stay orthogonal
/// (L. Giraud and others, *Numerische Mathematik* 101 (2005) 87–100).
fn orthonormal(columns: &[Vec<f64>]) -> Option<Factors> {
    let mut factors = Factors::default();
    for column in columns {
        let whole = norm(column);
        let mut rest = column.clone();
        let mut upper = vec![0.0; factors.basis.len()];
        for _ in 0..2 {
            for (direction, entry) in factors.basis.iter().zip(&mut upper) {
                let share = dot(direction, &rest);
                subtract(&mut rest, share, direction);
                *entry += share;
            }
        }
        let new = norm(&rest);
        if new.is_nan() || new <= SINGULAR * whole {
            return None;
        }
        upper.push(new);
        factors.upper.push(upper);
        factors.basis.push(rest.iter().map(|x| x / new).collect());
    }
    Some(factors)
}

pub(super) fn subtract(from: &mut [f64], share: f64, direction: &[f64]) {
    for (x, d) in from.iter_mut().zip(direction) {
        *x -= share * d;
    }
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
