//! Tests that need an environment of their own run in a child process: this test binary again,
//! with one test selected.

use std::process::{Command, Output};

/// A child that runs the test `name`, be it ignored or not.
pub(crate) fn test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        name,
        "--include-ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
}

/// The child must have run its one test to a good end.
#[track_caller]
pub(crate) fn assert_passed(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("1 passed"), "{output:?}");
}
