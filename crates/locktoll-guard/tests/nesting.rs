//! Random nesting of sections by several threads, checked by who runs where.
//!
//! No two threads may run in one encoder's section at a time. A thread that asks for a lock does
//! not run until it has it: that is when its sections may be lent.

#![cfg(not(loom))]

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use locktoll_guard::{Address, Guard, Instrument, OwnedLock, Site, Strategy};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const ENCODERS: usize = 5;
const THREADS: usize = 4;
const NOBODY: usize = 0;

/// Which thread runs in each encoder's section.
struct Running([AtomicUsize; ENCODERS]);

impl Running {
    fn new() -> Self {
        Running([const { AtomicUsize::new(NOBODY) }; ENCODERS])
    }

    fn change(&self, encoders: &[usize], from: usize, to: usize) {
        for &encoder in encoders {
            let before = self.0[encoder].swap(to, Ordering::SeqCst);
            assert_eq!(before, from, "two threads run in encoder {encoder}");
        }
    }
}

/// One thread's stack of sections.
struct Nest<'a, E: Fn(usize) -> S, S> {
    me: usize,
    running: &'a Running,
    enter: E,
    random: Pcg64,
    /// The different encoders that the thread is in.
    inside: Vec<usize>,
}

impl<E: Fn(usize) -> S, S> Nest<'_, E, S> {
    /// Goes up to `depth` sections deeper, into encoders chosen at random.
    fn descend(&mut self, depth: usize) {
        for _ in 0..self.random.random_range(0..=2) {
            let encoder = self.random.random_range(0..ENCODERS);
            self.running.change(&self.inside, self.me, NOBODY);
            let section = (self.enter)(encoder);
            let is_nested = self.inside.contains(&encoder);
            self.inside.push(encoder);
            let entered = self.inside.len() - usize::from(is_nested);
            self.running
                .change(&self.inside[..entered], NOBODY, self.me);
            if is_nested {
                self.inside.pop();
            }
            if self.random.random_bool(0.3) {
                thread::yield_now();
            }
            if depth > 1 {
                self.descend(depth - 1);
            }
            if !is_nested {
                self.inside.pop();
                self.running.change(&[encoder], self.me, NOBODY);
            }
            drop(section);
        }
    }
}

/// Runs the threads; each descends many times.
fn nest_at_random<S>(seed: u64, enter: impl Fn(usize) -> S + Sync) {
    let running = Running::new();
    thread::scope(|scope| {
        for me in 1..=THREADS {
            let (running, enter) = (&running, &enter);
            scope.spawn(move || {
                let random = Pcg64::seed_from_u64(seed + me as u64);
                let mut nest = Nest {
                    me,
                    running,
                    enter,
                    random,
                    inside: Vec::new(),
                };
                for _ in 0..4000 {
                    nest.descend(4);
                }
            });
        }
    });
}

#[test]
fn owned_locks() {
    let guard = Guard::new(Strategy::PerEncoder, Instrument::Counted);
    let locks = [const { OwnedLock::new() }; ENCODERS];
    nest_at_random(1, |index| {
        guard.enter(Site {
            queue: &locks[index],
            encoder: &locks[index],
        })
    });
    let counts = guard.counts();
    assert!(counts.lent > 0, "the test has tried nothing");
    assert_eq!(counts.contentions, counts.wait.count + counts.lent);
}

#[test]
fn addresses() {
    let guard = Guard::new(Strategy::PerQueue, Instrument::Counted);
    nest_at_random(2, |index| {
        guard.enter_at(Address {
            queue: 64 * index,
            encoder: 0,
        })
    });
    assert!(guard.counts().lent > 0, "the test has tried nothing");
}

#[test]
fn one_lock_for_all_never_lends() {
    let guard = Guard::new(Strategy::Global, Instrument::Counted);
    nest_at_random(3, |index| {
        guard.enter_at(Address {
            queue: 1,
            encoder: index,
        })
    });
    assert_eq!(guard.counts().lent, 0);
}

/// Addresses are freed and come back as those of new objects while other threads use the rest.
#[test]
fn addresses_that_return() {
    const ADDRESSES: usize = 16;
    let guard = Guard::new(Strategy::PerEncoder, Instrument::Counted);
    // Written to destroy an object and make the next one in its place; read while it is used.
    let objects: [RwLock<AtomicUsize>; ADDRESSES] = std::array::from_fn(|_| RwLock::default());
    let entered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for me in 1..=THREADS {
            let (guard, objects, entered) = (&guard, &objects, &entered);
            scope.spawn(move || {
                let mut random = Pcg64::seed_from_u64(me as u64);
                for _ in 0..20_000 {
                    let index = random.random_range(0..ADDRESSES);
                    let encoder = 0x1000 + 0x40 * index;
                    if random.random_bool(0.2) {
                        let mut object = objects[index].write().expect("no panic");
                        guard.forget(encoder);
                        *object = AtomicUsize::new(NOBODY);
                        continue;
                    }
                    let object = objects[index].read().expect("no panic");
                    let _section = guard.enter_at(Address { queue: 0, encoder });
                    assert_eq!(object.swap(me, Ordering::SeqCst), NOBODY, "two are inside");
                    assert_eq!(object.swap(NOBODY, Ordering::SeqCst), me, "two are inside");
                    entered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(guard.counts().acquisitions >= entered.into_inner() as u64);
}
