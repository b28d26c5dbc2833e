//! How much of a known addition arrives in a response: a slope through the unchanged value.
//!
//! In each block the response is measured without the addition and with it at several levels. The
//! block's slope is the least-squares line through the unchanged value, and the blocks' slopes are
//! one sample: what disturbs a whole block moves its values together and leaves its slope alone.
//! The additions are measured too, so that the slope is per unit that was really added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::moments::{Moments, check_finite};
use crate::paired::mean_estimate;
use crate::{Error, Interval, Series};

/// One block's measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The response without any addition.
    pub unchanged: f64,
    /// The amounts really added, and the response to each; the same levels in every block.
    pub levels: Vec<Level>,
}

/// The response to one addition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// What was added, positive.
    pub added: f64,
    /// The response, in a unit of its own.
    pub response: f64,
}

/// The slope over all blocks, in the response's unit per added unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassThrough {
    /// Number of blocks.
    pub n: usize,
    /// Mean of the blocks' slopes.
    pub slope: f64,
    /// Student's t interval of the mean; `None` for one block.
    pub ci: Option<Interval>,
    /// The slope of each block.
    pub by_block: Vec<f64>,
    /// How much steeper the line to the last level is than the line to the first, as a mean over
    /// blocks; `None` with one level.
    pub bend: Option<f64>,
    /// Two-sided p-value of "there is no bend"; `None` with one level or one block.
    pub p_linear: Option<f64>,
}

impl PassThrough {
    /// Slope of block *b*: Σᵢ xᵢ(yᵢ − y₀) ∕ Σᵢ xᵢ², the least squares through (0, y₀). Interval and
    /// test: Student's t on the blocks' slopes and bends.
    ///
    /// ```
    /// use locktoll_stats::pass_through::{Block, Level, PassThrough};
    ///
    /// let block = |unchanged| Block {
    ///     unchanged,
    ///     levels: vec![
    ///         Level { added: 10.0, response: unchanged + 5.0 },
    ///         Level { added: 20.0, response: unchanged + 10.0 },
    ///     ],
    /// };
    /// let found = PassThrough::compute(&[block(100.0), block(140.0)], 0.95)?;
    /// assert_eq!(found.slope, 0.5);
    /// # Ok::<(), locktoll_stats::Error>(())
    /// ```
    ///
    /// # Errors
    /// No block, a block without levels, a value that is not finite, an addition that is not
    /// positive, or an unsupported confidence.
    pub fn compute(blocks: &[Block], confidence: f64) -> Result<Self, Error> {
        let slopes: Vec<f64> = blocks.iter().map(slope).collect::<Result<_, _>>()?;
        let bends: Option<Vec<f64>> = blocks.iter().map(bend).collect();
        let moments = Moments::of(&slopes, Series::Values)?;
        let mean = mean_estimate(&moments);
        let ci = match moments.n {
            0 | 1 => None,
            _ => Some(mean.interval(confidence)?),
        };
        let bend = bends
            .map(|bends| Moments::of(&bends, Series::Values))
            .transpose()?;
        Ok(Self {
            n: moments.n,
            slope: moments.mean,
            ci,
            bend: bend.as_ref().map(|moments| moments.mean),
            p_linear: bend
                .filter(|moments| moments.n > 1)
                .map(|moments| mean_estimate(&moments).p_two_sided(0.0)),
            by_block: slopes,
        })
    }
}

fn slope(block: &Block) -> Result<f64, Error> {
    check_finite(&[block.unchanged], Series::Base)?;
    let (mut products, mut squares) = (0.0, 0.0);
    for (index, level) in block.levels.iter().enumerate() {
        check_finite(&[level.added, level.response], Series::Values)?;
        if level.added <= 0.0 {
            return Err(Error::ZeroValue {
                series: Series::Values,
                index,
            });
        }
        products += level.added * (level.response - block.unchanged);
        squares += level.added * level.added;
    }
    if squares > 0.0 {
        Ok(products / squares)
    } else {
        Err(Error::Empty {
            series: Series::Values,
        })
    }
}

/// The line to the last level against the line to the first.
fn bend(block: &Block) -> Option<f64> {
    let secant = |level: &Level| (level.response - block.unchanged) / level.added;
    match block.levels.as_slice() {
        [first, .., last] => Some(secant(last) - secant(first)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use crate::simulate::normal;

    fn block(unchanged: f64, levels: &[(f64, f64)]) -> Block {
        let level = |&(added, response)| Level { added, response };
        Block {
            unchanged,
            levels: levels.iter().map(level).collect(),
        }
    }

    #[test]
    fn by_hand() {
        // Slopes (1·2 + 2·2) ∕ 5 = 1.2 and (1·1 + 2·3) ∕ 5 = 1.4; bends 1 − 2 and 1.5 − 1.
        let blocks = [
            block(10.0, &[(1.0, 12.0), (2.0, 12.0)]),
            block(20.0, &[(1.0, 21.0), (2.0, 23.0)]),
        ];
        let found = PassThrough::compute(&blocks, 0.95).unwrap();
        assert!((found.slope - 1.3).abs() < 1e-12);
        assert!((found.bend.unwrap() + 0.25).abs() < 1e-12);
        // Half-width t(1) · s ∕ √2 = 12.7062 · 0.1.
        let ci = found.ci.unwrap();
        assert!((ci.hi - 1.3 - 1.270_62).abs() < 1e-4, "{ci:?}");
    }

    #[test]
    fn what_cannot_be_a_slope_is_refused() {
        for bad in [
            block(1.0, &[]),
            block(1.0, &[(0.0, 1.0)]),
            block(f64::NAN, &[(1.0, 1.0)]),
            block(1.0, &[(1.0, f64::INFINITY)]),
        ] {
            assert!(PassThrough::compute(&[bad], 0.95).is_err());
        }
        assert!(PassThrough::compute(&[], 0.95).is_err());
    }

    // 2,000 experiments of 8 blocks: the binomial standard error of 0.95 is 0.5%.
    #[test]
    fn intervals_cover_and_the_test_of_the_line_keeps_its_level() {
        let mut rng = Pcg64::seed_from_u64(7);
        let mut noise = || normal(&mut rng);
        let (mut covered, mut bent) = (0, 0);
        for _ in 0..2000 {
            let blocks: Vec<Block> = (0..8)
                .map(|_| {
                    let unchanged = 1000.0 + 50.0 * noise();
                    let mut at = |x: f64| (x, unchanged + 0.7 * x + 10.0 * noise());
                    let levels = [at(100.0), at(200.0)];
                    block(unchanged, &levels)
                })
                .collect();
            let found = PassThrough::compute(&blocks, 0.95).unwrap();
            let ci = found.ci.unwrap();
            covered += usize::from(ci.lo <= 0.7 && 0.7 <= ci.hi);
            bent += usize::from(found.p_linear.unwrap() < 0.05);
        }
        assert!((1870..=1930).contains(&covered), "{covered}");
        assert!((70..=130).contains(&bent), "{bent}");
    }

    proptest! {
        #[test]
        fn no_value_panics(
            unchanged in any::<f64>(),
            levels in proptest::collection::vec(any::<(f64, f64)>(), 0..4),
        ) {
            let _ = PassThrough::compute(&[block(unchanged, &levels)], 0.95);
        }
    }
}
