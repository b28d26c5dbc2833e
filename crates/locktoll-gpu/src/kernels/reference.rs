//! What the kernels must compute: naive, in `f64`, with the error that an `f32` device may make.
//!
//! The tolerance is the a-priori bound for a dot product summed in any order, with or without
//! fused multiply-add: |fl(xᵀy) − xᵀy| ≤ γₙ |x|ᵀ|y|, γₙ = nu ∕ (1 − nu), u = 2⁻²⁴ (Higham, *Accuracy
//! and Stability of Numerical Algorithms*, 2nd ed., §3.1). So a result outside it is wrong, not
//! merely rounded. A smallest normal number for each term is added for devices that flush
//! subnormal numbers to zero.

/// Unit roundoff of `f32` with rounding to nearest.
const ROUNDOFF: f64 = 1.0 / (1 << 24) as f64;

/// A result, and how far an `f32` computation may be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The result in double precision.
    pub value: f64,
    /// The largest permitted absolute error.
    pub tolerance: f64,
}

impl Expected {
    /// Whether a device may have computed `got`. A NaN never may.
    pub fn accepts(self, got: f32) -> bool {
        (f64::from(got) - self.value).abs() <= self.tolerance
    }

    /// `terms` roundings of a sum whose terms' absolute values add up to `magnitude`.
    fn of_sum(value: f64, terms: usize, magnitude: f64) -> Self {
        let nu = terms as f64 * ROUNDOFF;
        let flushed = terms as f64 * f64::from(f32::MIN_POSITIVE);
        Self {
            value,
            tolerance: nu / (1.0 - nu) * magnitude + flushed,
        }
    }
}

/// `y[i] + a · x[i]` for every `i` that both have.
///
/// ```
/// use locktoll_gpu::reference;
///
/// assert_eq!(reference::axpy(0.5, &[2.0, 4.0], &[1.0, 1.0])[1].value, 3.0);
/// ```
pub fn axpy(a: f32, x: &[f32], y: &[f32]) -> Vec<Expected> {
    x.iter()
        .zip(y)
        .map(|(&x, &y)| {
            let (product, y) = (f64::from(a) * f64::from(x), f64::from(y));
            Expected::of_sum(y + product, 2, y.abs() + product.abs())
        })
        .collect()
}

/// One perceptron layer, as [`Kernel::MlpLayer`](crate::Kernel::MlpLayer) describes it, for every
/// element of `bias`.
///
/// Check a whole network layer by layer, each from the device's own input to it: the bound is that
/// of one layer.
pub fn mlp_layer(weights: &[f32], bias: &[f32], x: &[f32], relu: bool) -> Vec<Expected> {
    bias.iter()
        .enumerate()
        .map(|(i, &bias)| {
            let (mut sum, mut magnitude) = (f64::from(bias), f64::from(bias).abs());
            for (&w, &x) in weights.iter().skip(i * x.len()).zip(x) {
                let product = f64::from(w) * f64::from(x);
                sum += product;
                magnitude += product.abs();
            }
            // The maximum of two numbers is no further off than the numbers were.
            let value = if relu { sum.max(0.0) } else { sum };
            Expected::of_sum(value, x.len() + 1, magnitude)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Small integers: every product and sum is exact, so the truth is done by hand.
    #[test]
    fn a_layer_done_by_hand() {
        let weights = [1.0, 2.0, 3.0, -1.0, 0.0, -4.0];
        let layer = |relu| -> Vec<f64> {
            let expected = mlp_layer(&weights, &[10.0, 1.0], &[1.0, 1.0, 2.0], relu);
            expected.iter().map(|e| e.value).collect()
        };
        assert_eq!(layer(false), [19.0, -8.0]);
        assert_eq!(layer(true), [19.0, 0.0]);
    }

    #[test]
    fn tolerance_is_higham_s_bound() {
        let expected = axpy(3.0, &[4.0], &[-5.0])[0];
        assert!((expected.value - 7.0).abs() < f64::EPSILON);
        let u = 2.0_f64.powi(-24);
        let bound = 2.0 * u / (1.0 - 2.0 * u) * 17.0;
        assert!((expected.tolerance - bound).abs() < 1e-9 * bound);
        assert!(
            expected.accepts(7.0) && !expected.accepts(7.000_01) && !expected.accepts(f32::NAN)
        );
    }
}
