//! A recording in every form.

use std::io::Read as _;

use locktoll_report::record::model::{Estimate, LockKind};
use locktoll_report::record::{self, Record, export};
use locktoll_report::terminal::TerminalStyle;
use prost::Message as _;

use crate::page;
use crate::record_fixture::{hostile, nothing, server};

const CHECKED_IN: &str = include_str!("../../schema/record-1.schema.json");

fn text(record: &Record, width: usize) -> String {
    let style = TerminalStyle {
        width,
        color: false,
    };
    record::to_text(record, &style, 10)
}

#[test]
fn as_text_and_markdown() {
    insta::assert_snapshot!("record_terminal", text(&server(), 110));
    insta::assert_snapshot!("record_terminal_nothing", text(&nothing(), 80));
    insta::assert_snapshot!("record_markdown", record::to_markdown(&server()));
}

#[test]
fn the_answer_names_the_lock_that_cost_most_and_who_is_guilty() {
    for text in [
        text(&server(), 400),
        record::to_markdown(&server()),
        record::to_html(&server()),
    ] {
        // 900 ms for `jobs` of 1 s in all.
        assert!(
            text.contains("Threads waited 1.00 s for locks, in a run of 2.00 s: 0.50 threads were waiting on average."),
            "{text}"
        );
        let answer = text
            .find("jobs: 900 ms of it (90.0%)")
            .expect("the first lock");
        let guilty = text
            .find("others waited 600 ms while guilty (server.c:12) held it")
            .expect("the site");
        assert!(answer < guilty, "{text}");
        assert!(!text.contains("wake: "), "idle waiting is no lock");
    }
}

#[test]
fn a_share_of_time_that_is_not_known_well_is_an_interval() {
    let mut found = server();
    found.locks[0].utilisation = Some(Estimate {
        value: 0.4,
        ci: Some([0.05, 1.0]),
    });
    assert!(
        text(&found, 400).contains("jobs: 900 ms of it (90.0%), held 5.00% to 100% of the time")
    );
    // Of next to nothing the figure says enough.
    found.locks[0].utilisation = Some(Estimate {
        value: 0.01,
        ci: Some([0.0, 0.04]),
    });
    assert!(text(&found, 400).contains("held 1.00% of the time"));
}

#[test]
fn a_semaphore_that_may_be_a_lock_is_spoken_of_where_it_outweighs_the_locks() {
    let mut found = server();
    let sentence = "Not in this, since a lock and an event look alike there: wake, waited for 5 times, 1.00 s in \
                    all.";
    assert!(!text(&found, 400).contains("look alike"));
    found.idle[0].kind = LockKind::Semaphore;
    found.idle[0].known = true;
    found.locks[0].wait.total_ns = 1e8;
    assert!(
        text(&found, 400).contains(sentence),
        "{}",
        text(&found, 400)
    );
}

#[test]
fn pages_are_well_formed_whatever_the_names() {
    for (name, found) in [
        ("server", server()),
        ("nothing", nothing()),
        ("hostile", hostile()),
    ] {
        let html = record::to_html(&found);
        let (errors, elements) = page::parse(&html);
        assert!(errors.is_empty(), "{name}: {errors:?}");
        page::check(&elements).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            !elements.iter().any(|(element, _)| element == "script"),
            "{name}"
        );
        let boxes = elements
            .iter()
            .filter(|(element, _)| element == "rect")
            .count();
        match name {
            // main, serve, serve;d, innocent, guilty, take_gil and three locks; in both layouts.
            "server" => assert_eq!(boxes, 18),
            "nothing" => assert_eq!(boxes, 0),
            _ => assert!(boxes > 0),
        }
    }
}

#[test]
fn text_has_no_control_characters_of_others() {
    let found = hostile();
    for text in [
        text(&found, 80),
        record::to_markdown(&found),
        export::to_folded(&found),
    ] {
        assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{text}");
    }
}

#[test]
fn json_keeps_to_its_schema_and_reads_back() {
    let checked_in: serde_json::Value = serde_json::from_str(CHECKED_IN).expect("JSON");
    assert!(
        checked_in == record::schema(),
        "schema/record-1.schema.json is stale; write it anew with\n  cargo run -p locktoll-report --example \
         schema -- record > crates/locktoll-report/schema/record-1.schema.json"
    );
    let schema = jsonschema::validator_for(&checked_in).expect("a schema");
    for found in [server(), nothing(), hostile()] {
        let text = record::to_string_pretty(&found).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(record::from_str(&text).unwrap(), found);
    }
    let error = record::from_str(r#"{"schema": "locktoll.result/1"}"#).unwrap_err();
    assert!(
        error.to_string().contains("reads locktoll.record/1"),
        "{error}"
    );
}

#[test]
fn folded_stacks_have_their_waits() {
    let expected = "main;serve;innocent;[jobs] 600000000\n\
                    main;serve:d;guilty;[jobs] 300000000\n\
                    main;take_gil;[CPython's GIL] 100000000\n";
    assert_eq!(export::to_folded(&server()), expected);
    assert_eq!(export::to_folded(&nothing()), "");
}

#[test]
fn a_profile_is_read_back_by_its_definition() {
    let found = server();
    let bytes = export::to_pprof(&found).unwrap();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    let profile = export::Profile::decode(plain.as_slice()).unwrap();
    let text = |place: i64| profile.string_table[usize::try_from(place).unwrap()].as_str();
    assert_eq!(profile.string_table[0], "");
    let types: Vec<_> = profile
        .sample_type
        .iter()
        .map(|found| (text(found.r#type), text(found.unit)))
        .collect();
    assert_eq!(types, [("contentions", "count"), ("delay", "nanoseconds")]);
    assert_eq!(text(profile.default_sample_type), "delay");
    for (sample, stack) in profile.sample.iter().zip(&found.stacks) {
        let frames: Vec<&str> = sample
            .location_id
            .iter()
            .map(|id| {
                let location = profile
                    .location
                    .iter()
                    .find(|found| found.id == *id)
                    .unwrap();
                let id = location.line[0].function_id;
                text(
                    profile
                        .function
                        .iter()
                        .find(|found| found.id == id)
                        .unwrap()
                        .name,
                )
            })
            .collect();
        // The innermost first.
        let expected: Vec<&str> = stack.frames.iter().rev().map(String::as_str).collect();
        assert_eq!(frames, expected);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "round figures of the fixture"
        )]
        let wait_ns = stack.wait_ns as i64;
        assert_eq!(sample.value, [100, wait_ns]);
        assert_eq!(
            (text(sample.label[0].key), text(sample.label[0].str)),
            ("lock", stack.lock.as_str())
        );
    }
    assert_eq!(profile.sample.len(), found.stacks.len());
}

#[test]
fn metrics_are_read_by_a_parser_of_openmetrics() {
    assert_eq!(export::to_openmetrics(&nothing()), "# EOF\n");
    for found in [server(), hostile()] {
        let text = export::to_openmetrics(&found);
        openmetrics_parser::openmetrics::parse_openmetrics(&text)
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
    let text = export::to_openmetrics(&server());
    let jobs = "{lock=\"jobs\",kind=\"mutex\",address=\"0x4040\",process=\"10-0\"}";
    for line in [
        format!("locktoll_acquisitions_total{jobs} 4000"),
        format!("locktoll_wait_seconds_total{jobs} 0.9"),
        format!("locktoll_utilisation_ratio{jobs} 0.6"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
