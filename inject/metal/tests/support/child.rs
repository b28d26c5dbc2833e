//! Tests that end a process run it as a child: the test binary itself, told to run one test alone.

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Set in a child, to the name of what it is to run.
const CHILD: &str = "LOCKTOLL_TEST_CHILD";

/// When a child is taken to hang: a test fails then, rather than hang itself. The longest of them needs
/// seconds.
const HANGS: Duration = Duration::from_mins(3);

/// Runs `body` in a child process of this test, whose path in its binary is `test`, and hands on what
/// the child said and how it ended. In the child that is to run `body` this does not return, and in one
/// that is to run another it does nothing.
pub(crate) fn run(test: &str, name: &str, body: impl FnOnce(), then: impl FnOnce(&Output)) {
    run_with(test, name, &[], body, then);
}

/// As [`run`], with variables in the child's environment.
pub(crate) fn run_with(
    test: &str,
    name: &str,
    variables: &[(&str, &str)],
    body: impl FnOnce(),
    then: impl FnOnce(&Output),
) {
    match std::env::var(CHILD) {
        Ok(child) if child == name => {
            body();
            std::process::exit(0);
        }
        Ok(_) => return,
        Err(_) => {}
    }
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child process");
    then(&output_of(child));
}

/// What a child says until it ends. One that hangs is killed, and has failed.
fn output_of(child: Child) -> Output {
    let pid = libc::pid_t::try_from(child.id()).expect("a process's number");
    let (ended, has_ended) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let hangs = has_ended.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout);
        if hangs {
            // SAFETY: a call of the system; the child is not waited for yet, so the number is its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        hangs
    });
    let output = child.wait_with_output().expect("a child's output");
    drop(ended);
    let hangs = watch.join().expect("no panic");
    assert!(!hangs, "the child hangs; it said: {}", said(&output));
    output
}

/// Fails if the child did.
pub(crate) fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
