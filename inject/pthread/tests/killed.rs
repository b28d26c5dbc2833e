//! A recording is whole whenever its program dies, and bounded however long it runs.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use locktoll_trace::Trace;
use support::{Said, Stage, compiled};

/// Kills a program of three threads, and compares what it had done with what was recorded.
fn killed_after(stage: &Stage, after: Duration) -> u64 {
    let progress = stage.folder.path().join("progress");
    let mut command = stage.command(&compiled("life", &[]), &["endless"]);
    let mut child = command
        .arg(&progress)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut said = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut said).expect("a line");
    let lock = Said::parse(&said).locks["other"];
    thread::sleep(after);
    // The program is the only process that maps the progress; `timeout` would not pass a kill on.
    let pid = pid_of_recorded(stage);
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(killed.expect("kill").success());
    child.wait().expect("an end");

    let [trace] = &stage.traces()[..] else {
        panic!("{} traces", stage.traces().len());
    };
    assert!(!trace.ended);
    let recording = trace.recording.as_ref().expect("a recording");
    let points = recording.points.iter().filter(|point| point.lock == lock);
    let recorded: u64 = points.map(|point| point.acquisitions).sum();
    let progress = fs::read(&progress).expect("the program's own count");
    let done: u64 = progress
        .chunks_exact(64)
        .map(|line| u64::from_ne_bytes(line[..8].try_into().expect("8 bytes")))
        .sum();
    // Each of the three threads may have been between its lock and its own count.
    assert!((done..=done + 3).contains(&recorded), "{done} {recorded}");
    done
}

fn pid_of_recorded(stage: &Stage) -> u32 {
    loop {
        let entries = fs::read_dir(stage.folder.path()).expect("a folder");
        let trace = entries
            .map(|entry| entry.expect("an entry").path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "trace")
            });
        if let Some(path) = trace {
            return Trace::read(&path)
                .expect("a whole trace, while it is written")
                .pid;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_program_leaves_a_whole_recording() {
    let mut done = 0;
    // Moments without a pattern: the fractional parts of multiples of the golden ratio.
    for moment in 1..=10_u64 {
        let us = moment * 61_803 % 100_000;
        let mode = ["aggregate", "events", "contentions"][usize::try_from(moment % 2).unwrap()];
        let stage = Stage::new().with("LOCKTOLL_MODE", mode);
        done += killed_after(&stage, Duration::from_micros(us));
    }
    assert!(done > 0);
}

#[test]
fn a_flood_of_events_is_bounded_and_what_is_lost_is_counted() {
    let stage = Stage::new()
        .with("LOCKTOLL_MODE", "events")
        .with("LOCKTOLL_EVENTS", "4096");
    let ran = stage
        .command(&compiled("life", &[]), &["flood", "300"])
        .output()
        .unwrap();
    let said = Said::parse(&String::from_utf8_lossy(&ran.stdout));
    let [trace] = &stage.traces()[..] else {
        panic!("one trace");
    };
    let recording = trace.recording.as_ref().unwrap();
    let counted: u64 = recording
        .points
        .iter()
        .map(|point| point.acquisitions)
        .sum();
    assert_eq!(counted, said.numbers["done"]);
    assert_eq!(recording.events.len(), 2 * 4096);
    assert_eq!(
        recording.events.len() as u64 + recording.events_lost,
        counted
    );
    // In order, and the latest there were.
    for events in recording.events.chunk_by(|a, b| a.thread == b.thread) {
        assert!(events.is_sorted_by_key(|event| event.at_ns));
        let last = events.last().unwrap();
        assert!(recording.ended_ns.unwrap() - last.at_ns < 300_000_000);
    }
    let file = fs::read_dir(stage.folder.path())
        .unwrap()
        .find_map(|entry| {
            let path = entry.unwrap().path();
            (path.extension()? == "trace").then_some(path)
        });
    let on_disk = fs::metadata(file.unwrap()).unwrap().blocks() * 512;
    assert!(on_disk < 4 << 20, "{on_disk} bytes");
}
