//! `locktoll report`: an old run written again, and two runs compared.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{SMALL, fixture, locktoll, run, stderr, stdout};

/// The published values of the fixture as a result, in a folder.
fn imported(folder: &Path, name: &str, baseline: &str) -> String {
    let output = locktoll()
        .args(["analyze", "--format", "json", "--baseline", baseline])
        .arg(fixture("n1467.csv"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let path = folder.join(name);
    fs::write(&path, output.stdout).unwrap();
    path.display().to_string()
}

#[test]
fn a_run_is_written_again_from_its_samples_or_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display().to_string();
    let output = run(&format!("{SMALL} --blocks 2 --seed 3 --out {shown}"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = folder.path().join("report.html");
    let text = folder.path().join("report.md");
    let first = [&page, &text].map(|file| fs::read_to_string(file).unwrap());

    for left in ["samples.jsonl", "result.json"] {
        if left == "result.json" {
            fs::remove_file(folder.path().join("samples.jsonl")).unwrap();
        }
        fs::remove_file(&page).unwrap();
        fs::remove_file(&text).unwrap();
        let output = run(&format!("report {shown}"));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            stdout(&output).contains("report.html"),
            "{}",
            stdout(&output)
        );
        let again = [&page, &text].map(|file| fs::read_to_string(file).unwrap());
        assert!(again == first, "the same from {left}");
    }

    let output = run(&format!("report {shown}/result.json --format json"));
    assert_eq!(
        stdout(&output),
        fs::read_to_string(folder.path().join("result.json")).unwrap()
    );
    let output = run(&format!("report {shown} --format md"));
    assert_eq!(stdout(&output), first[1]);
    let output = run(&format!("report {shown} --plots {shown}/plots"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("plots/run-order.svg").exists());
    assert!(
        stdout(&output).contains("report.html"),
        "the report is written with its plots: {}",
        stdout(&output)
    );
}

#[test]
fn what_is_no_run_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&format!("report {}", folder.path().display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("result.json"),
        "{}",
        stderr(&output)
    );
    let file = folder.path().join("x.json");
    fs::write(&file, r#"{"schema": "locktoll.result/9"}"#).unwrap();
    let output = run(&format!("report {}", file.display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("locktoll.result/9"),
        "{}",
        stderr(&output)
    );
    let output = run(&format!("report {0} {0} --plots x", file.display()));
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn what_cannot_be_compared_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let first = imported(folder.path(), "first.json", "global");
    let text = fs::read_to_string(&first).unwrap();
    let other = folder.path().join("second.json");
    let mut second: Value = serde_json::from_str(&text).unwrap();
    for series in second["series"].as_array_mut().unwrap() {
        series["config"] = "elsewhere".into();
        series["threads"] = 1.into();
    }
    fs::write(&other, second.to_string()).unwrap();
    let output = run(&format!("report {first} {}", other.display()));
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(
        said.contains("elsewhere at 1 thread: only in the second run"),
        "{said}"
    );

    second["map"] = serde_json::json!({
        "baseline": "none", "test": "global", "levels_ns": [], "cells": [], "a_a": [],
        "crossovers": [], "trials": 0, "full_grid_trials": 0, "complete": false
    });
    fs::write(&other, second.to_string()).unwrap();
    let output = run(&format!("report {0} {0}", other.display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("maps are not compared"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn two_runs_are_compared_by_the_series_that_both_have() {
    let folder = tempfile::tempdir().unwrap();
    let first = imported(folder.path(), "first.json", "global");
    // The second run has the other lock's values under the first's name, so that the comparison of
    // the two runs is the published one: per-encoder as the first, global as the second.
    let text = fs::read_to_string(&first).unwrap();
    let mut second: Value = serde_json::from_str(&text).unwrap();
    let series = second["series"].as_array().unwrap().clone();
    let of = |name: &str| series.iter().find(|s| s["config"] == name).unwrap().clone();
    let mut moved = of("global");
    moved["config"] = "per-encoder".into();
    let mut alone = of("global");
    alone["config"] = "elsewhere".into();
    second["series"] = vec![moved, alone].into();
    second["plan"]["margin"] = 0.02.into();
    second["environment"]["cpu_model"] = "another".into();
    let other = folder.path().join("second.json");
    fs::write(&other, second.to_string()).unwrap();
    let other = other.display().to_string();

    let output = run(&format!("report {first} {other} --format json"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(found["schema"], "locktoll.comparison/1");
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{found}");
    // 1 − 0.335121%, with Fieller's ends 0.229807% and 0.440304%; Welch's p is 9.108e-5.
    let near = |value: &Value, wanted: f64, within: f64| {
        let got = value.as_f64().unwrap();
        assert!((got - wanted).abs() < within, "{got}, not {wanted}");
    };
    near(&rows[0]["ratio"]["estimate"], 0.996_648_79, 1e-7);
    near(&rows[0]["ratio"]["ci"][0], 0.995_596_96, 1e-7);
    near(&rows[0]["ratio"]["ci"][1], 0.997_701_93, 1e-7);
    near(&rows[0]["p_difference"], 9.108e-5, 1e-7);
    near(&rows[0]["p_difference_holm"], 9.108e-5, 1e-7);
    assert_eq!(rows[0]["verdict"], "negligible");
    let names: Vec<&str> = found["unmatched"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "global: only in the first run",
            "elsewhere: only in the second run"
        ]
    );
    let differences = found["differences"].to_string();
    for wanted in ["plan.margin", "environment.cpu_model"] {
        assert!(differences.contains(wanted), "{wanted}: {differences}");
    }

    for format in ["text", "md", "html"] {
        let output = run(&format!("report {first} {other} --format {format}"));
        let said = stdout(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{format}: {}",
            stderr(&output)
        );
        assert!(said.contains("not interleaved"), "{format}: {said}");
        assert!(
            said.contains("0.9966") && said.contains("0.9956 to 0.9977"),
            "{format}: {said}"
        );
    }
}
