//! Several threads: on lanes of their own, and on one encoder with a lock round it.

use std::sync::Mutex;
use std::thread;

use locktoll_gpu::{Device, VulkanDevice};

use crate::{Calls, axpy_op, encode_axpy, new_device};

const THREADS: usize = 8;
const ELEMENTS: usize = 64;

/// Each thread's ops on a lane of its own, five in flight; then its result.
fn each_on_its_lane(device: &VulkanDevice, ops: usize) {
    let x = &device.buffer(&[1.0; ELEMENTS]).unwrap();
    thread::scope(|scope| {
        for lane in 0..THREADS {
            scope.spawn(move || {
                let queue = device.queue(lane).unwrap();
                let y = device.buffer(&[lane as f32; ELEMENTS]).unwrap();
                let mut in_flight = Vec::new();
                for _ in 0..ops {
                    in_flight.push(axpy_op(device, &queue, x, &y, ELEMENTS).unwrap());
                    if in_flight.len() == 5 {
                        for op in in_flight.drain(..) {
                            device.wait(&op).unwrap();
                        }
                    }
                }
                for op in in_flight {
                    device.wait(&op).unwrap();
                }
                assert_eq!(device.read(&y), [(lane + ops) as f32; ELEMENTS]);
            });
        }
    });
}

#[test]
fn eight_threads_on_lanes_of_their_own_get_their_own_results() {
    each_on_its_lane(&new_device(), 200);
}

/// All threads encode into one encoder, one at a time, op after op.
fn all_on_one_encoder(device: &VulkanDevice) {
    const DISPATCHES: usize = 25;
    let queue = device.queue(0).unwrap();
    let (x, y) = (
        device.buffer(&[1.0]).unwrap(),
        device.buffer(&[0.0]).unwrap(),
    );
    for round in 1..=10 {
        let commands = device.new_commands(&queue).unwrap();
        let encoder = Mutex::new(device.open(&commands).unwrap());
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..DISPATCHES {
                        let encoder = encoder.lock().unwrap();
                        encode_axpy(device, &encoder, 1.0, [&x, &y], 1).unwrap();
                    }
                });
            }
        });
        device.end(&encoder.into_inner().unwrap()).unwrap();
        device.submit(&commands).unwrap();
        // Any number of threads may wait.
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| device.wait(&commands).unwrap());
            }
        });
        assert_eq!(device.read(&y), [(round * THREADS * DISPATCHES) as f32]);
    }
}

#[test]
fn threads_that_share_an_encoder_under_a_lock_lose_nothing() {
    all_on_one_encoder(&new_device());
}

/// Each op gets its own output buffer, dropped before or after its command buffer.
fn churn(device: &VulkanDevice, ops: usize) {
    let x = &device.buffer(&[1.0; ELEMENTS]).unwrap();
    thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || {
                let queue = device.queue(lane).unwrap();
                for op in 0..ops {
                    let y = device.buffer(&[op as f32; ELEMENTS]).unwrap();
                    let commands = axpy_op(device, &queue, x, &y, ELEMENTS).unwrap();
                    if op % 3 == 0 {
                        // The buffer goes while the device may still write it.
                        drop(y);
                        device.wait(&commands).unwrap();
                    } else {
                        device.wait(&commands).unwrap();
                        assert_eq!(device.read(&y), [(op + 1) as f32; ELEMENTS]);
                    }
                }
            });
        }
    });
}

#[test]
fn a_buffer_for_each_op_can_be_had_for_as_long_as_one_likes() {
    // More than the 4,096 allocations that a device must allow at once.
    churn(&new_device(), 1_500);
}

#[test]
#[ignore = "run by the tests of `validation`, in a process of its own"]
fn in_a_child_under_validation() {
    let device = new_device();
    each_on_its_lane(&device, 40);
    all_on_one_encoder(&device);
    churn(&device, 40);
    crate::lifetimes::drop_in_every_order();
    crate::common::kernels::check_mlp(&device);
    crate::common::misuse::a_wrong_order_is_refused_and_the_op_can_still_be_finished(&device);
    let timed = crate::timed_op(&device, &device.queue(0).unwrap(), &[Some(20_000); 3]).unwrap();
    device.wait(&timed).unwrap();
}

#[test]
#[ignore = "run by the tests of `validation`, in a process of its own, which it may crash"]
fn in_a_child_that_breaks_the_contract() {
    let device = new_device();
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    device.value(&encoder, 0, 0.0).unwrap();
                }
            });
        }
    });
}
