#!/usr/bin/env bash
# What the locks cost on a GPU: threads × queues × kernels, in randomised blocks.
#
#   examples/h100/run.sh [OUT] [KERNEL...]
#
# Needs a locktoll binary (LOCKTOLL, or one built by `cargo build --release`), the Vulkan loader
# (libvulkan.so.1) and a GPU with 8 compute queues. Takes about 9 minutes.
set -euo pipefail
cd "$(dirname "$0")"
locktoll=${LOCKTOLL:-../../target/release/locktoll}
out=${1:-results}
shift || true
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=(light heavy)
started=$SECONDS
for kernel in "${kernels[@]}"; do
    case $kernel in
        light) ops=200 ;;
        *) ops=40 ;;
    esac
    for queues in 1 8; do
        "$locktoll" bench --device vulkan --workload "$kernel.toml" --queues "$queues" \
            --threads 1,4,8,16 --strategies none,global,per-encoder,interposed:global \
            --ops "$ops" --iterations 4 --no-counting --blocks "${BLOCKS:-10}" --seed 1 \
            --out "$out/$kernel-$queues" --quiet
    done
done
echo "$((SECONDS - started)) s"
