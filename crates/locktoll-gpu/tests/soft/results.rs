//! Kernels against their references.

use locktoll_gpu::{Device, Kernel, MLP, SoftBuffer, SoftDevice, SoftQueue, reference};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::{Calls, device};

fn numbers(rng: &mut Pcg64, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Weights that keep a layer's outputs about as large as its inputs.
fn weights(rng: &mut Pcg64, inputs: usize, outputs: usize) -> Vec<f32> {
    let scale = (inputs as f32).sqrt();
    numbers(rng, inputs * outputs)
        .into_iter()
        .map(|number| number / scale)
        .collect()
}

/// Runs one layer on the device, for which `input` may be too long, and checks every output.
fn checked_layer(
    device: &SoftDevice,
    queue: &SoftQueue,
    kernel: Kernel,
    input: &SoftBuffer,
    rng: &mut Pcg64,
) -> SoftBuffer {
    let Kernel::MlpLayer {
        inputs,
        outputs,
        relu,
    } = kernel
    else {
        panic!("{kernel}")
    };
    let (inputs, outputs) = (inputs as usize, outputs as usize);
    let (weights, bias) = (weights(rng, inputs, outputs), numbers(rng, outputs));
    let output = device.buffer(&vec![f32::NAN; outputs]).unwrap();
    let commands = device.new_commands(queue).unwrap();
    let encoder = device.open(&commands).unwrap();
    device
        .pipe(&encoder, &device.pipeline(kernel).unwrap())
        .unwrap();
    device
        .bind(&encoder, 0, &device.buffer(&weights).unwrap())
        .unwrap();
    device
        .bind(&encoder, 1, &device.buffer(&bias).unwrap())
        .unwrap();
    device.bind(&encoder, 2, input).unwrap();
    device.bind(&encoder, 3, &output).unwrap();
    device.go(&encoder, outputs).unwrap();
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    device.wait(&commands).unwrap();

    let expected = reference::mlp_layer(&weights, &bias, &device.read(input)[..inputs], relu);
    let got = device.read(&output);
    assert_eq!(got.len(), expected.len());
    for (expected, got) in expected.into_iter().zip(got) {
        assert!(expected.accepts(got), "{kernel}: {got} for {expected:?}");
        // The tolerance is narrow enough to tell a wrong term from a rounded one.
        assert!(!expected.accepts(got + 0.01), "{expected:?}");
    }
    output
}

#[test]
fn the_whole_mlp_is_right_layer_by_layer() {
    let mut rng = Pcg64::seed_from_u64(1);
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let mut values = device.buffer(&numbers(&mut rng, 512)).unwrap();
    for kernel in MLP {
        values = checked_layer(&device, &queue, kernel, &values, &mut rng);
    }
    assert_eq!(device.read(&values).len(), 512);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn layers_of_any_shape(
        inputs in 0..40_u32, outputs in 0..20_u32, beyond in 0..3_usize, relu: bool, seed: u64,
    ) {
        let mut rng = Pcg64::seed_from_u64(seed);
        let device = device("service=0,encode=0");
        let input = device.buffer(&numbers(&mut rng, inputs as usize + beyond)).unwrap();
        let kernel = Kernel::MlpLayer { inputs, outputs, relu };
        checked_layer(&device, &device.queue(0).unwrap(), kernel, &input, &mut rng);
    }

    #[test]
    fn axpy_of_any_length_and_no_further(
        a in -10.0_f32..10.0, length in 0..100_usize, beyond in 0..3_usize, seed: u64,
    ) {
        let mut rng = Pcg64::seed_from_u64(seed);
        let device = device("service=0,encode=0");
        let (x, y) = (numbers(&mut rng, length + beyond), numbers(&mut rng, length + beyond));
        let (x_buffer, y_buffer) = (device.buffer(&x).unwrap(), device.buffer(&y).unwrap());
        let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
        let encoder = device.open(&commands).unwrap();
        device.pipe(&encoder, &device.pipeline(Kernel::Axpy).unwrap()).unwrap();
        device.bind(&encoder, 0, &x_buffer).unwrap();
        device.bind(&encoder, 1, &y_buffer).unwrap();
        device.value(&encoder, 2, a).unwrap();
        device.go(&encoder, length).unwrap();
        device.end(&encoder).unwrap();
        device.submit(&commands).unwrap();
        device.wait(&commands).unwrap();

        let got = device.read(&y_buffer);
        for (expected, got) in reference::axpy(a, &x, &y).into_iter().zip(&got).take(length) {
            prop_assert!(expected.accepts(*got), "{got} for {expected:?}");
        }
        prop_assert_eq!(&got[length..], &y[length..]);
        prop_assert_eq!(device.read(&x_buffer), x);
    }
}
