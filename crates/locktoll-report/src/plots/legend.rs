//! A legend that breaks into as many lines as it needs.

use maud::{Markup, html};

use super::svg::{Px, Set, fitted, outside, text_width};

/// Height of one line.
const LINE_PX: f64 = 19.0;
/// Room of a mark, before its words.
const MARK_PX: f64 = 16.0;
/// Between two entries.
const APART_PX: f64 = 16.0;

/// A legend that has been set.
pub(crate) struct Legend {
    pub(crate) body: Markup,
    pub(crate) height: f64,
}

/// Sets a legend whose first line has its baseline at `(x, y)`; each entry is a mark drawn round
/// the origin, and its words.
pub(crate) fn set((x, y): (f64, f64), width: f64, entries: &[(Markup, String)]) -> Legend {
    let (mut at, mut line) = (x, y);
    let mut parts: Vec<Markup> = Vec::new();
    for (mark, words) in entries {
        let words = fitted(&outside(words), width - MARK_PX);
        let room = MARK_PX + text_width(&words);
        if at > x && at + room > x + width {
            at = x;
            line += LINE_PX;
        }
        let place = format!(
            "translate({} {})",
            Px(at + 6.0).text(),
            Px(line - 4.0).text()
        );
        parts.push(html! {
            g transform=(place) { (mark) }
            (Set("m").at(at + MARK_PX, line, &words))
        });
        at += room + APART_PX;
    }
    Legend {
        body: html! { @for part in &parts { (part) } },
        height: if parts.is_empty() {
            0.0
        } else {
            line - y + LINE_PX
        },
    }
}
