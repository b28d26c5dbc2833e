//! `analyze` on the published series gives the figures computed with `SciPy`, and on bad files says
//! where they are bad.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::run_folder::assert_valid;
use super::{fixture, locktoll, run, stderr, stdout};

fn worked() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../locktoll-stats/tests/fixtures/worked.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn analyze(file: &str, flags: &str) -> Value {
    let output = locktoll()
        .arg("analyze")
        .arg(fixture(file))
        .args(["--format", "json"])
        .args(flags.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Compares two numbers, or two arrays of numbers, to 1e-9 relative.
fn same(what: &str, ours: &Value, theirs: &Value) {
    if let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) {
        assert_eq!(ours.len(), theirs.len(), "{what}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            same(what, ours, theirs);
        }
        return;
    }
    let (Some(a), Some(b)) = (ours.as_f64(), theirs.as_f64()) else {
        panic!("{what}: {ours} against {theirs}");
    };
    assert!((a - b).abs() <= 1e-9 * b.abs(), "{what}: {a} against {b}");
}

/// `{lo, hi}`, perhaps inside `bounded`, as an array.
fn ends(interval: &Value) -> Value {
    let inner = interval.get("bounded").unwrap_or(interval);
    Value::Array(vec![inner["lo"].clone(), inner["hi"].clone()])
}

fn series<'a>(result: &'a Value, config: &str) -> &'a Value {
    let all = result["series"].as_array().unwrap();
    all.iter()
        .find(|series| series["config"] == config)
        .unwrap()
}

/// One published pair against its figures: `names` are the letters of baseline and test.
fn matches_scipy(file: &str, baseline: &str, test: &str, names: [&str; 2], pair: &str) {
    let worked = worked();
    let result = analyze(file, &format!("--baseline {baseline}"));
    for (config, name) in [(baseline, names[0]), (test, names[1])] {
        let (ours, theirs) = (series(&result, config), &worked["series"][name]);
        same("mean", &ours["mean"], &theirs["mean"]);
        same("sd", &ours["sd"], &theirs["sample_sd"]);
        same("se", &ours["se"], &theirs["se"]);
        same("ci", &ours["ci"], &theirs["ci95"]);
    }
    let theirs = &worked["pairs"][pair];
    let row = &result["comparisons"][0];
    let more = &row["secondary"];
    same("t", &more["welch"]["t"], &theirs["welch"]["t"]);
    same("df", &more["welch"]["df"], &theirs["welch"]["df"]);
    same("p", &row["p_difference"], &theirs["welch"]["p"]);
    same(
        "overhead",
        &row["overhead"]["estimate"],
        &theirs["overhead"]["point"],
    );
    let fieller = &theirs["fieller"]["df_satterthwaite_at_Rhat"];
    same("Fieller", &row["overhead"]["ci"], &fieller["overhead_ci95"]);
    let delta = &theirs["log_ratio_of_means_delta"];
    same(
        "log ratio",
        &ends(&more["log_ratio_delta"]["overhead_ci"]),
        &delta["overhead_ci95"],
    );
    let tost = &theirs["tost_1pct"];
    let form = "ratio_linear_form(H0: mean_t<=0.99 mean_b or >=1.01 mean_b)";
    same("TOST", &row["p_equivalence"], &tost[form]["p"]);
    same(
        "TOST log",
        &more["tost"]["log_delta"]["p"],
        &tost["log_delta"]["p"],
    );
    let ranks = &theirs["mann_whitney"];
    same(
        "Mann–Whitney",
        &more["mann_whitney"]["p"],
        &ranks["p_exact"],
    );
    let shift = &theirs["hodges_lehmann"];
    same(
        "Hodges–Lehmann",
        &more["hodges_lehmann"]["shift"],
        &shift["shift_base_minus_test"],
    );
    same(
        "its interval",
        &ends(&more["hodges_lehmann"]["ci"]["shift"]),
        &shift["ci"],
    );
    same(
        "its confidence",
        &more["hodges_lehmann"]["ci"]["confidence"],
        &shift["exact_conf"],
    );
    let bca = &theirs["bootstrap_exact_enumeration"];
    same(
        "BCa",
        &ends(&more["bca"]["overhead_ci"]),
        &bca["overhead_bca95"],
    );

    let paired = analyze(file, &format!("--baseline {baseline} --paired"));
    let row = &paired["comparisons"][0];
    let theirs = &theirs["log_paired_by_index"];
    same(
        "paired overhead",
        &row["overhead"]["estimate"],
        &theirs["overhead"],
    );
    same(
        "paired interval",
        &row["overhead"]["ci"],
        &theirs["overhead_ci95"],
    );
    same("paired p", &row["p_difference"], &theirs["p"]);
}

#[test]
fn n1467_is_what_scipy_computes_and_negligible() {
    matches_scipy(
        "n1467.csv",
        "per-encoder",
        "global",
        ["B", "A"],
        "B_minus_A",
    );
    let result = analyze("n1467.csv", "--baseline per-encoder");
    assert_eq!(result["comparisons"][0]["verdict"], "negligible");
}

#[test]
fn n1466_is_what_scipy_computes_and_costs() {
    matches_scipy("n1466.csv", "global", "swizzle", ["C", "D"], "C_minus_D");
    let result = analyze("n1466.csv", "--baseline global");
    assert_eq!(result["comparisons"][0]["verdict"], "costs");
}

#[test]
fn results_validate_against_the_checked_in_schema() {
    for flags in ["", "--paired", "--baseline swizzle --max-cost 2"] {
        let result = analyze("n1466.csv", flags);
        assert_valid(&result);
    }
}

#[test]
fn the_policy_becomes_an_exit_code() {
    let code = |flags: &str| {
        let file = fixture("n1466.csv");
        let line = format!("analyze {} --baseline global {flags}", file.display());
        run(&line).status.code()
    };
    // Fieller: 0.74% to 2.12%.
    assert_eq!(code("--max-cost 3"), Some(0));
    assert_eq!(code("--max-cost 0.5"), Some(10));
    assert_eq!(code("--max-cost 1"), Some(11));
    assert_eq!(code(""), Some(0));
}

#[test]
fn nothing_compared_is_no_pass() {
    let (code, said, _) = rows("a,1,5\na,2,6\n", "--max-cost 2");
    assert_eq!(code, Some(11), "{said}");
    assert!(said.contains("nothing was compared"), "{said}");
}

#[test]
fn times_turn_the_overhead_round() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("times.csv");
    fs::write(
        &file,
        "config,value\na,10\na,10.1\na,9.9\nb,20\nb,20.2\nb,19.8\n",
    )
    .unwrap();
    let output = run(&format!(
        "analyze {} --baseline a --lower-is-better --unit ms --format json",
        file.display()
    ));
    let result: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Twice the time is half the throughput.
    let estimate = result["comparisons"][0]["overhead"]["estimate"]
        .as_f64()
        .unwrap();
    assert!((estimate - 0.5).abs() < 1e-9, "{estimate}");
    assert_eq!(result["comparisons"][0]["verdict"], "costs");
}

/// Writes rows under the usual header, analyses them, and gives code, output and message.
fn rows(rows: &str, flags: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.csv");
    fs::write(&file, format!("config,block,value\n{rows}")).unwrap();
    let output = run(&format!("analyze {} {flags}", file.display()));
    (output.status.code(), stdout(&output), stderr(&output))
}

#[test]
fn odd_input_is_answered_sensibly() {
    let refused = [
        ("", "", "no rows"),
        ("a,1,NaN\n", "", "f.csv:2:3:"),
        ("a,1,-3\n", "", "f.csv:2:3:"),
        ("a,1,2\nb,1,2,3\n", "", "f.csv:3:"),
        ("a,1,2\na,2,3\nb,1,2\n", "--paired", "block '2' of 'a'"),
        ("a,1,2\nb,1,2\n", "--baseline c", "no configuration 'c'"),
        (
            "a,1,0\na,2,0\nb,1,1\nb,2,2\n",
            "--baseline a",
            "b against a",
        ),
    ];
    for (text, flags, says) in refused {
        let (code, _, said) = rows(text, flags);
        assert!(
            matches!(code, Some(1 | 2)) && said.contains(says),
            "{text:?}: {code:?} {said}"
        );
    }
    let answered = [
        ("a,1,5\n", "one series alone"),
        ("a,1,5\nb,1,6\n", "one value each"),
        ("a,1,5\na,2,5\nb,1,5\nb,2,5\n", "no variance"),
        ("a,1,1e308\na,2,1.1e308\nb,1,1.2e308\nb,2,1e308\n", "huge"),
        ("a,1,3\na,2,4\na,3,5\nb,1,4\n", "unequal"),
        ("a,1,3\na,2,4\nb,1,0\nb,2,1\n", "a zero"),
    ];
    for (text, what) in answered {
        let (code, said, error) = rows(text, "--baseline a");
        assert_eq!(code, Some(0), "{what}: {error}");
        for bad in ["NaN", "inf", "panicked"] {
            assert!(!said.contains(bad), "{what}: {said}");
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let output = run("analyze nowhere.csv");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("nowhere.csv"),
        "{}",
        stderr(&output)
    );
}
