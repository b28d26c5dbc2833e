//! Kernels against their references.

use locktoll_gpu::{Device, Kernel};
use proptest::prelude::*;

use crate::common::kernels::{check_axpy, check_layer, check_mlp};
use crate::{Calls, axpy_op, device, encode_axpy};

const AT_ONCE: &str = "service=0,encode=0";

#[test]
fn the_whole_mlp_is_right_layer_by_layer() {
    check_mlp(&device(AT_ONCE));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn layers_of_any_shape(
        inputs in 0..40_u32, outputs in 0..20_u32, beyond in 0..3_usize, relu: bool, seed: u64,
    ) {
        let kernel = Kernel::MlpLayer { inputs, outputs, relu };
        check_layer(&device(AT_ONCE), kernel, beyond, seed);
    }

    #[test]
    fn axpy_of_any_length_and_no_further(
        a in -10.0_f32..10.0, length in 0..400_usize, beyond in 0..3_usize, seed: u64,
    ) {
        check_axpy(&device(AT_ONCE), a, length, beyond, seed);
    }
}

#[test]
fn command_buffers_of_a_lane_follow_one_another() {
    let device = device(AT_ONCE);
    let queue = device.queue(0).unwrap();
    let [x, y] = [1.0, 0.0].map(|number| device.buffer(&[number; 1000]).unwrap());
    let ops: Vec<_> = (0..200)
        .map(|_| axpy_op(&device, &queue, &x, &y, 1000).unwrap())
        .collect();
    device.wait(&ops[199]).unwrap();
    assert_eq!(device.read(&y), [200.0; 1000]);
}

#[test]
fn arguments_may_change_between_dispatches_and_one_buffer_be_read_and_written() {
    let device = device(AT_ONCE);
    let queue = device.queue(0).unwrap();
    let [x, y] = [3.0, 0.0].map(|number| device.buffer(&[number; 4]).unwrap());
    let timed = device.pipeline(Kernel::Timed {
        duration_ns: Some(1_000),
    });
    let axpy = device.pipeline(Kernel::Axpy).unwrap();
    let commands = device.new_commands(&queue).unwrap();
    let encoder = device.open(&commands).unwrap();
    encode_axpy(&device, &encoder, 1.0, [&x, &y], 4).unwrap();
    device.pipe(&encoder, &timed.unwrap()).unwrap();
    device.go(&encoder, 1).unwrap();
    // Slots 0 and 1 still hold the buffers.
    device.pipe(&encoder, &axpy).unwrap();
    device.value(&encoder, 2, -2.0).unwrap();
    device.go(&encoder, 2).unwrap();
    device.bind(&encoder, 0, &y).unwrap();
    device.value(&encoder, 2, 1.0).unwrap();
    device.go(&encoder, 4).unwrap();
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    device.wait(&commands).unwrap();
    assert_eq!(device.read(&y), [-6.0, -6.0, 6.0, 6.0]);
}
