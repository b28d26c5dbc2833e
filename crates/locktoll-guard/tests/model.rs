//! The protocols under every schedule that loom can tell apart.
//!
//! Only in a build of its own; see the crate documentation for the command. Loom stops a run that
//! deadlocks, and `Encoder` makes it stop one in which two threads touch an encoder without one
//! happening before the other.

#![cfg(loom)]

use std::num::NonZeroU32;
use std::sync::Arc;

use locktoll_guard::{Address, Guard, Instrument, Objects, OwnedLock, Record, Site, Strategy};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// What a section protects: an object that breaks when two threads use it at once.
#[derive(Default)]
struct Encoder {
    calls: UnsafeCell<u32>,
}

// SAFETY: loom checks every use of the cell, and fails the model on a race.
unsafe impl Sync for Encoder {}

impl Encoder {
    fn new() -> Self {
        Encoder {
            calls: UnsafeCell::new(0),
        }
    }

    fn call(&self) {
        // SAFETY: loom fails the model if another thread is in here.
        self.calls.with_mut(|calls| unsafe { *calls += 1 });
    }

    fn calls(&self) -> u32 {
        // SAFETY: as above.
        self.calls.with(|calls| unsafe { *calls })
    }
}

/// Explores `model` with at most `preemptions` switches away from a thread that could go on.
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Runs the threads to their ends and fails if one of them has failed.
fn run<const N: usize>(threads: [Box<dyn FnOnce() + Send>; N]) {
    let spawned = threads.map(|body| thread::spawn(body));
    for handle in spawned {
        handle.join().expect("the model holds");
    }
}

fn throttle(permits: u32) -> Strategy {
    Strategy::Throttle(NonZeroU32::new(permits).expect("not zero"))
}

#[test]
fn one_thread_at_a_time_under_each_lock() {
    for strategy in [
        Strategy::Global,
        Strategy::PerEncoder,
        Strategy::PerQueue,
        throttle(1),
    ] {
        explore(3, move || {
            let guard = Arc::new(Guard::new(strategy, Instrument::Counted));
            let locks = Arc::new((OwnedLock::new(), OwnedLock::new()));
            let encoder = Arc::new(Encoder::new());
            let body = || {
                let (guard, locks, encoder) = (guard.clone(), locks.clone(), encoder.clone());
                Box::new(move || {
                    let site = Site {
                        queue: &locks.0,
                        encoder: &locks.1,
                    };
                    let outer = guard.enter(site);
                    encoder.call();
                    drop(guard.enter(site));
                    encoder.call();
                    drop(outer);
                }) as Box<dyn FnOnce() + Send>
            };
            run([body(), body()]);
            assert_eq!(encoder.calls(), 4);
            let counts = guard.counts();
            assert_eq!(counts.acquisitions, 2, "the nested sections take nothing");
            assert_eq!(counts.contentions, counts.wait.count);
        });
    }
}

#[test]
fn a_throttle_lets_in_no_more_than_its_permits_and_wakes_every_waiter() {
    for permits in [1, 2] {
        explore(2, move || {
            let guard = Arc::new(Guard::new(throttle(permits), Instrument::Bare));
            let inside = Arc::new(AtomicU32::new(0));
            let body = || {
                let (guard, inside) = (guard.clone(), inside.clone());
                Box::new(move || {
                    let _section = guard.enter_at(Address {
                        queue: 1,
                        encoder: 1,
                    });
                    assert!(inside.fetch_add(1, Ordering::Relaxed) < permits);
                    inside.fetch_sub(1, Ordering::Relaxed);
                }) as Box<dyn FnOnce() + Send>
            };
            run([body(), body(), body()]);
        });
    }
}

#[test]
fn all_threads_get_one_lock_for_one_address() {
    explore(3, || {
        let guard = Arc::new(Guard::new(Strategy::PerEncoder, Instrument::Bare));
        let encoder = Arc::new(Encoder::new());
        let body = || {
            let (guard, encoder) = (guard.clone(), encoder.clone());
            Box::new(move || {
                let _section = guard.enter_at(Address {
                    queue: 0,
                    encoder: 0x40,
                });
                encoder.call();
            }) as Box<dyn FnOnce() + Send>
        };
        run([body(), body()]);
        assert_eq!(encoder.calls(), 2);
    });
}

#[test]
fn growth_separates_nobody_from_their_lock() {
    explore(3, || {
        let guard = Arc::new(Guard::new(Strategy::PerEncoder, Instrument::Bare));
        let encoder = Arc::new(Encoder::new());
        let at = |encoder| Address { queue: 0, encoder };
        drop(guard.enter_at(at(0x40)));
        let user = {
            let (guard, encoder) = (guard.clone(), encoder.clone());
            Box::new(move || {
                let _section = guard.enter_at(at(0x40));
                encoder.call();
            }) as Box<dyn FnOnce() + Send>
        };
        let grower = {
            let (guard, encoder) = (guard.clone(), encoder.clone());
            Box::new(move || {
                for other in 2..6 {
                    drop(guard.enter_at(at(other * 0x40)));
                }
                let _section = guard.enter_at(at(0x40));
                encoder.call();
            }) as Box<dyn FnOnce() + Send>
        };
        run([user, grower]);
        assert_eq!(encoder.calls(), 2);
    });
}

/// One thread destroys the object at an address from inside its section, while two others are
/// about to enter that address or wait for it already. Afterwards the address is a new object's,
/// and whoever is in that is there alone, however long ago it looked the address up.
#[test]
fn an_address_that_returns_has_one_lock_again() {
    explore(2, || {
        let guard = Arc::new(Guard::new(Strategy::PerEncoder, Instrument::Bare));
        let object = Arc::new(Encoder::new());
        let at = Address {
            queue: 0,
            encoder: 0x40,
        };
        let body = |destroys: bool| {
            let (guard, object) = (guard.clone(), object.clone());
            Box::new(move || {
                let _section = guard.enter_at(at);
                object.call();
                if destroys {
                    guard.forget(0x40);
                }
            }) as Box<dyn FnOnce() + Send>
        };
        run([body(true), body(false), body(false)]);
        assert_eq!(object.calls(), 3);
    });
}

/// `N` threads, each in an encoder of its own, each calling into the next one's: a cycle.
fn cycle<const N: usize>(preemptions: usize, strategy: Strategy, instrument: Instrument) {
    explore(preemptions, move || {
        let guard = Arc::new(Guard::new(strategy, instrument));
        let locks: Arc<[OwnedLock; N]> = Arc::new(std::array::from_fn(|_| OwnedLock::new()));
        let encoders: Arc<[Encoder; N]> = Arc::new(std::array::from_fn(|_| Encoder::new()));
        run(std::array::from_fn::<_, N, _>(|mine| {
            let (guard, locks, encoders) = (guard.clone(), locks.clone(), encoders.clone());
            Box::new(move || {
                let next = (mine + 1) % N;
                let site = |index: usize| Site {
                    queue: &locks[index],
                    encoder: &locks[index],
                };
                let outer = guard.enter(site(mine));
                encoders[mine].call();
                {
                    let _inner = guard.enter(site(next));
                    encoders[next].call();
                }
                // Still its own, also after it was lent.
                drop(guard.enter(site(mine)));
                encoders[mine].call();
                drop(outer);
            }) as Box<dyn FnOnce() + Send>
        }));
        assert!(encoders.iter().all(|encoder| encoder.calls() == 3));
        let counts = guard.counts();
        if instrument == Instrument::Counted {
            assert_eq!(counts.acquisitions, 2 * N as u64);
        }
        assert_eq!(counts.contentions, counts.wait.count + counts.lent);
        assert!(counts.lent <= 1, "one loan resolves the cycle");
    });
}

#[test]
fn two_threads_in_a_cycle_of_encoders() {
    cycle::<2>(4, Strategy::PerEncoder, Instrument::Counted);
}

#[test]
fn two_threads_in_a_cycle_of_queues() {
    cycle::<2>(3, Strategy::PerQueue, Instrument::Counted);
}

#[test]
fn three_threads_in_a_cycle() {
    cycle::<3>(2, Strategy::PerEncoder, Instrument::Bare);
}

/// A borrower that has to wait itself lends on what it has borrowed.
#[test]
fn a_loan_is_lent_on() {
    explore(2, || {
        let guard = Arc::new(Guard::new(Strategy::PerEncoder, Instrument::Bare));
        let locks: Arc<[OwnedLock; 3]> = Arc::new(std::array::from_fn(|_| OwnedLock::new()));
        let encoders: Arc<[Encoder; 3]> = Arc::new(std::array::from_fn(|_| Encoder::new()));
        let nest = |path: &'static [usize]| {
            let (guard, locks, encoders) = (guard.clone(), locks.clone(), encoders.clone());
            Box::new(move || {
                fn enter(
                    path: &[usize],
                    guard: &Guard,
                    locks: &[OwnedLock; 3],
                    encoders: &[Encoder; 3],
                ) {
                    if let [first, rest @ ..] = path {
                        let lock = &locks[*first];
                        let _section = guard.enter(Site {
                            queue: lock,
                            encoder: lock,
                        });
                        encoders[*first].call();
                        enter(rest, guard, locks, encoders);
                        encoders[*first].call();
                    }
                }
                enter(path, &guard, &locks, &encoders);
            }) as Box<dyn FnOnce() + Send>
        };
        run([nest(&[0, 1]), nest(&[1, 0, 2]), nest(&[2, 0])]);
        assert_eq!(encoders.each_ref().map(Encoder::calls), [6, 4, 4]);
    });
}

/// A record as its trait asks for: who uses it says so first, and then looks whose it is.
#[derive(Default)]
struct Kept {
    inside: AtomicU32,
    /// Changed when the record begins to serve an object, while nobody may be inside.
    of: Encoder,
}

impl Record for Kept {
    fn is_idle(&self) -> bool {
        self.inside.load(Ordering::SeqCst) == 0
    }
}

/// One thread uses the record of an object while another forgets the object and makes one known at a new
/// address. Either the user sees that the record is no more that object's, or the record serves no other
/// while the user is inside.
#[test]
fn a_record_serves_no_other_object_while_somebody_is_inside() {
    const FIRST: usize = 0x40;
    explore(3, || {
        let objects = Arc::new(Objects::<Kept>::new());
        objects.with(FIRST, |kept, is_new| {
            assert!(is_new);
            kept.of.call();
        });
        let user = {
            let objects = objects.clone();
            Box::new(move || {
                let Some(kept) = objects.find(FIRST) else {
                    return;
                };
                kept.inside.fetch_add(1, Ordering::SeqCst);
                if kept.is_of(FIRST) {
                    assert_eq!(kept.of.calls(), 1);
                }
                kept.inside.fetch_sub(1, Ordering::SeqCst);
            }) as Box<dyn FnOnce() + Send>
        };
        let owner = {
            let objects = objects.clone();
            Box::new(move || {
                assert!(objects.forget_if(FIRST, |_| true));
                objects.with(2 * FIRST, |kept, is_new| {
                    assert!(is_new);
                    kept.of.call();
                });
            }) as Box<dyn FnOnce() + Send>
        };
        run([user, owner]);
    });
}
