//! Do the means scatter round the law more than noise explains?
//!
//! The distance of the means from the law is compared with the spread of single values in the same
//! directions: those that no change of the law's parameters can reach. What a block does to all
//! thread counts alike is a change of λ, so it is in neither. The noise may differ between thread
//! counts, as it does (one thread is often the noisiest), so the degrees of freedom are
//! Satterthwaite's, by Box: G. E. P. Box, *Annals of Mathematical Statistics* 25 (1954) 290–302 and
//! 484–498. In blocks this is the test of repeated measures with the correction of S. W. Greenhouse
//! and S. Geisser, *Psychometrika* 24 (1959) 95–112; without, that of E. Brunner, H. Dette and
//! A. Munk, *JASA* 92 (1997) 1494–1502.

use super::Replicates;
use super::least_squares::{Law, subtract};
use super::table::{Table, mean};
use crate::distribution::f_upper_tail;

/// The test of lack of fit against pure error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LackOfFit {
    /// Mean square of lack of fit ÷ mean square of noise; infinite where the values do not vary.
    pub f: f64,
    /// Degrees of freedom of the lack of fit.
    pub df_fit: f64,
    /// Degrees of freedom of the noise.
    pub df_noise: f64,
    /// P(F > `f`) under the law.
    pub p: f64,
}

/// Lack of fit below this, relative, is rounding.
const ROUNDING: f64 = 1e-12;

impl LackOfFit {
    pub(super) fn test(table: &Table, law: &Law) -> Self {
        let directions = law.directions(&table.threads);
        // Values as multiples of the law: means near 1, and spreads that can be compared.
        let relative: Vec<Vec<f64>> = table
            .threads
            .iter()
            .zip(&table.values)
            .map(|(&n, of)| of.iter().map(|x| x / law.throughput(n)).collect())
            .collect();
        let mut off: Vec<f64> = relative.iter().map(|of| mean(of) - 1.0).collect();
        project(&mut off, &directions);
        let distance: f64 = off.iter().map(|x| x * x).sum();

        let spread = covariance_of_means(&relative, table.replicates);
        let noise = project_both(spread.clone(), &directions);
        let trace: f64 = (0..noise.len()).map(|i| noise[i][i]).sum();
        let squares: f64 = noise.iter().flatten().map(|x| x * x).sum();
        if trace <= 0.0 || squares <= 0.0 {
            let fits = distance.sqrt() <= ROUNDING;
            return Self {
                f: if fits { 0.0 } else { f64::INFINITY },
                df_fit: 1.0,
                df_noise: 1.0,
                p: if fits { 1.0 } else { 0.0 },
            };
        }
        let df_fit = trace * trace / squares;
        let df_noise = match table.replicates {
            Replicates::Blocks => df_fit * (table.fewest_values() as f64 - 1.0),
            Replicates::Independent => {
                let parts = (0..spread.len()).map(|i| {
                    let reached: f64 = directions.iter().map(|d| d[i] * d[i]).sum();
                    let part = (1.0 - reached).max(0.0) * spread[i][i];
                    part * part / (table.values[i].len() as f64 - 1.0)
                });
                trace * trace / parts.sum::<f64>()
            }
        };
        let f = distance / trace;
        Self {
            f,
            df_fit,
            df_noise,
            p: f_upper_tail(f, df_fit, df_noise),
        }
    }
}

/// Takes away what lies along the directions.
fn project(values: &mut [f64], directions: &[Vec<f64>]) {
    for direction in directions {
        let share: f64 = direction.iter().zip(&*values).map(|(d, x)| d * x).sum();
        subtract(values, share, direction);
    }
}

/// The same from the rows and the columns of a symmetric matrix.
fn project_both(mut matrix: Vec<Vec<f64>>, directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
    for _ in 0..2 {
        for row in &mut matrix {
            project(row, directions);
        }
        matrix = transposed(&matrix);
    }
    matrix
}

fn transposed(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..matrix.len())
        .map(|i| matrix.iter().map(|row| row[i]).collect())
        .collect()
}

/// Covariances of the means of columns, which share their blocks or nothing.
fn covariance_of_means(columns: &[Vec<f64>], replicates: Replicates) -> Vec<Vec<f64>> {
    let centred: Vec<Vec<f64>> = columns
        .iter()
        .map(|of| {
            let centre = mean(of);
            of.iter().map(|x| x - centre).collect()
        })
        .collect();
    let entry = |i: usize, j: usize| {
        if i != j && replicates == Replicates::Independent {
            return 0.0;
        }
        let n = columns[i].len() as f64;
        let products = centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b);
        products.sum::<f64>() / (n - 1.0) / n
    };
    (0..columns.len())
        .map(|i| (0..columns.len()).map(|j| entry(i, j)).collect())
        .collect()
}
