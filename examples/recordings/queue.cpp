// A bounded queue of C++17: three producers and two consumers, which wait with a time limit. One of the
// consumers works on what it has taken before it lets the queue go.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

constexpr long per_producer = 2000;
constexpr long producers = 3;
constexpr std::size_t room = 16;

std::mutex queue_mutex;
std::condition_variable not_empty, not_full;
std::deque<long> queue;
long taken = 0, sum = 0;

static void work(std::chrono::microseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
    }
}

static void produce(long first) {
    for (long i = 0; i < per_producer; i++) {
        std::unique_lock lock(queue_mutex);
        while (!not_full.wait_for(lock, 10ms, [] { return queue.size() < room; })) {
        }
        queue.push_back(first + i);
        not_empty.notify_one();
    }
}

// Takes the next number; false where all have been taken.
static bool take(std::unique_lock<std::mutex> &lock, long &number) {
    while (!not_empty.wait_for(lock, 10ms, [] { return !queue.empty() || taken == producers * per_producer; })) {
    }
    if (queue.empty()) {
        return false;
    }
    number = queue.front();
    queue.pop_front();
    taken++;
    sum += number;
    not_full.notify_one();
    return true;
}

__attribute__((noinline)) static void consume_quickly() {
    for (;;) {
        long number = 0;
        {
            std::unique_lock lock(queue_mutex);
            if (!take(lock, number)) break;
        }
        work(20us);
    }
    not_empty.notify_all();
}

__attribute__((noinline)) static void consume_while_locked() {
    for (;;) {
        long number = 0;
        std::unique_lock lock(queue_mutex);
        if (!take(lock, number)) break;
        work(20us);
    }
    not_empty.notify_all();
}

int main() {
    std::vector<std::thread> threads;
    for (long i = 0; i < producers; i++) threads.emplace_back(produce, i * per_producer);
    threads.emplace_back(consume_quickly);
    threads.emplace_back(consume_while_locked);
    for (auto &thread : threads) thread.join();
    std::printf("%ld numbers, sum %ld\n", taken, sum);
    return sum == 3L * per_producer * (3L * per_producer - 1) / 2 ? 0 : 1;
}
