//! The exact null distribution of a rank sum.
//!
//! Under "no difference" every assignment of the pooled ranks to the two series is equally
//! likely. Counting the assignments by their rank sum is one pass of dynamic programming over the
//! ranks, and works for midranks as well as for plain ones (B. Streitberg and J. Röhmel,
//! *Statistical Software Newsletter* 12 (1986) 10–17).

/// Above this many values in all, the normal approximation takes over: its error is then far
/// below what a benchmark can use, and the exact count grows with the fourth power.
pub(crate) const MAX_EXACT: usize = 50;

/// Probability of each sum of `first` ranks chosen at random from `ranks`, indexed by the sum.
pub(crate) fn rank_sum_probabilities(ranks: &[usize], first: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    // ways[k][s] counts the subsets of the ranks seen so far with k members and sum s. No count
    // exceeds C(50, 25) < 2^53, so f64 holds them exactly.
    let mut ways = vec![vec![0.0_f64; total + 1]; first + 1];
    ways[0][0] = 1.0;
    let mut reached = 0;
    for (seen, &rank) in ranks.iter().enumerate() {
        for k in (1..=first.min(seen + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(k);
            for (target, source) in more[0][rank..].iter_mut().zip(&fewer[k - 1][..=reached]) {
                *target += source;
            }
        }
        reached += rank;
    }
    let mut probabilities = ways.swap_remove(first);
    let all: f64 = probabilities.iter().sum();
    for p in &mut probabilities {
        *p /= all;
    }
    probabilities
}

/// Doubled midranks of the pooled values (whole numbers even with ties), in the order given, and
/// the sizes of the groups of ties.
pub(crate) fn doubled_midranks(pooled: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..pooled.len()).collect();
    order.sort_by(|&i, &j| pooled[i].total_cmp(&pooled[j]));
    let mut ranks = vec![0; pooled.len()];
    let mut ties = Vec::new();
    let mut start = 0;
    for group in order.chunk_by(|&i, &j| pooled[i] == pooled[j]) {
        // Ranks start+1 to start+len; their mean doubled.
        let doubled = 2 * start + group.len() + 1;
        for &i in group {
            ranks[i] = doubled;
        }
        if group.len() > 1 {
            ties.push(group.len());
        }
        start += group.len();
    }
    (ranks, ties)
}
