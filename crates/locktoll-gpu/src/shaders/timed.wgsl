// Takes time: a chain of dependent operations whose end no compiler can foretell. The generator is
// Marsaglia's xorshift (J. Stat. Softw. 8(14), 2003), which never leaves a state other than 0 for
// 0, so nothing is ever written.

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

@group(0) @binding(4) var<storage, read_write> sink: array<u32>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(global_invocation_id) thread: vec3<u32>) {
    var state = thread.x + 1;
    for (var i = 0u; i < arguments.iterations; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
    }
    if state == 0 {
        sink[0] = 1;
    }
}
