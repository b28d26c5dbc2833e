//! What is gained by cutting a part of the time: bounds from adding time, and predictions from a
//! replica.
//!
//! Adding known time to a part and seeing how much of it arrives gives the part's *share* of the
//! whole, its length times the slope over the whole. Where the whole is a longest path of sums, as
//! it is for threads that take turns at a lock in an order that the times do not change, it is a
//! convex function of each part's length. So a cut gains at most what an addition of the same length
//! costs, and the share bounds the gain. It does not say how much of the bound is reached.
//!
//! Sleeping threads that are woken to take the lock are not in those sums: how many there are depends on
//! the lengths, and a shorter hold may make them fewer. The bound allows for all of that time to go.
//!
//! That is said by a *replica*: something simpler, of which the part can really be cut. It is
//! believed only as far as it answers every addition as the original does. Both experiments are run
//! in the same blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::t_upper_quantile;
use crate::interval::Confidence;
use crate::moments::{Moments, check_finite};
use crate::paired::mean_estimate;
use crate::{Error, Interval, Series};

/// The share of the whole that a part is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Number of blocks.
    pub n: usize,
    /// Mean over the blocks, brought into 0 to 1.
    pub share: f64,
    /// Student's t interval of the mean, brought into 0 to 1; `None` for one block.
    pub ci: Option<Interval>,
}

impl Share {
    /// The share from each block's slope × length ∕ whole.
    ///
    /// # Errors
    /// No block, a value that is not finite, or an unsupported confidence.
    pub fn compute(by_block: &[f64], confidence: f64) -> Result<Self, Error> {
        let moments = Moments::of(by_block, Series::Values)?;
        let ci = match moments.n {
            0 | 1 => None,
            _ => Some(mean_estimate(&moments).interval(confidence)?),
        };
        let inside = |share: f64| share.clamp(0.0, 1.0);
        Ok(Self {
            n: moments.n,
            share: inside(moments.mean),
            ci: ci.map(|ci| Interval {
                lo: inside(ci.lo),
                hi: inside(ci.hi),
            }),
        })
    }

    /// How many times faster the whole is at most without the fraction `cut` of the part, and without
    /// the share `besides` of the whole that may go with it: 1 ∕ (1 − `cut`·hi − `besides`), with the
    /// interval's upper end hi. `None` where that is not bounded.
    ///
    /// ```
    /// use locktoll_stats::cut::Share;
    ///
    /// let share = Share::compute(&[0.5, 0.5], 0.95)?;
    /// assert_eq!(share.at_most(1.0, 0.0), Some(2.0));
    /// assert_eq!(share.at_most(0.5, 0.25), Some(2.0));
    /// # Ok::<(), locktoll_stats::Error>(())
    /// ```
    pub fn at_most(&self, cut: f64, besides: f64) -> Option<f64> {
        let rest = 1.0 - cut * self.ci?.hi - besides;
        (rest > 0.0).then(|| 1.0 / rest)
    }
}

/// One block's times of an original and its replica, each the same work.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaBlock {
    /// The original's and the replica's time as they are.
    pub unchanged: [f64; 2],
    /// Both with the means of adding in place, but nothing added.
    pub reference: [f64; 2],
    /// Both with each addition.
    pub added: Vec<[f64; 2]>,
    /// The replica's time with each cut.
    pub cut: Vec<f64>,
}

/// How well a replica answers for its original, and what it says of cuts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replica {
    /// Number of blocks.
    pub n: usize,
    /// Log of the replica's time over the original's.
    pub level: LogDifference,
    /// For each addition, log of the replica's response over the original's, where a response is
    /// the time with the addition over that of the reference.
    pub responses: Vec<LogDifference>,
    /// Whether no mean differs by more than its tolerance.
    pub believed: bool,
    /// Whether some mean differs by more than its tolerance as far as its interval tells. Where it is
    /// neither this nor believed, more blocks are needed to tell.
    pub differs: bool,
    /// For each cut, how many times faster.
    pub faster: Vec<Faster>,
}

/// The mean of a log over blocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogDifference {
    /// The mean.
    pub log: f64,
    /// Student's t interval.
    pub ci: Interval,
}

/// A prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Faster {
    /// Time as it is over time with the cut.
    pub ratio: f64,
    /// Its interval: the replica's error, and as much as its answers to additions differ from the
    /// original's.
    pub ci: Interval,
}

/// How much a replica may differ from its original, as ratios from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Of the times as they are.
    pub level: f64,
    /// Of the responses.
    pub response: f64,
}

impl Replica {
    /// Compares replica and original, and predicts.
    ///
    /// With the logs' means over blocks: the replica's own log ratio of a cut is c ± t·√(se² + d²), where
    /// d² is the mean square of the responses' differences. The latter is what is known of how wrong a
    /// replica is, since a cut and an addition are the same change in opposite directions.
    ///
    /// What the original takes longer than its replica, as it does to start and to end, is not cut. With
    /// the replica's part κ = min(1, e^level) of the time, the original becomes
    /// 1 ∕ (1 − κ·(1 − e^−c)) times as fast. The interval puts those of c and of the level together by
    /// the distances of the log from its ends where one of both is at its end, squared and added (Zou
    /// and Donner 2008, variance estimates recovery).
    ///
    /// # Errors
    /// Fewer than two blocks, blocks of different forms, a time that is not positive, or an
    /// unsupported confidence.
    pub fn compute(
        blocks: &[ReplicaBlock],
        tolerance: Tolerance,
        confidence: f64,
    ) -> Result<Self, Error> {
        let level = logs(blocks, |block| Some(ratio(block.unchanged)))?;
        let level = difference(&level, confidence)?;
        let form = blocks
            .first()
            .map_or((0, 0), |block| (block.added.len(), block.cut.len()));
        let mut responses = Vec::with_capacity(form.0);
        for index in 0..form.0 {
            let of = |block: &ReplicaBlock| {
                Some(ratio(*block.added.get(index)?) / ratio(block.reference))
            };
            responses.push(difference(&logs(blocks, of)?, confidence)?);
        }
        let squares: f64 = responses.iter().map(|found| found.log * found.log).sum();
        let wrong = squares / responses.len().max(1) as f64;
        let alpha = Confidence::new(confidence)?.alpha();
        let mut faster = Vec::with_capacity(form.1);
        for index in 0..form.1 {
            let of = |block: &ReplicaBlock| Some(block.unchanged[1] / block.cut.get(index)?);
            let mean = mean_estimate(&Moments::at_least_two(&logs(blocks, of)?, Series::Values)?);
            let half = t_upper_quantile(alpha / 2.0, mean.df) * (mean.se.powi(2) + wrong).sqrt();
            faster.push(gain(
                mean.estimate,
                [mean.estimate - half, mean.estimate + half],
                &level,
            ));
        }
        let compared = || {
            let responses = responses.iter().map(|found| (found, tolerance.response));
            responses.chain([(&level, tolerance.level)])
        };
        let believed = !responses.is_empty()
            && compared().all(|(found, tolerance)| found.log.abs() <= tolerance.ln());
        let differs = compared().any(|(found, tolerance)| {
            found.ci.lo > tolerance.ln() || found.ci.hi < -tolerance.ln()
        });
        Ok(Self {
            n: blocks.len(),
            level,
            responses,
            believed,
            differs,
            faster,
        })
    }
}

/// How many times faster an original becomes whose replica becomes e^`cut` times as fast.
fn gain(cut: f64, [least, most]: [f64; 2], level: &LogDifference) -> Faster {
    let of = |cut: f64, level: f64| {
        let replaced = level.min(0.0).exp();
        -(1.0 - replaced * (1.0 - (-cut).exp())).ln()
    };
    let log = of(cut, level.log);
    // More of the time gains more where the cut gains at all.
    let (less_replaced, more_replaced) = if cut < 0.0 {
        (level.ci.hi, level.ci.lo)
    } else {
        (level.ci.lo, level.ci.hi)
    };
    let distance = |cut_end: f64, level_end: f64| {
        (of(cut_end, level.log) - log).hypot(of(cut, level_end) - log)
    };
    Faster {
        ratio: log.exp(),
        ci: Interval {
            lo: (log - distance(least, less_replaced)).exp(),
            hi: (log + distance(most, more_replaced)).exp(),
        },
    }
}

/// The replica's time over the original's.
fn ratio([original, replica]: [f64; 2]) -> f64 {
    replica / original
}

fn logs(
    blocks: &[ReplicaBlock],
    of: impl Fn(&ReplicaBlock) -> Option<f64>,
) -> Result<Vec<f64>, Error> {
    let first = blocks
        .first()
        .map(|block| (block.added.len(), block.cut.len()));
    let mut logs = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        let found = of(block)
            .filter(|_| first == Some((block.added.len(), block.cut.len())))
            .filter(|&ratio| ratio > 0.0);
        let Some(found) = found else {
            return Err(Error::ZeroValue {
                series: Series::Values,
                index,
            });
        };
        logs.push(found.ln());
    }
    check_finite(&logs, Series::Values)?;
    Ok(logs)
}

fn difference(logs: &[f64], confidence: f64) -> Result<LogDifference, Error> {
    let mean = mean_estimate(&Moments::at_least_two(logs, Series::Values)?);
    Ok(LogDifference {
        log: mean.estimate,
        ci: mean.interval(confidence)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use crate::simulate::normal;

    const TOLERANCE: Tolerance = Tolerance {
        level: 1.25,
        response: 1.1,
    };

    #[test]
    fn a_share_bounds_a_gain() {
        // Shares 0.2 and 0.4: mean 0.3, half-width 12.7062 · 0.1, so 0 to 1.
        let share = Share::compute(&[0.2, 0.4], 0.95).unwrap();
        assert!((share.share - 0.3).abs() < 1e-12);
        assert_eq!(share.ci, Some(Interval { lo: 0.0, hi: 1.0 }));
        assert_eq!(share.at_most(1.0, 0.0), None);
        assert_eq!(share.at_most(0.75, 0.0), Some(4.0));
        assert_eq!(share.at_most(0.0, 0.0), Some(1.0));
        // Time that is added and even saves some is no share, and no cut of it costs anything.
        let share = Share::compute(&[-0.1, -0.1, -0.1], 0.95).unwrap();
        assert_eq!((share.share, share.at_most(1.0, 0.0)), (0.0, Some(1.0)));
        assert_eq!(
            Share::compute(&[0.5], 0.95).unwrap().at_most(0.5, 0.0),
            None
        );
        assert!(Share::compute(&[], 0.95).is_err());
        assert!(Share::compute(&[f64::NAN], 0.95).is_err());
    }

    fn block(unchanged: [f64; 2], responses: [f64; 2], faster: f64) -> ReplicaBlock {
        ReplicaBlock {
            unchanged,
            reference: unchanged,
            added: vec![[unchanged[0] * responses[0], unchanged[1] * responses[1]]],
            cut: vec![unchanged[1] / faster],
        }
    }

    #[test]
    fn a_replica_by_hand() {
        let blocks = [
            block([10.0, 10.0], [1.5, 1.5], 2.0),
            block([20.0, 20.0], [1.5, 1.5], 2.0),
        ];
        let found = Replica::compute(&blocks, TOLERANCE, 0.95).unwrap();
        assert!(found.believed, "{found:?}");
        assert!((found.faster[0].ratio - 2.0).abs() < 1e-12);
        assert!((found.faster[0].ci.hi - 2.0).abs() < 1e-9);
        // Answers that differ by 5% in every block: d = ln 1.05, t(1) = 12.7062.
        let off = blocks.map(|mut block| {
            block.added[0][1] *= 1.05;
            block
        });
        let found = Replica::compute(&off, TOLERANCE, 0.95).unwrap();
        assert!(found.believed);
        let half = 12.706_204_736 * 1.05_f64.ln();
        assert!(
            (found.faster[0].ci.hi.ln() - 2_f64.ln() - half).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn what_an_original_takes_longer_is_not_cut() {
        // 12, of which the replica's 10 are halved: 12 ∕ 7.
        let found = |times| {
            let blocks = [block(times, [1.5, 1.5], 2.0), block(times, [1.5, 1.5], 2.0)];
            Replica::compute(&blocks, TOLERANCE, 0.95).unwrap().faster[0]
        };
        assert!((found([12.0, 10.0]).ratio - 12.0 / 7.0).abs() < 1e-12);
        // A replica that takes longer is one that is slower in everything.
        assert!((found([10.0, 12.0]).ratio - 2.0).abs() < 1e-12);
    }

    #[test]
    fn an_interval_tells_how_badly_the_level_is_known() {
        // Levels of 0.8 and 1.0: between no rest and half of the time, by the interval's ends.
        let blocks = [
            block([10.0, 8.0], [1.5, 1.5], 2.0),
            block([10.0, 10.0], [1.5, 1.5], 2.0),
        ];
        let found = Replica::compute(&blocks, TOLERANCE, 0.95).unwrap();
        let faster = found.faster[0];
        let least = 1.0 / (1.0 - found.level.ci.lo.exp() * 0.5);
        assert!((faster.ci.lo - least).abs() < 1e-9, "{faster:?}");
        assert!((faster.ci.hi - 2.0).abs() < 1e-9, "{faster:?}");
    }

    #[test]
    fn a_replica_that_answers_otherwise_is_not_believed() {
        let other = [
            block([10.0, 10.0], [1.0, 1.5], 2.0),
            block([20.0, 20.0], [1.0, 1.5], 2.0),
        ];
        let found = Replica::compute(&other, TOLERANCE, 0.95).unwrap();
        assert!(!found.believed && found.differs);
        // Twice as slow in one block and as fast in the other: that may be chance.
        let unknown = [
            block([10.0, 10.0], [1.5, 1.5], 2.0),
            block([20.0, 40.0], [1.5, 1.5], 2.0),
        ];
        let found = Replica::compute(&unknown, TOLERANCE, 0.95).unwrap();
        assert!(!found.believed && !found.differs);
        let slower = [
            block([10.0, 20.0], [1.5, 1.5], 2.0),
            block([20.0, 40.0], [1.5, 1.5], 2.0),
        ];
        assert!(!Replica::compute(&slower, TOLERANCE, 0.95).unwrap().believed);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let good = block([10.0, 10.0], [1.5, 1.5], 2.0);
        for bad in [
            block([0.0, 10.0], [1.5, 1.5], 2.0),
            block([10.0, f64::NAN], [1.5, 1.5], 2.0),
            ReplicaBlock {
                cut: Vec::new(),
                ..good.clone()
            },
        ] {
            assert!(Replica::compute(&[good.clone(), bad], TOLERANCE, 0.95).is_err());
        }
        assert!(Replica::compute(&[good], TOLERANCE, 0.95).is_err());
    }

    /// Experiments with a program whose time is the larger of a lock's turns and of a device's work,
    /// on a machine where runs differ by 3%.
    struct Machine {
        rng: Pcg64,
        device: f64,
    }

    impl Machine {
        fn time(&mut self, hold: f64) -> f64 {
            hold.max(self.device) * (0.03 * normal(&mut self.rng)).exp()
        }

        /// The share by a line through two additions, of 10 blocks.
        fn share(&mut self) -> Share {
            let by_block: Vec<f64> = (0..10)
                .map(|_| {
                    let [base, half, whole] = [1.0, 1.5, 2.0].map(|hold| self.time(hold));
                    let slope = (0.5 * (half - base) + (whole - base)) / 1.25;
                    slope / base
                })
                .collect();
            Share::compute(&by_block, 0.95).unwrap()
        }
    }

    /// How often, of 1,000 experiments, the bound is not below the true gain.
    fn bounded(device: f64) -> usize {
        (0..1000)
            .filter(|&seed| {
                let rng = Pcg64::seed_from_u64(seed);
                let share = Machine { rng, device }.share();
                [0.25_f64, 0.5, 0.75].iter().all(|cut| {
                    let truth = 1_f64.max(device) / (1.0 - cut).max(device);
                    share.at_most(*cut, 0.0).is_none_or(|most| most >= truth)
                })
            })
            .count()
    }

    // Of a two-sided 95% interval, one side: 97.5%, standard error 0.5%.
    #[test]
    fn the_bound_holds_whatever_else_limits() {
        for device in [0.0, 0.6, 1.0, 1.7] {
            assert!(bounded(device) >= 955, "{device}: {}", bounded(device));
        }
    }

    /// Turns of a lock of which more are handed over to a sleeper the longer the hold is: at a hold of 1
    /// half of them, each for a waking of 2. Time that is added makes little difference to that, and time
    /// that is taken away much.
    #[test]
    fn the_bound_needs_the_hand_overs_where_they_depend_on_the_hold() {
        let turn = |hold: f64| hold + 2.0 * hold / (hold + 1.0);
        let (now, handed_over) = (turn(1.0), 2.0 * 0.5 / turn(1.0));
        let (mut without, mut with) = (0, 0);
        for seed in 0..1000 {
            let mut rng = Pcg64::seed_from_u64(seed);
            let mut time = |hold: f64| turn(hold) * (0.03 * normal(&mut rng)).exp();
            let by_block: Vec<f64> = (0..10)
                .map(|_| {
                    let [base, half, whole] = [1.0, 1.5, 2.0].map(&mut time);
                    (0.5 * (half - base) + (whole - base)) / 1.25 / base
                })
                .collect();
            let share = Share::compute(&by_block, 0.95).unwrap();
            let holds = |besides: f64| {
                [0.25, 0.5, 0.75].iter().all(|cut| {
                    let truth = now / turn(1.0 - cut);
                    share
                        .at_most(*cut, besides)
                        .is_none_or(|most| most >= truth)
                })
            };
            without += usize::from(holds(0.0));
            with += usize::from(holds(handed_over));
        }
        assert!(without < 900, "{without}");
        assert_eq!(with, 1000);
    }

    #[test]
    fn a_lock_that_does_not_matter_gains_a_few_percent_at_most_at_this_noise() {
        let rng = Pcg64::seed_from_u64(5);
        let mut machine = Machine { rng, device: 20.0 };
        // Its hold is 5% of the time, and twice as much is added to see it.
        let by_block: Vec<f64> = (0..10)
            .map(|_| {
                let (base, added) = (machine.time(1.0), machine.time(3.0));
                (added - base) / 2.0 / base
            })
            .collect();
        let share = Share::compute(&by_block, 0.95).unwrap();
        let most = share.at_most(1.0, 0.0).unwrap();
        assert!((1.0..1.03).contains(&most), "{most}");
    }

    /// Experiments with an original that takes `rest` besides what its replica does, where runs differ by
    /// `noise`: how many intervals hold the truth, how many replicas are believed, how many differ.
    fn experiments(rest: f64, noise: f64) -> [usize; 3] {
        let (mut covered, mut believed, mut differ) = (0, 0, 0);
        let truth = (1.0 + rest) / (0.3 + rest);
        for seed in 0..1000 {
            let mut rng = Pcg64::seed_from_u64(seed);
            let mut noisy = |time: f64| time * (noise * normal(&mut rng)).exp();
            let blocks: Vec<ReplicaBlock> = (0..8)
                .map(|_| ReplicaBlock {
                    unchanged: [noisy(1.0 + rest), noisy(1.0)],
                    reference: [noisy(1.2 + rest), noisy(1.2)],
                    added: vec![
                        [noisy(1.7 + rest), noisy(1.7)],
                        [noisy(2.2 + rest), noisy(2.2)],
                    ],
                    cut: vec![noisy(0.3)],
                })
                .collect();
            let found = Replica::compute(&blocks, TOLERANCE, 0.95).unwrap();
            believed += usize::from(found.believed);
            differ += usize::from(found.differs);
            let ci = found.faster[0].ci;
            covered += usize::from(ci.lo <= truth && truth <= ci.hi);
        }
        [covered, believed, differ]
    }

    #[test]
    fn a_faithful_replicas_intervals_cover_and_it_is_believed_where_that_can_be_told() {
        for rest in [0.0, 0.1] {
            for noise in [0.03, 0.1] {
                let [covered, believed, differ] = experiments(rest, noise);
                // About 95%, standard error 0.7%: the interval is wider than the replica's own by the noise of
                // the comparison, and where nothing is besides, chance makes the replica seem faster half of
                // the time.
                assert!(covered >= 930, "{rest}, {noise}: {covered}");
                assert!(differ <= 100, "{rest}, {noise}: {differ}");
                if noise < 0.1 {
                    assert!(believed >= 980, "{rest}: {believed}");
                }
            }
        }
    }
}
