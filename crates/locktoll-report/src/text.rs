//! Text for terminals: words that came from outside made harmless, and lines broken at a width.

/// `text` on one line without control characters, so that a name from a file or the last words of
/// a crashed process cannot move the cursor, change colours or break a table.
#[must_use]
pub fn plain(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| {
            if c.is_control() || c.is_whitespace() {
                ' '
            } else {
                c
            }
        })
        .collect();
    spaced
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Breaks `text` between words so that lines are at most `width` columns where words allow it.
///
/// The first line starts with `first`, the others with `rest`.
pub(crate) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut out = String::from(first);
    let mut used = columns(first);
    let mut line_empty = true;
    for word in text.split_whitespace() {
        let size = columns(word);
        if !line_empty && used + 1 + size > width {
            out.push('\n');
            out.push_str(rest);
            used = columns(rest);
            line_empty = true;
        }
        if !line_empty {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += size;
        line_empty = false;
    }
    out.push('\n');
    out
}

/// `text` filled with spaces on the right up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `word` as a shell reads it back: as it is where that is safe, else in single quotes.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A command on one line, as a shell reads it back.
pub(crate) fn command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| shell_word(&plain(word))).collect();
    if words.is_empty() {
        "a program".to_owned()
    } else {
        words.join(" ")
    }
}

/// Characters that a terminal shows: all but those of colour sequences (`ESC [ … m`).
pub(crate) fn columns(text: &str) -> usize {
    let mut shown = 0;
    let mut in_sequence = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => in_sequence = true,
            'm' if in_sequence => in_sequence = false,
            _ if in_sequence => {}
            _ => shown += 1,
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_stays_on_one_line_and_cannot_colour() {
        assert_eq!(plain("a\nb\t\u{1b}[31mred\r\n"), "a b [31mred");
    }

    #[test]
    fn shell_words_read_back_as_they_were() {
        assert_eq!(shell_word("runs/a-1.csv"), "runs/a-1.csv");
        assert_eq!(shell_word("my runs"), "'my runs'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn lines_break_between_words_and_colours_take_no_room() {
        assert_eq!(wrap("aaa bbb ccc", 7, "", ""), "aaa bbb\nccc\n");
        assert_eq!(wrap("aaa bbb ccc", 9, "- ", "  "), "- aaa bbb\n  ccc\n");
        let coloured = "\u{1b}[31maaa\u{1b}[0m bbb ccc";
        assert_eq!(
            wrap(coloured, 7, "", ""),
            "\u{1b}[31maaa\u{1b}[0m bbb\nccc\n"
        );
        assert_eq!(
            wrap("longer-than-the-line b", 4, "", ""),
            "longer-than-the-line\nb\n"
        );
    }
}
