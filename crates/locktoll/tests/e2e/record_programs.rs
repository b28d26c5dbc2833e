//! `record` of programs as they are in use: they print and return what they do alone, and what is told of them is
//! what they do.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use locktoll_report::record::Record;
use locktoll_report::record::model::{Lock, LockKind};

use super::{locktoll_on_vulkan, stderr, stdout};

/// Runs a command alone and recorded, with the same output and the same exit code; what was recorded.
fn alike(folder: &Path, words: &[&str]) -> Record {
    alike_with(folder, words, &[])
}

fn alike_with(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Record {
    let alone = Process::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .env_remove("LD_PRELOAD")
        .envs(variables.iter().copied())
        .output()
        .expect("a process");
    let out = folder.join("run");
    let mut command = locktoll_on_vulkan();
    let recorded: Output = command
        .current_dir(folder)
        .env_remove("LD_PRELOAD")
        .envs(variables.iter().copied())
        .args(["record", "--quiet", "--out"])
        .arg(&out)
        .arg("--")
        .args(words)
        .output()
        .expect("a process");
    assert_eq!(stdout(&recorded), stdout(&alone), "{}", stderr(&recorded));
    assert_eq!(recorded.status.code(), alone.status.code());
    assert_eq!(stderr(&recorded), stderr(&alone));
    let text = fs::read_to_string(out.join("record.json")).unwrap();
    locktoll_report::record::from_str(&text).unwrap()
}

/// The programs that are also the examples of recordings.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/recordings")
        .join(name)
}

fn named<'a>(locks: &'a [Lock], name: &str) -> &'a Lock {
    let found = locks.iter().find(|lock| lock.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<&String> = locks.iter().map(|lock| &lock.name).collect();
        panic!("no {name} in {names:?}")
    })
}

#[test]
fn threads_of_python_wait_for_the_gil() {
    let folder = tempfile::tempdir().unwrap();
    let script = example("gil.py");
    let record = alike(folder.path(), &["python3", script.to_str().unwrap()]);
    let gil = named(&record.locks, "CPython's GIL");
    assert_eq!(gil.kind, LockKind::Condvar);
    // Four threads that only compute: three wait at any time.
    let lost: f64 = record.locks.iter().map(|lock| lock.wait.total_ns).sum();
    assert!(gil.wait.total_ns > 0.9 * lost, "{gil:?}");
    assert!(gil.threads >= 4, "{gil:?}");
    // Its mutex is told apart and held for moments.
    let mutex = named(&record.locks, "CPython's GIL, its mutex");
    assert_eq!(mutex.kind, LockKind::Mutex);
    assert!(mutex.wait.total_ns < gil.wait.total_ns, "{mutex:?}");
}

#[test]
fn a_queue_of_cpp_is_contended_where_it_is_held_long() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("queue");
    let compiled = Process::new("c++")
        .args(["-std=c++17", "-O2", "-g", "-pthread", "-o"])
        .arg(&program)
        .arg(example("queue.cpp"))
        .output()
        .expect("a C++ compiler");
    assert!(compiled.status.success(), "{}", stderr(&compiled));
    let record = alike(folder.path(), &[program.to_str().unwrap()]);
    let queue = named(&record.locks, "queue_mutex");
    // 6000 numbers put in and taken out, and each consumer's look at the empty queue.
    assert_eq!(queue.acquisitions, 12_002, "{queue:?}");
    let held = |function: &str| {
        let site = queue.sites.iter().find(|site| site.function == function);
        &site
            .unwrap_or_else(|| panic!("{function} is not among {:?}", queue.sites))
            .hold
    };
    // It works for 20 µs with the lock in its hand.
    let long = held("consume_while_locked").p99_ns;
    assert!(long.is_some_and(|ns| ns >= 19_000), "{queue:?}");
    let short = held("produce").p50_ns;
    assert!(short.is_some_and(|ns| ns < 19_000), "{queue:?}");
    // Waiting with a time limit for room or numbers is idle.
    for name in ["not_full", "not_empty"] {
        assert_eq!(named(&record.idle, name).kind, LockKind::Condvar);
        assert!(!record.locks.iter().any(|lock| lock.name == name));
    }
}

#[test]
fn locks_of_rust_and_of_parking_lot_are_told_of_who_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    // Built with the tests, beside the program.
    let own = super::own_path();
    let program = Path::new(&own)
        .with_file_name("examples")
        .join("rust_locks");
    let record = alike(folder.path(), &[program.to_str().unwrap()]);
    let accounts = named(&record.locks, "rust_locks::ACCOUNTS");
    assert_eq!(accounts.kind, LockKind::Futex);
    assert!(accounts.wait.total_ns > 0.0);
    let journal = named(&record.locks, "parking_lot in rust_locks::flush_journal");
    assert!(journal.wait.total_ns > 0.0);
    // The main thread waits for the others to end, which is no lock.
    assert!(
        record.locks.iter().all(|lock| !lock.name.contains("main")),
        "{:?}",
        record.locks
    );
}

#[test]
fn a_pipeline_that_forks_often_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do seq 1 300 | sort -n --parallel=4 | uniq | wc -l; done | sort \
                  | uniq -c; exit 3";
    let record = alike(folder.path(), &["sh", "-c", script]);
    assert_eq!(record.run.exit_code, Some(3));
    // Every sort takes its own mutexes.
    assert!(record.run.processes.len() >= 10, "{:?}", record.run);
    assert!(record.run.processes.iter().all(|process| process.ended));
}

#[test]
fn a_replaced_allocator_beside_it_is_recorded_too() {
    let folder = tempfile::tempdir().unwrap();
    let script = "import threading\n\
                  def work():\n    return [bytes(1000 * (i % 50)) for i in range(20000)]\n\
                  threads = [threading.Thread(target=work) for _ in range(4)]\n\
                  for thread in threads: thread.start()\n\
                  for thread in threads: thread.join()\n\
                  print('done')\n";
    let variables = [("LD_PRELOAD", "libjemalloc.so.2")];
    let record = alike_with(folder.path(), &["python3", "-c", script], &variables);
    let is_of_jemalloc = |lock: &&Lock| {
        lock.sites.iter().any(|site| {
            let module = site.module.as_deref().unwrap_or_default();
            module.starts_with("libjemalloc")
        })
    };
    let taken: u64 = record
        .locks
        .iter()
        .filter(is_of_jemalloc)
        .map(|lock| lock.acquisitions)
        .sum();
    assert!(taken > 0, "{:?}", record.locks);
}
