//! Kernels against their references.

use locktoll_gpu::Kernel;
use proptest::prelude::*;

use crate::common::kernels::{check_axpy, check_layer, check_mlp};
use crate::device;

#[test]
fn the_whole_mlp_is_right_layer_by_layer() {
    check_mlp(&device("service=0,encode=0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn layers_of_any_shape(
        inputs in 0..40_u32, outputs in 0..20_u32, beyond in 0..3_usize, relu: bool, seed: u64,
    ) {
        let kernel = Kernel::MlpLayer { inputs, outputs, relu };
        check_layer(&device("service=0,encode=0"), kernel, beyond, seed);
    }

    #[test]
    fn axpy_of_any_length_and_no_further(
        a in -10.0_f32..10.0, length in 0..100_usize, beyond in 0..3_usize, seed: u64,
    ) {
        check_axpy(&device("service=0,encode=0"), a, length, beyond, seed);
    }
}
