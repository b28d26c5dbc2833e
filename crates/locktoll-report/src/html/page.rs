//! The page round the sections, and the few forms of which they are made: tables, figures, words.

use locktoll_stats::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plots::svg::{Drawing, STYLE, THEME, outside, verdict_class};
use crate::wording::Voice;

/// Nothing is loaded from anywhere, and nothing runs.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const PAGE_STYLE: &str = include_str!("page.css");

/// A part of the page with a heading of its own.
pub(crate) struct Section {
    /// Its anchor.
    pub(crate) id: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) body: Markup,
}

/// What stands above the sections.
pub(crate) struct Head {
    pub(crate) title: String,
    /// One line under the title.
    pub(crate) about: String,
    pub(crate) answer: Markup,
    /// The file that holds every figure of the page, where there is one.
    pub(crate) source: Option<&'static str>,
}

/// The whole file.
pub(crate) fn write(head: &Head, sections: &[Section]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (head.title) " · locktoll" }
                style { (PreEscaped(THEME)) (PreEscaped(PAGE_STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                a .skip href="#answer" { "Skip to the answer" }
                div .page {
                    header {
                        p .brand { "locktoll" }
                        h1 { (head.title) }
                        @if !head.about.is_empty() { p .meta { (head.about) } }
                        nav aria-label="Sections" {
                            ul {
                                @for section in sections {
                                    li { a href=(format!("#{}", section.id)) { (section.heading) } }
                                }
                            }
                        }
                    }
                    main {
                        section #answer .answer aria-labelledby="answer-h" tabindex="-1" {
                            h2 #answer-h { "Answer" }
                            (head.answer)
                        }
                        @for section in sections {
                            section id=(section.id) aria-labelledby=(format!("{}-h", section.id)) {
                                h2 id=(format!("{}-h", section.id)) { (section.heading) }
                                (section.body)
                            }
                        }
                    }
                    footer {
                        p {
                            "Written by locktoll " (env!("CARGO_PKG_VERSION"))
                            @if let Some(file) = head.source {
                                " from " code { (file) } ", which holds every figure of this page"
                            }
                            "."
                        }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// A drawing in both layouts, with a line under it; nothing where there is no drawing.
pub(crate) fn figure(layouts: &[Drawing], caption: &str) -> Markup {
    html! {
        @if !layouts.is_empty() {
            figure {
                @for drawing in layouts { (drawing.inline()) }
                @if !caption.is_empty() { figcaption { span { (caption) } } }
            }
        }
    }
}

/// How a column of a table is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Words.
    Words,
    /// Names, in letters of one width.
    Name,
    /// Figures, aligned to the right.
    Figure,
    /// Sentences, which may break.
    Long,
}

impl Column {
    fn class(self) -> Option<&'static str> {
        match self {
            Self::Words => None,
            Self::Name => Some("n"),
            Self::Figure => Some("num"),
            Self::Long => Some("long"),
        }
    }
}

/// A table that scrolls by itself where the window is too narrow; without rows, nothing. The first
/// column names the rows.
pub(crate) fn table(caption: &str, columns: &[(&str, Column)], rows: &[Vec<String>]) -> Markup {
    html! {
        @if !rows.is_empty() {
            div .scroll role="region" aria-label=(caption) tabindex="0" {
                table {
                    caption { span { (caption) } }
                    thead { tr {
                        @for (name, column) in columns {
                            th scope="col" class=[(*column == Column::Figure).then_some("num")] { (name) }
                        }
                    } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (index, (cell, (_, column))) in row.iter().zip(columns).enumerate() {
                                    @if index == 0 {
                                        th scope="row" class=[column.class()] { (cell) }
                                    } @else {
                                        td class=[column.class()] { (cell) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sentences as the other renderers say them, with marks that [`marked`] turns into elements.
pub(crate) const VOICE: Voice = Voice {
    stress: mark,
    name: outside,
};

/// Begins a stressed word; the next character tells its verdict. Names from outside hold no control
/// characters, so these marks are ours alone.
const BEGIN: char = '\u{2}';
const END: char = '\u{3}';
const VERDICTS: [(char, Verdict); 5] = [
    ('c', Verdict::Costs),
    ('p', Verdict::Pays),
    ('f', Verdict::Free),
    ('n', Verdict::Negligible),
    ('u', Verdict::Unresolved),
];

fn mark(verdict: Verdict, word: &str) -> String {
    let letter = VERDICTS
        .iter()
        .find(|(_, of)| *of == verdict)
        .map_or('u', |(letter, _)| *letter);
    format!("{BEGIN}{letter}{word}{END}")
}

/// A sentence of [`VOICE`] as markup: escaped once, as a whole.
pub(crate) fn marked(sentence: &str) -> Markup {
    let mut pieces = sentence.split(BEGIN);
    html! {
        (printable(pieces.next().unwrap_or_default()))
        @for piece in pieces {
            @let (word, rest) = piece.split_once(END).unwrap_or((piece, ""));
            @let verdict = VERDICTS.iter().find(|(letter, _)| word.starts_with(*letter));
            strong class=(verdict_class(verdict.map(|(_, verdict)| *verdict))) {
                (printable(word.get(1..).unwrap_or_default()))
            }
            (printable(rest))
        }
    }
}

/// Text without control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stressed_words_become_elements_and_the_rest_is_escaped() {
        let sentence = format!(
            "the <b>\"x\"&'y' lock {} 3% & more",
            mark(Verdict::Costs, "costs")
        );
        assert_eq!(
            marked(&sentence).into_string(),
            "the &lt;b&gt;&quot;x&quot;&amp;'y' lock <strong class=\"costs\">costs</strong> 3% &amp; more"
        );
    }

    #[test]
    fn a_table_names_its_rows_and_columns() {
        let rows = vec![vec!["a<".to_owned(), "1".to_owned()]];
        let text = table("T", &[("x", Column::Name), ("y", Column::Figure)], &rows).into_string();
        assert!(
            text.contains(r#"<th scope="row" class="n">a&lt;</th><td class="num">1</td>"#),
            "{text}"
        );
        assert_eq!(table("T", &[], &[]).into_string(), "");
    }
}
