#!/usr/bin/env bash
# What the locks cost when every call is an Objective-C message: none, one lock for the process, one
# for each encoder, and one swizzled under the driver, at 1 and 8 threads.
#
#   examples/objc/run.sh [OUT]
#
# Needs a locktoll binary with the device objc: LOCKTOLL, or one built by
# `cargo build --release -p locktoll --features objc` (Debian: gobjc, libgnustep-base-dev). Takes about
# a minute.
set -euo pipefail
cd "$(dirname "$0")"
locktoll=${LOCKTOLL:-../../target/release/locktoll}
out=${1:-results}
"$locktoll" bench --device objc --strategies none,global,per-encoder,interposed:global --threads 1,8 \
    --max-time "${MAX_TIME:-55s}" --seed 1 --out "$out" --quiet
