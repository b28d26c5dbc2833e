//! The layer under real programs, on a driver that computes on the CPU.

use std::process::Command;

use locktoll_trace::Trace;

mod support;

use support::child::{Child, HUNG, LAYER, Stage, VALIDATION};
use support::programs::{DISPATCHES, SUBMISSIONS};

const STRATEGIES: [&str; 6] = [
    "off",
    "none",
    "global",
    "per-encoder",
    "per-queue",
    "throttle:2",
];

#[test]
#[ignore = "the child process of the other tests"]
fn child() {
    let program = std::env::var("LOCKTOLL_TEST_PROGRAM").expect("run by other tests only");
    support::programs::run(&program).expect("Vulkan reports no error");
}

/// Each class with its acquisitions.
fn acquisitions(trace: &Trace) -> Vec<(&str, u64)> {
    trace
        .classes
        .iter()
        .map(|class| (class.name.as_str(), class.acquisitions))
        .collect()
}

/// Objects: 4 made and 4 freed for the data, 4 destroyed at the end, 1 fence destroyed, and for each
/// submission a fence submitted and reset.
const OBJECTS: u64 = 4 + 4 + 4 + 1 + 2 * SUBMISSIONS as u64;
/// Queue: each submission, and two waits for idle.
const QUEUE: u64 = SUBMISSIONS as u64 + 2;
/// Commands recorded: two bindings, the dispatches, the barriers between them.
const COMMANDS: u64 = 2 + DISPATCHES as u64 + (DISPATCHES as u64 - 1);
/// Pool: allocating, beginning, recording, ending, destroying.
const POOL: u64 = 1 + 1 + COMMANDS + 1 + 1;

#[test]
fn figures_are_exact() {
    // The fence's section is the outer one at a submission; the queue's inside is the same.
    let together = OBJECTS + QUEUE + POOL - u64::from(SUBMISSIONS);
    for (strategy, expected) in [
        ("off", vec![]),
        ("none", vec![]),
        ("global", vec![("global", together)]),
        ("throttle:2", vec![("throttle", together)]),
        (
            "per-encoder",
            vec![("pool", POOL), ("queue", QUEUE), ("object", OBJECTS)],
        ),
        (
            "per-queue",
            // The first submission also takes the pool's own lock.
            vec![("queue", QUEUE + POOL + 1), ("object", OBJECTS)],
        ),
    ] {
        let stage = Stage::new();
        let child = stage.run("counted", &[LAYER], Some(strategy));
        assert!(child.is_correct(), "{strategy}: {child:#?}");
        let traces = stage.traces();
        assert_eq!(traces.len(), 1, "{strategy}");
        let trace = &traces[0];
        assert_eq!(trace.strategy, strategy);
        assert!(trace.ended && !trace.refused, "{strategy}");
        assert_eq!(acquisitions(trace), expected, "{strategy}");
        let contended = trace
            .classes
            .iter()
            .map(|class| class.contentions)
            .sum::<u64>();
        assert_eq!(contended, 0, "{strategy}: one thread");
        let hooked = u64::from(strategy != "off");
        for (counter, value) in [
            ("devices", 1),
            ("commands", hooked * COMMANDS),
            ("dispatches", hooked * u64::from(DISPATCHES)),
            ("draws", 0),
            ("submissions", hooked * u64::from(SUBMISSIONS)),
            ("batches", hooked * u64::from(SUBMISSIONS)),
            ("command_buffers", hooked),
        ] {
            assert_eq!(trace.counters[counter], value, "{strategy}: {counter}");
        }
    }
}

#[test]
fn without_counting_locks_are_bare() {
    let stage = Stage::new();
    let mut command = stage.child("counted", &[LAYER], Some("global"));
    let child = Child::of(command.env("LOCKTOLL_COUNT", "0"));
    assert!(child.is_correct(), "{child:#?}");
    let trace = &stage.traces()[0];
    assert_eq!(acquisitions(trace), [("global", 0)]);
    assert_eq!(trace.counters["commands"], COMMANDS);
}

#[test]
fn a_reset_leaves_out_what_was_before() {
    let stage = Stage::new();
    let child = stage.run("reset", &[LAYER], Some("per-encoder"));
    assert!(child.is_correct(), "{child:#?}");
    let trace = &stage.traces()[0];
    assert_eq!((trace.resets_requested, trace.resets_done), (1, 1));
    // The submission that notices is the first of the new count.
    assert_eq!(trace.counters["submissions"], 3);
    assert_eq!(trace.counters["commands"], 0);
    // Each submission's fence is locked twice; then come the fence, the data and the program.
    assert_eq!(
        acquisitions(trace),
        [("pool", 1), ("queue", 3), ("object", 2 * 3 + 1 + 4 + 4)]
    );
}

/// Validation below the layer sees what the driver sees.
const ABOVE_VALIDATION: [&str; 2] = [LAYER, VALIDATION];

#[test]
fn validation_sees_the_races_that_no_lock_prevents() {
    let stage = Stage::new();
    for strategy in ["off", "none"] {
        let caught = (0..20).any(|_| {
            let child = stage.run("shared-pool", &ABOVE_VALIDATION, Some(strategy));
            child.threading_reports() > 0 || !child.success
        });
        assert!(caught, "{strategy}: 20 unprotected runs without a report");
    }
}

#[test]
fn under_locks_validation_sees_no_race() {
    let stage = Stage::new();
    for strategy in ["global", "per-encoder", "per-queue"] {
        for _ in 0..20 {
            let child = stage.run("shared-pool", &ABOVE_VALIDATION, Some(strategy));
            assert!(child.is_correct(), "{strategy}: {child:#?}");
            assert_eq!(child.threading_reports(), 0, "{strategy}: {child:#?}");
        }
    }
    let traces = stage.traces();
    assert_eq!(traces.len(), 60);
    let contended = |trace: &Trace| trace.classes.iter().any(|class| class.contentions > 0);
    assert!(traces.iter().any(contended), "the threads never met");
    let lent = traces.iter().flat_map(|trace| &trace.classes);
    assert_eq!(lent.map(|class| class.lent).sum::<u64>(), 0);
}

#[test]
fn waiting_for_a_queue_keeps_nobody_from_it() {
    let stage = Stage::new();
    for strategy in STRATEGIES.into_iter().skip(1) {
        let child = stage.run("idle", &[LAYER], Some(strategy));
        assert_ne!(child.code, Some(HUNG), "{strategy}: deadlock");
        assert!(child.is_correct(), "{strategy}: {child:#?}");
    }
}

#[test]
fn results_are_the_same_under_every_strategy() {
    let stage = Stage::new();
    let bare = stage.run("everything", &[], None);
    assert!(bare.is_correct(), "{bare:#?}");
    for strategy in STRATEGIES {
        let child = stage.run("everything", &[LAYER], Some(strategy));
        assert!(child.is_correct(), "{strategy}: {child:#?}");
        assert_eq!(child.said(), bare.said(), "{strategy}");
    }
}

#[test]
fn a_thread_may_encode_until_its_very_end() {
    let stage = Stage::new();
    for strategy in STRATEGIES {
        let child = stage.run("ending", &[LAYER], Some(strategy));
        assert!(child.is_correct(), "{strategy}: {child:#?}");
    }
}

#[test]
fn the_layer_is_a_valid_caller() {
    let stage = Stage::new();
    for program in ["counted", "everything"] {
        for strategy in STRATEGIES {
            let child = stage.run(program, &ABOVE_VALIDATION, Some(strategy));
            assert!(child.is_correct(), "{program}, {strategy}: {child:#?}");
            assert_eq!(
                child.validation_reports(),
                0,
                "{program}, {strategy}: {child:#?}"
            );
        }
    }
}

/// The program waits for a queue while it submits to it, which is valid only if the wait is taken
/// apart.
#[test]
fn a_wait_that_is_taken_apart_races_with_nothing() {
    let stage = Stage::new();
    let bare = stage.run("idle", &[VALIDATION], None);
    assert!(
        bare.threading_reports() > 0,
        "not seen without the layer: {bare:#?}"
    );
    for strategy in ["global", "per-encoder", "per-queue"] {
        let child = stage.run("idle", &ABOVE_VALIDATION, Some(strategy));
        assert!(child.is_correct(), "{strategy}: {child:#?}");
        assert_eq!(child.validation_reports(), 0, "{strategy}: {child:#?}");
    }
}

#[test]
fn vulkaninfo_says_the_same() {
    let stage = Stage::new();
    let vulkaninfo = |layers: &[&str], strategy| {
        let mut command = Command::new("vulkaninfo");
        stage.set(&mut command, layers, strategy);
        Child::of(&mut command)
    };
    let bare = vulkaninfo(&[], None);
    assert!(bare.success, "{}", bare.stderr);
    for strategy in STRATEGIES {
        let child = vulkaninfo(&[LAYER], Some(strategy));
        assert!(child.success, "{strategy}: {}", child.stderr);
        assert!(child.stdout == bare.stdout, "{strategy}: another text");
    }
    let devices = stage
        .traces()
        .iter()
        .map(|t| t.counters["devices"])
        .sum::<u64>();
    assert!(devices > 0, "the layer was there");
}

#[test]
fn a_strategy_that_cannot_be_used_is_refused_aloud() {
    for (strategy, says) in [
        (Some("globul"), "LOCKTOLL_STRATEGY=globul"),
        (None, "LOCKTOLL_STRATEGY is not set"),
    ] {
        let stage = Stage::new();
        let child = stage.run("counted", &[LAYER], strategy);
        assert!(!child.success);
        assert!(child.stderr.contains(says), "{child:#?}");
        assert!(
            child.stderr.contains("ERROR_INITIALIZATION_FAILED"),
            "{child:#?}"
        );
        let trace = &stage.traces()[0];
        assert!(trace.refused);
        assert!(trace.notes.contains(says), "{}", trace.notes);
    }
}

#[test]
fn a_trace_folder_that_is_missing_is_refused_aloud() {
    let stage = Stage::new();
    let mut command = stage.child("counted", &[LAYER], Some("global"));
    let child = Child::of(command.env("LOCKTOLL_TRACE_DIR", stage.trace_dir().join("missing")));
    assert!(!child.success);
    assert!(child.stderr.contains("LOCKTOLL_TRACE_DIR"), "{child:#?}");
}
