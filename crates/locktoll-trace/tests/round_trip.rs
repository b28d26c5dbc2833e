//! What is written is what is read, and nothing that is read can do harm.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use locktoll_trace::{Durations, Error, Figures, Kind, LockClass, Trace, Writer, request_reset};
use proptest::prelude::*;

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file() -> File {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("1.trace");
    File {
        _folder: folder,
        path,
    }
}

fn durations(all: &[u64]) -> Durations {
    let mut durations = Durations::new();
    for &ns in all {
        durations.record(ns);
    }
    durations
}

/// The bytes of a trace with two rows and two counters.
fn example() -> Vec<u8> {
    let file = file();
    let writer = Writer::create_with_rows(&file.path, "test", "throttle:2", 4).expect("writes");
    let (wait, hold) = (durations(&[100, 2_000]), durations(&[7]));
    let figures = Figures {
        acquisitions: 10,
        contentions: 3,
        lent: 1,
        hold_sample_every: 256,
        wait: &wait,
        hold: &hold,
    };
    writer.row(0, Kind::LOCK_CLASS, "queue", &figures);
    writer.row(2, Kind::MUTEX, "pool", &Figures::default());
    writer.counter(0, "submissions", 12);
    writer.counter(63, "dispatches", u64::MAX);
    writer.note("first");
    writer.note("second");
    fs::read(&file.path).expect("reads")
}

#[test]
fn what_is_written_is_read() {
    let trace = Trace::parse(&example()).expect("is whole");
    assert_eq!(trace.producer, "test");
    assert_eq!(trace.strategy, "throttle:2");
    assert_eq!(trace.pid, std::process::id());
    assert_eq!(trace.notes, "first\nsecond\n");
    assert_eq!(
        (trace.ended, trace.refused, trace.torn_rows),
        (false, false, 0)
    );
    let queue = LockClass {
        kind: Kind::LOCK_CLASS,
        name: "queue".into(),
        acquisitions: 10,
        contentions: 3,
        lent: 1,
        hold_sample_every: 256,
        wait: Box::new(durations(&[100, 2_000])),
        hold: Box::new(durations(&[7])),
    };
    let pool = LockClass {
        kind: Kind::MUTEX,
        name: "pool".into(),
        acquisitions: 0,
        contentions: 0,
        lent: 0,
        hold_sample_every: 0,
        wait: Box::default(),
        hold: Box::default(),
    };
    assert_eq!(trace.classes, [queue, pool]);
    let counters: Vec<_> = trace.counters.into_iter().collect();
    assert_eq!(
        counters,
        [("dispatches".into(), u64::MAX), ("submissions".into(), 12)]
    );
}

#[test]
fn what_does_not_fit_is_cut_between_characters() {
    let file = file();
    let writer = Writer::create_with_rows(&file.path, &"é".repeat(40), "", 1).expect("writes");
    writer.row(1, Kind::MUTEX, "no such row", &Figures::default());
    writer.counter(64, "no such counter", 1);
    writer.counter(0, &"x".repeat(100), 1);
    writer.note(&"n".repeat(3_000));
    writer.note("no room");
    let trace = Trace::read(&file.path).expect("is whole");
    assert_eq!(trace.producer, "é".repeat(28));
    assert!(trace.classes.is_empty());
    assert_eq!(trace.counters.keys().collect::<Vec<_>>(), [&"x".repeat(40)]);
    assert_eq!(trace.notes, "n".repeat(2_039) + "\n");
}

#[test]
fn resets_are_asked_for_and_answered() {
    let file = file();
    let writer = Writer::create(&file.path, "test", "global").expect("writes");
    assert_eq!(writer.reset_requested(), None);
    assert_eq!(request_reset(&file.path).expect("asks"), 1);
    assert_eq!(request_reset(&file.path).expect("asks"), 2);
    assert_eq!(writer.reset_requested(), Some(2));
    writer.reset_done(2);
    assert_eq!(writer.reset_requested(), None);
    let trace = Trace::read(&file.path).expect("is whole");
    assert_eq!((trace.resets_requested, trace.resets_done), (2, 2));
}

#[test]
fn the_end_and_a_refusal_are_told() {
    let file = file();
    let writer = Writer::create(&file.path, "test", "globul").expect("writes");
    writer.refuse("LOCKTOLL_STRATEGY: unknown");
    writer.end();
    drop(writer);
    let trace = Trace::read(&file.path).expect("is whole");
    assert!(trace.ended && trace.refused);
    assert_eq!(trace.notes, "LOCKTOLL_STRATEGY: unknown\n");
}

/// Every word of the row is the same number, so that a mixture of two shows.
#[test]
fn a_reader_never_sees_half_a_row() {
    let file = file();
    let writer = Writer::create_with_rows(&file.path, "test", "global", 1).expect("writes");
    let [written, done] = [false, false].map(AtomicBool::new);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_u32;
            let mut all = Box::new(Durations::new());
            while !done.load(Ordering::Relaxed) {
                number = number.wrapping_add(1);
                let word = u64::from(number);
                all.count = word;
                all.histogram.fill(word);
                let figures = Figures {
                    acquisitions: word,
                    wait: &all,
                    hold: &all,
                    ..Figures::default()
                };
                writer.row(0, Kind::MUTEX, "m", &figures);
                written.store(true, Ordering::Relaxed);
                // Without a pause now and then, a busy machine may let no read come between writes.
                if number.is_multiple_of(16) {
                    thread::sleep(Duration::from_micros(100));
                }
            }
        });
        // On a busy machine the writer may not have begun when all reads are over.
        while !written.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let mut whole = 0;
        for _ in 0..200 {
            let trace = Trace::read(&file.path).expect("is whole");
            for row in &trace.classes {
                let word = row.acquisitions;
                let same = |d: &Durations| {
                    d.count == word && d.histogram.iter().all(|&count| count == word)
                };
                assert!(same(&row.wait) && same(&row.hold), "a mixture");
                whole += 1;
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(whole > 0, "every read was torn");
    });
}

#[test]
fn traces_of_a_folder_come_in_order_and_others_are_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, strategy) in [("2.trace", "b"), ("1.trace", "a")] {
        Writer::create(&folder.path().join(name), "test", strategy).expect("writes");
    }
    fs::write(folder.path().join("notes.txt"), "not a trace").expect("writes");
    let traces = Trace::read_dir(folder.path()).expect("all are whole");
    let strategies: Vec<_> = traces.iter().map(|trace| &trace.strategy).collect();
    assert_eq!(strategies, ["a", "b"]);
}

#[test]
fn an_error_says_what_is_wrong() {
    let whole = example();
    let broken = |at: usize, with: u64| {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&with.to_ne_bytes());
        Trace::parse(&bytes).expect_err("is broken")
    };
    assert!(matches!(Trace::parse(b""), Err(Error::NotATrace)));
    assert!(matches!(broken(0, 1), Error::NotATrace));
    assert!(matches!(broken(8, 9), Error::Version { found: 9, .. }));
    assert!(matches!(broken(16, u64::MAX), Error::Field { .. }));
    assert!(matches!(broken(16, 5), Error::Length { .. }));
    assert!(matches!(broken(32, u64::MAX), Error::Field { .. }));
    assert!(matches!(broken(64, 57), Error::Field { .. }));
    assert!(matches!(
        broken(72, u64::MAX),
        Error::Text {
            field: "the producer"
        }
    ));
    let cut = Trace::parse(&whole[..whole.len() - 1]).expect_err("is cut");
    assert!(cut.to_string().contains("cut"), "{cut}");
}

#[test]
fn a_row_left_half_written_by_a_crash_costs_no_other() {
    let mut bytes = example();
    // The sequence number of the first row, which lies behind the header.
    let at = 24 * 8 + 2048 + 32 * 8;
    bytes[at..at + 8].copy_from_slice(&3_u64.to_ne_bytes());
    let trace = Trace::parse(&bytes).expect("the rest is whole");
    assert_eq!((trace.torn_rows, trace.classes.len()), (1, 1));
}

#[test]
fn figures_survive_a_killed_process() {
    let file = file();
    let exe = std::env::current_exe().expect("this test");
    let status = std::process::Command::new(exe)
        .args(["--exact", "writes_and_is_killed", "--ignored"])
        .env("LOCKTOLL_TRACE_TEST_FILE", &file.path)
        .status()
        .expect("starts");
    assert!(!status.success(), "it kills itself: {status}");
    let trace = Trace::read(&file.path).expect("is whole");
    assert_eq!(trace.counters["kept"], 77);
    assert!(!trace.ended);
}

#[test]
#[ignore = "the child of figures_survive_a_killed_process"]
fn writes_and_is_killed() {
    let path = std::env::var_os("LOCKTOLL_TRACE_TEST_FILE").expect("run by its parent only");
    let writer = Writer::create(path.as_ref(), "test", "global").expect("writes");
    writer.counter(0, "kept", 77);
    std::process::abort();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let _ = Trace::parse(&bytes);
    }

    /// Whole traces with a few words changed come further than noise does.
    #[test]
    fn no_damage_makes_the_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0..64_u32), 1..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = example();
        for (place, bits, shift) in damage {
            let at = place.index(bytes.len() / 8) * 8;
            bytes[at..at + 8].copy_from_slice(&(bits >> shift).to_ne_bytes());
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(trace) = Trace::parse(&bytes) {
            for row in &trace.classes {
                let _ = (row.wait.quantile_ns(0.5), row.hold.mean_ns());
            }
        }
    }
}
