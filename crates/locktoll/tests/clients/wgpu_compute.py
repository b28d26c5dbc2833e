"""wgpu as it is published: four threads on one device, each with a buffer of its own.

Prints a digest of what the device has computed, after it was compared with the same arithmetic
done here.
"""

import hashlib
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import wgpu

THREADS = 4
ROUNDS = 8
DISPATCHES = 4
LENGTH = 1024

SHADER = """
@group(0) @binding(0) var<storage, read_write> data: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    data[at.x] = data[at.x] * 1664525u + 1013904223u;
}
"""


def before(thread):
    return [thread * LENGTH + place for place in range(LENGTH)]


def expected(thread):
    values = before(thread)
    for _ in range(ROUNDS * DISPATCHES):
        values = [(value * 1664525 + 1013904223) % 2**32 for value in values]
    return values


def compute(device, thread):
    usage = wgpu.BufferUsage
    data = device.create_buffer_with_data(
        data=struct.pack(f"{LENGTH}I", *before(thread)),
        usage=usage.STORAGE | usage.COPY_SRC,
    )
    pipeline = device.create_compute_pipeline(
        layout="auto",
        compute={"module": device.create_shader_module(code=SHADER), "entry_point": "main"},
    )
    group = device.create_bind_group(
        layout=pipeline.get_bind_group_layout(0),
        entries=[{"binding": 0, "resource": {"buffer": data}}],
    )
    for _ in range(ROUNDS):
        encoder = device.create_command_encoder()
        for _ in range(DISPATCHES):
            work = encoder.begin_compute_pass()
            work.set_pipeline(pipeline)
            work.set_bind_group(0, group)
            work.dispatch_workgroups(LENGTH // 64)
            work.end()
        device.queue.submit([encoder.finish()])
    return bytes(device.queue.read_buffer(data))


def main():
    adapter = wgpu.gpu.request_adapter_sync()
    if adapter.info["backend_type"] != "Vulkan":
        sys.exit(f"wgpu took {adapter.info['backend_type']}, not Vulkan")
    device = adapter.request_device_sync()
    with ThreadPoolExecutor(THREADS) as threads:
        results = list(threads.map(lambda thread: compute(device, thread), range(THREADS)))
    for thread, result in enumerate(results):
        if result != struct.pack(f"{LENGTH}I", *expected(thread)):
            sys.exit(f"thread {thread}: wrong result")
    print(hashlib.sha256(b"".join(results)).hexdigest())


if __name__ == "__main__":
    main()
