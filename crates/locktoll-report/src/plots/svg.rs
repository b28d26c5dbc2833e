//! SVG elements: a drawing with its name and description, numbers rounded to a tenth of a pixel,
//! text that is measured before it is set, and the marks that stand for verdicts.

use std::fmt::Write as _;

use locktoll_stats::Verdict;
use maud::{Markup, PreEscaped, Render, html};

use crate::text::plain;

/// Colours by purpose, light and dark; the page uses the same.
pub(crate) const THEME: &str = include_str!("theme.css");
/// What the classes of a drawing mean.
pub(crate) const STYLE: &str = include_str!("plot.css");

/// Size of all text, in pixels at the width that a drawing is made for.
pub(crate) const TEXT_PX: f64 = 12.0;

/// For which width a drawing is laid out. Text is never scaled down to fit a narrow screen: it is
/// set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A window of a desk, or paper.
    Wide,
    /// A phone held upright.
    Narrow,
}

impl Layout {
    /// Width of the drawing, in pixels.
    pub(crate) fn width(self) -> f64 {
        match self {
            Self::Wide => 880.0,
            Self::Narrow => 328.0,
        }
    }

    /// The first where there is room, the second where there is not.
    pub(crate) fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }

    fn class(self) -> &'static str {
        self.pick("plot wide", "plot narrow")
    }
}

/// A drawing with what a screen reader says instead of it.
pub(crate) struct Drawing {
    /// Unique in the page; also the file's name.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) layout: Layout,
    pub(crate) height: f64,
    pub(crate) body: Markup,
}

impl Drawing {
    /// The element to put into a page that has [`THEME`] and [`STYLE`].
    pub(crate) fn inline(&self) -> Markup {
        self.element(None, &html! {})
    }

    /// A file of its own.
    pub(crate) fn standalone(&self) -> String {
        let style = format!("{THEME}{STYLE}.ground{{fill:var(--bg)}}");
        let ground = html! {
            style { (PreEscaped(style)) }
            rect .ground width="100%" height="100%" {}
        };
        self.element(Some("http://www.w3.org/2000/svg"), &ground)
            .into_string()
    }

    fn element(&self, namespace: Option<&str>, ground: &Markup) -> Markup {
        let (width, height) = (Px(self.layout.width()), Px(self.height));
        let id = format!("{}-{}", self.name, self.layout.pick("wide", "narrow"));
        let labels = format!("{id}-t {id}-d");
        html! {
            svg class=(self.layout.class()) xmlns=[namespace] role="img" aria-labelledby=(labels)
                viewBox=(format!("0 0 {} {}", width.text(), height.text()))
                width=(width) height=(height) {
                title id=(format!("{id}-t")) { (self.title) }
                desc id=(format!("{id}-d")) { (self.description) }
                (ground)
                (self.body)
            }
        }
    }
}

/// A length in pixels, written to a tenth; what is not finite is written as 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Px(pub(crate) f64);

impl Px {
    pub(crate) fn text(self) -> String {
        let tenths = (self.0.clamp(-1e6, 1e6) * 10.0).round() / 10.0;
        // NaN passes through clamp; -0 would print its sign.
        if tenths.is_nan() || tenths == 0.0 {
            "0".to_owned()
        } else {
            tenths.to_string()
        }
    }
}

impl Render for Px {
    fn render_to(&self, buffer: &mut String) {
        buffer.push_str(&self.text());
    }
}

/// The `d` of a path, under construction.
#[derive(Debug, Default)]
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn to(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut command = 'M';
        for (x, y) in points {
            self.push(command, x, y);
            command = 'L';
        }
        self
    }

    pub(crate) fn line(self, from: (f64, f64), to: (f64, f64)) -> Self {
        self.to([from, to])
    }

    /// A dot, when the stroke has round ends.
    pub(crate) fn dot(mut self, x: f64, y: f64) -> Self {
        self.push('M', x, y);
        self.0.push_str("h0");
        self
    }

    pub(crate) fn close(mut self) -> Self {
        self.0.push('Z');
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, command: char, x: f64, y: f64) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{command}{} {}", Px(x).text(), Px(y).text());
    }
}

impl Render for Path {
    fn render_to(&self, buffer: &mut String) {
        buffer.push_str(&self.0);
    }
}

/// How a text is set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Set(pub(crate) &'static str);

impl Set {
    /// Text with its baseline at `y`; `self` holds the classes.
    pub(crate) fn at(self, x: f64, y: f64, text: &str) -> Markup {
        html! { text class=(self.0) x=(Px(x)) y=(Px(y)) { (text) } }
    }
}

/// A name from outside, cut to a width, with the whole name to be hovered where it was cut.
pub(crate) fn name_at(class: &'static str, x: f64, y: f64, name: &str, width: f64) -> Markup {
    let whole = outside(name);
    let cut = fitted(&whole, width);
    html! {
        text class=(class) x=(Px(x)) y=(Px(y)) {
            (cut)
            @if cut != whole { title { (whole) } }
        }
    }
}

/// Text from outside on one line, without characters that XML forbids.
pub(crate) fn outside(text: &str) -> String {
    plain(text)
        .chars()
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

/// Width of a text at [`TEXT_PX`], rather more than common fonts give it: `DejaVu` Sans is among the
/// widest, with advances of 0.28 to 0.64 of the size for most letters and figures, up to 0.77 for
/// most capitals, 0.84 for operators and 0.98 for `%`, `m` and `W`. Letters outside ASCII may be as
/// wide as they are high.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            '%' | '@' | 'M' | 'W' | 'm' | 'w' => 0.98 * TEXT_PX,
            c if c.is_ascii_uppercase() || "<>+=~^".contains(c) => 0.78 * TEXT_PX,
            c if c.is_ascii() => 0.64 * TEXT_PX,
            'µ' | '–' | '·' => 0.64 * TEXT_PX,
            '×' | '±' | '−' => 0.84 * TEXT_PX,
            _ => 1.05 * TEXT_PX,
        })
        .sum()
}

/// As much of a text as fits, with an ellipsis where it was cut.
pub(crate) fn fitted(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept) + text_width("…") > width {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

/// From where to where the marks of each row reach: in a narrow drawing, where words stand above them, below
/// these.
pub(crate) fn row_bands(rows: usize, top: f64, height: f64, layout: Layout) -> Vec<[f64; 2]> {
    let words = layout.pick(0.0, 20.0);
    let band = |row: usize| {
        let from = top + row as f64 * height;
        [from + words, from + height]
    };
    (0..rows).map(band).collect()
}

/// Upright lines that leave out what is between the rows.
pub(crate) fn behind_rows(places: &[f64], rows: &[[f64; 2]]) -> Path {
    let mut path = Path::default();
    for &x in places {
        for &[from, to] in rows {
            path = path.line((x, from), (x, to));
        }
    }
    path
}

/// The class that colours a verdict.
pub(crate) fn verdict_class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Costs) => "costs",
        Some(Verdict::Pays) => "pays",
        Some(Verdict::Free) => "free",
        Some(Verdict::Negligible) => "negligible",
        Some(Verdict::Unresolved) => "unresolved",
        None => "none",
    }
}

/// The mark of a verdict, which tells it without colour: costs points right, pays left, free is a
/// disc, negligible a diamond, unresolved a ring; no verdict is a bar.
pub(crate) fn verdict_mark(verdict: Option<Verdict>, x: f64, y: f64) -> Markup {
    let class = verdict_class(verdict);
    let polygon = |points: &[(f64, f64)]| {
        let path = Path::default()
            .to(points.iter().map(|(dx, dy)| (x + dx, y + dy)))
            .close();
        html! { path class=(format!("f {class}")) d=(path) {} }
    };
    match verdict {
        Some(Verdict::Costs) => polygon(&[(-4.0, -5.0), (5.0, 0.0), (-4.0, 5.0)]),
        Some(Verdict::Pays) => polygon(&[(4.0, -5.0), (-5.0, 0.0), (4.0, 5.0)]),
        Some(Verdict::Negligible) => polygon(&[(0.0, -5.5), (5.5, 0.0), (0.0, 5.5), (-5.5, 0.0)]),
        Some(Verdict::Free) => {
            html! { circle class=(format!("f {class}")) cx=(Px(x)) cy=(Px(y)) r="4.5" {} }
        }
        Some(Verdict::Unresolved) => {
            html! { circle class=(format!("hollow s {class}")) cx=(Px(x)) cy=(Px(y)) r="4" {} }
        }
        None => polygon(&[(-4.0, -1.0), (4.0, -1.0), (4.0, 1.0), (-4.0, 1.0)]),
    }
}

/// Colours that tell series apart, each with a mark of its own; after the last they begin again.
pub(crate) const SERIES: usize = 7;

/// The class that colours the n-th series.
pub(crate) fn series_class(index: usize) -> &'static str {
    ["s0", "s1", "s2", "s3", "s4", "s5", "s6"][index % SERIES]
}

/// The mark of the n-th series. Colours repeat after seven series and marks after six, so that 42
/// series are told apart.
pub(crate) fn series_mark(index: usize, x: f64, y: f64) -> Markup {
    let class = series_class(index);
    let polygon = |points: &[(f64, f64)]| {
        let path = Path::default()
            .to(points.iter().map(|(dx, dy)| (x + dx, y + dy)))
            .close();
        html! { path class=(format!("f {class}")) d=(path) {} }
    };
    match index % 6 {
        0 => html! { circle class=(format!("f {class}")) cx=(Px(x)) cy=(Px(y)) r="4" {} },
        1 => polygon(&[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)]),
        2 => polygon(&[(0.0, -5.0), (4.5, 3.5), (-4.5, 3.5)]),
        3 => polygon(&[(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]),
        4 => polygon(&[(0.0, 5.0), (4.5, -3.5), (-4.5, -3.5)]),
        _ => html! { circle class=(format!("hollow s {class}")) cx=(Px(x)) cy=(Px(y)) r="3.5" {} },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_finite() {
        assert_eq!(Px(12.0).text(), "12");
        assert_eq!(Px(12.34).text(), "12.3");
        assert_eq!(Px(-0.01).text(), "0");
        assert_eq!(Px(f64::NAN).text(), "0");
        assert_eq!(Px(f64::INFINITY).text(), "1000000");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fitted("global", 100.0), "global");
        let cut = fitted("interposed:throttle:16", 100.0);
        assert!(cut.ends_with('…') && text_width(&cut) <= 100.0, "{cut}");
    }

    #[test]
    fn xml_has_no_character_that_it_forbids() {
        assert_eq!(outside("a\u{0}\u{fffe}b\n"), "a b");
    }
}
