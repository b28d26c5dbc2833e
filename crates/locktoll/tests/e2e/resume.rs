//! Whatever ends a run (a kill, Ctrl-C, a write that fails), what was measured stays, once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{SMALL, locktoll, run, stderr, stdout};

const BLOCKS: usize = 12;
/// 2 strategies and the A/A arm.
const SLOTS: usize = 3;

fn start(words: &[&str]) -> Child {
    Command::new(locktoll().get_program())
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Blocks and slots of the trials in a folder, in order.
pub(super) fn recorded(folder: &Path) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(folder.join("samples.jsonl")).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .filter(|record| record["record"] == "trial")
        .map(|record| {
            (
                record["block"].as_u64().unwrap(),
                record["slot"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// Each of the slots of all blocks has been run, and none twice.
pub(super) fn every_trial_once(folder: &Path, slots: usize) {
    let seen = recorded(folder);
    assert_eq!(seen.len(), BLOCKS * slots);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), BLOCKS * slots);
}

/// Kills a run with some blocks ten times, and then lets it end, in the folder `run` of another.
pub(super) fn killed_and_resumed(begin: &[&str], folder: &Path) {
    let blocks = BLOCKS.to_string();
    killed_and_resumed_by("bench", &[begin, &["--blocks", &blocks]].concat(), folder);
}

/// The same of any command that measures.
pub(super) fn killed_and_resumed_by(command: &str, begin: &[&str], folder: &Path) {
    let out = folder.join("run");
    let place = out.display().to_string();
    let begin = [begin, &["--out", &place]].concat();
    let go_on = [command, "--quiet", "--resume", &place];
    let has_header =
        || fs::read_to_string(out.join("samples.jsonl")).is_ok_and(|text| text.contains('\n'));
    let next = || {
        if has_header() {
            return &go_on[..];
        }
        let _ = fs::remove_dir_all(&out);
        &begin
    };
    let mut recorded = Vec::new();
    for (round, delay_ms) in [45, 71, 23, 110, 64, 37, 92, 51, 83, 29]
        .into_iter()
        .enumerate()
    {
        let mut child = start(next());
        sleep(Duration::from_millis(delay_ms + 10 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // A torn last line may be there; whole lines that were there stay.
        let text = fs::read_to_string(out.join("samples.jsonl")).unwrap_or_default();
        let whole: Vec<String> = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n') && line.contains("\"record\":\"trial\""))
            .map(str::to_owned)
            .collect();
        assert!(whole.starts_with(&recorded), "a recorded trial was changed");
        recorded = whole;
    }
    let output = locktoll().args(next()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn killed_ten_times_at_random_moments_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    killed_and_resumed(&SMALL.split_whitespace().collect::<Vec<_>>(), folder.path());
    every_trial_once(&folder.path().join("run"), SLOTS);
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // Many blocks, so that the signal comes before the end however fast the machine is.
    let line = format!("{SMALL} --blocks 100000 --out {}", out.display());
    let child = Command::new(locktoll().get_program())
        .args(line.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let samples = out.join("samples.jsonl");
    while fs::read_to_string(&samples).map_or(0, |text| text.lines().count()) < 1 + 2 * SLOTS {
        sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    for said in ["--resume", "Ctrl-C again"] {
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    assert!(out.join("result.json").exists() && out.join("report.md").exists());
    assert!(recorded(&out).len() >= 2 * SLOTS);
}

#[test]
fn a_run_with_nothing_left_to_measure_says_so() {
    for (rule, says) in [
        ("--blocks 2", "there was nothing left to measure"),
        ("--blocks 5 --max-time 1ns", "--max-time grants more"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let first = run(&format!("{SMALL} {rule} --out {}", out.display()));
        assert!(!stdout(&first).contains(says), "{}", stdout(&first));
        let again = run(&format!("bench --quiet --resume {}", out.display()));
        assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
        assert!(stdout(&again).contains(says), "{}", stdout(&again));
        assert_eq!(recorded(&out).len(), 2 * SLOTS);
    }
}

#[test]
fn a_write_that_fails_ends_the_run_with_its_name_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // 16 blocks of 512 bytes; the signal that would kill is ignored, so that the write itself
    // fails, as on a full disk.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", limited])
        .arg(locktoll().get_program())
        .args(SMALL.split_whitespace())
        .args([
            "--blocks",
            &BLOCKS.to_string(),
            "--out",
            &out.display().to_string(),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("samples.jsonl"),
        "{}",
        stderr(&output)
    );
    let before = recorded(&out);
    assert!(!before.is_empty(), "nothing was measured before the limit");
    let resumed = run(&format!("bench --quiet --resume {}", out.display()));
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    every_trial_once(&out, SLOTS);
    assert_eq!(recorded(&out)[..before.len()], before);
}
