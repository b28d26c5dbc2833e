//! Tails and quantiles of the t, normal, χ², F and beta distributions.
//!
//! `statrs` does the work. What is added is what it lacks: a t quantile that ends for large
//! degrees of freedom, and a beta quantile that keeps its accuracy.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};
use statrs::function::beta::beta_reg;

/// Above this many degrees of freedom the inverse incomplete beta function loses accuracy and at
/// 1e8 does not end; the Cornish–Fisher series is exact to 1e-15 there.
const SERIES_DF: f64 = 1e4;

/// Above this many the incomplete beta function itself degrades, while t and normal tails differ
/// by less than 1e-5 relative for |t| < 5.
const MAX_DF: f64 = 1e8;

/// P(T > t) for Student's t.
pub(crate) fn t_upper_tail(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    StudentsT::new(0.0, 1.0, df.min(MAX_DF)).map_or(f64::NAN, |d| d.sf(t))
}

/// The t that is exceeded with probability `alpha`, 0 < `alpha` ≤ 0.5.
///
/// Cornish–Fisher series: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.5.
pub(crate) fn t_upper_quantile(alpha: f64, df: f64) -> f64 {
    if df > SERIES_DF {
        let z = normal_upper_quantile(alpha);
        let g1 = (z.powi(3) + z) / 4.0;
        let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
        let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
        return z + g1 / df + g2 / df.powi(2) + g3 / df.powi(3);
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |d| d.inverse_cdf(1.0 - alpha))
}

/// P(Z ≤ z) for the standard normal.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The z that is exceeded with probability `alpha`.
pub(crate) fn normal_upper_quantile(alpha: f64) -> f64 {
    -normal_quantile(alpha)
}

/// The z below which the probability is `p`; infinite at 0 and 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else {
        Normal::standard().inverse_cdf(p)
    }
}

/// P(X > x) for χ² with `df` degrees of freedom.
pub(crate) fn chi_squared_upper_tail(x: f64, df: f64) -> f64 {
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(x.max(0.0)))
}

/// P(F > f) for Fisher's F with `df1` and `df2` degrees of freedom.
pub(crate) fn f_upper_tail(f: f64, df1: f64, df2: f64) -> f64 {
    if f.is_infinite() {
        return 0.0;
    }
    FisherSnedecor::new(df1.min(MAX_DF), df2.min(MAX_DF)).map_or(f64::NAN, |d| d.sf(f.max(0.0)))
}

/// The x below which a beta(a, b) variate falls with probability `p`.
///
/// Bisection, since it ends for every argument: the Newton iteration of `statrs` need not.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut lo, mut hi) = (0.0_f64, 1.0_f64);
    loop {
        let middle = f64::midpoint(lo, hi);
        if middle <= lo || middle >= hi {
            return middle;
        }
        if beta_reg(a, b, middle) < p {
            lo = middle;
        } else {
            hi = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `tests/fixtures/worked.json`, and from the closed forms for 1 and 9 degrees of freedom.
    #[test]
    fn t_quantiles_match_tables() {
        for (alpha, df, expected) in [
            (0.025, 1.0, 12.706_204_736_174_7),
            (0.025, 4.0, 2.776_445_105_197_793_4),
            (0.025, 7.778_687_367_678_196, 2.317_474_244_076_324_7),
            (0.05, 9.0, 1.833_112_932_656_235_6),
        ] {
            let t = t_upper_quantile(alpha, df);
            assert!((t / expected - 1.0).abs() < 1e-12, "{alpha} {df}: {t}");
        }
    }

    #[test]
    fn the_two_ways_to_a_t_quantile_meet() {
        for alpha in [0.4, 0.05, 0.025, 1e-6] {
            let below = t_upper_quantile(alpha, SERIES_DF);
            let above = t_upper_quantile(alpha, SERIES_DF * (1.0 + 1e-9));
            assert!(
                (below / above - 1.0).abs() < 1e-10,
                "{alpha}: {below} {above}"
            );
        }
        let z = 1.959_963_984_540_054;
        assert!((t_upper_quantile(0.025, 1e12) - z).abs() < 1e-11);
    }

    #[test]
    fn tails_invert_quantiles() {
        for df in [1.0, 2.5, 8.0, 100.0, 1e4, 1e5] {
            for alpha in [0.4, 0.05, 1e-4] {
                let back = t_upper_tail(t_upper_quantile(alpha, df), df);
                assert!((back / alpha - 1.0).abs() < 1e-8, "{df} {alpha}: {back}");
            }
        }
    }

    #[test]
    fn beta_quantile_of_a_power_is_closed_form() {
        // beta(1, n) has the distribution function 1 − (1 − x)^n.
        for n in [1.0_f64, 105.0, 1e6] {
            let expected = -(0.05_f64.ln() / n).exp_m1();
            let x = beta_quantile(0.95, 1.0, n);
            assert!((x / expected - 1.0).abs() < 1e-5, "{n}: {x} {expected}");
        }
    }

    /// F with 2 and d degrees of freedom has the tail (1 + 2f∕d)^(−d∕2); F with 1 and d is t².
    #[test]
    fn f_tails_are_closed_form_where_there_is_one() {
        for (f, df) in [(0.5_f64, 3.0_f64), (4.0, 10.0), (30.0, 7.5)] {
            let expected = (1.0 + 2.0 * f / df).powf(-df / 2.0);
            assert!((f_upper_tail(f, 2.0, df) / expected - 1.0).abs() < 1e-10);
            let two_sided = 2.0 * t_upper_tail(f.sqrt(), df);
            assert!((f_upper_tail(f, 1.0, df) / two_sided - 1.0).abs() < 1e-10);
        }
        assert_eq!(f_upper_tail(f64::INFINITY, 1.0, 1.0), 0.0);
    }

    #[test]
    fn chi_squared_tail_with_two_degrees_is_exponential() {
        let p = chi_squared_upper_tail(3.0, 2.0);
        assert!((p - (-1.5_f64).exp()).abs() < 1e-12);
    }
}
