//! What the fit says of two published reports whose throughputs it was not made for.

use locktoll_stats::usl::{Fit, Point, Refusal, Replicates, fit};

/// Means and standard deviations of five runs; `fixtures/README.md` tells where they come from.
const PUBLISHED: &str = include_str!("fixtures/threads-n1466-n1467.csv");

/// Five values with the published mean and standard deviation: −2 to 2 have the variance 2.5. The
/// fit uses nothing else of them but the bootstrap's third moments, which nobody published.
fn rebuilt(report: &str, config: &str) -> Vec<Point> {
    let mut points = Vec::new();
    for line in PUBLISHED.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[..2] != [report, config] {
            continue;
        }
        let number = |at: usize| fields[at].parse::<f64>().expect("a number");
        for block in 0..5_u32 {
            points.push(Point {
                threads: fields[2].parse().expect("a thread count"),
                block: block.into(),
                throughput: number(3) + number(4) * (f64::from(block) - 2.0) / 2.5_f64.sqrt(),
            });
        }
    }
    assert_eq!(points.len(), 25, "five thread counts");
    points
}

fn fitted(report: &str, config: &str) -> Result<Fit, Refusal> {
    fit(&rebuilt(report, config), Replicates::Independent, 0.95, 1)
}

/// 10,386 ops/s at 4 threads, 8,922 at 8 and 9,231 at 16: up, down and up again is no law.
#[test]
fn a_dip_is_refused() {
    for config in ["global", "per-encoder"] {
        match fitted("N1467", config) {
            Err(Refusal::DoesNotFit { worst, lack_of_fit }) => {
                assert_eq!(worst.threads, 8, "{config}");
                assert!(worst.relative < -0.14 && lack_of_fit.p < 0.01, "{config}");
            }
            other => panic!("{config}: {other:?}"),
        }
    }
}

/// The other report's throughputs are nearly the same from 2 threads on, and its single thread has
/// a standard deviation of 22%. A law fits, and says little: most of an op may be serial or all of
/// it, and whether there is a peak is open.
#[test]
fn a_plateau_after_a_noisy_first_count_is_told_with_all_its_width() {
    for config in ["global", "swizzle"] {
        let fit = fitted("N1466", config).expect("within the noise");
        assert!(fit.sigma.ci.lo < 0.5 && fit.sigma.ci.hi > 1.0, "{config}");
        assert_eq!((fit.kappa.ci.lo, fit.peak.at_most), (0.0, None), "{config}");
    }
}
