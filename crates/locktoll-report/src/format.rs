//! How numbers are written: one place, so that a figure reads the same in every output.
//!
//! A number is written no finer than its interval allows, and never as `NaN`, `inf` or `-0`.
//! Rounding is that of [`format!`]: the exact binary value, to nearest.

use locktoll_stats::Verdict;

/// Stands for a value that does not exist.
pub const MISSING: &str = "–";

/// Decimals that show `digits` significant digits of `half_width`; at most nine.
///
/// `None` when `half_width` is not a positive finite number, since it then says nothing.
fn decimals_for(half_width: f64, digits: i32) -> Option<usize> {
    if !half_width.is_finite() || half_width <= 0.0 {
        return None;
    }
    // A finite positive f64 has an exponent between -324 and 308.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value lies within -324..=308"
    )]
    let exponent = half_width.log10().floor() as i32;
    usize::try_from((digits - 1 - exponent).clamp(0, 9)).ok()
}

/// `x` with a fixed number of decimals; zero has no sign.
fn fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return MISSING.to_owned();
    }
    if x.abs() >= 1e15 {
        return format!("{x:.3e}");
    }
    let text = format!("{x:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

/// `text` without zeros at the end of its decimals.
fn trimmed(text: &str) -> &str {
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Puts `,` between groups of three digits before the point.
fn grouped(text: &str) -> String {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest
        .find('.')
        .map_or((rest, ""), |point| rest.split_at(point));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// A whole number with thousands separators: `12,345`.
#[must_use]
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// A fraction as a percentage, as fine as two significant digits of `half_width`.
///
/// `half_width` is a fraction too. Without one, two decimals are written.
///
/// ```
/// use locktoll_report::format::percent;
/// assert_eq!(percent(0.003_351, Some(0.001_05)), "0.34%");
/// assert_eq!(percent(0.331, Some(0.055)), "33.1%");
/// ```
#[must_use]
pub fn percent(fraction: f64, half_width: Option<f64>) -> String {
    let decimals = half_width
        .and_then(|h| decimals_for(h * 100.0, 2))
        .unwrap_or(2);
    with_unit(&fixed(fraction * 100.0, decimals), "%")
}

/// [`percent`] with a sign on positive values: `+0.02%`.
#[must_use]
pub fn signed_percent(fraction: f64, half_width: Option<f64>) -> String {
    plus(percent(fraction, half_width))
}

/// A share that has no interval here, such as a utilisation or a contention rate: three significant
/// digits, `2.88%`.
#[must_use]
pub fn share(fraction: f64) -> String {
    let percent = fraction * 100.0;
    with_unit(
        &fixed(percent, decimals_for(percent.abs(), 3).unwrap_or(0)),
        "%",
    )
}

/// A bound given by a person, such as the margin: as many decimals as it was given with.
#[must_use]
pub fn given_percent(fraction: f64) -> String {
    let text = fixed(fraction * 100.0, 6);
    let text = trimmed(&text);
    with_unit(text, "%")
}

/// Half the width of an interval.
#[must_use]
pub fn half_width(ci: [f64; 2]) -> f64 {
    (ci[1] - ci[0]) / 2.0
}

/// An interval of fractions: `0.23% to 0.44%`.
#[must_use]
pub fn percent_interval(ci: [f64; 2]) -> String {
    let half = Some(half_width(ci));
    format!("{} to {}", percent(ci[0], half), percent(ci[1], half))
}

/// A ratio without unit, as fine as two significant digits of `half_width`; without one, three
/// significant digits of its own.
///
/// ```
/// use locktoll_report::format::ratio;
/// assert_eq!(ratio(0.004_1, Some(0.000_75)), "0.00410");
/// assert_eq!(ratio(0.98, Some(0.031)), "0.980");
/// assert_eq!(ratio(0.98, None), "0.98");
/// ```
#[must_use]
pub fn ratio(x: f64, half_width: Option<f64>) -> String {
    match half_width.and_then(|half| decimals_for(half, 2)) {
        Some(decimals) => fixed(x, decimals),
        None => significant(x, 3),
    }
}

/// A p-value: `<0.0001`, `0.0015`, `0.91`.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => MISSING.to_owned(),
        p if p < 0.0001 => "<0.0001".to_owned(),
        // Two significant digits, but never more than four decimals.
        p if p < 0.001 => fixed(p, 4),
        p => fixed(p, decimals_for(p, 2).unwrap_or(2).clamp(2, 4)),
    }
}

/// A mean with the half-width of its interval: `8,922 ± 7`; without one, the mean alone.
///
/// Whole numbers while the half-width is at least one, two significant digits of it below that.
#[must_use]
pub fn mean(mean: f64, ci: Option<[f64; 2]>) -> String {
    let Some(half) = ci.map(half_width).filter(|half| half.is_finite()) else {
        return quantity(mean);
    };
    if !mean.is_finite() || mean.abs().max(half.abs()) >= 1e15 {
        return format!("{} ± {}", quantity(mean), quantity(half));
    }
    let decimals = match half {
        half if half >= 1.0 => 0,
        half => decimals_for(half, 2).unwrap_or(0),
    };
    format!(
        "{} ± {}",
        grouped(&fixed(mean, decimals)),
        grouped(&fixed(half, decimals))
    )
}

/// A quantity of any size without an interval: at most four significant digits, `8,952`, `12.35`.
#[must_use]
pub fn quantity(x: f64) -> String {
    grouped(&significant(x, 4))
}

/// `x` with at most so many significant digits, whole numbers unrounded, and an exponent where it
/// is very large or small.
#[must_use]
pub fn significant(x: f64, digits: i32) -> String {
    if !x.is_finite() {
        return MISSING.to_owned();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        let decimals = usize::try_from(digits - 1).unwrap_or(0);
        return format!("{x:.decimals$e}");
    }
    trimmed(&fixed(x, decimals_for(size, digits).unwrap_or(0))).to_owned()
}

/// An index without unit, with a fixed number of decimals.
#[must_use]
pub fn fixed_point(x: f64, decimals: usize) -> String {
    fixed(x, decimals)
}

/// A raw value with all its digits: the shortest text that reads back as the same number.
#[must_use]
pub fn exact(x: f64) -> String {
    if !x.is_finite() {
        return MISSING.to_owned();
    }
    let size = x.abs();
    match size {
        0.0 => "0".to_owned(),
        _ if (1e-5..1e15).contains(&size) => format!("{x}"),
        _ => format!("{x:e}"),
    }
}

/// Units below the second, with their size in nanoseconds.
const UNITS: [(&str, f64); 3] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6)];

/// A duration given in nanoseconds, with three significant digits: `85.0 ns`, `1.20 µs`, `3.40 ms`.
#[must_use]
pub fn duration_ns(ns: f64) -> String {
    if !ns.is_finite() {
        return MISSING.to_owned();
    }
    // 999.5 ns rounds to 1.00 µs, so the unit is chosen after rounding.
    for (unit, size) in UNITS {
        let value = ns / size;
        if value.abs() < 999.5 {
            return with_unit(&three_digits(value), &format!(" {unit}"));
        }
    }
    let seconds = ns / 1e9;
    match seconds.abs() {
        size if size < 1e9 => with_unit(&grouped(&three_digits(seconds)), " s"),
        _ => format!("{seconds:.2e} s"),
    }
}

/// Durations beside each other, as on an axis: in one unit, with as many decimals as tell neighbours apart.
///
/// ```
/// use locktoll_report::format::durations_ns;
/// assert_eq!(durations_ns(&[0.0, 500.0, 1_000.0]), ["0", "0.5 µs", "1.0 µs"]);
/// assert_eq!(durations_ns(&[1.234e9, 1.236e9]), ["1.234 s", "1.236 s"]);
/// ```
#[must_use]
pub fn durations_ns(values: &[f64]) -> Vec<String> {
    let furthest = values.iter().fold(0.0_f64, |most, ns| most.max(ns.abs()));
    let unit = UNITS.into_iter().find(|(_, size)| furthest / size < 999.5);
    let (unit, size) = unit.unwrap_or(("s", 1e9));
    let apart = values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs() / size)
        .filter(|step| *step > 0.0)
        .fold(f64::INFINITY, f64::min);
    let decimals = decimals_for(apart, 1);
    let written = |&ns: &f64| match decimals {
        _ if ns == 0.0 => "0".to_owned(),
        Some(decimals) if (ns / size).abs() < 1e9 => {
            with_unit(&grouped(&fixed(ns / size, decimals)), &format!(" {unit}"))
        }
        _ => duration_ns(ns),
    };
    values.iter().map(written).collect()
}

/// Three significant digits, below a thousand; two decimals below one.
fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    fixed(value, decimals)
}

/// The verdict's word, or [`MISSING`].
#[must_use]
pub fn verdict(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| MISSING.to_owned(), |verdict| verdict.to_string())
}

/// `[a, b, c]` as `a, b and c`.
#[must_use]
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// `1 trial`, `2 trials`.
#[must_use]
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `value`, or [`MISSING`], through `write`.
#[must_use]
pub fn optional<T>(value: Option<T>, write: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), write)
}

fn with_unit(number: &str, unit: &str) -> String {
    match number {
        MISSING => MISSING.to_owned(),
        number => format!("{number}{unit}"),
    }
}

fn plus(text: String) -> String {
    let zero_or_signed =
        !text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) || text.starts_with(['-', '+']);
    if zero_or_signed {
        text
    } else {
        format!("+{text}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentages_are_as_fine_as_their_interval() {
        assert_eq!(percent(0.331, Some(0.055)), "33.1%");
        assert_eq!(percent(0.003_351, Some(0.001_05)), "0.34%");
        assert_eq!(percent(0.15, Some(0.173)), "15%");
        assert_eq!(percent(0.5, None), "50.00%");
        assert_eq!(percent(0.012_345, Some(0.0)), "1.23%");
        assert_eq!(signed_percent(0.0002, Some(0.001)), "+0.02%");
        assert_eq!(signed_percent(-0.0002, Some(0.001)), "-0.02%");
        assert_eq!(signed_percent(-0.000_001, Some(0.001)), "0.00%");
        assert_eq!(percent_interval([0.002_298, 0.004_403]), "0.23% to 0.44%");
    }

    #[test]
    fn shares_and_given_figures() {
        assert_eq!(share(0.028_75), "2.88%");
        assert_eq!(share(0.0), "0%");
        assert_eq!(share(1.25), "125%");
        assert_eq!(given_percent(0.01), "1%");
        assert_eq!(given_percent(0.025), "2.5%");
        assert_eq!(given_percent(0.95), "95%");
        assert_eq!(given_percent(0.1), "10%");
    }

    #[test]
    fn p_values() {
        assert_eq!(p_value(9.108e-5), "<0.0001");
        assert_eq!(p_value(0.001_470_3), "0.0015");
        assert_eq!(p_value(0.012_3), "0.012");
        assert_eq!(p_value(0.906), "0.91");
        assert_eq!(p_value(1.0), "1.00");
    }

    #[test]
    fn means_and_quantities() {
        assert_eq!(mean(8922.0, Some([8914.707, 8929.293])), "8,922 ± 7");
        assert_eq!(mean(12.345, Some([11.795, 12.895])), "12.35 ± 0.55");
        assert_eq!(mean(1_234_567.8, None), "1,234,568");
        assert_eq!(quantity(0.0), "0");
        assert_eq!(quantity(12.345_6), "12.35");
        assert_eq!(quantity(3.0), "3");
        assert_eq!(quantity(2.04), "2.04");
        assert_eq!(quantity(1e-9), "1.000e-9");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(exact(8922.0), "8922");
        assert_eq!(exact(-0.0), "0");
        assert_eq!(exact(0.1), "0.1");
    }

    #[test]
    fn durations_change_unit_after_rounding() {
        assert_eq!(duration_ns(85.0), "85.0 ns");
        assert_eq!(duration_ns(0.6), "0.60 ns");
        assert_eq!(duration_ns(999.4), "999 ns");
        assert_eq!(duration_ns(999.6), "1.00 µs");
        assert_eq!(duration_ns(41_000.0), "41.0 µs");
        assert_eq!(duration_ns(3.4e6), "3.40 ms");
        assert_eq!(duration_ns(2.5e9), "2.50 s");
    }

    #[test]
    fn lists() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["1"]), "1");
        assert_eq!(list(&["1", "4", "8"]), "1, 4 and 8");
        assert_eq!(plural(1, "block"), "1 block");
        assert_eq!(plural(1200, "block"), "1,200 blocks");
    }

    /// The number that a text shows, in the unit that it names.
    fn read(text: &str) -> f64 {
        let text = text.replace(',', "");
        let text = text.trim_end_matches('%');
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let factor = match unit {
            "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => 1.0,
        };
        number.trim_start_matches('<').parse::<f64>().unwrap() * factor
    }

    fn any_text(x: f64, half: f64) -> Vec<String> {
        vec![
            percent(x, Some(half)),
            percent(x, None),
            signed_percent(x, Some(half)),
            share(x),
            given_percent(x),
            percent_interval([x, half]),
            ratio(x, Some(half)),
            ratio(x, None),
            p_value(x),
            mean(x, Some([x - half, x + half])),
            mean(x, None),
            quantity(x),
            exact(x),
            duration_ns(x),
            fixed_point(x, 3),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_ever_nan_infinite_or_minus_zero(
            x in any::<f64>(),
            half in any::<f64>(),
        ) {
            for text in any_text(x, half).into_iter().chain(any_text(x / 1e300, half)) {
                prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
                for part in text.split([' ', '%']) {
                    let minus_zero = part.strip_prefix('-').is_some_and(|rest| {
                        rest.bytes().all(|byte| matches!(byte, b'0' | b'.' | b','))
                            && !rest.is_empty()
                    });
                    prop_assert!(!minus_zero, "{}", text);
                }
            }
        }

        #[test]
        fn larger_numbers_never_read_as_smaller(
            a in -1e12_f64..1e12,
            b in -1e12_f64..1e12,
            scale in -20_i32..1,
            half in 1e-9_f64..1e3,
        ) {
            let scale = 10_f64.powi(scale);
            let (a, b) = (a.min(b) * scale, a.max(b) * scale);
            prop_assert!(read(&percent(a, Some(half))) <= read(&percent(b, Some(half))));
            prop_assert!(read(&duration_ns(a)) <= read(&duration_ns(b)));
            prop_assert!(read(&quantity(a)) <= read(&quantity(b)));
            prop_assert!(read(&share(a)) <= read(&share(b)));
        }

        #[test]
        fn p_values_keep_their_order(a in 0.0_f64..=1.0, b in 0.0_f64..=1.0, scale in 0_i32..6) {
            let scale = 10_f64.powi(-scale);
            let (a, b) = (a.min(b) * scale, a.max(b) * scale);
            prop_assert!(read(&p_value(a)) <= read(&p_value(b)));
        }

        #[test]
        fn exact_values_read_back(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let back: f64 = exact(x).parse().unwrap();
            // Zero loses its sign, and nothing else changes.
            prop_assert_eq!(back.to_bits(), (x + 0.0).to_bits());
        }

        #[test]
        fn durations_are_right_to_three_digits(ns in 1.0_f64..1e12) {
            prop_assert!((read(&duration_ns(ns)) / ns - 1.0).abs() <= 0.0051);
        }
    }
}
