//! The HTML page and its plots: well-formed whatever the result, escaped, and labelled.

use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use locktoll_report::model::{Role, RunResult};
use locktoll_report::terminal::{self, TerminalStyle};
use locktoll_report::{html, plots};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;

use crate::{arbitrary_parts, fixtures};

/// Elements with their attributes, in the order of the document.
pub(crate) type Elements = Vec<(String, Vec<(String, String)>)>;

/// Parses a page as a browser does; what the parser had to repair, and the elements.
pub(crate) fn parse(page: &str) -> (Vec<String>, Elements) {
    let mut options = ParseOpts::default();
    options.tokenizer.exact_errors = true;
    let dom = parse_document(RcDom::default(), options).one(page);
    let errors = dom
        .errors
        .borrow()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut elements = Elements::new();
    collect(&dom.document, &mut elements);
    (errors, elements)
}

fn collect(node: &Handle, into: &mut Elements) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes = attrs.borrow();
        let pair = |a: &html5ever::Attribute| (a.name.local.to_string(), a.value.to_string());
        into.push((
            name.local.to_string(),
            attributes.iter().map(pair).collect(),
        ));
    }
    for child in node.children.borrow().iter() {
        collect(child, into);
    }
}

fn attribute<'a>(
    (_, attributes): &'a (String, Vec<(String, String)>),
    name: &str,
) -> Option<&'a str> {
    let found = attributes.iter().find(|(of, _)| of == name);
    found.map(|(_, value)| value.as_str())
}

/// What holds for the elements of any page: ids are unique, references lead somewhere, headings
/// skip no level, and nothing can run or load.
pub(crate) fn check(elements: &Elements) -> Result<(), String> {
    let ids: Vec<&str> = elements.iter().filter_map(|e| attribute(e, "id")).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    if unique.len() != ids.len() {
        return Err(format!("an id comes twice: {ids:?}"));
    }
    for element in elements {
        let labels = attribute(element, "aria-labelledby").unwrap_or_default();
        let link = attribute(element, "href").and_then(|to| to.strip_prefix('#'));
        for id in labels.split_whitespace().chain(link) {
            if !unique.contains(id) {
                return Err(format!("{id} is not there: {element:?}"));
            }
        }
        let loads = [
            "script",
            "img",
            "iframe",
            "object",
            "link",
            "form",
            "foreignobject",
        ];
        let runs = element
            .1
            .iter()
            .any(|(name, _)| name.starts_with("on") || name == "src");
        if runs || loads.contains(&element.0.to_lowercase().as_str()) {
            return Err(format!("{element:?}"));
        }
    }
    let mut last = 0;
    for (name, _) in elements {
        if let Some(level) = name.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) {
            if level > last + 1 {
                return Err(format!("{name} after h{last}"));
            }
            last = level;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_result_gives_a_page_that_needs_no_repair(run in arbitrary_parts::drawn()) {
        let page = html::render(&run);
        let (errors, elements) = parse(&page);
        prop_assert!(errors.is_empty(), "{errors:?} in\n{page}");
        if let Err(wrong) = check(&elements) {
            prop_assert!(false, "{wrong} in\n{page}");
        }
        prop_assert!(!page.contains("NaN"), "{page}");
    }

    #[test]
    fn any_result_gives_drawings_that_are_xml(run in arbitrary_parts::drawn()) {
        for (name, svg) in plots::all(&run) {
            let parsed = roxmltree::Document::parse(&svg);
            prop_assert!(parsed.is_ok(), "{name}: {:?} in\n{svg}", parsed.err());
        }
    }
}

#[test]
fn the_check_of_pages_finds_what_it_looks_for() {
    for (page, wrong) in [
        ("<p id=a></p><p id=a></p>", "comes twice"),
        ("<a href='#b'></a>", "is not there"),
        ("<svg aria-labelledby='x y'></svg>", "is not there"),
        ("<img alt=x>", "img"),
        ("<p onclick=x></p>", "onclick"),
        ("<h1>x</h1><h3>y</h3>", "h3 after h1"),
    ] {
        let (_, elements) = parse(page);
        let found = check(&elements).unwrap_err();
        assert!(found.contains(wrong), "{page}: {found}");
    }
    let (errors, _) = parse("<!DOCTYPE html><p>a < b</p></div>");
    assert!(!errors.is_empty());
}

#[test]
fn names_from_outside_stay_text() {
    let hostile = "<script>alert(1)</script>\"'&";
    let mut run = fixtures::three_strategies();
    run.environment.insert(hostile.to_owned(), hostile.into());
    run.plan.baseline = hostile.to_owned();
    for row in &mut run.comparisons {
        row.baseline = hostile.to_owned();
        row.test = hostile.to_owned();
    }
    for series in &mut run.series {
        series.config = hostile.to_owned();
        series.unit = hostile.to_owned();
    }
    let page = html::render(&run);
    assert!(!page.contains("<script"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;"));
    for (name, svg) in plots::all(&run) {
        assert!(!svg.contains("<script"), "{name}");
    }
}

#[test]
fn sections_without_data_are_left_out() {
    let sections = |run: RunResult| -> Vec<String> {
        let (_, elements) = parse(&html::render(&run));
        let of = elements.iter().filter(|e| e.0 == "section");
        of.filter_map(|e| attribute(e, "id"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(sections(fixtures::empty()), ["answer", "data"]);
    assert_eq!(
        sections(fixtures::imported()),
        ["answer", "overhead", "advice", "throughput", "data"]
    );
    assert_eq!(
        sections(fixtures::crashes()),
        [
            "answer",
            "overhead",
            "advice",
            "throughput",
            "blocks",
            "contention",
            "latency",
            "crashes",
            "data"
        ]
    );
}

#[test]
fn the_answer_is_that_of_the_other_renderers() {
    for (name, run) in fixtures::all() {
        let page = html::render(&run);
        let text = locktoll_report::terminal::render(
            &run,
            &locktoll_report::terminal::TerminalStyle {
                width: 10_000,
                color: false,
            },
        );
        let plain = page
            .split("id=\"answer-h\"")
            .nth(1)
            .and_then(|rest| rest.split("</section>").next())
            .map(|answer| {
                let mut words = String::new();
                for piece in answer.split('<') {
                    words += piece.split_once('>').map_or(piece, |(_, text)| text);
                }
                words
                    .replace("&lt;", "<")
                    .replace("&amp;", "&")
                    .replace("&quot;", "\"")
            })
            .unwrap();
        let first = text.split("\n\n").next().unwrap();
        for sentence in first.lines() {
            assert!(
                plain.contains(sentence),
                "{name}: {sentence}\nnot in\n{plain}"
            );
        }
    }
}

/// The page without what its style sheets hold and its drawings show, line by line.
fn skeleton(page: &str) -> String {
    let mut lines = String::new();
    let mut depth = 0_usize;
    for tag in page.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag.split([' ', '>']).next().unwrap_or_default();
        match name {
            "svg" => depth += 1,
            "/svg" => depth -= 1,
            _ => {}
        }
        let kept = [
            "header", "nav", "main", "section", "h1", "h2", "h3", "figure", "table", "caption",
            "details", "summary", "footer", "meta", "title", "a",
        ];
        if (depth == 0 && kept.contains(&name)) || name == "svg" {
            lines.push_str(tag.split(" viewBox").next().unwrap_or(tag));
            if !text.trim().is_empty() {
                lines.push_str(" | ");
                lines.push_str(text.trim());
            }
            lines.push('\n');
        }
    }
    lines
}

#[test]
fn the_page_s_skeleton() {
    insta::assert_snapshot!(
        "html_skeleton",
        skeleton(&html::render(&fixtures::three_strategies()))
    );
}

#[test]
fn a_small_plot() {
    let (name, svg) = plots::all(&fixtures::imported()).remove(0);
    assert_eq!(name, "overhead.svg");
    let drawn = svg.split("</style>").nth(1).unwrap().replace("><", ">\n<");
    insta::assert_snapshot!("svg_overhead", drawn);
}

/// What the same lock twice differs by is drawn behind every overhead of its own regime.
#[test]
fn the_a_a_interval_is_a_strip_through_the_rows_of_its_regime() {
    let mut run = fixtures::three_strategies();
    let rows = |threads: u32| {
        let of = run
            .comparisons
            .iter()
            .filter(|row| row.role != Role::Counted);
        of.filter(|row| row.threads == Some(threads)).count()
    };
    let (at_1, at_8) = (rows(1), rows(8));
    let strips = |run: &RunResult| {
        let (_, svg) = plots::all(run).remove(0);
        let legend = svg.contains("what the same lock twice differs by");
        (svg.matches("class=\"aa\"").count(), legend)
    };
    assert!(at_1 > 1 && at_8 > 1);
    // Wide enough for cells of a terminal; in its own row the interval lies over the strip.
    for row in run
        .comparisons
        .iter_mut()
        .filter(|row| row.role == Role::AA)
    {
        row.overhead.ci = Some([-0.05, 0.05]);
    }
    assert_eq!(strips(&run), (at_1 + at_8, true));
    let style = TerminalStyle {
        width: 100,
        color: false,
    };
    let lines = |run: &RunResult, regime: &str| {
        let text = terminal::render(run, &style);
        let of = text.lines().filter(|line| line.contains('▒'));
        (
            of.filter(|line| line.contains(regime)).count(),
            text.contains("▒ the A/A interval"),
        )
    };
    assert_eq!(lines(&run, "8 threads  "), (at_8 - 1, true));
    run.comparisons
        .retain(|row| row.role != Role::AA || row.threads == Some(1));
    assert_eq!(strips(&run), (at_1, true));
    assert_eq!(lines(&run, "8 threads  "), (0, true));
    run.comparisons.retain(|row| row.role != Role::AA);
    assert_eq!(strips(&run), (0, false));
    assert_eq!(lines(&run, "1 thread"), (0, false));
}
