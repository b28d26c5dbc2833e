//! The result of `record --what-if` in every form.

use locktoll_report::terminal::TerminalStyle;
use locktoll_report::what_if::{self, WhatIf};

use crate::page::{self, Elements};
use crate::what_if_fixture::{believed, hostile, not_believed, stopped, unbounded};

const CHECKED_IN: &str = include_str!("../../schema/what-if-1.schema.json");

fn all() -> [(&'static str, WhatIf); 5] {
    [
        ("believed", believed()),
        ("not believed", not_believed()),
        ("stopped", stopped()),
        ("unbounded", unbounded()),
        ("hostile", hostile()),
    ]
}

fn text(result: &WhatIf, width: usize) -> String {
    let style = TerminalStyle {
        width,
        color: false,
    };
    what_if::to_text(result, &style)
}

#[test]
fn as_text_and_markdown() {
    insta::assert_snapshot!("what_if_terminal", text(&believed(), 110));
    insta::assert_snapshot!("what_if_markdown", what_if::to_markdown(&believed()));
    insta::assert_snapshot!("what_if_markdown_stopped", what_if::to_markdown(&stopped()));
}

#[test]
fn all_forms_say_the_same() {
    // Share 0.38 ± 12.7062 · 0.02, so at most 0.634, and 0.05 of hand-overs: without the holds 1 ∕ (1 − 0.634 − 0.05) = 3.17. The replica's
    // time without half of each hold is 0.8 of it.
    let answer = [
        "queue_lock: without its holds the program would be at most 3.17 times as fast.",
        "If it were held 50% shorter, the program would be 1.25 times as fast (1.25 to 1.25).",
    ];
    let found = believed();
    let forms = [
        text(&found, 10_000).replace('\n', " "),
        what_if::to_markdown(&found).replace("\n\n", " "),
        what_if::to_html(&found),
    ];
    for form in &forms {
        assert!(form.contains(&answer.join(" ")), "{form}");
        assert!(
            form.contains("0.85 (0.21 to 1.49) ns arrived in the program's time"),
            "{form}"
        );
    }
    for form in &forms[1..] {
        assert!(
            form.contains(
                "Believed: on average its time differs from the program's by no more than 25%, and no \
                 answer of it by more than 10%."
            ),
            "{form}"
        );
    }
    let not = not_believed();
    for form in [what_if::to_markdown(&not), what_if::to_html(&not)] {
        assert!(
            form.contains("Not believed: ")
                && form.contains("as far as the intervals tell")
                && !form.contains(answer[1]),
            "{form}"
        );
    }
    let mut unknown = not_believed();
    if let Some(replica) = &mut unknown.replica {
        replica.comparison.differs = false;
    }
    for form in [what_if::to_markdown(&unknown), what_if::to_html(&unknown)] {
        assert!(form.contains("more --blocks would tell"), "{form}");
        assert!(form.contains("whether by chance"), "{form}");
    }
}

#[test]
fn how_runs_were_ended_is_told() {
    let words = "Measured by ops; time of an acquisition of the lock. Each run of the program was told to end after \
                 1.00 s. Seed 7.";
    let found = stopped();
    for form in [what_if::to_markdown(&found), what_if::to_html(&found)] {
        assert!(form.contains(words), "{form}");
    }
    let md = what_if::to_markdown(&believed());
    assert!(
        md.contains("Measured by wall; time of a whole run. Seed 7."),
        "{md}"
    );
}

#[test]
fn pages_are_well_formed_whatever_the_names() {
    for (name, found) in all() {
        let html = what_if::to_html(&found);
        let (errors, elements) = page::parse(&html);
        assert!(errors.is_empty(), "{name}: {errors:?}");
        page::check(&elements).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!html.contains("NaN") && !html.contains('\u{1b}'), "{name}");
        let sections: Vec<&str> = elements
            .iter()
            .filter(|(element, _)| element == "section")
            .filter_map(|element| attribute(element, "id"))
            .collect();
        let expected: &[&str] = match name {
            "stopped" | "unbounded" => &["answer", "response", "cuts", "order", "data"],
            _ => &["answer", "response", "cuts", "replica", "order", "data"],
        };
        assert_eq!(sections, expected, "{name}");
    }
}

#[test]
fn a_result_without_a_whole_block_has_a_page() {
    let mut found = believed();
    found.runs.clear();
    found.cuts.clear();
    found.inside.ci = None;
    found.outside.ci = None;
    let (errors, elements) = page::parse(&what_if::to_html(&found));
    assert!(errors.is_empty(), "{errors:?}");
    page::check(&elements).unwrap();
}

fn attribute<'a>(
    (_, attributes): &'a (String, Vec<(String, String)>),
    name: &str,
) -> Option<&'a str> {
    let found = attributes.iter().find(|(of, _)| of == name);
    found.map(|(_, value)| value.as_str())
}

/// The elements of the wide drawing of a name.
fn drawing(elements: &Elements, name: &str) -> Elements {
    let label = format!("{name}-wide-t {name}-wide-d");
    let begin = elements
        .iter()
        .position(|element| attribute(element, "aria-labelledby") == Some(&label))
        .unwrap_or_else(|| panic!("no {name}"));
    let rest = elements[begin + 1..].iter();
    rest.take_while(|(element, _)| element != "svg")
        .cloned()
        .collect()
}

/// Of each path of a class, its points; those of the legend, which begin left of it, are not of the drawing.
fn paths(elements: &Elements, class: &str) -> Vec<Vec<(f64, f64)>> {
    elements
        .iter()
        .filter(|element| attribute(element, "class") == Some(class))
        .filter_map(|element| attribute(element, "d"))
        .filter(|d| !d.contains('h'))
        .map(|d| {
            d.split(['M', 'L', 'Z'])
                .filter_map(|pair| pair.split_once(' '))
                .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                .collect()
        })
        .collect()
}

#[test]
fn the_response_has_its_slope_and_every_block() {
    let (_, elements) = page::parse(&what_if::to_html(&believed()));
    let drawing = drawing(&elements, "response");
    for (class, slope, points) in [("s0", 0.85, 6), ("s1", 0.2, 4)] {
        let thin = &paths(&drawing, &format!("thin s {class}"))[0];
        assert_eq!(thin.len(), points, "two blocks, {class}");
        let bold = paths(&drawing, &format!("bold s {class}"));
        let [from, to] = bold[0][..] else {
            panic!("{bold:?}")
        };
        // The broken lines of this panel begin at the same point: nothing arrives, all arrives.
        let broken = paths(&drawing, "axis dash");
        let rise = |line: &Vec<(f64, f64)>| line[0].1 - line[1].1;
        let of_panel: Vec<f64> = broken
            .iter()
            .filter(|line| line[0] == from)
            .map(rise)
            .collect();
        let [nothing, all] = of_panel[..] else {
            panic!("{broken:?}")
        };
        assert!(nothing.abs() < 1e-9);
        assert!(
            ((from.1 - to.1) / all - slope).abs() < 0.005,
            "{class}: {from:?} {to:?} {all}"
        );
        // The watched runs of both blocks lie on both sides of their mean.
        let middle = f64::midpoint(thin[0].1, thin[points / 2].1);
        assert!((middle - from.1).abs() < 0.11, "{class}: {thin:?}");
    }
}

#[test]
fn gains_are_drawn_to_scale() {
    let (_, elements) = page::parse(&what_if::to_html(&believed()));
    let drawing = drawing(&elements, "gains");
    let number = |element, name| attribute(element, name).unwrap().parse::<f64>().unwrap();
    let bars: Vec<[f64; 2]> = drawing
        .iter()
        .filter(|(element, _)| element == "rect")
        .filter(|element| attribute(element, "x") != Some("-6"))
        .map(|element| [number(element, "x"), number(element, "width")])
        .collect();
    let found = believed();
    let most: Vec<f64> = found
        .cuts
        .iter()
        .map(|cut| cut.at_most.unwrap() - 1.0)
        .collect();
    assert_eq!(bars.len(), 4);
    for (bar, most) in bars.iter().zip(&most) {
        assert!((bar[0] - bars[0][0]).abs() < 1e-9, "all begin at 1");
        assert!(
            (bar[1] / bars[3][1] - most / (3.1658 - 1.0)).abs() < 0.002,
            "{bar:?} {most}"
        );
    }
    // 1 ∕ 0.8 = 1.25 for half of each hold.
    let dots: Vec<f64> = drawing
        .iter()
        .filter(|(element, _)| element == "circle")
        .filter(|element| attribute(element, "cx").is_some())
        .map(|element| number(element, "cx"))
        .collect();
    assert_eq!(dots.len(), 3);
    assert!(
        ((dots[1] - bars[0][0]) / bars[3][1] - 0.25 / 2.1658).abs() < 0.002,
        "{dots:?}"
    );
    // Nothing is drawn of what is not bounded.
    let (_, elements) = page::parse(&what_if::to_html(&unbounded()));
    let bars = self::drawing(&elements, "gains");
    let rects = bars.iter().filter(|(element, _)| element == "rect").count();
    assert_eq!(rects, 1, "the legend's");
}

#[test]
fn text_has_no_control_characters_of_others() {
    let found = hostile();
    for text in [text(&found, 80), what_if::to_markdown(&found)] {
        assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{text}");
    }
}

#[test]
fn json_keeps_to_its_schema_and_reads_back() {
    let checked_in: serde_json::Value = serde_json::from_str(CHECKED_IN).expect("JSON");
    assert!(
        checked_in == what_if::schema(),
        "schema/what-if-1.schema.json is stale; write it anew with\n  cargo run -p locktoll-report --example \
         schema -- what-if > crates/locktoll-report/schema/what-if-1.schema.json"
    );
    assert_eq!(checked_in["title"], "locktoll.what-if/1");
    let schema = jsonschema::validator_for(&checked_in).expect("a schema");
    for (name, found) in all() {
        let text = what_if::to_string_pretty(&found).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert_eq!(what_if::from_str(&text).unwrap(), found, "{name}");
    }
    let mut value = serde_json::to_value(believed()).unwrap();
    value["runs"][0]["change"]["kind"] = "slower".into();
    assert!(!schema.is_valid(&value), "an unknown change");
    let mut value = serde_json::to_value(believed()).unwrap();
    value.as_object_mut().unwrap().remove("share");
    assert!(!schema.is_valid(&value), "no share");
    let error = what_if::from_str(r#"{"schema": "locktoll.record/1"}"#).unwrap_err();
    assert!(
        error.to_string().contains("reads locktoll.what-if/1"),
        "{error}"
    );
}
