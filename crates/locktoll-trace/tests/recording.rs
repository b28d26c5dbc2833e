//! A recording is read as it was stored, and no damage to it can do harm.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use locktoll_trace::recording::layout::{
    self, READY, Shape, blame, entry, event, header, lock, point, stack, thread,
};
use locktoll_trace::recording::{self, Began, Clock, LockBits, Mode, Waiting, Why};
use locktoll_trace::{Error, FineDurations, Kind, Trace};
use proptest::prelude::*;

const SHAPE: Shape = Shape {
    threads: 3,
    points: 4,
    locks: 2,
    blames: 3,
    stacks: 2,
    events: 4,
};
const BEGAN_NS: u64 = 1_000_000;

struct Memory(Vec<AtomicU64>);

impl Memory {
    fn new() -> Memory {
        let words = (0..SHAPE.file_size() / 8).map(|_| AtomicU64::new(0));
        let memory = Memory(words.collect());
        let began = Began {
            producer: "test",
            pid: 77,
            parent: 76,
            mode: Mode::EVENTS,
            clock: Clock::COUNTER,
            ns_per_tick: 0.4,
            hold_every: 64,
            at_ns: BEGAN_NS,
            at_unix_ns: 5,
        };
        assert!(recording::begin(&memory.0, &SHAPE, &began));
        memory
    }

    fn store(&self, base: usize, fields: &[(usize, u64)]) {
        for &(at, value) in fields {
            self.0[(base + at) / 8].store(value, Ordering::Relaxed);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let words = self.0.iter().map(|word| word.load(Ordering::Relaxed));
        words.flat_map(u64::to_ne_bytes).collect()
    }
}

/// Two threads at two points of one lock. Point 1 was never made ready; thread 1 was being claimed.
fn example() -> Memory {
    let memory = Memory::new();
    memory.store(
        0,
        &[
            (header::THREADS_USED, 3),
            (header::POINTS_USED, 3),
            (header::LOCKS_USED, 1),
            (header::BLAMES_USED, 1),
            (header::STACKS_USED, 3),
            (header::EVENTS_LOST, 10),
        ],
    );
    for (number, site) in [(0, 0x10), (2, 0x20)] {
        memory.store(
            SHAPE.point(number),
            &[
                (point::STATE, READY),
                (point::LOCK, 0x1000),
                (point::SITE, site),
                (point::KIND, 2),
                (point::BITS, 1),
                (point::ACQUISITIONS, 5),
                (point::TIMED_OUT, 1),
                (point::WAITS_TIMED, 1),
                (point::HOLDS_RESUMED, 6),
                (point::WAIT, 4),
                (point::WAIT + 8, 400),
                (point::WAIT + 16, 100),
                (point::WAIT + 24 + 8 * FineDurations::bucket_of(100), 4),
            ],
        );
    }
    for (index, state) in [(0, thread::LIVE), (1, thread::CLAIMED), (2, thread::LIVE)] {
        let base = SHAPE.thread(index);
        memory.store(
            base,
            &[
                (thread::STATE, state),
                (thread::TID, 100 + index as u64),
                (thread::NAME, u64::from_ne_bytes(*b"worker\0x")),
                (thread::BEGAN_NS, BEGAN_NS + 1),
                (thread::LAST_NS, BEGAN_NS + 9),
                (thread::EVENTS_HEAD, 6),
                // At points 0 and 2.
                (thread::WAITING, 1 + index as u64),
                (thread::WAITING_SINCE_NS, BEGAN_NS + 7),
                (thread::WAITING_FOR, 0x30),
            ],
        );
        // Of points 0, 1 (which is not ready), 2, and 8 (which is not there).
        for (slot, number) in [(7, 0), (8, 1), (9, 2), (10, 8)] {
            memory.store(
                base + thread::ENTRIES + slot * entry::SIZE,
                &[
                    (entry::POINT, number + 1),
                    (entry::ACQUISITIONS, 10),
                    (entry::CONTENTIONS, 3),
                    (entry::WAIT_NS, 300),
                    (entry::REFUSED, 1),
                ],
            );
        }
        // Six events in a ring of four: the fifth and sixth lie first.
        for (slot, number) in [(0, 5), (1, 6), (2, 3), (3, 4)] {
            memory.store(
                SHAPE.event(index, slot),
                &[
                    (event::TIME, number | 2 << event::KIND_SHIFT),
                    (event::LOCK, 0x1000),
                    (event::SITE, 0x10),
                    (event::WAIT_HOLD, 9 | event::short(3_000_000_000) << 32),
                ],
            );
        }
    }
    with_lock_blame_and_stacks(&memory);
    memory
}

fn with_lock_blame_and_stacks(memory: &Memory) {
    memory.store(
        SHAPE.lock(0),
        &[
            (lock::STATE, READY),
            (lock::ADDRESS, 0x1000),
            (lock::KIND, 2),
            (lock::WAITING_MAX, 1),
        ],
    );
    memory.store(
        SHAPE.blame(0),
        &[
            (blame::STATE, READY),
            (blame::LOCK, 0x1000),
            (blame::WAITER_SITE, 0x10),
            (blame::OWNER_SITE, 0x20),
            (blame::COUNT, 4),
            (blame::WAIT_NS, 400),
            (blame::MAX_NS, 100),
        ],
    );
    memory.store(
        SHAPE.stack(0),
        &[
            (stack::SEQUENCE, 2),
            (stack::POINT, 3),
            (stack::TID, 100),
            (stack::WHY, 1),
            (stack::NS, 100),
            (stack::PC, 0x20),
            (stack::SP, 0x7000),
            (stack::FP, 0x7010),
            (stack::LENGTH, 3),
            (stack::BYTES, u64::from_ne_bytes(*b"abcdefgh")),
        ],
    );
    // Being written.
    memory.store(SHAPE.stack(1), &[(stack::SEQUENCE, 1), (stack::POINT, 3)]);
}

#[test]
fn what_is_stored_is_read() {
    let trace = Trace::parse(&example().bytes()).expect("is whole");
    assert_eq!((trace.producer.as_str(), trace.pid), ("test", 77));
    assert!(!trace.ended && trace.classes.is_empty());
    let recording = trace.recording.expect("there is one");
    assert_eq!(recording.mode, Mode::EVENTS);
    assert_eq!(recording.clock, Clock::COUNTER);
    assert_eq!((recording.hold_every, recording.parent), (64, 76));
    assert_eq!((recording.began_ns, recording.ended_ns), (BEGAN_NS, None));

    let threads = recording.threads.iter().map(|t| (t.tid, t.name.as_str()));
    let threads: Vec<_> = threads.collect();
    assert_eq!(threads, [(100, "worker"), (102, "worker")]);
    for (index, thread) in recording.threads.iter().enumerate() {
        let waiting = Waiting {
            point: index,
            since_ns: BEGAN_NS + 7,
            owner_site: 0x30,
        };
        assert_eq!(
            (thread.last_ns, thread.waiting),
            (BEGAN_NS + 9, Some(waiting))
        );
    }

    // Five of the point itself and ten of each thread.
    assert_eq!(recording.points.len(), 2);
    for (point, site) in recording.points.iter().zip([0x10, 0x20]) {
        assert_eq!(
            (point.lock, point.site, point.kind),
            (0x1000, site, Kind::MUTEX)
        );
        assert_eq!(point.bits, LockBits::RECURSIVE);
        assert_eq!(
            (point.acquisitions, point.contentions, point.refused),
            (25, 6, 2)
        );
        assert_eq!(
            (point.timed_out, point.waits_timed, point.holds_timed),
            (1, 1, 0)
        );
        assert_eq!((point.wait.count, point.wait.total_ns), (4, 400));
        assert_eq!(point.wait.quantile_ns(0.5), Some(100));
        assert_eq!(
            (point.hold.quantile_ns(0.5), point.holds_resumed),
            (None, 6)
        );
    }
    let shares: Vec<_> = recording
        .shares
        .iter()
        .map(|s| (s.thread, s.point))
        .collect();
    assert_eq!(shares, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert!(
        recording
            .shares
            .iter()
            .all(|s| s.acquisitions == 10 && s.wait_ns == 300)
    );

    assert_eq!(recording.locks.len(), 1);
    assert_eq!(recording.locks[0].waiting_max, 1);
    let blame = recording.blames[0];
    assert_eq!((blame.waiter_site, blame.owner_site), (0x10, 0x20));
    assert_eq!((blame.count, blame.wait_ns, blame.max_ns), (4, 400, 100));

    assert_eq!(recording.stacks.len(), 1, "the other is being written");
    let stack = &recording.stacks[0];
    assert_eq!((stack.point, stack.why), (1, Why::WAIT));
    assert_eq!((stack.pc, stack.sp, stack.fp), (0x20, 0x7000, 0x7010));
    assert_eq!(stack.bytes, b"abc");
    assert_eq!(recording.stacks_lost, 1);

    let times: Vec<_> = recording
        .events
        .iter()
        .map(|e| e.at_ns - BEGAN_NS)
        .collect();
    assert_eq!(times, [3, 4, 5, 6, 3, 4, 5, 6], "oldest first, by thread");
    assert_eq!(recording.events_lost, 10 + 2 + 2);
    let event = recording.events[4];
    assert_eq!(
        (event.thread, event.kind, event.wait_ns),
        (1, Kind::MUTEX, 9)
    );
    assert_eq!(event.hold_ns / 1024, 3_000_000_000 / 1024);
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("77-0.trace");
    let memory = example();
    recording::end(&memory.0, 9);
    let bytes = memory.bytes();
    fs::write(&path, &bytes).expect("writes");
    let read = Trace::read(&path).expect("is whole");
    assert!(read.ended);
    assert_eq!(read, Trace::parse(&bytes).expect("is whole"));
    fs::write(&path, &bytes[..bytes.len() - 8]).expect("writes");
    assert!(matches!(Trace::read(&path), Err(Error::Length { .. })));
}

#[test]
fn memory_of_another_size_is_refused() {
    let memory = Memory::new();
    let began = Began {
        producer: "",
        pid: 1,
        parent: 1,
        mode: Mode::AGGREGATE,
        clock: Clock::MONOTONIC,
        ns_per_tick: 1.0,
        hold_every: 1,
        at_ns: 0,
        at_unix_ns: 0,
    };
    assert!(!recording::begin(&memory.0[1..], &SHAPE, &began));
}

#[test]
fn every_section_is_aligned_to_a_cache_line_and_overlaps_no_other() {
    let ends = [
        (SHAPE.thread(0), SHAPE.thread(3)),
        (SHAPE.point_index(), SHAPE.point_index() + 8 * 8),
        (SHAPE.point(0), SHAPE.point(4)),
        (SHAPE.lock_index(), SHAPE.lock_index() + 4 * 8),
        (SHAPE.lock(0), SHAPE.lock(2)),
        (SHAPE.blame_index(), SHAPE.blame_index() + 8 * 8),
        (SHAPE.blame(0), SHAPE.blame(3)),
        (SHAPE.stack(0), SHAPE.stack(2)),
        (SHAPE.event(0, 0), SHAPE.event(2, 4)),
    ];
    for (first, _) in ends {
        assert_eq!(first % 64, 0);
    }
    for pair in ends.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{pair:?}");
    }
    assert_eq!(ends[8].1, SHAPE.file_size());
    assert_eq!(layout::thread::ENTRIES % 64, 0);
}

#[test]
fn an_event_keeps_its_durations() {
    for ns in [0, 1, 999_999_999, (1 << 31) - 1] {
        assert_eq!(event::long(event::short(ns)), ns);
    }
    for ns in [1 << 31, 60_000_000_000, 2_000_000_000_000] {
        assert_eq!(event::long(event::short(ns)), ns >> 10 << 10);
    }
    assert_eq!(event::long(event::short(u64::MAX)), ((1 << 31) - 1) << 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_damage_makes_the_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0..64_u32), 1..8),
        head in prop::collection::vec((0..32_usize, any::<u64>(), 0..64_u32), 0..4),
    ) {
        let memory = example();
        for (place, bits, shift) in damage {
            place.get(&memory.0).store(bits >> shift, Ordering::Relaxed);
        }
        for (word, bits, shift) in head {
            memory.store(header::THREADS + word * 8, &[(0, bits >> shift)]);
        }
        if let Ok(trace) = Trace::parse(&memory.bytes()) {
            for point in trace.recording.iter().flat_map(|recording| &recording.points) {
                let _ = (point.wait.quantile_ns(0.5), point.hold.mean_ns());
            }
        }
    }
}
