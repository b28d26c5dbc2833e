//! What a caller may rely on, one thing a test. Where schedules matter, `nesting.rs` tries many at
//! random and `model.rs` tries all.

#![cfg(not(loom))]

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use locktoll_guard::{Address, Counts, Guard, Instrument, OwnedLock, Section, Site, Strategy};

const AT: Address = Address {
    queue: 0x100,
    encoder: 0x200,
};

fn throttle(permits: u32) -> Strategy {
    Strategy::Throttle(NonZeroU32::new(permits).expect("not zero"))
}

fn locking() -> [Strategy; 5] {
    [
        Strategy::Global,
        Strategy::PerEncoder,
        Strategy::PerQueue,
        throttle(1),
        throttle(3),
    ]
}

fn counted(strategy: Strategy) -> Guard {
    Guard::new(strategy, Instrument::Counted)
}

/// Fails to compile if the type is `Send`: then both implementations apply.
trait NotSend<Proof> {
    fn proof() {}
}
impl<T: ?Sized> NotSend<()> for T {}
impl<T: ?Sized + Send> NotSend<u8> for T {}
const _: fn() = <Section<'static> as NotSend<_>>::proof;

const _: fn() = || {
    fn shared_by_threads<T: Send + Sync>() {}
    shared_by_threads::<Guard>();
    shared_by_threads::<OwnedLock>();
};

#[test]
fn a_guard_says_what_it_was_made_with() {
    let guard = Guard::new(Strategy::PerQueue, Instrument::Bare);
    assert_eq!(
        (guard.strategy(), guard.instrument()),
        (Strategy::PerQueue, Instrument::Bare)
    );
}

#[test]
fn nested_sections_of_one_lock_are_one_acquisition() {
    for strategy in locking() {
        let guard = counted(strategy);
        let outer = guard.enter_at(AT);
        let middle = guard.enter_at(AT);
        drop(guard.enter_at(AT));
        drop(middle);
        drop(outer);
        drop(guard.enter_at(AT));
        assert_eq!(guard.counts().acquisitions, 2, "{strategy}");
        assert_eq!(guard.counts().contentions, 0, "{strategy}");
    }
}

#[test]
fn each_strategy_takes_the_lock_that_it_names() {
    let (queue, encoder) = (OwnedLock::new(), OwnedLock::new());
    let site = Site {
        queue: &queue,
        encoder: &encoder,
    };
    let free = |lock: &OwnedLock| format!("{lock:?}").contains("true");
    for (strategy, queue_free, encoder_free) in [
        (Strategy::None, true, true),
        (Strategy::Global, true, true),
        (Strategy::PerEncoder, true, false),
        (Strategy::PerQueue, false, true),
        (throttle(2), true, true),
    ] {
        let guard = counted(strategy);
        let section = guard.enter(site);
        assert_eq!(
            (free(&queue), free(&encoder)),
            (queue_free, encoder_free),
            "{strategy}"
        );
        drop(section);
        assert!(free(&queue) && free(&encoder), "{strategy}");
        assert_eq!(
            guard.counts().acquisitions,
            u64::from(strategy != Strategy::None)
        );
    }
}

#[test]
fn sections_of_different_encoders_do_not_exclude_each_other() {
    let guard = counted(Strategy::PerEncoder);
    let both_inside = Barrier::new(2);
    thread::scope(|scope| {
        for encoder in [0x40, 0x80] {
            let (guard, both_inside) = (&guard, &both_inside);
            scope.spawn(move || {
                let _section = guard.enter_at(Address { queue: 0, encoder });
                both_inside.wait();
            });
        }
    });
    assert_eq!(guard.counts().contentions, 0);
}

#[test]
fn a_throttle_lets_in_as_many_as_it_has_permits() {
    let guard = counted(throttle(3));
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    let three_inside = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let _section = guard.enter_at(AT);
                three_inside.wait();
            });
        }
    });
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let _section = guard.enter_at(AT);
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::hint::spin_loop();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert_eq!(guard.counts().acquisitions, 3 + 6 * 2000);
}

#[test]
fn a_panic_inside_releases_and_poisons_nothing() {
    for strategy in locking() {
        let guard = counted(strategy);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _section = guard.enter_at(AT);
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(panicked.is_err());
        thread::scope(|scope| {
            scope.spawn(|| drop(guard.enter_at(AT)));
        });
        assert_eq!(guard.counts().acquisitions, 2, "{strategy}");
    }
}

/// A plain integer that several threads raise breaks as soon as two do so at once.
#[test]
fn counts_add_up_over_threads_that_have_ended() {
    const THREADS: u64 = 4;
    const SECTIONS: u64 = 5000;
    for strategy in [
        Strategy::Global,
        Strategy::PerEncoder,
        Strategy::PerQueue,
        throttle(1),
    ] {
        let guard = counted(strategy);
        let raised = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..SECTIONS {
                        let _section = guard.enter_at(AT);
                        raised.store(raised.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(
            u64::from(raised.into_inner()),
            THREADS * SECTIONS,
            "{strategy}"
        );
        let Counts {
            acquisitions,
            contentions,
            wait,
            lent,
            ..
        } = guard.counts();
        assert_eq!((acquisitions, lent), (THREADS * SECTIONS, 0), "{strategy}");
        assert_eq!(contentions, wait.count, "{strategy}");
        assert!(contentions <= acquisitions, "{strategy}");
    }
}

#[test]
fn a_lock_that_is_not_free_is_a_contention_and_its_wait_is_timed() {
    for strategy in [
        Strategy::Global,
        Strategy::PerEncoder,
        Strategy::PerQueue,
        throttle(1),
    ] {
        let guard = counted(strategy);
        // The other thread may be late in trying, so this is repeated until it has found the lock
        // taken once.
        while guard.counts().contentions == 0 {
            guard.reset();
            let section = guard.enter_at(AT);
            thread::scope(|scope| {
                scope.spawn(|| drop(guard.enter_at(AT)));
                while guard.counts().acquisitions < 2 {
                    thread::yield_now();
                }
                thread::yield_now();
                drop(section);
            });
        }
        let counts = guard.counts();
        assert_eq!(
            (counts.contentions, counts.wait.count, counts.lent),
            (1, 1, 0),
            "{strategy}"
        );
        assert!(counts.wait.total_ns > 0, "{strategy}");
    }
}

#[test]
fn a_timed_guard_times_every_hold() {
    for strategy in [Strategy::Global, Strategy::Throttle(NonZeroU32::MIN)] {
        let guard = Guard::new(strategy, Instrument::Timed);
        for _ in 0..1000 {
            drop(guard.enter_at(AT));
        }
        let counts = guard.counts();
        assert_eq!(counts.hold_sample_every, 1);
        assert_eq!((counts.acquisitions, counts.hold.count), (1000, 1000));
    }
}

#[test]
fn a_bare_guard_counts_nothing() {
    for strategy in locking() {
        let guard = Guard::new(strategy, Instrument::Bare);
        for _ in 0..1000 {
            drop(guard.enter_at(AT));
        }
        assert_eq!(guard.counts(), Counts::default(), "{strategy}");
    }
}

#[test]
fn reset_begins_anew_also_for_other_threads() {
    let guard = counted(Strategy::Global);
    let turns = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..500 {
                drop(guard.enter_at(AT));
            }
            turns.wait();
            turns.wait();
            drop(guard.enter_at(AT));
            turns.wait();
        });
        turns.wait();
        assert_eq!(guard.counts().acquisitions, 500);
        guard.reset();
        assert_eq!(guard.counts(), Counts::default());
        turns.wait();
        turns.wait();
        assert_eq!(guard.counts().acquisitions, 1);
    });
}

#[test]
fn many_guards_in_turn_keep_their_counts_apart() {
    let guards: Vec<Guard> = (0..20).map(|_| counted(Strategy::Global)).collect();
    for _ in 0..10 {
        for (times, guard) in guards.iter().enumerate() {
            for _ in 0..times {
                drop(guard.enter_at(AT));
            }
        }
    }
    for (times, guard) in guards.iter().enumerate() {
        assert_eq!(guard.counts().acquisitions, 10 * times as u64);
    }
}

#[test]
fn an_address_may_be_forgotten_by_whoever_is_inside() {
    let guard = counted(Strategy::PerEncoder);
    let section = guard.enter_at(AT);
    guard.forget(AT.encoder);
    // The object is another one now, so this section is not nested in the first.
    drop(guard.enter_at(AT));
    drop(section);
    assert_eq!(guard.counts().acquisitions, 2);
    guard.forget(AT.encoder);
    guard.forget(AT.encoder);
    guard.forget(0);
}

/// Every thread is in its own section before any goes on to the next one's, so there is a cycle
/// for certain, and one loan opens it.
#[test]
fn a_cycle_is_opened_by_one_loan() {
    for threads in [2, 3, 5] {
        for strategy in [Strategy::PerEncoder, Strategy::PerQueue] {
            let guard = counted(strategy);
            let all_inside = Barrier::new(threads);
            thread::scope(|scope| {
                for mine in 0..threads {
                    let (guard, all_inside) = (&guard, &all_inside);
                    let at = |index| Address {
                        queue: 1 + index,
                        encoder: 1 + index,
                    };
                    scope.spawn(move || {
                        let _outer = guard.enter_at(at(mine));
                        all_inside.wait();
                        let _inner = guard.enter_at(at((mine + 1) % threads));
                    });
                }
            });
            let counts = guard.counts();
            assert_eq!(counts.acquisitions, 2 * threads as u64);
            assert_eq!(counts.lent, 1, "{threads} threads, {strategy}");
            assert_eq!(counts.contentions, counts.wait.count + counts.lent);
        }
    }
}

#[test]
fn a_cycle_across_guards_is_opened_too() {
    let guards = [counted(Strategy::Global), counted(Strategy::PerEncoder)];
    let both_inside = Barrier::new(2);
    thread::scope(|scope| {
        for mine in 0..2 {
            let (guards, both_inside) = (&guards, &both_inside);
            scope.spawn(move || {
                let _outer = guards[mine].enter_at(AT);
                both_inside.wait();
                let _inner = guards[1 - mine].enter_at(AT);
            });
        }
    });
    assert_eq!(
        guards.iter().map(|guard| guard.counts().lent).sum::<u64>(),
        1
    );
}
