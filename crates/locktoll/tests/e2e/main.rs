//! The program itself, as a process: what it prints, writes and answers with its exit code.

mod analyze;
mod bench;
mod resume;
mod usage;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// A prepared `locktoll`.
fn locktoll() -> Command {
    let mut command = Command::cargo_bin("locktoll").expect("the program");
    command.env_remove("LOCKTOLL_PARENT").env("NO_COLOR", "1");
    command
}

/// Runs `locktoll` with arguments split at spaces.
fn run(line: &str) -> Output {
    locktoll()
        .args(line.split_whitespace())
        .output()
        .expect("a process")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A small experiment: 4 cells of a few milliseconds a block.
const SMALL: &str = "bench --quiet --device soft --strategies none,global --threads 2 --no-counting --ops 5 \
                     --iterations 2 --workload timed --soft service=50us,encode=0";
