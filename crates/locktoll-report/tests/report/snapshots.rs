//! What each renderer writes for each fixture, as files to be read by people.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test -p locktoll-report`, then read the diff.

use locktoll_report::terminal::{TerminalStyle, render};
use locktoll_report::{json, markdown};

use crate::fixtures;

#[test]
fn terminal() {
    for (name, run) in fixtures::all() {
        insta::assert_snapshot!(
            format!("terminal_{name}"),
            render(
                &run,
                &TerminalStyle {
                    width: 80,
                    color: false
                }
            )
        );
    }
}

#[test]
fn terminal_in_colour_is_the_same_text() {
    for (name, run) in fixtures::all() {
        let plain = render(
            &run,
            &TerminalStyle {
                width: 100,
                color: false,
            },
        );
        let coloured = render(
            &run,
            &TerminalStyle {
                width: 100,
                color: true,
            },
        );
        let mut stripped = String::new();
        let mut parts = coloured.split("\u{1b}[");
        stripped.push_str(parts.next().unwrap_or_default());
        for part in parts {
            stripped.push_str(part.split_once('m').expect("a colour sequence ends in m").1);
        }
        assert_eq!(stripped, plain, "{name}");
    }
    assert!(
        render(
            &fixtures::imported(),
            &TerminalStyle {
                width: 80,
                color: true
            }
        )
        .contains("\u{1b}[")
    );
}

#[test]
fn terminal_keeps_to_its_width() {
    for (name, run) in fixtures::all() {
        let text = render(
            &run,
            &TerminalStyle {
                width: 80,
                color: false,
            },
        );
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn report() {
    for (name, run) in fixtures::all() {
        insta::assert_snapshot!(format!("markdown_{name}"), markdown::render(&run));
    }
}

#[test]
fn result() {
    insta::assert_snapshot!(
        "json_imported",
        json::to_string_pretty(&fixtures::imported()).unwrap()
    );
}
