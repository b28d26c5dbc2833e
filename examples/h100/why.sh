#!/usr/bin/env bash
# What limits the throughput under the global lock on a GPU: 8 threads on 1 queue, light kernels and heavy
# ones.
#
#   examples/h100/why.sh [OUT]
#
# Needs a locktoll binary (LOCKTOLL, or one built by `cargo build --release`), the Vulkan loader
# (libvulkan.so.1) and a GPU. Takes about 3 minutes.
set -euo pipefail
cd "$(dirname "$0")"
locktoll=${LOCKTOLL:-../../target/release/locktoll}
out=${1:-results/why}
started=$SECONDS
for kernel in light heavy; do
    case $kernel in
        light) ops=200 ;;
        *) ops=40 ;;
    esac
    "$locktoll" bench --device vulkan --workload "$kernel.toml" --threads 8 --strategies none,global \
        --why=global --ops "$ops" --iterations 4 --no-counting --blocks "${BLOCKS:-8}" --max-time 4min \
        --seed 1 --out "$out/$kernel" --quiet
done
echo "$((SECONDS - started)) s"
