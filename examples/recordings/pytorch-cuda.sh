#!/usr/bin/env bash
# Whose locks 16 Python threads wait for that infer on a GPU, with and without one Python lock round the
# forward pass, and what recording them costs.
#
#   examples/recordings/pytorch-cuda.sh [OUT]
#
# Needs Python with PyTorch for CUDA and a locktoll binary (LOCKTOLL, or one built by
# `cargo build --release`). Takes about 4 minutes. OUT gets for each lock record.md, record.json and
# ops.txt: the throughput of bare and of recorded runs in turn.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
locktoll=$(realpath "${LOCKTOLL:-$here/../../target/release/locktoll}")
python=${PYTHON:-python3}
mkdir -p "${1:-$here/pytorch-cuda}"
out=$(realpath "${1:-$here/pytorch-cuda}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The network and its measurement are those of examples/pytorch-lock.
cd "$here/../pytorch-lock"
mlp=("$python" mlp.py --threads "${THREADS:-16}" --ops "${OPS:-8000}" --device "${DEVICE:-cuda}")
failed=0
for lock in none global; do
    lock_began=$SECONDS
    mkdir -p "$out/$lock"
    : >"$out/$lock/ops.txt"
    for round in $(seq "${ROUNDS:-3}"); do
        # Enough time must be left for the other lock's first round.
        if [ "$round" -gt 1 ] && [ $SECONDS -gt $((lock_began + 140)) ]; then
            break
        fi
        # In turn, the other way round every second time: a drift of the machine hits both alike.
        order=(bare recorded)
        [ $((round % 2)) = 0 ] && order=(recorded bare)
        for kind in "${order[@]}"; do
            under=()
            if [ "$kind" = recorded ]; then
                under=("$locktoll" record --quiet --out "$scratch/$lock-$round" --)
            fi
            if ! printed=$(timeout 90 "${under[@]}" "${mlp[@]}" --lock "$lock"); then
                echo "$kind run $round with lock $lock failed" >&2
                failed=1
                printed=failed
            fi
            echo "$kind $printed" | tee -a "$out/$lock/ops.txt"
        done
    done
    # The first recording is as good as the others.
    recording=$scratch/$lock-1
    "$locktoll" report "$recording" --format text || failed=1
    cp "$recording/record.md" "$recording/record.json" "$out/$lock/" || failed=1
done
exit $failed
