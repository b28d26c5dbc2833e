//! `record --what-if`: time is added where it was said, as much as was said, and nothing is claimed beyond it.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::path::Path;
use std::process::{Command as Process, Output};

use locktoll_report::what_if::{self, WhatIf};

use super::{fixture, locktoll_on_vulkan, stderr};

/// Runs `record --what-if` on the program that takes one lock at two places.
fn what_if(named: &str, folder: &Path) -> Output {
    let program = folder.join("two_sites");
    let compiled = Process::new("cc")
        .args(["-g", "-O1", "-pthread", "-o"])
        .arg(&program)
        .arg(fixture("two_sites.c"))
        .status()
        .expect("a C compiler");
    assert!(compiled.success());
    locktoll_on_vulkan()
        .env_remove("LD_PRELOAD")
        .args(["record", "--what-if", named, "--blocks", "3", "--out"])
        .arg(folder.join("out"))
        .arg("--")
        .arg(&program)
        .output()
        .expect("a process")
}

#[test]
fn time_is_added_at_the_site_that_is_meant_and_nothing_is_claimed_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let output = what_if("jobs:guilty", folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = fs::read_to_string(folder.path().join("out/what-if.json")).unwrap();
    let result: WhatIf = what_if::from_str(&text).unwrap();
    assert_eq!(result.lock.name, "jobs");
    assert_eq!(result.lock.sites.len(), 1, "{:?}", result.lock.sites);
    assert_eq!(result.blocks, 3);
    assert!(result.no_replica.is_some());
    let mut seen = [0; 3];
    for run in &result.runs {
        let is_bare = run.arm == "program bare";
        // The guilty site takes it 100 times; the other 800 acquisitions are none of those delayed.
        assert_eq!(run.holds, if is_bare { 0 } else { 100 }, "{run:?}");
        let added: u64 = run
            .arm
            .split(' ')
            .find_map(|word| word.parse().ok())
            .unwrap_or(0);
        let [inside, after] = ["inside", "after"].map(|place| {
            if run.arm.ends_with(place) {
                added * 100
            } else {
                0
            }
        });
        assert!(
            run.inside_ns >= inside && run.outside_ns >= after,
            "{run:?}"
        );
        assert_eq!(run.inside_ns == 0, inside == 0, "{run:?}");
        assert_eq!(run.outside_ns == 0, after == 0, "{run:?}");
        assert!(run.held_ns >= run.inside_ns, "{run:?}");
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
    assert!(folder.path().join("out/what-if.md").exists());
}

#[test]
fn a_lock_that_is_not_there_is_answered_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let output = what_if("no_such_lock", folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("no_such_lock") && said.contains("jobs"),
        "{said}"
    );
}
