//! Tests that end a process run it as a child: the test binary itself, told to run one test alone.

use std::process::{Command, Output, Stdio};

/// Set in a child, to the name of what it is to run.
const CHILD: &str = "LOCKTOLL_TEST_CHILD";

/// Runs `body` in a child process of this test, whose path in its binary is `test`, and hands on what
/// the child said and how it ended. In the child that is to run `body` this does not return, and in one
/// that is to run another it does nothing.
pub(crate) fn run(test: &str, name: &str, body: impl FnOnce(), then: impl FnOnce(&Output)) {
    match std::env::var(CHILD) {
        Ok(child) if child == name => {
            body();
            std::process::exit(0);
        }
        Ok(_) => return,
        Err(_) => {}
    }
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .stdin(Stdio::null())
        .output()
        .expect("a child process");
    then(&output);
}

/// Fails if the child did.
pub(crate) fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
