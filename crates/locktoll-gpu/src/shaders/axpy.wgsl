// y[i] += a · x[i]. A device may allow fewer workgroups than there are elements, so each thread
// strides over them.

struct Arguments {
    value_0: f32,
    value_1: f32,
    value_2: f32,
    value_3: f32,
    threads: u32,
    inputs: u32,
    relu: u32,
    iterations: u32,
}

const WIDTH: u32 = 128;

var<immediate> arguments: Arguments;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(global_invocation_id) thread: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var i = thread.x; i < arguments.threads; i += groups.x * WIDTH) {
        y[i] += arguments.value_2 * x[i];
    }
}
