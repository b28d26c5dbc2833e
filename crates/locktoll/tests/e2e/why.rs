//! `bench --why`: the trials that ask what limits the throughput.

use std::collections::BTreeSet;

use serde_json::Value;

use super::run_folder::{command, measured, pasted, read, trials};
use super::{locktoll, run, stderr, stdout};

#[test]
fn time_is_added_to_each_resource_and_what_was_added_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "bench --device soft --strategies none,global --why --threads 2 --workload timed \
                 --soft service=50us,encode=0 --ops 5 --iterations 1 --no-counting --blocks 3";
    let (output, result) = measured(locktoll(), flags, folder.path());
    let trials = trials(folder.path());
    let is_probe = |trial: &&Value| trial["cell"]["arm"]["probe"].is_string();
    let (more, all) = (trials.iter().filter(is_probe).count() / 3, trials.len() / 3);
    let told = format!("To know why, each block has {more} trials more, {all} in all: about ");
    assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    let [cause] = result["causes"].as_array().unwrap().as_slice() else {
        panic!("{}", result["causes"]);
    };
    assert_eq!(
        (&cause["config"], &cause["threads"]),
        (&"global".into(), &2.into())
    );
    let rows = cause["pass_throughs"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let levels = row["levels"].as_array().unwrap();
        assert_eq!(levels.len(), 2, "{row}");
        for level in levels {
            // Each ends by the clock, and never before its time.
            let (asked, added) = (level["asked_ns"].as_f64(), level["added_ns"].as_f64());
            assert!(added.unwrap() >= asked.unwrap(), "{row}");
        }
    }
    // An op of this workload has one dispatch and waits: two things to take away.
    let ceiling = &result["ceiling"];
    assert_eq!(ceiling["steps"].as_array().unwrap().len(), 2, "{ceiling}");
    assert_eq!(ceiling["config"], "none");
    let report = read(folder.path(), "report.md");
    assert!(report.contains("The device's own limit"), "{report}");
    assert!(
        report.contains("Under the global lock at 2 threads"),
        "{report}"
    );
    assert!(stdout(&output).contains("Under the global lock at 2 threads"));
    assert!(read(folder.path(), "report.html").contains("Under the global lock at 2 threads"));

    // A probe is a trial that can be pasted, like every other.
    let probe = trials
        .iter()
        .find(|trial| {
            trial["cell"]["arm"]["probe"]
                .as_str()
                .is_some_and(|p| p.starts_with("wait:"))
        })
        .unwrap();
    let said = pasted(probe);
    assert!(said.contains("\"added_ns\":"), "{said}");
}

/// Runs `bench --why` of one lock; its cause, and the share of acquisitions that found it taken.
fn cause_of(strategy: &str, flags: &str) -> (Value, f64) {
    let folder = tempfile::tempdir().unwrap();
    let flags = format!(
        "bench --quiet --device soft --iterations 1 --blocks 5 --strategies {strategy} \
         --why={strategy} {flags}"
    );
    let (_, mut result) = measured(locktoll(), &flags, folder.path());
    let contended = result["series"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|series| series["contention"]["rate"].as_f64())
        .unwrap();
    (result["causes"][0].take(), contended)
}

#[test]
fn a_lock_that_is_mostly_found_taken_is_not_blamed_for_a_busy_device() {
    let (cause, contended) = cause_of(
        "global",
        "--workload timed --threads 8 --ops 8 --sync end --soft service=500us,encode=20us,hold=200us",
    );
    assert!(contended > 0.2, "{contended}");
    // Beside other tests it may be left open; how often it is right alone, `why_truth` tells.
    assert_ne!(cause["root"], "lock_bound", "{cause}");
    assert_eq!(cause["pass_throughs"].as_array().unwrap().len(), 5);
}

#[test]
fn a_lock_that_is_hardly_ever_found_taken_is_blamed_where_it_is_held_long() {
    let workload = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(
        &workload,
        "name = \"many-calls\"\nkernel = \"timed\"\ncalls = 64\n",
    )
    .unwrap();
    let (cause, contended) = cause_of(
        "interposed:global",
        &format!(
            "--workload {} --threads 2 --ops 10 --soft service=500us,encode=0,hold=2ms",
            workload.path().display()
        ),
    );
    assert!(contended < 0.1, "{contended}");
    assert_ne!(cause["root"], "device_bound", "{cause}");
    assert_eq!(cause["pass_throughs"].as_array().unwrap().len(), 5);
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let program = run("bench --why -- true");
    assert_eq!(program.status.code(), Some(2), "{}", stderr(&program));
    let absent = run("bench --device soft --strategies none --why=global");
    assert_eq!(absent.status.code(), Some(2));
    assert!(stderr(&absent).contains("not among"), "{}", stderr(&absent));
    let unknown = run("trial --probe gpu:1us");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("lock, encode, submit, device, wait"));
}

#[test]
fn on_a_device_that_computes_time_is_added_by_a_kernel_and_its_recording_is_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "bench --quiet --device vulkan:0 --strategies global --why --threads 2 --workload stress \
                 --ops 10 --iterations 1 --no-counting --blocks 3";
    let (_, result) = measured(locktoll(), flags, folder.path());
    let rows = result["causes"][0]["pass_throughs"].as_array().unwrap();
    let device = rows.iter().find(|row| row["resource"] == "device").unwrap();
    let levels = device["levels"].as_array().unwrap();
    // The first is what the others are compared with: a dispatch with nothing to do. Of those, the ones
    // are left out that took no time, as may happen on a device that shares its cores with other tests.
    assert!((1..=3).contains(&levels.len()), "{device}");
    assert_eq!(
        (&levels[0]["asked_ns"], &levels[0]["added_ns"]),
        (&0.into(), &0.0.into())
    );

    let trials = trials(folder.path());
    let on_device: BTreeSet<&str> = trials
        .iter()
        .filter_map(|trial| trial["cell"]["arm"]["probe"].as_str())
        .filter(|probe| probe.starts_with("device:"))
        .collect();
    assert_eq!(on_device.len(), 3, "{on_device:?}");
    let level = trials
        .iter()
        .find(|trial| trial["cell"]["arm"]["probe"] == "device:0ns")
        .unwrap();
    let line = shell_words::join(command(level));
    assert!(line.contains("--added-work 0:"), "{line}");
    let said = pasted(level);
    assert!(said.contains("\"added_ns\":0"), "{said}");

    let uncalibrated = run("trial --device vulkan:0 --probe device:2us");
    assert_eq!(uncalibrated.status.code(), Some(2));
    assert!(
        stderr(&uncalibrated).contains("--added-work"),
        "{}",
        stderr(&uncalibrated)
    );
}
