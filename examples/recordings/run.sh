#!/usr/bin/env bash
# Records the locks of programs as they are in use, each with the same output and exit code as alone.
#
#   examples/recordings/run.sh [NAME…]
#
# Names: gil cpp rust pipeline jemalloc redis postgres chromium pytorch; without one, all. Debian's packages for
# them: python3 g++ libjemalloc2 redis-server redis-tools postgresql chromium python3-torch. Needs locktoll
# (LOCKTOLL, or one built by `cargo build --release`). Each leaves record.md and record.json in a folder of
# its name (OUT); all together take about 3 minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
locktoll=$(realpath "${LOCKTOLL:-$root/target/release/locktoll}")
python=${PYTHON:-/usr/bin/python3}
mkdir -p "${OUT:-$here}"
results=$(realpath "${OUT:-$here}")
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
# Commands are told in the reports: short ones, without this machine's paths.
cp "$here"/*.py "$here"/*.cpp "$here"/*.html "$here/../pytorch-lock/mlp.py" "$scratch"
cd "$scratch"

# Keeps what was recorded in $1.
keep() {
    mkdir -p "$results/$1"
    cp "$1/record.md" "$results/$1/"
    # That of thousands of locks is too large for a repository.
    if [ "$(stat -c %s "$1/record.json")" -lt 400000 ]; then
        cp "$1/record.json" "$results/$1/"
    fi
}

# Runs a command alone and recorded as $1, and compares output and exit code.
alike() {
    local name=$1 alone=0 recorded=0
    shift
    "$@" >alone.txt 2>alone.err || alone=$?
    "$locktoll" record --quiet --no-live --out "$name" -- "$@" >recorded.txt 2>recorded.err || recorded=$?
    diff alone.txt recorded.txt
    if [ "$alone" != "$recorded" ]; then
        echo "$name: exit code $recorded, alone $alone" >&2
        tail recorded.err >&2
        return 1
    fi
    keep "$name"
    echo "$name: same output, exit code $recorded"
}

# Waits until a command succeeds, 20 seconds at most.
until_ready() {
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    echo "not ready: $*" >&2
    return 1
}

record_gil() {
    alike gil "$python" gil.py
}

record_cpp() {
    c++ -std=c++17 -O2 -g -pthread queue.cpp -o queue
    alike cpp ./queue
}

record_rust() {
    cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p locktoll --example rust_locks
    cp "$root/target/release/examples/rust_locks" .
    alike rust ./rust_locks
}

record_pipeline() {
    alike pipeline sh -c 'for i in $(seq 20); do seq 2000 | sort -n --parallel=4 | uniq | wc -l; done | uniq -c'
}

record_jemalloc() {
    # The variable is set for the program alone and handed on, as a service has it.
    export LD_PRELOAD=libjemalloc.so.2
    alike jemalloc "$python" gil.py
    unset LD_PRELOAD
}

record_redis() {
    "$locktoll" record --quiet --no-live --out redis -- \
        redis-server --port 7710 --save '' --io-threads 2 --io-threads-do-reads yes >redis.log 2>&1 &
    local server=$!
    until_ready redis-cli -p 7710 ping
    redis-benchmark -p 7710 -n 100000 -c 50 -P 16 -t set,get,lpush,lrange_100 --csv
    redis-cli -p 7710 shutdown nosave || true
    wait "$server"
    keep redis
    echo "redis: ended with exit code 0"
}

record_postgres() {
    local bin run=() owner
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
    # The server refuses to be root's; its socket is in its folder of data.
    owner=$(id -un)
    if [ "$(id -u)" = 0 ]; then
        owner=postgres
        run=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    install -d -o "$owner" database
    cp "$locktoll" database/locktoll
    cd database
    "${run[@]}" "$bin/initdb" -D data -A trust >/dev/null
    PATH=$bin:$PATH "${run[@]}" ./locktoll record --quiet --no-live --out recorded -- \
        postgres -D data -k . -c listen_addresses= >server.log 2>&1 &
    local server=$!
    until_ready "$bin/pg_isready" -h "$PWD/data"
    "${run[@]}" "$bin/pgbench" -h "$PWD/data" -U "$owner" -i -q postgres 2>/dev/null
    "${run[@]}" "$bin/pgbench" -h "$PWD/data" -U "$owner" -c 16 -j 2 -t 500 postgres
    "${run[@]}" "$bin/pg_ctl" -D data stop -m fast >/dev/null
    wait "$server"
    cd ..
    mv database/recorded postgres
    keep postgres
    echo "postgres: ended with exit code 0"
}

record_chromium() {
    alike chromium "$(command -v chromium)" --headless --no-sandbox --disable-gpu --user-data-dir=profile \
        --virtual-time-budget=10000 --dump-dom page.html
}

record_pytorch() {
    export OMP_NUM_THREADS=1
    # Rates differ from run to run; the program itself compares each thread's outputs.
    local lock
    for lock in none global; do
        "$python" mlp.py --device cpu --threads 8 --ops 2000 --warmup 80 --lock "$lock"
        "$locktoll" record --quiet --no-live --out "pytorch-$lock" -- \
            "$python" mlp.py --device cpu --threads 8 --ops 2000 --warmup 80 --lock "$lock"
        keep "pytorch-$lock"
        echo "pytorch-$lock: ended with exit code 0"
    done
}

all=(gil cpp rust pipeline jemalloc redis postgres chromium pytorch)
[ $# = 0 ] && set -- "${all[@]}"
for name in "$@"; do
    case " ${all[*]} " in
    *" $name "*) "record_$name" ;;
    *) echo "no $name: give some of ${all[*]}" >&2 && exit 1 ;;
    esac
done
