#!/usr/bin/env bash
# How often locktoll sees a difference between a program and itself.
#
#   examples/same-program/run.sh [EXPERIMENTS]
#
# Each experiment is `locktoll bench` with two arms that are the same command, 10 blocks, its own
# seed. Whatever verdict is neither `free` nor `unresolved` is a false alarm; the tests behind the
# verdicts have a level of 5%. Needs a C compiler, jq, and `cargo build --release`.
set -euo pipefail
cd "$(dirname "$0")"
experiments=${1:-60}
locktoll=${LOCKTOLL:-../../target/release/locktoll}
for tool in cc jq "$locktoll"; do
    command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -Wall -Wextra -pthread two_threads.c -o "$work/two_threads"
for seed in $(seq "$experiments"); do
    "$locktoll" bench --quiet --blocks 10 --seed "$seed" --out "$work/$seed" \
        --arm "a=$work/two_threads 10000" --arm "b=$work/two_threads 10000" >/dev/null
    jq -r --arg seed "$seed" '.comparisons[] | select(.role == "strategy")
        | "\($seed) \(.verdict) \(.overhead.estimate) \(.overhead.ci[0]) \(.overhead.ci[1])"' \
        "$work/$seed/result.json" | tee -a "$work/verdicts"
done
alarms=$(awk '$2 != "free" && $2 != "unresolved"' "$work/verdicts" | wc -l)
echo "$alarms of $experiments experiments see a difference between the program and itself"
