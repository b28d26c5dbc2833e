"""Inference of a small network from several Python threads, with or without one lock round it.

The network is the one of locktoll's `mlp` workload: 512 → 1024 → 1024 → 512, ReLU between, batch 1.
Each thread has its own CUDA stream and input. Prints one line: `ops_per_s NUMBER`.
"""

import argparse
import contextlib
import threading
import time

import torch


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--lock", choices=["none", "global"], default="none")
    arguments.add_argument("--ops", type=int, default=8000, help="forward passes, over all threads")
    arguments.add_argument("--warmup", type=int, default=800, help="passes before those")
    arguments.add_argument("--device", default="cuda")
    args = arguments.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(512, 1024),
        torch.nn.ReLU(),
        torch.nn.Linear(1024, 1024),
        torch.nn.ReLU(),
        torch.nn.Linear(1024, 512),
    ).to(args.device)
    on_gpu = args.device != "cpu"
    lock = threading.Lock() if args.lock == "global" else contextlib.nullcontext()
    ready = threading.Barrier(args.threads + 1)
    failures = []

    def infer(index):
        try:
            stream = torch.cuda.Stream() if on_gpu else None
            generator = torch.Generator().manual_seed(index)
            sample = torch.randn(1, 512, generator=generator).to(args.device)
            with torch.inference_mode(), torch.cuda.stream(stream):
                expected = network(sample).clone()
                for passes in (args.warmup, args.ops):
                    ready.wait()
                    for _ in range(passes // args.threads):
                        with lock:
                            output = network(sample)
                        if on_gpu:
                            stream.synchronize()
                    ready.wait()
                if not torch.equal(output, expected):
                    raise RuntimeError(f"thread {index} computed something else at the end")
        except Exception as error:
            failures.append(error)
            ready.abort()

    threads = [threading.Thread(target=infer, args=(i,)) for i in range(args.threads)]
    for thread in threads:
        thread.start()
    try:
        for _ in ("warm-up", "measured"):
            ready.wait()
            started = time.perf_counter()
            ready.wait()
            seconds = time.perf_counter() - started
    except threading.BrokenBarrierError:
        pass
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    done = args.ops // args.threads * args.threads
    print(f"ops_per_s {done / seconds:.1f}")


if __name__ == "__main__":
    main()
