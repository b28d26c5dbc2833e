//! Without a fault model the soft device accepts overlapping calls, and loses none.

use std::thread;

use locktoll_gpu::{Device, Error, Kernel};

use crate::{Calls, axpy_op, device};

const THREADS: usize = 4;

#[test]
fn dispatches_of_several_threads_on_one_encoder_all_count() {
    let device = device("service=0,encode=0");
    let (x, y) = (
        device.buffer(&[1.0]).unwrap(),
        device.buffer(&[0.0]).unwrap(),
    );
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    device
        .pipe(&encoder, &device.pipeline(Kernel::Axpy).unwrap())
        .unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..500 {
                    device.bind(&encoder, 0, &x).unwrap();
                    device.bind(&encoder, 1, &y).unwrap();
                    device.value(&encoder, 2, 1.0).unwrap();
                    device.go(&encoder, 1).unwrap();
                }
            });
        }
    });
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    device.wait(&commands).unwrap();
    assert_eq!(device.read(&y), [500.0 * THREADS as f32]);
}

#[test]
fn ops_of_several_threads_all_count_on_several_engines() {
    let device = device("service=0,encode=0,queues=2,engines=2");
    let x = device.buffer(&[1.0; 3]).unwrap();
    let y = device.buffer(&[0.0; 3]).unwrap();
    thread::scope(|scope| {
        for lane in 0..THREADS {
            let queue = device.queue(lane).unwrap();
            let (device, x, y) = (&device, &x, &y);
            scope.spawn(move || {
                for _ in 0..300 {
                    let commands = axpy_op(device, &queue, x, y, 3).unwrap();
                    device.wait(&commands).unwrap();
                }
            });
        }
    });
    assert_eq!(device.read(&y), [300.0 * THREADS as f32; 3]);
}

// Engine 0 reads x and writes y while engine 1 reads y and writes x: what comes out is the
// program's own race, but it must come out.
#[test]
fn engines_that_write_each_other_s_inputs_do_not_deadlock() {
    let device = device("service=0,encode=0,queues=2,engines=2");
    let (x, y) = (
        device.buffer(&[0.0; 64]).unwrap(),
        device.buffer(&[0.0; 64]).unwrap(),
    );
    thread::scope(|scope| {
        for lane in 0..2 {
            let queue = device.queue(lane).unwrap();
            let (device, x, y) = (&device, &x, &y);
            let (from, to) = if lane == 0 { (x, y) } else { (y, x) };
            scope.spawn(move || {
                for _ in 0..500 {
                    let commands = axpy_op(device, &queue, from, to, 64).unwrap();
                    device.wait(&commands).unwrap();
                }
            });
        }
    });
}

#[test]
fn of_racing_ends_and_commits_one_wins_and_the_others_are_told() {
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let race = |call: &(dyn Fn() -> Result<(), Error> + Sync)| -> Vec<Result<(), Error>> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    };
    for _ in 0..50 {
        let commands = device.new_commands(&queue).unwrap();
        let encoder = device.open(&commands).unwrap();
        let ends = race(&|| device.end(&encoder));
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        let told = |end: &&Result<(), Error>| matches!(end, Err(Error::EncoderEnded { .. }));
        assert_eq!(ends.iter().filter(told).count(), THREADS - 1);
        let commits = race(&|| device.submit(&commands));
        assert_eq!(commits.iter().filter(|commit| commit.is_ok()).count(), 1);
        device.wait(&commands).unwrap();
    }
}
