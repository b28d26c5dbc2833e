//! The program itself, as a process: what it prints, writes and answers with its exit code.

mod analyze;
mod bench;
mod browser;
mod clients;
mod guard;
mod map;
mod objc;
mod program;
mod record;
mod record_endings;
mod record_programs;
mod report;
mod resume;
mod run_folder;
mod scaling;
mod usage;
mod vulkan;
mod vulkan_faults;
mod what_if;
mod why;
mod worst_cases;
mod worst_what_ifs;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// A prepared `locktoll`.
fn locktoll() -> Command {
    let mut command = Command::cargo_bin("locktoll").expect("the program");
    command.env_remove("LOCKTOLL_PARENT").env("NO_COLOR", "1");
    command
}

/// A `locktoll` whose Vulkan loader is told nothing by the variables of whoever runs the tests.
fn locktoll_on_vulkan() -> Command {
    let mut command = locktoll();
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("VK_") || name.starts_with("LOCKTOLL_") {
            command.env_remove(name);
        }
    }
    command
}

/// The program's path, as a word of a command line.
fn own_path() -> String {
    let path = locktoll().get_program().to_owned();
    path.into_string().expect("UTF-8")
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
