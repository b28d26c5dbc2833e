"""ncnn as it is published: four threads on one network and one device, each with extractors of its own.

Prints a digest of all outputs, after they were compared with those of ncnn's CPU path.
"""

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import ncnn
import numpy

THREADS = 4
ROUNDS = 4
SIDE = 16
CHANNELS = 8
HIDDEN = 16
CLASSES = 10

# Each layer's number of weights, then of biases.
LAYERS = [
    (CHANNELS * HIDDEN * 9, HIDDEN),
    (HIDDEN * CHANNELS * 9, CHANNELS),
    (CHANNELS * SIDE * SIDE * CLASSES, CLASSES),
]
NETWORK = f"""7767517
4 4
Input input 0 1 image 0={SIDE} 1={SIDE} 2={CHANNELS}
Convolution first 1 1 image hidden 0={HIDDEN} 1=3 4=1 5=1 6={LAYERS[0][0]} 9=1
Convolution second 1 1 hidden features 0={CHANNELS} 1=3 4=1 5=1 6={LAYERS[1][0]} 9=1
InnerProduct last 1 1 features output 0={CLASSES} 1=1 2={LAYERS[2][0]}
"""
# How a layer's weights begin when they are 32-bit floats.
RAW_FLOATS = bytes(4)


def numbers(count, seed):
    """Numbers between -1/2 and 1/2, the same on every machine."""
    places = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(seed * 7919)
    mixed = (places * numpy.uint64(2654435761) >> numpy.uint64(16)) % numpy.uint64(17)
    return (mixed.astype(numpy.float32) - 8) / 16


def network(vulkan):
    net = ncnn.Net()
    net.opt.use_vulkan_compute = vulkan
    net.opt.use_fp16_packed = False
    net.opt.use_fp16_storage = False
    net.opt.use_fp16_arithmetic = False
    with tempfile.NamedTemporaryFile() as weights:
        for index, (count, biases) in enumerate(LAYERS):
            weights.write(RAW_FLOATS + numbers(count, index).tobytes())
            weights.write(numbers(biases, index).tobytes())
        weights.flush()
        if net.load_param_mem(NETWORK) != 0 or net.load_model(weights.name) != 0:
            sys.exit("ncnn refused the network")
    return net


def infer(net, thread):
    outputs = []
    for round_ in range(ROUNDS):
        image = numbers(CHANNELS * SIDE * SIDE, 100 + thread * ROUNDS + round_)
        extractor = net.create_extractor()
        extractor.input("image", ncnn.Mat(image.reshape(CHANNELS, SIDE, SIDE)).clone())
        failed, output = extractor.extract("output")
        if failed:
            sys.exit(f"thread {thread}: ncnn returned {failed}")
        outputs.append(numpy.array(output))
    return numpy.concatenate(outputs)


def main():
    if ncnn.get_gpu_count() == 0:
        sys.exit("ncnn finds no Vulkan device")
    net = network(vulkan=True)
    with ThreadPoolExecutor(THREADS) as threads:
        results = list(threads.map(lambda thread: infer(net, thread), range(THREADS)))
    reference = network(vulkan=False)
    for thread, result in enumerate(results):
        if not numpy.allclose(result, infer(reference, thread), rtol=1e-3, atol=1e-2):
            sys.exit(f"thread {thread}: wrong result")
    print(hashlib.sha256(numpy.concatenate(results).tobytes()).hexdigest())


if __name__ == "__main__":
    main()
