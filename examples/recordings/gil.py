"""Four threads that only compute, and so wait for nothing but the interpreter's lock."""

import threading


def compute():
    total = 0
    for i in range(3_000_000):
        total += i * i % 7
    return total


results = []
threads = [threading.Thread(target=lambda: results.append(compute())) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results)
