//! The tables of `docs/metal.md`, from what is compiled.

use std::fmt::Write as _;

use crate::settings::VARIABLES;
use crate::signatures::{COPIES, Group, Rule};

/// The whole of `docs/metal.md`: `cargo run -p locktoll-metal --example generate_docs` writes it.
pub fn document() -> String {
    let mut text = include_str!("../docs/metal.md.in").to_owned();
    for (place, table) in [
        ("@VARIABLES@", variables()),
        ("@SUMMARY@", summary()),
        ("@METHODS@", methods()),
        ("@COPIES@", COPIES.to_string()),
    ] {
        text = text.replace(place, table.trim_end());
    }
    text
}

fn variables() -> String {
    let mut text = "| variable | values | default | meaning |\n|---|---|---|---|\n".to_owned();
    for each in VARIABLES {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            each.name, each.values, each.default, each.meaning
        );
    }
    text
}

fn summary() -> String {
    let mut text = "| class of | methods |\n|---|---|\n".to_owned();
    let mut sum = 0;
    for group in Group::ALL {
        sum += group.rows().len();
        let _ = writeln!(text, "| {}s | {} |", group.name(), group.rows().len());
    }
    let _ = writeln!(text, "| all | {sum} |");
    text
}

fn methods() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let mut name = group.name().to_owned();
        name[..1].make_ascii_uppercase();
        let _ = writeln!(
            text,
            "### {name}s\n\n| selector | encoding | rule |\n|---|---|---|"
        );
        for row in group.rows() {
            let _ = writeln!(
                text,
                "| `{}` | `{}` | {} |",
                row.selector.to_string_lossy(),
                row.encoding(),
                name_of(row.rule)
            );
        }
        text.push('\n');
    }
    text
}

/// As the rules are called in `rules`.
fn name_of(rule: Rule) -> &'static str {
    match rule {
        Rule::Encode => "encode",
        Rule::End => "end",
        Rule::EndLate => "end_late",
        Rule::Destroy => "destroy",
        Rule::Dealloc => "dealloc",
        Rule::Factory => "factory",
        Rule::Split => "split",
        Rule::Commit => "commit",
        Rule::Event => "event",
        Rule::Retire => "retire",
        Rule::Supply => "supply",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_that_of_these_tables() {
        assert!(
            include_str!("../../../docs/metal.md") == document(),
            "docs/metal.md is not up to date: \
             cargo run -p locktoll-metal --example generate_docs"
        );
    }
}
