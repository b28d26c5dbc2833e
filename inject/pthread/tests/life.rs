//! Nothing is lost when threads and processes begin, end, are interrupted and replaced.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::path::Path;

use locktoll_trace::recording::{LockBits, Mode};
use support::{Stage, compiled, run};

#[test]
fn threads_that_end_leave_their_counts_and_their_room() {
    let ran = run("life", "one-by-one");
    assert_eq!(ran.counts("lock", "use"), [600 * 200, 0, 0, 0]);
    let recording = ran.recording();
    assert_eq!(
        recording.threads.len() as u64 + recording.threads_reused,
        600
    );
    assert_eq!(recording.threads_refused, 0);
}

#[test]
fn threads_that_begin_at_once_lose_nothing() {
    // The first events make the file, while the others come.
    for _ in 0..5 {
        let ran = run("life", "all-at-once");
        assert_eq!(ran.point("lock", "use").acquisitions, 24 * 50);
        assert_eq!(ran.recording().threads.len(), 24);
    }
}

#[test]
fn threads_without_room_are_counted_all_the_same() {
    let ran = run("life", "crowd");
    assert_eq!(ran.point("lock", "use").acquisitions, 700 * 20);
    assert!(ran.recording().threads_refused > 0);
}

#[test]
fn each_child_of_a_fork_has_a_recording_of_its_own() {
    let ran = run("life", "forks");
    let mut counts = ran.acquisitions("lock");
    counts.sort_unstable();
    assert_eq!(counts, [20, 207, 207, 207, 207, 207]);
    // What the parent's other thread did is the parent's.
    let others = ran.acquisitions("other");
    assert_eq!(others.iter().filter(|&&count| count > 0).count(), 1);
}

#[test]
fn the_child_of_vfork_counts_for_its_parent() {
    let ran = run("life", "vforks");
    assert_eq!(ran.counts("lock", "use"), [35, 0, 0, 0]);
}

#[test]
fn spawned_programs_have_recordings_of_their_own() {
    let ran = run("life", "spawns");
    let mut counts: Vec<u64> = ran
        .traces
        .iter()
        .map(|trace| {
            let points = &trace.recording.as_ref().unwrap().points;
            points.iter().map(|point| point.acquisitions).sum()
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [10, 120_000, 120_000, 120_000]);
}

#[test]
fn exec_begins_a_second_recording_of_the_process() {
    let stage = Stage::new();
    let ran = stage.run(&compiled("life", &[]), &["execs"]);
    let counts: Vec<u64> = ran
        .traces
        .iter()
        .map(|trace| trace.recording.as_ref().unwrap().points[0].acquisitions)
        .collect();
    assert_eq!(counts, [10, 20]);
    assert_eq!(ran.traces[0].pid, ran.traces[1].pid);
    assert_eq!([ran.traces[0].ended, ran.traces[1].ended], [false, true]);
}

#[test]
fn locks_of_signal_handlers_are_counted_whatever_they_interrupt() {
    let ran = run("life", "signals");
    let [used, handled] = ["used", "handled"].map(|name| ran.said.numbers[name]);
    assert!(handled > 0);
    assert_eq!(ran.counts("handlers", "handler"), [handled, 0, 0, 0]);
    assert_eq!(ran.counts("lock", "use"), [used, 0, 0, 0]);
    let of_many = ran.recording().points.iter();
    let many: u64 = of_many
        .filter(|point| ran.said.site(point.site) == "use_many")
        .map(|point| point.acquisitions)
        .sum();
    assert_eq!(many, used);
}

#[test]
fn a_signal_handler_may_fork() {
    let ran = run("life", "forked-by-a-handler");
    let [used, children] = ["used", "children"].map(|name| ran.said.numbers[name]);
    assert!(children > 0);
    let counts = ran.acquisitions("lock");
    assert_eq!(counts.iter().max(), Some(&used));
    // What was interrupted in the child may be the parent's last or the child's first.
    let of_children = counts
        .iter()
        .filter(|&&count| count == 50 || count == 51)
        .count();
    assert_eq!(of_children as u64, children);
}

#[test]
fn destructors_of_thread_data_are_counted() {
    let ran = run("life", "destructors");
    assert_eq!(ran.counts("lock", "use"), [8 * 3 * 5, 0, 0, 0]);
    assert_eq!(ran.counts("other", "use_other"), [8, 0, 0, 0]);
}

#[test]
fn locks_before_and_after_main_are_counted() {
    let ran = Stage::new().run(&compiled("startup", &[]), &[]);
    assert_eq!(ran.counts("lock", "use"), [3 + 40 + 500 + 6000, 0, 0, 0]);
}

#[test]
fn another_allocator_may_be_under_it() {
    let jemalloc = Path::new("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
    assert!(jemalloc.exists(), "install the Debian package libjemalloc2");
    let ran = Stage::new()
        .under(jemalloc)
        .run(&compiled("life", &[]), &["memory"]);
    // jemalloc's own locks, which are taken before anything else runs and by every thread.
    let recording = ran.recording();
    assert_eq!(recording.threads.len(), 5);
    let taken: u64 = recording
        .points
        .iter()
        .map(|point| point.acquisitions)
        .sum();
    assert!(taken > 1000, "{taken}");
    assert!(
        recording
            .points
            .iter()
            .all(|point| point.bits == LockBits::default() || point.bits == LockBits::ADAPTIVE)
    );
}

#[test]
fn without_a_folder_nothing_is_recorded() {
    let stage = Stage::new().with("LOCKTOLL_TRACE_DIR", "");
    assert!(
        stage
            .run(&compiled("life", &[]), &["use"])
            .traces
            .is_empty()
    );
}

#[test]
fn settings_that_make_no_sense_are_as_if_not_there() {
    let stage = Stage::new()
        .with("LOCKTOLL_MODE", "everything")
        .with("LOCKTOLL_HOLD_EVERY", "often")
        .with("LOCKTOLL_EVENTS", "-1")
        .with("LOCKTOLL_NS_PER_TICK", "nan");
    let ran = stage.run(&compiled("life", &[]), &["use"]);
    assert_eq!(ran.counts("lock", "use"), [20, 0, 0, 0]);
    assert_eq!(
        (ran.recording().mode, ran.recording().hold_every),
        (Mode::AGGREGATE, 256)
    );
}

#[test]
fn a_program_may_run_under_valgrind() {
    // Which moves the vDSO away, emulates the threads in turn, and lists no invariant counter.
    let life = compiled("life", &[]);
    let arguments = ["-q", "--tool=none", life.to_str().unwrap(), "all-at-once"];
    let ran = Stage::new().run(Path::new("valgrind"), &arguments);
    assert_eq!(ran.point("lock", "use").acquisitions, 24 * 50);
}
