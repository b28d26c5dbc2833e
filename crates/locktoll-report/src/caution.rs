//! The cautions that the statistics attach to a comparison, in words.

use locktoll_stats::{Note, Series};

use crate::format::{count, p_value, quantity, signed_percent};

/// One sentence on one caution.
pub(crate) fn note_text(note: &Note) -> String {
    match note {
        Note::TooFew {
            series,
            needed,
            got,
        } => format!(
            "too few values for an interval: {} has {got}, {needed} are needed",
            name(*series)
        ),
        Note::ZeroValue { series, index } => format!(
            "{} has a zero at position {index}, so methods that take logarithms were left out",
            name(*series)
        ),
        Note::ConstantSeries { series } => format!(
            "all values of {} are the same, so the interval says nothing about how well they were \
             measured",
            name(*series)
        ),
        Note::Tied { values } => format!(
            "{} values occur more than once; the clock or counter may be too coarse",
            count(*values as u64)
        ),
        Note::Autocorrelated {
            series,
            lag1,
            p,
            effective_n,
        } => format!(
            "neighbours in {} resemble each other (correlation {}, p = {}), so the interval is too \
             narrow: it is worth about {} independent values",
            name(*series),
            quantity(*lag1),
            p_value(*p),
            quantity(*effective_n)
        ),
        Note::Drift {
            series,
            slope_per_block,
            p,
        } => format!(
            "{} drifts by {} in each block (p = {})",
            name(*series),
            signed_percent(*slope_per_block, None),
            p_value(*p)
        ),
        Note::LevelShift {
            series,
            at,
            step,
            p,
        } => format!(
            "{} steps by {} after value {at} (p = {})",
            name(*series),
            signed_percent(*step, None),
            p_value(*p)
        ),
        Note::IndexCorrelated { r, p } => format!(
            "the two series go up and down together (r = {}, p = {}) although they are analysed \
             as independent: they were paired, or not measured",
            quantity(*r),
            p_value(*p)
        ),
        // A caution newer than this crate: better in raw form than lost.
        other => serde_json::to_string(other).unwrap_or_else(|_| format!("{other:?}")),
    }
}

fn name(series: Series) -> &'static str {
    match series {
        Series::Base => "the baseline",
        Series::Test => "the test",
        Series::LogRatios => "the log ratio",
        Series::Values => "the series",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_appendix_is_called_implausible() {
        let text = note_text(&Note::IndexCorrelated {
            r: 0.996_2,
            p: 0.000_28,
        });
        assert!(text.contains("r = 0.9962, p = 0.0003"), "{text}");
        assert!(text.contains("paired, or not measured"), "{text}");
    }

    #[test]
    fn a_drift_has_its_direction() {
        let drift = Note::Drift {
            series: Series::LogRatios,
            slope_per_block: -0.001,
            p: 0.004,
        };
        assert_eq!(
            note_text(&drift),
            "the log ratio drifts by -0.10% in each block (p = 0.0040)"
        );
    }
}
