//! Metal's device from outside: what it computes, what it refuses, how long it is busy. For a Mac: here
//! these tests were type-checked, never linked or run.
#![cfg(target_os = "macos")]

#[path = "../common/mod.rs"]
mod common;

use common::calls::{Calls as _, axpy_op, timed_op};
use common::kernels::{check_axpy, check_layer, check_mlp};
use common::misuse;
use locktoll_gpu::{Device, Error, Kernel, MetalDevice, MetalSettings};

fn device() -> MetalDevice {
    MetalDevice::new(&MetalSettings::default()).expect("these tests need a GPU that Metal offers")
}

#[test]
fn kernels_are_right() {
    let device = device();
    check_mlp(&device);
    for (length, beyond) in [(0, 2), (1, 0), (129, 1), (1_000_003, 2)] {
        check_axpy(&device, 1.5, length, beyond, 7);
    }
    for (inputs, outputs) in [(0, 3), (1, 1), (63, 5), (200, 40)] {
        let kernel = Kernel::MlpLayer {
            inputs,
            outputs,
            relu: inputs % 2 == 0,
        };
        check_layer(&device, kernel, 1, u64::from(inputs));
    }
}

#[test]
fn command_buffers_of_a_lane_follow_one_another() {
    let device = device();
    let queue = device.queue(0).unwrap();
    let [x, y] = [1.0, 0.0].map(|number| device.buffer(&[number; 1000]).unwrap());
    let ops: Vec<_> = (0..200)
        .map(|_| axpy_op(&device, &queue, &x, &y, 1000).unwrap())
        .collect();
    device.wait(&ops[199]).unwrap();
    assert_eq!(device.read(&y), [200.0; 1000]);
}

#[test]
fn calls_in_a_wrong_order_are_refused() {
    let device = device();
    misuse::a_wrong_order_is_refused_and_the_op_can_still_be_finished(&device);
    misuse::an_encoder_that_is_dropped_open_still_blocks_its_command_buffer(&device);
}

#[test]
fn another_device_s_objects_are_refused() {
    let [here, there] = [(); 2].map(|()| device());
    let commands = here.new_commands(&here.queue(0).unwrap()).unwrap();
    let encoder = here.open(&commands).unwrap();
    let pipeline = there.pipeline(Kernel::Axpy).unwrap();
    assert!(matches!(
        here.pipe(&encoder, &pipeline),
        Err(Error::OtherDevice { .. })
    ));
    let buffer = there.buffer(&[1.0]).unwrap();
    assert!(matches!(
        here.bind(&encoder, 0, &buffer),
        Err(Error::OtherDevice { .. })
    ));
}

#[test]
fn what_ran_counts_once_and_also_where_nobody_waited() {
    let device = device();
    let queue = device.queue(0).unwrap();
    let asked = Some(1_000_000);
    let before_ns = device.busy_ns()[0];
    drop(timed_op(&device, &queue, &[asked]).unwrap());
    let after = timed_op(&device, &queue, &[asked]).unwrap();
    assert_eq!(after.device_interval(), None);
    device.wait(&after).unwrap();
    device.wait(&after).unwrap();
    let ran = after.device_interval().unwrap();
    let busy_ns = device.busy_ns()[0] - before_ns;
    assert!(ran.end_ns - ran.start_ns >= 500_000, "{ran:?}");
    assert!((1_000_000..4_000_000).contains(&busy_ns), "{busy_ns}");
}
