//! Holm's adjustment of several p-values of one run.
//!
//! With twenty comparisons one in twenty is "significant" by luck alone. The adjusted values keep
//! the chance of any such error in the run at the nominal level, whatever the dependence between
//! the comparisons (they share a baseline).

/// Adjusted p-values, in the order given: p̃₍ᵢ₎ = maxⱼ≤ᵢ min(1, (m − j + 1)·p₍ⱼ₎).
///
/// A NaN counts as 1.
///
/// Source: S. Holm, *Scandinavian Journal of Statistics* 6 (1979) 65–70.
///
/// ```
/// let adjusted = locktoll_stats::holm::adjust(&[0.01, 0.04, 0.03]);
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// ```
pub fn adjust(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| or_one(p[i]).total_cmp(&or_one(p[j])));
    let mut adjusted = vec![1.0; p.len()];
    let mut running = 0.0_f64;
    for (rank, &i) in order.iter().enumerate() {
        let remaining = (p.len() - rank) as f64;
        running = running.max((remaining * or_one(p[i])).min(1.0));
        adjusted[i] = running;
    }
    adjusted
}

fn or_one(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p }
}
