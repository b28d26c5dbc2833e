#!/usr/bin/env bash
# Where the global lock costs, is free and pays on a GPU: 8 threads on 1 and 8 queues, 2 µs to 500 µs of
# GPU work per op.
#
#   examples/h100/map.sh [OUT]
#
# Needs a locktoll binary (LOCKTOLL, or one built by `cargo build --release`), the Vulkan loader
# (libvulkan.so.1) and a GPU with 8 compute queues.
#
# At most 17 levels × 2 queue counts × 2 locks × 8 blocks, and 16 A/A trials: 560. A trial takes about 0.35 s
# and the work of its ops, which is 2 s at 500 µs on one queue. No
# block is started that would end after 7 minutes.
set -euo pipefail
cd "$(dirname "$0")"
locktoll=${LOCKTOLL:-../../target/release/locktoll}
out=${1:-results/map}
started=$SECONDS
"$locktoll" map --device vulkan --strategy global --baseline none --threads 8 --queues 1,8 \
    --work 2us..500us --levels 17 --coarse 9 --ops 100 --iterations 4 \
    --blocks "${BLOCKS:-8}" --max-time 7min --seed 1 --out "$out" --quiet
echo "$((SECONDS - started)) s"
