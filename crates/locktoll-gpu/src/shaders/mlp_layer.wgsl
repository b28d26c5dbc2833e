// y[row] = f(bias[row] + Σ_j weights[row, j] · x[j]), one workgroup a row: its threads read
// neighbouring weights, and then add their partial sums in a tree.

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

const WIDTH: u32 = 64;

var<immediate> arguments: Arguments;
var<workgroup> sums: array<f32, WIDTH>;

@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var row = group.x; row < arguments.threads; row += groups.x) {
        var sum = 0.0;
        for (var j = local.x; j < arguments.inputs; j += WIDTH) {
            sum += weights[row * arguments.inputs + j] * x[j];
        }
        sums[local.x] = sum;
        for (var half = WIDTH / 2; half > 0; half >>= 1) {
            workgroupBarrier();
            if local.x < half {
                sums[local.x] += sums[local.x + half];
            }
        }
        if local.x == 0 {
            let output = bias[row] + sums[0];
            y[row] = select(output, max(output, 0.0), arguments.relu != 0);
        }
        // Before the next row's partial sums.
        workgroupBarrier();
    }
}
