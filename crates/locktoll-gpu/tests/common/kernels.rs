//! Kernels against their references.

use locktoll_gpu::{Device, Kernel, MLP, reference};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::calls::{Calls, encode_axpy};

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
fn checked_layer<D: Device>(
    device: &D,
    queue: &D::Queue,
    kernel: Kernel,
    input: &D::Buffer,
    rng: &mut Pcg64,
) -> D::Buffer {
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

/// The whole network, layer by layer.
pub(crate) fn check_mlp<D: Device>(device: &D) {
    let mut rng = Pcg64::seed_from_u64(1);
    let queue = device.queue(0).unwrap();
    let mut values = device.buffer(&numbers(&mut rng, 512)).unwrap();
    for kernel in MLP {
        values = checked_layer(device, &queue, kernel, &values, &mut rng);
    }
    assert_eq!(device.read(&values).len(), 512);
}

/// One layer, whose input is `beyond` elements longer than it reads.
pub(crate) fn check_layer<D: Device>(device: &D, kernel: Kernel, beyond: usize, seed: u64) {
    let Kernel::MlpLayer { inputs, .. } = kernel else {
        panic!("{kernel}")
    };
    let mut rng = Pcg64::seed_from_u64(seed);
    let input = device
        .buffer(&numbers(&mut rng, inputs as usize + beyond))
        .unwrap();
    checked_layer(device, &device.queue(0).unwrap(), kernel, &input, &mut rng);
}

/// Axpy on buffers that are `beyond` elements longer than it may touch.
pub(crate) fn check_axpy<D: Device>(device: &D, a: f32, length: usize, beyond: usize, seed: u64) {
    let mut rng = Pcg64::seed_from_u64(seed);
    let [x, y] = [(); 2].map(|()| numbers(&mut rng, length + beyond));
    let (x_buffer, y_buffer) = (device.buffer(&x).unwrap(), device.buffer(&y).unwrap());
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    let encoder = device.open(&commands).unwrap();
    encode_axpy(device, &encoder, a, [&x_buffer, &y_buffer], length).unwrap();
    device.end(&encoder).unwrap();
    device.submit(&commands).unwrap();
    device.wait(&commands).unwrap();

    let got = device.read(&y_buffer);
    for (expected, got) in reference::axpy(a, &x, &y)
        .into_iter()
        .zip(&got)
        .take(length)
    {
        assert!(expected.accepts(*got), "{got} for {expected:?}");
    }
    assert_eq!(&got[length..], &y[length..]);
    assert_eq!(device.read(&x_buffer), x);
}
