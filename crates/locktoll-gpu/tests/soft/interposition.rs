//! A guard under an unchanged caller.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use locktoll_gpu::{Device, Error, Located, SoftDevice, interpose};
use locktoll_guard::{Guard, Instrument, Strategy};

use crate::{AXPY_CALLS, Calls, axpy_op, device};

const THREADS: u64 = 4;

fn counted(strategy: Strategy) -> Arc<Guard> {
    Arc::new(Guard::new(strategy, Instrument::Counted))
}

/// Each thread makes ops on its lane until `more` says no; the number of ops of all threads.
fn ops(device: &SoftDevice, more: impl Fn(u64) -> bool + Sync) -> u64 {
    let (x, y) = (
        device.buffer(&[1.0]).unwrap(),
        device.buffer(&[0.0]).unwrap(),
    );
    let made = AtomicU64::new(0);
    thread::scope(|scope| {
        for lane in 0..THREADS {
            let queue = device.queue(usize::try_from(lane).unwrap()).unwrap();
            let (x, y, made, more) = (&x, &y, &made, &more);
            scope.spawn(move || {
                let mut last = None;
                let mut count = 0;
                while more(count) {
                    last = Some(axpy_op(device, &queue, x, y, 1).unwrap());
                    count += 1;
                }
                // A thread that came late may have made none.
                if let Some(last) = last {
                    device.wait(&last).unwrap();
                }
                made.fetch_add(count, Ordering::Relaxed);
            });
        }
    });
    let made = made.into_inner();
    // Every dispatch added one: none is lost.
    assert_eq!(f64::from(device.read(&y)[0]), made as f64);
    made
}

#[test]
fn every_call_enters_the_guard_exactly_once() {
    let two = NonZeroU32::new(2).unwrap();
    for strategy in [
        Strategy::Global,
        Strategy::PerEncoder,
        Strategy::PerQueue,
        Strategy::Throttle(two),
    ] {
        let device = device("service=0,encode=0,queues=2");
        let guard = counted(strategy);
        let interposition = interpose(&device, Arc::clone(&guard)).unwrap();
        let made = ops(&device, |count| count < 50);
        assert_eq!(made, 50 * THREADS);
        assert_eq!(guard.counts().acquisitions, made * AXPY_CALLS, "{strategy}");
        drop(interposition);
        ops(&device, |count| count < 5);
        assert_eq!(guard.counts().acquisitions, made * AXPY_CALLS, "{strategy}");
    }
}

#[test]
fn waiting_and_reading_stay_outside() {
    let device = device("service=0,encode=0");
    let guard = counted(Strategy::Global);
    let _interposition = interpose(&device, Arc::clone(&guard)).unwrap();
    let (x, y) = (
        device.buffer(&[1.0]).unwrap(),
        device.buffer(&[0.0]).unwrap(),
    );
    let commands = axpy_op(&device, &device.queue(0).unwrap(), &x, &y, 1).unwrap();
    for _ in 0..10 {
        device.wait(&commands).unwrap();
        device.read(&y);
        device.busy_ns();
    }
    assert_eq!(guard.counts().acquisitions, AXPY_CALLS);
}

#[test]
fn refused_calls_are_guarded_and_refused() {
    let device = device("service=0,encode=0");
    let guard = counted(Strategy::PerEncoder);
    let _interposition = interpose(&device, Arc::clone(&guard)).unwrap();
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    assert!(matches!(
        device.submit(&commands),
        Err(Error::EncoderOpen { .. })
    ));
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    assert_eq!(guard.counts().acquisitions, 5);
}

#[test]
fn objects_that_exist_already_are_guarded_too() {
    let device = device("service=0,encode=0");
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    let guard = counted(Strategy::Global);
    let _interposition = interpose(&device, Arc::clone(&guard)).unwrap();
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    assert_eq!(guard.counts().acquisitions, 2);
}

// The lock of an address that is in use keeps others out; that of a forgotten one does not.
#[test]
fn the_guard_forgets_a_command_buffer_that_is_gone() {
    let device = device("service=0,encode=0");
    let guard = counted(Strategy::PerEncoder);
    let _interposition = interpose(&device, Arc::clone(&guard)).unwrap();
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    let address = commands.address();
    thread::scope(|scope| {
        let _section = guard.enter_at(address);
        drop((commands, encoder));
        let (entered, has_entered) = mpsc::channel();
        let guard = &guard;
        scope.spawn(move || {
            drop(guard.enter_at(address));
            entered.send(()).unwrap();
        });
        has_entered
            .recv_timeout(Duration::from_secs(30))
            .expect("the address is free again");
    });
}

#[test]
fn a_device_takes_one_interposition_at_a_time() {
    let (device, other) = (device("encode=0"), device("encode=0"));
    let first = interpose(&device, counted(Strategy::Global)).unwrap();
    let second = interpose(&device, counted(Strategy::Global));
    assert!(matches!(second, Err(Error::AlreadyInterposed)));
    let _on_the_other = interpose(&other, counted(Strategy::Global)).unwrap();
    first.install().unwrap();
    first.uninstall();
    first.uninstall();
    assert!(!first.is_installed());

    let second = interpose(&device, counted(Strategy::Global)).unwrap();
    assert!(matches!(first.install(), Err(Error::AlreadyInterposed)));
    first.uninstall();
    drop(first);
    assert!(second.is_installed());
}

// The table changes under four threads, hundreds of times, each time with calls in between.
#[test]
fn replacing_the_table_while_threads_call_loses_nothing() {
    let device = device("service=0,encode=0,queues=2");
    let guard = counted(Strategy::PerEncoder);
    let interposition = interpose(&device, Arc::clone(&guard)).unwrap();
    let (calls_made, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let made = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..400 {
                let seen = calls_made.load(Ordering::Relaxed);
                while calls_made.load(Ordering::Relaxed) == seen {
                    thread::yield_now();
                }
                if interposition.is_installed() {
                    interposition.uninstall();
                } else {
                    interposition.install().unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        ops(&device, |_| {
            calls_made.fetch_add(1, Ordering::Relaxed);
            !done.load(Ordering::Relaxed)
        })
    });
    let acquisitions = guard.counts().acquisitions;
    assert!(
        acquisitions > 0 && acquisitions < made * AXPY_CALLS,
        "{acquisitions} of {made} ops"
    );
}
