//! The header of a recording. What follows is stored by its library itself, at the offsets of
//! [`layout`](super::layout), since hot paths are made of single stores.

use core::sync::atomic::{AtomicU64, Ordering};

use super::layout::{Shape, header};
use super::{Clock, Mode};
use crate::layout::{self, Text, WORD, header as file};

/// What is known of a recording when it begins.
#[derive(Clone, Copy, Debug)]
pub struct Began<'a> {
    /// Who writes it.
    pub producer: &'a str,
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub parent: u32,
    /// What is recorded.
    pub mode: Mode,
    /// What times are read from.
    pub clock: Clock,
    /// Nanoseconds a tick of the clock.
    pub ns_per_tick: f64,
    /// One hold of this many is timed, on average.
    pub hold_every: u64,
    /// Now, by the monotonic clock.
    pub at_ns: u64,
    /// Now, in Unix time.
    pub at_unix_ns: u64,
}

/// Stores the header of a recording of this shape into zeroed memory, and so begins it. Allocates
/// nothing. Does nothing, and says so by `false`, if the words are not as many as the shape asks
/// for.
pub fn begin(words: &[AtomicU64], shape: &Shape, began: &Began<'_>) -> bool {
    if words.len() * WORD != shape.file_size() {
        return false;
    }
    let store = |at: usize, value: u64| words[at / WORD].store(value, Ordering::Relaxed);
    store(file::VERSION, layout::VERSION);
    store(file::COUNTERS, layout::COUNTERS as u64);
    store(file::PID, u64::from(began.pid));
    text(words, file::PRODUCER, began.producer);
    for (at, capacity) in [
        (header::THREADS, shape.threads),
        (header::POINTS, shape.points),
        (header::LOCKS, shape.locks),
        (header::BLAMES, shape.blames),
        (header::STACKS, shape.stacks),
        (header::EVENTS, shape.events),
    ] {
        store(at, capacity as u64);
    }
    store(header::MODE, u64::from(began.mode.0));
    store(header::CLOCK, u64::from(began.clock.0));
    store(header::NS_PER_TICK, began.ns_per_tick.to_bits());
    store(header::HOLD_EVERY, began.hold_every);
    store(header::BEGAN_NS, began.at_ns);
    store(header::BEGAN_UNIX_NS, began.at_unix_ns);
    store(header::PARENT, u64::from(began.parent));
    // Last, so that a reader sees either no trace or a whole header.
    words[file::MAGIC / WORD].store(layout::MAGIC, Ordering::Release);
    true
}

/// Says that the process ends in order, at this time of the monotonic clock.
pub fn end(words: &[AtomicU64], at_ns: u64) {
    words[header::ENDED_NS / WORD].store(at_ns, Ordering::Relaxed);
    words[file::FLAGS / WORD].fetch_or(file::ENDED, Ordering::Relaxed);
}

fn text(words: &[AtomicU64], field: Text, text: &str) {
    let text = &text[..text.floor_char_boundary(field.capacity)];
    for (index, bytes) in text.as_bytes().chunks(WORD).enumerate() {
        let mut word = [0; WORD];
        word[..bytes.len()].copy_from_slice(bytes);
        words[field.bytes_at() / WORD + index].store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
    words[field.at / WORD].store(text.len() as u64, Ordering::Release);
}
