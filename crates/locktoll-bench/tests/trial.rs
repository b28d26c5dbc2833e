//! Trials on the soft device, in this process: right results, and what can be counted by hand.

use std::num::NonZeroU32;

use locktoll_bench::plan::{DevicePlan, Encoders, TrialSize};
use locktoll_bench::protocol::Line;
use locktoll_bench::samples::Measurement;
use locktoll_bench::trial::{TrialSpec, run};
use locktoll_bench::workload::{Allocation, Workload};
use locktoll_gpu::DeviceChoice;
use locktoll_guard::Instrument;

fn spec(workload: &str, protection: &str, threads: u32) -> TrialSpec {
    let workload = Workload::built_in(workload).unwrap();
    TrialSpec {
        encoders: Encoders {
            device: DevicePlan {
                choice: DeviceChoice::Soft,
                soft: "service=20us,encode=0".parse().unwrap(),
                queues: NonZeroU32::MIN,
                timed: None,
                added: Vec::new(),
                fault: None,
            },
            sync: workload.sync,
            workload,
            size: TrialSize {
                ops_per_thread: NonZeroU32::new(20).unwrap(),
                iterations: NonZeroU32::new(3).unwrap(),
                warmup: 1,
            },
        },
        protection: protection.parse().unwrap(),
        instrument: Instrument::Counted,
        probe: None,
        threads: NonZeroU32::new(threads).unwrap(),
        traces: None,
    }
}

fn measure(spec: &TrialSpec) -> Measurement {
    let mut lines = Vec::new();
    let measured = run(spec, &mut |line| lines.push(line.clone())).unwrap();
    assert!(matches!(lines[0], Line::Started { .. }));
    assert_eq!(
        lines.len(),
        1 + 4,
        "one line to start, one for each iteration"
    );
    let ops = u64::from(20 * spec.threads.get());
    for iteration in &measured.iterations {
        assert_eq!(iteration.ops, ops);
        assert_eq!(iteration.ops_by_thread.iter().sum::<u64>(), ops);
        assert_eq!(iteration.ops_by_thread.len(), spec.threads.get() as usize);
    }
    measured
}

const EVERY_PROTECTION: [&str; 9] = [
    "none",
    "global",
    "per-encoder",
    "per-queue",
    "throttle:2",
    "interposed:global",
    "interposed:per-encoder",
    "interposed:per-queue",
    "interposed:throttle:2",
];

#[test]
fn every_protection_computes_right_results() {
    for protection in EVERY_PROTECTION {
        for threads in [1, 4] {
            measure(&spec("stress", protection, threads));
        }
    }
}

#[test]
fn every_sync_pattern_allocation_and_sharing_computes_right_results() {
    for sync in ["each-op", "batch:3", "batch:64", "end"] {
        for allocation in [Allocation::Pooled, Allocation::PerOp] {
            for sharing in [1, 2, 4] {
                for protection in ["none", "global", "per-encoder", "interposed:per-encoder"] {
                    // Into a shared encoder, threads set the same slots: only a lock that is held
                    // from an op's first call to its last keeps their arguments apart.
                    let whole_op = matches!(protection, "global" | "per-encoder");
                    let workload = if sharing == 1 || whole_op {
                        "stress"
                    } else {
                        "timed"
                    };
                    let mut spec = spec(workload, protection, 4);
                    spec.encoders.sync = sync.parse().unwrap();
                    spec.encoders.workload.allocation = allocation;
                    spec.encoders.workload.threads_per_encoder = sharing;
                    measure(&spec);
                }
            }
        }
    }
}

/// The check must be able to fail: an interposed lock is taken per call, so two threads on one
/// encoder mix up their arguments, as they would on a real driver.
#[test]
fn a_lock_per_call_does_not_keep_ops_on_a_shared_encoder_apart() {
    let mut spec = spec("stress", "interposed:global", 4);
    spec.encoders.workload.threads_per_encoder = 4;
    // Many calls between setting the buffers and the last dispatch: some other op comes between.
    spec.encoders.workload.dispatches = 64;
    spec.encoders.device.soft = "service=20us,encode=20us".parse().unwrap();
    let error = run(&spec, &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().starts_with("wrong result: axpy element"),
        "{error}"
    );
}

#[test]
fn the_network_is_computed_right() {
    let mut spec = spec("mlp", "global", 2);
    spec.encoders.size.ops_per_thread = NonZeroU32::new(2).unwrap();
    let measured = run(&spec, &mut |_| {}).unwrap();
    assert_eq!(measured.iterations.len(), 3);
}

#[test]
fn acquisitions_are_what_can_be_counted_by_hand() {
    let events = |protection| measure(&spec("stress", protection, 2)).lock_events.unwrap();
    // 3 iterations × 2 threads × 20 ops; the warm-up is not counted.
    let ops = 3 * 2 * 20;
    assert_eq!(events("global").acquisitions, ops);
    assert_eq!(events("per-encoder").acquisitions, ops);
    assert_eq!(events("none").acquisitions, 0);
    // docs/workloads.md: a stress op makes 15 calls, each of which takes the lock.
    assert_eq!(events("interposed:global").acquisitions, 15 * ops);
}

#[test]
fn own_encoders_never_contend_and_bare_trials_count_nothing() {
    let events = measure(&spec("stress", "per-encoder", 4))
        .lock_events
        .unwrap();
    assert_eq!(events.contentions, 0);
    let mut bare = spec("stress", "global", 2);
    bare.instrument = Instrument::Bare;
    assert_eq!(measure(&bare).lock_events, None);
}

#[test]
fn busy_time_is_the_service_time_of_all_ops() {
    let mut spec = spec("timed", "none", 4);
    spec.encoders.device.soft = "service=1ms,encode=0".parse().unwrap();
    let measured = measure(&spec);
    // 3 × 4 × 20 ops of 1 ms on one engine; the timeline does not depend on when threads wake up.
    assert_eq!(measured.device_busy_ns.unwrap(), 240_000_000);
    let elapsed: u64 = measured
        .iterations
        .iter()
        .map(|iteration| iteration.elapsed_ns)
        .sum();
    assert!(elapsed >= 240_000_000);
}

#[test]
fn latencies_are_ordered_and_at_least_the_service() {
    let mut spec = spec("timed", "none", 1);
    spec.encoders.device.soft = "service=1ms,encode=0".parse().unwrap();
    let latency = measure(&spec).latency.unwrap();
    assert!(latency.p50_ns >= 1_000_000);
    assert!(latency.p50_ns <= latency.p90_ns && latency.p90_ns <= latency.p99_ns);
    assert!(latency.p99_ns <= latency.max_ns);
}

/// What calls of an op leave in the pool of their thread is gone with the op.
#[cfg(feature = "objc")]
#[test]
fn each_op_has_an_autorelease_pool() {
    use locktoll_objc_driver as driver;

    driver::lends(true);
    // A shared encoder's command buffer may also be committed by who waits for it.
    for (sync, threads_per_encoder) in [("each-op", 1), ("batch:3", 1), ("end", 2)] {
        let mut spec = spec("stress", "global", 2);
        spec.encoders.device.choice = DeviceChoice::Objc;
        spec.encoders.workload.threads_per_encoder = threads_per_encoder;
        spec.encoders.sync = sync.parse().unwrap();
        measure(&spec);
        let live = driver::counts().command_buffers_live;
        assert_eq!(live, 0, "{sync}");
    }
    driver::lends(false);
}
