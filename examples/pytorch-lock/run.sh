#!/usr/bin/env bash
# What one lock round a PyTorch forward pass costs, from 1, 4 and 16 Python threads.
#
#   examples/pytorch-lock/run.sh [OUT]
#
# Needs Python with PyTorch for CUDA and a locktoll binary (LOCKTOLL, or one built by
# `cargo build --release`). Takes about 5 minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
locktoll=${LOCKTOLL:-$here/../../target/release/locktoll}
python=${PYTHON:-python3}
cd "$here"
"$locktoll" bench --blocks "${BLOCKS:-6}" --seed 1 --out "${1:-$here/result}" \
    --arm none="$python mlp.py --lock none" \
    --arm global="$python mlp.py --lock global" \
    --threads 1,4,16 --threads-arg='--threads {threads}' \
    --measure 'regex:ops_per_s ([0-9.]+)' --unit ops/s
