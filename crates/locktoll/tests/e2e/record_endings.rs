//! `record`: programs that are signalled, killed, stuck or never begin, and recordings at once.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use super::record::{named, program, record, recorded};
use super::{stderr, stdout};

/// Compiles a source text into a program beside it.
fn built(folder: &Path, compiler: &str, flags: &[&str], name: &str, text: &str) -> PathBuf {
    let (source, binary) = (folder.join(name), folder.join("program"));
    fs::write(&source, text).unwrap();
    let status = Process::new(compiler)
        .args(flags)
        .args(["-g", "-pthread", "-o"])
        .args([&binary, &source])
        .status();
    assert!(status.expect("a compiler").success());
    binary
}

/// Counts SIGINT and SIGTERM for a while, and ends in order after the first.
const COUNTS_SIGNALS: &str = "\
import signal, sys, time
count = 0
def handler(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, handler)
signal.signal(signal.SIGTERM, handler)
print('ready', flush=True)
until = time.monotonic() + 30
while not count and time.monotonic() < until: time.sleep(0.01)
time.sleep(0.5)
print('signals', count, flush=True)
";

#[test]
fn a_signal_to_locktoll_alone_reaches_the_program_once() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Process::new(assert_cmd::cargo::cargo_bin!("locktoll"))
            .env_remove("LD_PRELOAD")
            .args(["record", "-q", "--out"])
            .arg(folder.path().join("run"))
            .args(["--", "/usr/bin/python3", "-c", COUNTS_SIGNALS])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        let pid = child.id().to_string();
        let sent = Process::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill").success());
        assert_eq!(lines.next().unwrap().unwrap(), "signals 1", "{signal}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

/// Runs its arguments in a terminal of their own, presses Ctrl-C when they are ready, and prints what they print.
const IN_A_TERMINAL: &str = "\
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b''
pressed = False
while True:
    try: more = os.read(terminal, 4096)
    except OSError: break
    if not more: break
    seen += more
    if b'ready' in seen and not pressed:
        os.write(terminal, b'\\x03')
        pressed = True
print(seen.decode(errors='replace'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn ctrl_c_in_a_terminal_reaches_the_program_once() {
    let folder = tempfile::tempdir().unwrap();
    let output = Process::new("/usr/bin/python3")
        .env_remove("LD_PRELOAD")
        .args(["-c", IN_A_TERMINAL])
        .arg(assert_cmd::cargo::cargo_bin!("locktoll"))
        .args(["record", "-q", "--no-live", "--out"])
        .arg(folder.path().join("run"))
        .args(["--", "/usr/bin/python3", "-c", COUNTS_SIGNALS])
        .output()
        .expect("a process");
    let said = stdout(&output);
    assert!(said.contains("signals 1"), "{said} {}", stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn recordings_at_once_have_folders_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Process::new(assert_cmd::cargo::cargo_bin!("locktoll"))
            .env_remove("LD_PRELOAD")
            .args(["record", "-q", "--", program().to_str().unwrap()])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process")
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }
    let folders: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(folders.len(), 4);
    for folder in folders {
        let text = fs::read_to_string(folder.unwrap().path().join("record.json")).unwrap();
        let record = locktoll_report::record::from_str(&text).unwrap();
        assert_eq!(record.run.processes.len(), 1);
    }
}

#[test]
fn callers_through_a_function_that_was_not_inlined_are_named_together() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
#include <chrono>
#include <mutex>
#include <thread>
std::mutex lock;
void sleeps(int us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }
void innocent() { for (int i = 0; i < 200; i++) { std::lock_guard<std::mutex> hold(lock); } sleeps(2000); }
void guilty() { std::lock_guard<std::mutex> hold(lock); sleeps(5000); }
int main() {
    std::thread first([] { for (int i = 0; i < 30; i++) innocent(); });
    std::thread second([] { for (int i = 0; i < 30; i++) { guilty(); sleeps(1000); } });
    first.join();
    second.join();
}
";
    let binary = built(
        folder.path(),
        "c++",
        &["-std=c++17", "-O0"],
        "debug.cpp",
        text,
    );
    let out = folder.path().join("run");
    let (_, record) = recorded(&[], &out, &[binary.to_str().unwrap()]);
    let lock = named(&record, "lock");
    let [site] = lock.sites.as_slice() else {
        panic!("{:?}", lock.sites);
    };
    // Which of them made the other wait is not known, and so not said.
    for caller in ["innocent", "guilty"] {
        assert!(site.function.contains(caller), "{}", site.function);
    }
    let warned = |code| record.warnings.iter().any(|warning| warning.code == code);
    assert!(warned("shared_sites"), "{:?}", record.warnings);
}

#[test]
fn a_worker_that_is_killed_held_its_lock_for_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void work(void) {
    for (;;) { pthread_mutex_lock(&lock); usleep(1000); pthread_mutex_unlock(&lock); }
}
int main(void) {
    for (int worker = 0; worker < 4; worker++) {
        pid_t pid = fork();
        if (pid == 0) work();
        usleep(300000);
        kill(pid, SIGTERM);
        waitpid(pid, 0, 0);
    }
}
";
    let binary = built(folder.path(), "cc", &["-O1"], "program.c", text);
    let out = folder.path().join("run");
    let (_, record) = recorded(&[], &out, &[binary.to_str().unwrap()]);
    assert_eq!(record.locks.len(), 4);
    for lock in &record.locks {
        let held = lock.utilisation.expect("it was held").value;
        assert!(held > 0.6, "{}: {held}", lock.name);
    }
}

#[test]
fn threads_that_never_get_their_lock_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
#include <pthread.h>
#include <unistd.h>
pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static void *first(void *p) { pthread_mutex_lock(&a); usleep(200000); pthread_mutex_lock(&b); return p; }
static void *second(void *p) { pthread_mutex_lock(&b); usleep(200000); pthread_mutex_lock(&a); return p; }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, first, 0);
    pthread_create(&thread, 0, second, 0);
    pause();
}
";
    let binary = built(folder.path(), "cc", &["-O1"], "program.c", text);
    let out = folder.path().join("run");
    let (output, record) = recorded(&["--duration", "3s"], &out, &[binary.to_str().unwrap()]);
    for (lock, site) in [("a", "second"), ("b", "first")] {
        let lock = named(&record, lock);
        assert!(lock.wait.total_ns > 1e9, "{lock:?}");
        let waited = lock.sites.iter().find(|found| found.function == site);
        assert!(waited.unwrap().wait.total_ns > 1e9, "{lock:?}");
    }
    let said = stderr(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        said.contains("2 threads were still waiting for a lock"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_started_is_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for (text, mode, told) in [
        ("#!/no/such/interpreter\n", 0o755, "which is not there"),
        ("echo no first line\n", 0o755, "name its interpreter"),
        ("#!/bin/sh\n", 0o644, "chmod +x"),
    ] {
        let script = folder.path().join("script");
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(mode)).unwrap();
        let output = record(&[], &out).arg("--").arg(&script).output();
        let output = output.expect("a process");
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
        assert!(!out.exists(), "nothing is left behind of {text}");
    }
}
