//! The few Markdown forms that the report uses, and the escaping of outside text.

use std::fmt::Write as _;

use crate::text::plain;

/// A Markdown document under construction.
#[derive(Debug, Default)]
pub(crate) struct Doc {
    out: String,
}

impl Doc {
    pub(crate) fn heading(&mut self, level: usize, text: &str) {
        self.block(&format!("{} {text}", "#".repeat(level)));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.block(text);
    }

    pub(crate) fn bullets(&mut self, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().map(|item| format!("- {item}")).collect();
        self.block(&items.join("\n"));
    }

    /// A table whose rows have one cell for each heading; without rows, nothing.
    pub(crate) fn table<R, C>(&mut self, header: &[C], rows: impl IntoIterator<Item = R>)
    where
        R: IntoIterator<Item = String>,
        C: AsRef<str>,
    {
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.into_iter().collect())
            .collect();
        if rows.is_empty() {
            return;
        }
        let names: Vec<&str> = header.iter().map(AsRef::as_ref).collect();
        let mut text = format!(
            "| {} |\n|{}\n",
            names.join(" | "),
            "---|".repeat(names.len())
        );
        for mut row in rows {
            row.resize(names.len(), String::new());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        self.block(text.trim_end());
    }

    /// A block of code, fenced by more backticks than it contains in a row.
    pub(crate) fn code(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(3.max(longest + 1));
        self.block(&format!("{fence}{language}\n{}\n{fence}", text.trim_end()));
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn block(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// Outside text on one line, with every character escaped that would be markup.
pub(crate) fn escape(text: &str) -> String {
    escape_spaced(&plain(text))
}

/// The same with the spaces at both ends.
fn escape_spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' | '>' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// [`escape`] for sentences that put words of code between backticks: those stay code.
pub(crate) fn escape_prose(text: &str) -> String {
    let text = plain(text);
    let pieces: Vec<&str> = text.split('`').collect();
    // An odd backtick closes nothing, and nothing between two is no code.
    let is_paired = !pieces.len().is_multiple_of(2);
    let has_words = |code: &str| !code.trim().is_empty();
    if !is_paired || !pieces.iter().skip(1).step_by(2).all(|code| has_words(code)) {
        return escape(&text);
    }
    let pieces = pieces.iter().enumerate().map(|(at, piece)| match at % 2 {
        0 => escape_spaced(piece),
        _ => format!("`{piece}`"),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_is_no_markup() {
        assert_eq!(escape("a|b\nc"), r"a\|b c");
        assert_eq!(escape("<img src=x> `**`"), r"&lt;img src=x\> \`\*\*\`");
        assert_eq!(escape("per-encoder_2"), "per-encoder_2");
    }

    #[test]
    fn code_in_prose_stays_code() {
        assert_eq!(
            escape_prose("under `none` or <b>"),
            r"under `none` or &lt;b\>"
        );
        assert_eq!(escape_prose("one ` alone"), r"one \` alone");
        assert_eq!(escape_prose("`` x"), r"\`\` x");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        let mut doc = Doc::default();
        doc.code("sh", "echo ```");
        assert_eq!(doc.finish(), "````sh\necho ```\n````\n");
    }

    #[test]
    fn blocks_are_apart_and_empty_ones_vanish() {
        let mut doc = Doc::default();
        doc.heading(2, "A");
        doc.table(&["x", "y"], Vec::<Vec<String>>::new());
        doc.table(&["x", "y"], [["1".to_owned(), "2".to_owned()]]);
        assert_eq!(doc.finish(), "## A\n\n| x | y |\n|---|---|\n| 1 | 2 |\n");
    }
}
