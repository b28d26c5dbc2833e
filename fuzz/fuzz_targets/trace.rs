//! No bytes make the reader of a trace panic: neither any bytes, nor a recording in which words were
//! overwritten, which gets further.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use locktoll_trace::Trace;
use locktoll_trace::recording::layout::{Shape, header};
use locktoll_trace::recording::{self, Began, Clock, Mode};

const SHAPE: Shape = Shape {
    threads: 2,
    points: 2,
    locks: 2,
    blames: 2,
    stacks: 2,
    events: 4,
};

/// A recording with all of its room in use.
static RECORDING: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let words: Vec<_> = (0..SHAPE.file_size() / 8).map(|_| AtomicU64::new(1)).collect();
    for word in &words[..header::THREADS / 8 + 32] {
        word.store(0, Ordering::Relaxed);
    }
    recording::begin(
        &words,
        &SHAPE,
        &Began {
            producer: "fuzz",
            pid: 1,
            parent: 0,
            mode: Mode::EVENTS,
            clock: Clock::MONOTONIC,
            ns_per_tick: 1.0,
            hold_every: 1,
            at_ns: 0,
            at_unix_ns: 0,
        },
    );
    for at in (header::THREADS_USED..=header::STACKS_USED).step_by(8) {
        words[at / 8].store(2, Ordering::Relaxed);
    }
    words.into_iter().map(AtomicU64::into_inner).collect()
});

fuzz_target!(|bytes: &[u8]| {
    look(bytes);
    let mut words = RECORDING.clone();
    // A place and a value each.
    for change in bytes.chunks_exact(12) {
        let (place, value) = change.split_at(4);
        let place = u32::from_le_bytes(place.try_into().unwrap()) as usize;
        let count = words.len();
        words[place % count] = u64::from_le_bytes(value.try_into().unwrap());
    }
    look(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>());
});

fn look(bytes: &[u8]) {
    let Ok(trace) = Trace::parse(bytes) else {
        return;
    };
    for class in &trace.classes {
        let _ = (class.wait.quantile_ns(0.99), class.hold.mean_ns());
    }
    if let Some(recording) = &trace.recording {
        for point in &recording.points {
            let _ = (point.wait.quantile_ns(0.99), point.hold.mean_ns());
        }
        // Every place that is given is one.
        for share in &recording.shares {
            let _ = (&recording.threads[share.thread], &recording.points[share.point]);
        }
        for stack in &recording.stacks {
            let _ = &recording.points[stack.point];
        }
        for event in &recording.events {
            let _ = &recording.threads[event.thread];
        }
    }
}
