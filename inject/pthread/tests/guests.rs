//! Programs that leave the library little to live on, or end in the middle of what they do.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use locktoll_trace::recording::Waiting;
use support::{Ran, Stage, compiled, run};

const MS: u64 = 1_000_000;

#[test]
fn the_smallest_stack_of_a_thread_is_enough() {
    let ran = run("guests", "small-stack");
    assert_eq!(ran.counts("lock", "use"), [10, 0, 0, 0]);
}

#[test]
fn a_signal_stack_is_enough_whatever_the_handler_does_first() {
    /// Of 8 kB, `SIGSTKSZ`, the kernel's own frame may need 3.
    const MOST: u64 = 5 * 1024;
    let used = |library: bool| {
        let stage = Stage::new();
        if library {
            let ran = stage.run(&compiled("guests", &[]), &["signal-stack"]);
            assert_eq!(ran.counts("lock", "use"), [10, 0, 0, 0]);
            return ran.said.numbers["used"];
        }
        // Without a folder nothing is recorded.
        let mut command = stage.command(&compiled("guests", &[]), &["signal-stack"]);
        let output = command.env_remove("LOCKTOLL_TRACE_DIR").output().unwrap();
        let said = support::Said::parse(&String::from_utf8_lossy(&output.stdout));
        said.numbers["used"]
    };
    let (bare, recorded) = (used(false), used(true));
    assert!(recorded <= bare + MOST, "{recorded} bytes, and {bare} bare");
}

#[test]
fn a_program_may_write_over_its_environment() {
    let ran = run("guests", "title");
    let mut counts = ran.acquisitions("lock");
    counts.sort_unstable();
    assert_eq!(counts, [10, 20]);
}

#[test]
fn a_reader_waits_for_a_writer_that_goes_first_and_for_no_other() {
    let ran = run("guests", "after-writer");
    let [had, contended, ..] = ran.counts("rwlock", "reads");
    assert_eq!((had, contended), (1, 1));
    let wait = &ran.point("rwlock", "reads").wait;
    assert!(wait.total_ns > 70 * MS, "{wait:?}");
    let ran = run("guests", "with-reader");
    let [had, contended, ..] = ran.counts("rwlock", "reads");
    assert_eq!((had, contended), (1, 0));
}

/// The waits that threads were in when the process ended, with the names of the lock and of both sites.
fn waiting(ran: &Ran) -> Vec<(&str, Waiting, &str, &str)> {
    let recording = ran.recording();
    let mut waiting: Vec<_> = recording
        .threads
        .iter()
        .filter_map(|thread| thread.waiting)
        .map(|waiting| {
            let point = &recording.points[waiting.point];
            let locks = ran.said.locks.iter();
            let mut named = locks.filter(|(_, at)| **at == point.lock);
            (
                named.next().map_or("?", |(name, _)| name.as_str()),
                waiting,
                ran.said.site(point.site),
                ran.said.site(waiting.owner_site),
            )
        })
        .collect();
    waiting.sort_by_key(|(name, ..)| *name);
    waiting
}

#[test]
fn threads_that_wait_until_the_end_are_told_of() {
    let ran = run("guests", "deadlock");
    let recording = ran.recording();
    let waiting = waiting(&ran);
    let told: Vec<_> = waiting
        .iter()
        .map(|&(lock, _, waiter, owner)| (lock, waiter, owner))
        .collect();
    assert_eq!(
        told,
        [
            ("lock", "other_then_first", "first_then_other"),
            ("other", "first_then_other", "other_then_first"),
        ]
    );
    let ended = recording.ended_ns.expect("it has ended");
    for (name, wait, ..) in waiting {
        let ns = ended.saturating_sub(wait.since_ns);
        assert!((100 * MS..60_000 * MS).contains(&ns), "{name}: {ns}");
    }
    // Who does not wait any more is not told of.
    let ran = run("guests", "after-writer");
    assert!(self::waiting(&ran).is_empty());
}

#[test]
fn holds_that_a_wait_for_a_condition_has_cut_are_told_apart() {
    let ran = Stage::new()
        .with("LOCKTOLL_HOLD_EVERY", "16")
        .run(&compiled("guests", &[]), &["conditions"]);
    let points = ran.points("lock", "takes_turns");
    let acquisitions: u64 = points.iter().map(|point| point.acquisitions).sum();
    assert_eq!(acquisitions, 6_000);
    let sum = |of: fn(&&&locktoll_trace::recording::Point) -> u64| -> u64 {
        points.iter().map(|point| of(&point)).sum()
    };
    let (all, resumed) = (
        sum(|point| point.hold.count),
        sum(|point| point.holds_resumed),
    );
    // Each turn but a few is waited for, and the first part of each stands for as many as an acquisition does.
    assert!(resumed > 1_000, "{resumed} of {all}");
    let first = all - resumed;
    assert!((4_000..8_000).contains(&first), "{resumed} of {all}");
}

#[test]
fn a_program_that_is_killed_has_lived_until_its_last_event_at_least() {
    let stage = Stage::new();
    let program = compiled("guests", &[]);
    let output = stage.command(&program, &["killed"]).output().unwrap();
    assert!(!output.status.success());
    let [trace] = &stage.traces()[..] else {
        panic!("{:?}", stage.traces().len());
    };
    let recording = trace.recording.as_ref().unwrap();
    let [thread] = &recording.threads[..] else {
        panic!("{:?}", recording.threads);
    };
    assert_eq!(recording.ended_ns, None);
    let lived = thread.last_ns - recording.began_ns;
    assert!((20 * MS..60_000 * MS).contains(&lived), "{lived}");
}

#[test]
fn thousands_of_locks_have_room_where_files_may_be_large() {
    let many = |what: &str| {
        let ran = run("guests", what);
        let [trace] = &ran.traces[..] else {
            panic!("{} traces", ran.traces.len());
        };
        let recording = trace.recording.as_ref().unwrap();
        let of_many = recording.points.iter();
        let of_many = of_many.filter(|point| ran.said.site(point.site) == "use_many");
        let counts = of_many.map(|point| point.acquisitions).collect::<Vec<_>>();
        (counts, recording.coarsened)
    };
    assert_eq!(many("many"), (vec![3; 10_000], 0));
    // Elsewhere, those without room are told of together, and none is lost.
    let (counts, coarsened) = many("many-in-little");
    assert!(coarsened > 0 && counts.len() < 4_096, "{}", counts.len());
    assert_eq!(counts.iter().sum::<u64>(), 30_000);
}
