//! Bytes in, a recording out. No count, index or length of the file is trusted.

use core::ops::Range;
use std::borrow::Cow;

use super::layout::{READY, Shape, TABLE, blame, entry, event, header, lock, point, stack, thread};
use super::{
    Blame, Clock, Delays, Event, LockBits, Mode, Point, RecordedLock, RecordedThread, Recording,
    StackSample, ThreadShare, Waiting, Why,
};
use crate::durations::FineDurations;
use crate::error::Error;
use crate::layout::WORD;
use crate::trace::{Kind, word};

/// Where the recording of a file lies.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) shape: Shape,
    /// What the file's rows add to each offset of the shape.
    pub(crate) shift: usize,
}

/// The shape that a header tells. `capacity` reads one word of it, which may be at most so much.
pub(crate) fn shape(
    capacity: impl Fn(usize, usize, &'static str) -> Result<usize, Error>,
) -> Result<Shape, Error> {
    let most = Shape::MAX;
    Ok(Shape {
        threads: capacity(header::THREADS, most.threads, "the room for threads")?,
        points: capacity(header::POINTS, most.points, "the room for points")?,
        locks: capacity(header::LOCKS, most.locks, "the room for locks")?,
        blames: capacity(header::BLAMES, most.blames, "the room for blames")?,
        stacks: capacity(header::STACKS, most.stacks, "the room for stacks")?,
        events: capacity(header::EVENTS, most.events, "the room for events")?,
    })
}

/// `head` holds the header; `section` gives the bytes of a range that lies in the file.
pub(crate) fn parse<'a>(
    head: &[u8],
    place: Place,
    mut section: impl FnMut(Range<usize>) -> Result<Cow<'a, [u8]>, Error>,
) -> Result<Recording, Error> {
    let shape = place.shape;
    let head = |at| word(head, at);
    let used = |at, capacity: usize| usize::try_from(head(at)).unwrap_or(capacity).min(capacity);
    let mut records = |first: usize, last: usize| section(first + place.shift..last + place.shift);

    let threads = used(header::THREADS_USED, shape.threads);
    let blocks = records(shape.thread(0), shape.thread(threads))?;
    let points = used(header::POINTS_USED, shape.points);
    let points = Points::of(&records(shape.point(0), shape.point(points))?);
    let mut recording = Recording {
        mode: Mode(small(head(header::MODE))),
        clock: Clock(small(head(header::CLOCK))),
        began_ns: head(header::BEGAN_NS),
        began_unix_ns: head(header::BEGAN_UNIX_NS),
        ended_ns: Some(head(header::ENDED_NS)).filter(|&ns| ns != 0),
        parent: small(head(header::PARENT)),
        hold_every: head(header::HOLD_EVERY),
        threads: Vec::new(),
        points: points.points,
        shares: Vec::new(),
        locks: Vec::new(),
        blames: Vec::new(),
        stacks: Vec::new(),
        events: Vec::new(),
        events_lost: head(header::EVENTS_LOST),
        coarsened: head(header::COARSENED),
        blames_lost: head(header::BLAMES_LOST),
        stacks_lost: head(header::STACKS_USED).saturating_sub(shape.stacks as u64),
        threads_reused: head(header::THREADS_REUSED),
        threads_refused: head(header::THREADS_REFUSED),
        delays: Delays {
            inside_ns: head(header::DELAY_INSIDE_NS),
            outside_ns: head(header::DELAY_OUTSIDE_NS),
            ..Delays::default()
        },
    };
    let numbers = points.numbers;

    for (index, block) in blocks.chunks_exact(thread::SIZE).enumerate() {
        if word(block, thread::STATE) != thread::LIVE {
            continue;
        }
        let written = word(block, thread::EVENTS_HEAD);
        let lost = written.saturating_sub(shape.events as u64);
        recording.events_lost = recording.events_lost.saturating_add(lost);
        recording.threads.push(one_thread(block, &numbers, lost));
        let delays = &mut recording.delays;
        for (sum, count, ns) in [
            (&mut delays.inside, thread::INSIDE, thread::INSIDE_NS),
            (&mut delays.outside, thread::OUTSIDE, thread::OUTSIDE_NS),
            (&mut delays.apart, thread::APART, thread::APART_NS),
            (&mut delays.holds, thread::HOLDS, thread::HOLDS_NS),
        ] {
            sum.count = sum.count.saturating_add(word(block, count));
            sum.total_ns = sum.total_ns.saturating_add(word(block, ns));
        }
        shares(block, &numbers, &mut recording);
        let kept =
            usize::try_from(written).map_or(shape.events, |written| written.min(shape.events));
        if kept > 0 {
            let ring = records(shape.event(index, 0), shape.event(index, kept))?;
            let oldest = usize::try_from(lost % shape.events as u64).unwrap_or(0);
            let (newer, older) = ring.split_at(oldest * event::SIZE);
            for bytes in [older, newer] {
                for bytes in bytes.chunks_exact(event::SIZE) {
                    let event = one_event(bytes, recording.threads.len() - 1, recording.began_ns);
                    recording.events.push(event);
                }
            }
        }
    }

    let locks = used(header::LOCKS_USED, shape.locks);
    for bytes in ready(&records(shape.lock(0), shape.lock(locks))?, lock::SIZE) {
        recording.locks.push(RecordedLock {
            address: word(bytes, lock::ADDRESS),
            kind: Kind(small(word(bytes, lock::KIND))),
            waiting_max: word(bytes, lock::WAITING_MAX),
        });
    }
    let blames = used(header::BLAMES_USED, shape.blames);
    for bytes in ready(&records(shape.blame(0), shape.blame(blames))?, blame::SIZE) {
        recording.blames.push(Blame {
            lock: word(bytes, blame::LOCK),
            waiter_site: word(bytes, blame::WAITER_SITE),
            owner_site: word(bytes, blame::OWNER_SITE),
            count: word(bytes, blame::COUNT),
            wait_ns: word(bytes, blame::WAIT_NS),
            max_ns: word(bytes, blame::MAX_NS),
        });
    }
    let stacks = used(header::STACKS_USED, shape.stacks);
    let stacks = records(shape.stack(0), shape.stack(stacks))?;
    for bytes in stacks.chunks_exact(stack::SIZE) {
        recording.stacks.extend(one_stack(bytes, &numbers));
    }
    Ok(recording)
}

/// The points, and which place the writer's numbers have among them.
struct Points {
    points: Vec<Point>,
    numbers: Vec<Option<usize>>,
}

impl Points {
    fn of(bytes: &[u8]) -> Points {
        let mut points = Vec::new();
        let numbers = bytes
            .chunks_exact(point::SIZE)
            .map(|bytes| {
                (word(bytes, point::STATE) == READY).then(|| {
                    points.push(one_point(bytes));
                    points.len() - 1
                })
            })
            .collect();
        Points { points, numbers }
    }
}

fn one_thread(block: &[u8], numbers: &[Option<usize>], events_lost: u64) -> RecordedThread {
    RecordedThread {
        tid: small(word(block, thread::TID)),
        name: name(&block[thread::NAME..thread::NAME + 16]),
        began_ns: word(block, thread::BEGAN_NS),
        last_ns: word(block, thread::LAST_NS),
        waiting: waiting(block, numbers),
        events_lost,
    }
}

/// The wait that a thread is in.
fn waiting(block: &[u8], numbers: &[Option<usize>]) -> Option<Waiting> {
    Some(Waiting {
        point: place(numbers, word(block, thread::WAITING))?,
        since_ns: word(block, thread::WAITING_SINCE_NS),
        owner_site: word(block, thread::WAITING_FOR),
    })
}

/// The place of the point with this number plus one.
fn place(numbers: &[Option<usize>], number: u64) -> Option<usize> {
    let number = usize::try_from(number).ok()?.checked_sub(1)?;
    *numbers.get(number)?
}

fn one_point(bytes: &[u8]) -> Point {
    Point {
        lock: word(bytes, point::LOCK),
        site: word(bytes, point::SITE),
        kind: Kind(small(word(bytes, point::KIND))),
        bits: LockBits(small(word(bytes, point::BITS))),
        acquisitions: word(bytes, point::ACQUISITIONS),
        contentions: word(bytes, point::CONTENTIONS),
        refused: word(bytes, point::REFUSED),
        timed_out: word(bytes, point::TIMED_OUT),
        waits_timed: word(bytes, point::WAITS_TIMED),
        holds_timed: word(bytes, point::HOLDS_TIMED),
        wait: distribution(&bytes[point::WAIT..]),
        hold: distribution(&bytes[point::HOLD..]),
        holds_resumed: word(bytes, point::HOLDS_RESUMED),
    }
}

fn distribution(bytes: &[u8]) -> Box<FineDurations> {
    let mut durations = Box::new(FineDurations::new());
    durations.count = word(bytes, 0);
    durations.total_ns = word(bytes, WORD);
    durations.max_ns = word(bytes, 2 * WORD);
    for (index, count) in durations.histogram.iter_mut().enumerate() {
        *count = word(bytes, (3 + index) * WORD);
    }
    durations
}

/// Adds a thread's entries to its shares and to the points.
fn shares(block: &[u8], numbers: &[Option<usize>], recording: &mut Recording) {
    let entries = &block[thread::ENTRIES..thread::ENTRIES + TABLE * entry::SIZE];
    for bytes in entries.chunks_exact(entry::SIZE) {
        let Some(index) = place(numbers, word(bytes, entry::POINT)) else {
            continue;
        };
        let share = ThreadShare {
            thread: recording.threads.len() - 1,
            point: index,
            acquisitions: word(bytes, entry::ACQUISITIONS),
            contentions: word(bytes, entry::CONTENTIONS),
            refused: word(bytes, entry::REFUSED),
            wait_ns: word(bytes, entry::WAIT_NS),
            hold_ns: word(bytes, entry::HOLD_NS),
        };
        let point = &mut recording.points[index];
        point.acquisitions = point.acquisitions.saturating_add(share.acquisitions);
        point.contentions = point.contentions.saturating_add(share.contentions);
        point.refused = point.refused.saturating_add(share.refused);
        recording.shares.push(share);
    }
}

fn one_event(bytes: &[u8], thread: usize, began_ns: u64) -> Event {
    let time = word(bytes, event::TIME);
    let wait_hold = word(bytes, event::WAIT_HOLD);
    Event {
        thread,
        at_ns: began_ns.saturating_add(time & ((1 << event::KIND_SHIFT) - 1)),
        lock: word(bytes, event::LOCK),
        site: word(bytes, event::SITE),
        kind: Kind(small(time >> event::KIND_SHIFT)),
        wait_ns: event::long(wait_hold),
        hold_ns: event::long(wait_hold >> 32),
    }
}

/// A sample that is whole and whose point is known.
fn one_stack(bytes: &[u8], numbers: &[Option<usize>]) -> Option<StackSample> {
    let sequence = word(bytes, stack::SEQUENCE);
    if sequence == 0 || sequence % 2 == 1 {
        return None;
    }
    let length = usize::try_from(word(bytes, stack::LENGTH))
        .unwrap_or(stack::CAPACITY)
        .min(stack::CAPACITY);
    Some(StackSample {
        point: place(numbers, word(bytes, stack::POINT))?,
        tid: small(word(bytes, stack::TID)),
        why: Why(small(word(bytes, stack::WHY))),
        ns: word(bytes, stack::NS),
        pc: word(bytes, stack::PC),
        sp: word(bytes, stack::SP),
        fp: word(bytes, stack::FP),
        bytes: bytes[stack::BYTES..stack::BYTES + length].to_vec(),
    })
}

/// Records of this size, of those that are whole. All have their state first.
fn ready(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    bytes
        .chunks_exact(size)
        .filter(|bytes| word(bytes, 0) == READY)
}

fn name(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..length.unwrap_or(bytes.len())]).into_owned()
}

/// A number that fits 32 bits unless the file is damaged; then it is the greatest.
fn small(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}
