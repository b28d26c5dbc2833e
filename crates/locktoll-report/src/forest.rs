//! A forest plot in text: every overhead with its interval on one axis, the margin as a band, and the
//! A/A interval of the same regime as a strip in it.
//!
//! It shows at a glance what a table cannot: which intervals lie inside the margin, outside it, or
//! across its edge, and which overheads the same lock twice differs by too.

use locktoll_stats::Verdict;

use crate::evidence::a_a_interval;
use crate::format::{self, given_percent, signed_percent};
use crate::model::{Comparison, Role, RunResult};
use crate::text::{columns, pad, plain, wrap};

const LONGEST_LABEL: usize = 26;
const NARROWEST_PLOT: usize = 16;
const VERDICT_COLUMNS: usize = 10;

/// Where overheads lie on the line.
struct Axis {
    lo: f64,
    hi: f64,
    cells: usize,
}

impl Axis {
    /// Holds every estimate, zero and the margin, and as much of the intervals as does not shrink
    /// those to less than a third of the line: one wide interval must not flatten all others.
    fn over(rows: &[&Comparison], margin: f64, cells: usize) -> Self {
        let estimates = || rows.iter().filter_map(|row| row.overhead.estimate);
        let lo = estimates().fold(-margin, f64::min);
        let hi = estimates().fold(margin, f64::max);
        let span = hi - lo;
        let ends = || rows.iter().filter_map(|row| row.overhead.ci);
        let ci_lo = ends().map(|ci| ci[0]).fold(lo, f64::min);
        let ci_hi = ends().map(|ci| ci[1]).fold(hi, f64::max);
        Self {
            lo: ci_lo.max(lo - span),
            hi: ci_hi.min(hi + span),
            cells,
        }
    }

    /// The cell of `x`, which is moved to the nearest end where it lies outside.
    fn cell(&self, x: f64) -> usize {
        let span = self.hi - self.lo;
        if span <= 0.0 || !span.is_finite() {
            return self.cells / 2;
        }
        let share = ((x - self.lo) / span).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a line of at most a few hundred cells"
        )]
        let cell = (share * (self.cells - 1) as f64).round() as usize;
        cell
    }

    fn draw(&self, row: &Comparison, margin: f64, a_a: Option<[f64; 2]>) -> String {
        let mut line = vec![' '; self.cells];
        line[self.cell(-margin)..=self.cell(margin)].fill('░');
        if let Some([lo, hi]) = a_a {
            let (first, last) = (self.cell(lo), self.cell(hi));
            line[first..=last.max(first)].fill('▒');
        }
        line[self.cell(0.0)] = '│';
        if let Some([lo, hi]) = row.overhead.ci {
            let (first, last) = (self.cell(lo), self.cell(hi));
            line[first..=last.max(first)].fill('─');
            line[first] = if lo < self.lo { '◄' } else { '├' };
            line[last] = if hi > self.hi { '►' } else { '┤' };
        }
        if let Some(estimate) = row.overhead.estimate {
            line[self.cell(estimate)] = '●';
        }
        line.into_iter().collect()
    }

    /// The ends of the axis and zero, as far as they have room.
    fn scale(&self) -> String {
        let half = Some((self.hi - self.lo) / 2.0);
        let (lo, hi) = (signed_percent(self.lo, half), signed_percent(self.hi, half));
        let mut line = pad(&lo, self.cells.saturating_sub(columns(&hi))) + &hi;
        let zero = self.cell(0.0);
        let free = line
            .chars()
            .enumerate()
            .skip(zero.saturating_sub(1))
            .take(3);
        if free.clone().count() == 3 && free.clone().all(|(_, c)| c == ' ') {
            line = line
                .chars()
                .enumerate()
                .map(|(i, c)| if i == zero { '0' } else { c })
                .collect();
        }
        line
    }
}

/// Draws the `strategy` and `a_a` comparisons of a run; empty when none has an estimate.
pub(crate) fn plot(run: &RunResult, width: usize, stress: fn(Verdict, &str) -> String) -> String {
    let mut rows: Vec<&Comparison> = run
        .comparisons
        .iter()
        .filter(|row| row.role != Role::Counted && row.overhead.estimate.is_some())
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by_key(|row| row.regime());
    let labels: Vec<String> = rows.iter().map(|row| label(run, row)).collect();
    let label_columns = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    let cells = width
        .saturating_sub(label_columns + VERDICT_COLUMNS + 4)
        .max(NARROWEST_PLOT);
    let margin = run.plan.margin;
    let axis = Axis::over(&rows, margin, cells);
    let mut out = String::new();
    for (row, label) in rows.iter().zip(&labels) {
        let word = format::verdict(row.verdict);
        let word = row
            .verdict
            .map_or_else(|| word.clone(), |verdict| stress(verdict, &word));
        let line = format!(
            "{}  {}  {word}",
            pad(label, label_columns),
            axis.draw(row, margin, a_a_interval(run, &row.regime()))
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let scale = format!("{}  {}", " ".repeat(label_columns), axis.scale());
    out.push_str(scale.trim_end());
    out.push('\n');
    let strip = if out.contains('▒') {
        ", ▒ the A/A interval: what the same lock twice differs by"
    } else {
        ""
    };
    let legend = format!(
        "● overhead, ├─┤ its interval, ░ within ±{}{strip}",
        given_percent(margin)
    );
    out.push_str(&wrap(&legend, width, "", "  "));
    out
}

fn label(run: &RunResult, row: &Comparison) -> String {
    let name = match row.role {
        Role::AA => format!("{} (A/A)", row.test),
        _ => row.test.clone(),
    };
    let mut regime = row.regime().label(run);
    if row.threads.is_none() && row.workload.is_none() {
        regime.clear();
    }
    let label = plain(&format!("{name}, {regime}"));
    let label = label.trim_end_matches([',', ' ']);
    if columns(label) <= LONGEST_LABEL {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LONGEST_LABEL - 1).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: Axis = Axis {
        lo: -0.01,
        hi: 0.03,
        cells: 41,
    };

    #[test]
    fn cells_are_proportional_and_clamped() {
        assert_eq!(AXIS.cell(-0.01), 0);
        assert_eq!(AXIS.cell(0.0), 10);
        assert_eq!(AXIS.cell(0.01), 20);
        assert_eq!(AXIS.cell(0.03), 40);
        assert_eq!(AXIS.cell(-5.0), 0);
        assert_eq!(AXIS.cell(5.0), 40);
    }

    #[test]
    fn ends_of_the_axis_and_zero_stand_under_their_cells() {
        assert_eq!(AXIS.scale(), "-1.0%     0                         +3.0%");
    }

    #[test]
    fn an_axis_without_length_draws_in_its_middle() {
        let axis = Axis {
            lo: 0.0,
            hi: 0.0,
            cells: 9,
        };
        assert_eq!(axis.cell(0.0), 4);
    }
}
