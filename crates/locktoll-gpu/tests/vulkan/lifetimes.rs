//! Objects dropped in any order, while the device may still work with them.

use locktoll_gpu::Device;

use crate::{Calls, axpy_op, encode_axpy, new_device, timed_op};

/// Drops everything early, late, unfinished, and unwaited.
pub(crate) fn drop_in_every_order() {
    let device = new_device();
    let queue = device.queue(0).unwrap();
    let x = device.buffer(&[1.0; 4000]).unwrap();
    let y = device.buffer(&[0.0; 4000]).unwrap();
    let mut last = None;
    for _ in 0..50 {
        // Never waited for; its recording is used again once it has completed.
        drop(axpy_op(&device, &queue, &x, &y, 4000).unwrap());
        // Never ended.
        let left = device.new_commands(&queue).unwrap();
        let encoder = device.open(&left).unwrap();
        encode_axpy(&device, &encoder, 1.0, [&x, &y], 4000).unwrap();
        drop(left);
        drop(encoder);
        last = Some(axpy_op(&device, &queue, &x, &y, 4000).unwrap());
    }
    device.wait(&last.unwrap()).unwrap();
    assert_eq!(device.read(&y), [100.0; 4000]);

    // All at once, with work under way.
    let commands = axpy_op(&device, &queue, &x, &y, 4000).unwrap();
    drop((x, y));
    drop(device);
    drop(queue);
    drop(commands);
}

#[test]
fn nothing_is_freed_before_the_device_is_done_with_it() {
    drop_in_every_order();
}

#[test]
fn what_was_dropped_unwaited_still_counts_as_busy_time() {
    let device = new_device();
    let queue = device.queue(0).unwrap();
    let timed = timed_op(&device, &queue, &[Some(200_000)]).unwrap();
    device.wait(&timed).unwrap();
    let before_ns = device.busy_ns()[0];
    for _ in 0..10 {
        drop(timed_op(&device, &queue, &[Some(200_000)]).unwrap());
    }
    // A lane that goes, with the last object that uses it, waits for what was left on it.
    drop((queue, timed));
    let busy_ns = device.busy_ns()[0] - before_ns;
    assert!(busy_ns >= 10 * 100_000, "{busy_ns}");
}

#[test]
fn a_command_buffer_keeps_any_number_of_buffers_that_its_user_drops() {
    let device = new_device();
    let queue = device.queue(0).unwrap();
    let y = device.buffer(&[0.0; 4]).unwrap();
    // Twice, since what the first one kept is let go when its recording is used again.
    for round in 1..=2_u16 {
        let commands = device.new_commands(&queue).unwrap();
        let encoder = device.open(&commands).unwrap();
        for i in 1..=200_u16 {
            let x = device.buffer(&[f32::from(i); 4]).unwrap();
            encode_axpy(&device, &encoder, 1.0, [&x, &y], 4).unwrap();
        }
        device.end(&encoder).unwrap();
        device.submit(&commands).unwrap();
        device.wait(&commands).unwrap();
        assert_eq!(device.read(&y), [f32::from(round * 20_100); 4]);
    }
}
