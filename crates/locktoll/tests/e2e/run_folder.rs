//! What a run leaves in its folder.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

use super::{stderr, stdout};

pub(super) fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

pub(super) fn result(folder: &Path) -> Value {
    serde_json::from_str(&read(folder, "result.json")).unwrap()
}

/// Runs a command with `--out` this folder to its end; what it printed, and its result, which is valid.
pub(super) fn measured(mut command: Command, flags: &str, folder: &Path) -> (Output, Value) {
    let output = command
        .args(flags.split_whitespace())
        .arg("--out")
        .arg(folder)
        .output()
        .expect("a process");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(folder);
    assert_valid(&result);
    (output, result)
}

/// What a trial says that is run again by its own command line, as a person would paste it.
pub(super) fn pasted(trial: &Value) -> String {
    let line = shell_words::join(command(trial));
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    stdout(&output)
}

/// The series of a configuration in a role.
pub(super) fn find<'a>(result: &'a Value, role: &str, config: &str) -> &'a Value {
    let all = result["series"].as_array().unwrap();
    all.iter()
        .find(|series| series["role"] == role && series["config"] == config)
        .unwrap_or_else(|| panic!("no {role} series of {config}"))
}

/// The trials, in the order in which they were run.
pub(super) fn trials(folder: &Path) -> Vec<Value> {
    let text = read(folder, "samples.jsonl");
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .filter(|record| record["record"] == "trial")
        .collect()
}

/// A trial's command line.
pub(super) fn command(trial: &Value) -> Vec<&str> {
    let words = trial["command"].as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap()).collect()
}

/// A result is what the checked-in schema says.
pub(super) fn assert_valid(result: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../locktoll-report/schema/result-1.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(result)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
