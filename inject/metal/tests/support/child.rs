//! Tests that end a process run it as a child: the test binary itself, told to run one test alone.

use std::process::{Command, Output, Stdio};

/// Set in a child, to the name of what it is to run.
const CHILD: &str = "LOCKTOLL_TEST_CHILD";

/// Runs `body` in a child process of this test, whose path in its binary is `test`; what the child
/// said and how it ended. In the child this does not return.
pub(crate) fn run(test: &str, name: &str, body: impl FnOnce()) -> Output {
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        body();
        std::process::exit(0);
    }
    Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .stdin(Stdio::null())
        .output()
        .expect("a child process")
}

/// Whether this is a child that is to run something else.
pub(crate) fn is_other(name: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child != name)
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
