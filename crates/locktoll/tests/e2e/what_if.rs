//! `record --what-if`: time is added where it was said, as much as was said, and nothing is claimed beyond it.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use locktoll_report::what_if::model::{Change, Subject};
use locktoll_report::what_if::{self, WhatIf};

use super::{fixture, locktoll, locktoll_on_vulkan, stderr, stdout};

/// Compiles the program that takes one lock at two places; with an argument it runs until it is stopped.
fn compiled(folder: &Path) -> PathBuf {
    let program = folder.join("two_sites");
    let compiled = Process::new("cc")
        .args(["-g", "-O1", "-pthread", "-o"])
        .arg(&program)
        .arg(fixture("two_sites.c"))
        .status()
        .expect("a C compiler");
    assert!(compiled.success());
    program
}

/// Runs `record --what-if` with three blocks, into `out` of a folder.
pub(super) fn what_if(named: &str, folder: &Path, options: &[&str], words: &[&str]) -> Output {
    locktoll_on_vulkan()
        .env_remove("LD_PRELOAD")
        .args(["record", "--what-if", named, "--blocks", "3", "--out"])
        .arg(folder.join("out"))
        .args(options)
        .arg("--")
        .arg(compiled(folder))
        .args(words)
        .output()
        .expect("a process")
}

fn read(folder: &Path) -> WhatIf {
    let text = fs::read_to_string(folder.join("out/what-if.json")).unwrap();
    what_if::from_str(&text).unwrap()
}

#[test]
fn time_is_added_at_the_site_that_is_meant_and_nothing_is_claimed_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let output = what_if("jobs:guilty", folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = read(folder.path());
    assert_eq!(result.lock.name, "jobs");
    assert_eq!(result.lock.sites.len(), 1, "{:?}", result.lock.sites);
    assert_eq!(result.blocks, 3);
    assert!(result.no_replica.is_some());
    let mut seen = [0; 3];
    for run in &result.runs {
        assert_eq!(run.subject, Subject::Program);
        // The guilty site takes it 100 times; the other 800 acquisitions are none of those delayed.
        let (holds, [inside, after]) = match run.change {
            Change::Bare => (0, [0, 0]),
            Change::Watched => (100, [0, 0]),
            Change::Inside { ns } => (100, [ns * 100, 0]),
            Change::After { ns } => (100, [0, ns * 100]),
            Change::Cut { .. } => panic!("the program cannot be cut"),
        };
        assert_eq!(run.holds, holds, "{run:?}");
        assert!(
            run.inside_ns >= inside && run.outside_ns >= after,
            "{run:?}"
        );
        assert_eq!(run.inside_ns == 0, inside == 0, "{run:?}");
        assert_eq!(run.outside_ns == 0, after == 0, "{run:?}");
        assert!(run.held_ns >= run.inside_ns, "{run:?}");
        assert_eq!(run.ending_ns, None, "{run:?}");
        seen[if inside > 0 {
            1
        } else {
            usize::from(after > 0) * 2
        }] += 1;
    }
    assert_eq!(seen, [6, 6, 3]);
    assert!((0.0..=1.0).contains(&result.share.share));
    for cut in &result.cuts {
        assert!(cut.at_most.is_none_or(|most| most >= 1.0), "{cut:?}");
        assert!(cut.fraction <= result.tested * 1.04 || cut.at_most.is_none());
        assert_eq!(cut.expected, None);
    }
    let said = stderr(&output);
    assert!(said.contains("At most") && said.contains("jobs"), "{said}");
    for name in ["what-if.md", "what-if.html"] {
        assert!(folder.path().join("out").join(name).exists(), "{name}");
    }
    assert!(!folder.path().join("out/traces").exists());
    written_again(&folder.path().join("out"), &result);
}

/// `locktoll report` writes the result again, in each form.
fn written_again(out: &Path, result: &WhatIf) {
    let report = |words: &[&str]| {
        let output = locktoll().arg("report").arg(out).args(words).output();
        output.expect("a process")
    };
    let (page, text) = (out.join("what-if.html"), out.join("what-if.md"));
    let [html, md] = [&page, &text].map(|file| fs::read_to_string(file).unwrap());
    fs::remove_file(&page).unwrap();
    fs::remove_file(&text).unwrap();
    let output = report(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("what-if.html"));
    assert_eq!(fs::read_to_string(&page).unwrap(), html);
    assert_eq!(fs::read_to_string(&text).unwrap(), md);
    assert_eq!(stdout(&report(&["--format", "html"])), html);
    assert_eq!(stdout(&report(&["--format", "md"])), md);
    let json = stdout(&report(&["--format", "json"]));
    assert_eq!(&what_if::from_str(&json).unwrap(), result);
    assert!(stdout(&report(&["--format", "text"])).contains("At most"));
    for refused in [
        vec!["--export", "folded"],
        vec!["--plots", "x"],
        vec![out.to_str().unwrap()],
    ] {
        let output = report(&refused);
        assert_eq!(output.status.code(), Some(2), "{refused:?}");
    }
    // Nothing is measured over it.
    let output = locktoll()
        .args(["record", "--out"])
        .arg(out)
        .args(["--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("already holds the result of --what-if"));
}

#[test]
fn a_program_that_runs_until_it_is_stopped_is_measured_by_its_acquisitions() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--duration", "700ms", "--metric", "ops"];
    let output = what_if("jobs:guilty", folder.path(), &options, &["serve"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = read(folder.path());
    assert_eq!(result.duration_ns, Some(700_000_000));
    assert_eq!((result.blocks, result.bare_ns), (3, None));
    // Bare runs would have no time: watched, twice inside, after.
    assert_eq!(result.runs.len(), 12);
    for run in &result.runs {
        assert_ne!(run.change, Change::Bare, "{run:?}");
        let ending_ns = run.ending_ns.expect("it was told to end");
        assert!(run.wall_ns - ending_ns >= 700e6, "{run:?}");
        // 100 by the thread that takes it so often, and then as many as there is time for.
        assert!(run.holds > 0, "{run:?}");
        assert!(
            (run.time_ns - run.wall_ns / run.holds as f64).abs() < 1e-3,
            "{run:?}"
        );
    }
    let md = fs::read_to_string(folder.path().join("out/what-if.md")).unwrap();
    assert!(
        md.contains("Each run of the program was told to end after 700 ms."),
        "{md}"
    );
}

#[test]
fn a_set_time_is_no_time_that_can_be_measured() {
    let folder = tempfile::tempdir().unwrap();
    let output = what_if("jobs", folder.path(), &["--duration", "1s"], &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("each run would take 1s") && said.contains("--metric ops"),
        "{said}"
    );
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_program_that_ends_before_its_time_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--duration", "1min", "--metric", "ops"];
    let output = what_if("jobs", folder.path(), &options, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("ended by itself (exit status: 7) before its time of 1m was up"),
        "{said}"
    );
}

#[test]
fn a_program_that_leaves_others_running_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = locktoll_on_vulkan()
        .env_remove("LD_PRELOAD")
        .args(["record", "--what-if", "jobs", "--out"])
        .arg(folder.path().join("out"))
        .args(["--", "sh", "-c", "sleep 20 & exit 0"])
        .output()
        .expect("a process");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("processes that it started have not"),
        "{said}"
    );
}

#[test]
fn a_lock_that_is_not_there_is_answered_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let output = what_if("no_such_lock", folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("no_such_lock") && said.contains("jobs"),
        "{said}"
    );
}
