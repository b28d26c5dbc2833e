//! From values to pixels, and the round values at which an axis is marked.

/// How a scale spaces its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spacing {
    /// Evenly.
    Linear,
    /// By their logarithm; values must be positive.
    Log,
    /// Evenly near zero and by their logarithm far from it: asinh(x ∕ the given value). It shows
    /// ±1% beside −350%.
    Asinh(f64),
}

/// A stretch of values on a stretch of pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) spacing: Spacing,
}

impl Scale {
    pub(crate) fn linear([lo, hi]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        Self {
            lo,
            hi,
            from,
            to,
            spacing: Spacing::Linear,
        }
    }

    /// Where a value lies; outside the scale, at its nearer end; in its middle where the scale has
    /// no length.
    pub(crate) fn at(&self, x: f64) -> f64 {
        let place = |x: f64| match self.spacing {
            // Halved, so that the distance of the largest numbers is still one.
            Spacing::Linear => x / 2.0,
            Spacing::Log => x.max(f64::MIN_POSITIVE).ln(),
            Spacing::Asinh(unit) => (x / unit).asinh(),
        };
        let (lo, hi) = (place(self.lo), place(self.hi));
        let share = (place(x) - lo) / (hi - lo);
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.5
        };
        self.from + share * (self.to - self.from)
    }

    /// Whether a value is on the scale.
    pub(crate) fn holds(&self, x: f64) -> bool {
        (self.lo..=self.hi).contains(&x)
    }

    /// Round values on the scale, at least `apart` pixels from each other.
    pub(crate) fn ticks(&self, apart: f64) -> Vec<f64> {
        let length = (self.to - self.from).abs();
        match self.spacing {
            Spacing::Linear => round_values(self.lo, self.hi, length / apart),
            Spacing::Log => self.thinned(&decades(self.lo, self.hi), apart),
            Spacing::Asinh(unit) => {
                let furthest = self.lo.abs().max(self.hi.abs());
                let mut values = vec![0.0];
                for size in decades(unit, furthest) {
                    values.extend([size, -size]);
                }
                values.retain(|x| self.holds(*x));
                self.thinned(&values, apart)
            }
        }
    }

    /// The values that keep their distance, the first ones first.
    fn thinned(&self, values: &[f64], apart: f64) -> Vec<f64> {
        let mut kept: Vec<f64> = Vec::new();
        for &value in values {
            if kept
                .iter()
                .all(|other| (self.at(*other) - self.at(value)).abs() >= apart)
            {
                kept.push(value);
            }
        }
        kept.sort_by(f64::total_cmp);
        kept
    }
}

/// Multiples of 1, 2 or 5 times a power of ten, at most `most` of them.
fn round_values(lo: f64, hi: f64, most: f64) -> Vec<f64> {
    let span = hi - lo;
    if !span.is_finite() || span <= 0.0 || most < 1.0 {
        return if lo.is_finite() { vec![lo] } else { Vec::new() };
    }
    let raw = span / most.min(12.0);
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|step| *step >= raw)
        .unwrap_or(10.0 * power);
    let first = (lo / step).ceil();
    (0..=12)
        .map(|n| (first + f64::from(n)) * step)
        .take_while(|x| *x <= hi + step * 1e-9)
        .filter(|x| x.is_finite())
        .collect()
}

/// Powers of ten, then three times these, that lie between two positive values.
fn decades(lo: f64, hi: f64) -> Vec<f64> {
    if !(lo > 0.0 && lo < hi && hi.is_finite()) {
        return Vec::new();
    }
    let bounds = lo * 0.999..=hi * 1.001;
    let mut values = Vec::new();
    for factor in [1.0, 3.0] {
        let mut x = 10_f64.powf(lo.log10().floor()) * factor;
        for _ in 0..700 {
            if bounds.contains(&x) {
                values.push(x);
            }
            x *= 10.0;
            if x > hi * 1.001 {
                break;
            }
        }
    }
    values
}

/// The smallest stretch that holds all values; `None` without any.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let mut found: Option<[f64; 2]> = None;
    for x in values.into_iter().filter(|x| x.is_finite()) {
        found = Some(found.map_or([x, x], |[lo, hi]| [lo.min(x), hi.max(x)]));
    }
    found
}

/// A stretch with some room at both ends; one without length gets some.
pub(crate) fn with_room([lo, hi]: [f64; 2], share: f64) -> [f64; 2] {
    let room = if hi > lo {
        (hi - lo) * share
    } else {
        (lo.abs() * share).max(f64::MIN_POSITIVE)
    };
    [lo - room, hi + room]
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "round values are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_linear_scale_is_proportional_and_clamped() {
        let scale = Scale::linear([0.0, 50.0], [100.0, 200.0]);
        assert_eq!(
            [0.0, 25.0, 50.0, 80.0].map(|x| scale.at(x)),
            [100.0, 150.0, 200.0, 200.0]
        );
    }

    #[test]
    fn a_scale_without_length_or_with_too_much_keeps_to_its_pixels() {
        assert_eq!(Scale::linear([3.0, 3.0], [0.0, 10.0]).at(3.0), 5.0);
        let widest = Scale::linear([-f64::MAX, f64::MAX], [0.0, 10.0]);
        assert_eq!(widest.at(0.0), 5.0);
        assert!(widest.ticks(2.0).len() <= 1);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = |hi, most| Scale::linear([0.0, hi], [0.0, most]).ticks(1.0);
        assert_eq!(
            ticks(41_900.0, 5.0),
            [0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0]
        );
        assert_eq!(ticks(1.0, 4.0), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_wide_scale_has_powers_of_ten_on_both_sides_of_zero() {
        let scale = Scale {
            lo: -3.5,
            hi: 0.3,
            from: 0.0,
            to: 600.0,
            spacing: Spacing::Asinh(0.01),
        };
        let ticks: Vec<String> = scale
            .ticks(30.0)
            .iter()
            .map(|x| format!("{x:.2}"))
            .collect();
        for wanted in ["-1.00", "-0.10", "-0.01", "0.00", "0.01", "0.10"] {
            assert!(
                ticks.iter().any(|tick| tick == wanted),
                "{wanted} in {ticks:?}"
            );
        }
        assert!(
            scale.at(0.01) - scale.at(-0.01) > 30.0,
            "the margin is seen"
        );
    }

    #[test]
    fn a_log_scale_spaces_factors_evenly() {
        let scale = Scale {
            lo: 1.0,
            hi: 100.0,
            from: 0.0,
            to: 200.0,
            spacing: Spacing::Log,
        };
        assert!((scale.at(10.0) - 100.0).abs() < 1e-9);
        assert_eq!(scale.ticks(40.0), [1.0, 3.0, 10.0, 30.0, 100.0]);
    }
}
