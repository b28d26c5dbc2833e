//! Checks series at the door, once, and brings them to a common scale.

use crate::moments::check_finite;
use crate::{Error, Series};

/// Smallest positive value allowed, as a fraction of the largest: fourth powers of it still fit.
const MIN_RELATIVE: f64 = 1e-70;

/// Two series multiplied by one power of two, so that the largest value is near 1.
///
/// The multiplication is exact, and every ratio is unchanged by it; it only keeps squares of huge
/// or tiny values inside the range of `f64`.
#[derive(Debug)]
pub(crate) struct ScaledPair {
    pub(crate) base: Vec<f64>,
    pub(crate) test: Vec<f64>,
    scale: Scale,
}

impl ScaledPair {
    /// Refuses what no method can use: empty series, NaN, infinities, negative values, and values
    /// more than 70 orders of magnitude apart.
    pub(crate) fn new(base: &[f64], test: &[f64]) -> Result<Self, Error> {
        check_non_negative(base, Series::Base)?;
        check_non_negative(test, Series::Test)?;
        let scale = Scale::of(base.iter().chain(test));
        let scaled = |values: &[f64], series| {
            let out: Vec<f64> = values.iter().map(|&x| scale.apply(x)).collect();
            let lost = values
                .iter()
                .zip(&out)
                .any(|(&x, &y)| x > 0.0 && y < MIN_RELATIVE);
            if lost {
                Err(Error::OutOfRange { series })
            } else {
                Ok(out)
            }
        };
        Ok(Self {
            base: scaled(base, Series::Base)?,
            test: scaled(test, Series::Test)?,
            scale,
        })
    }

    /// The same pair with base and test exchanged.
    pub(crate) fn swapped(self) -> Self {
        Self {
            base: self.test,
            test: self.base,
            scale: self.scale,
        }
    }

    /// Brings a difference of values back to the unit of the caller.
    pub(crate) fn unscale(&self, x: f64) -> f64 {
        self.scale.undo(x)
    }
}

/// Multiplication by a power of two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    factor: f64,
}

impl Scale {
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a f64>) -> Self {
        let largest = values.fold(0.0_f64, |m, x| m.max(x.abs()));
        if largest == 0.0 {
            return Self { factor: 1.0 };
        }
        // Both 2^k and its inverse stay normal numbers within ±1000.
        let exponent = largest.log2().floor().clamp(-1000.0, 1000.0);
        Self {
            factor: (-exponent).exp2(),
        }
    }

    pub(crate) fn apply(self, x: f64) -> f64 {
        x * self.factor
    }

    /// Undoes [`Scale::apply`]; a result beyond the largest `f64` becomes the largest `f64`.
    pub(crate) fn undo(self, x: f64) -> f64 {
        (x / self.factor).clamp(-f64::MAX, f64::MAX)
    }
}

fn check_non_negative(values: &[f64], series: Series) -> Result<(), Error> {
    check_finite(values, series)?;
    match values.iter().position(|&x| x < 0.0) {
        Some(index) => Err(Error::Negative {
            series,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

/// Refuses series of different lengths.
pub(crate) fn check_equal_lengths(base: &[f64], test: &[f64]) -> Result<(), Error> {
    if base.len() == test.len() {
        Ok(())
    } else {
        Err(Error::UnequalLengths {
            base: base.len(),
            test: test.len(),
        })
    }
}
