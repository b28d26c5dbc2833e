//! The kernels as the soft device computes them: in `f32`, in an order that vectorises.

/// Partial sums of a dot product: one SIMD register of `f32` on any machine of today.
const LANES: usize = 8;

/// `y[i] += a · x[i]`, as far as the shorter of the two reaches.
pub(crate) fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// One layer: a row of `weights` and an element of `bias` for each element of `y`.
pub(crate) fn mlp_layer(weights: &[f32], bias: &[f32], x: &[f32], relu: bool, y: &mut [f32]) {
    for (i, (y, bias)) in y.iter_mut().zip(bias).enumerate() {
        let sum = dot(&weights[i * x.len()..][..x.len()], x) + bias;
        *y = if relu { sum.max(0.0) } else { sum };
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
