//! Bad usage names the thing and exits with 2; help teaches; every subcommand answers.

use std::fs;

use super::{SMALL, locktoll, run, stderr, stdout};

fn refused(line: &str, code: i32, says: &[&str]) {
    let output = run(line);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
    for words in says {
        assert!(said.contains(words), "{line} said: {said}");
    }
}

#[test]
fn unknown_names_are_named_with_the_choices() {
    refused(
        "bench --strategies none,mutex",
        2,
        &["mutex", "per-encoder"],
    );
    refused("bench --soft speed=9", 2, &["speed"]);
    refused("bench --soft service=fast", 2, &["fast"]);
    refused(
        "bench --fault agx:thread",
        2,
        &["agx:thread", "agx:process"],
    );
    refused("bench --device cuda", 2, &["cuda"]);
    #[cfg(not(target_os = "macos"))]
    refused("bench --device metal", 1, &["`metal`", "macOS"]);
    refused("bench --device vulkan:x", 2, &["vulkan:x"]);
    refused("bench --device vulkan:99", 1, &["99"]);
    refused(
        "bench --device vulkan:0 --soft hold=300us",
        2,
        &["--soft", "--device soft"],
    );
    refused(
        "bench --workload stres",
        2,
        &["'stres'", "stress, mlp, timed"],
    );
    refused("bench --sync sometimes", 2, &["sometimes", "batch:N"]);
    refused(
        "bench --threads 0",
        2,
        &["'0' is not a whole number from 1"],
    );
    refused("bench --threads 100000", 2, &["100000"]);
    refused("bench --margin 0", 2, &["'0'"]);
    refused("bench --max-time soon", 2, &["soon"]);
    refused(
        "bench --strategies none --baseline global",
        2,
        &["global", "not among"],
    );
    refused("bench --blocks 0 --out target/never", 2, &["0 blocks"]);
    refused(
        "bench --blocks 3 --precision 1",
        2,
        &["--blocks", "--precision"],
    );
    refused("bench --resume x --blocks 3", 2, &["--resume", "--blocks"]);
    refused("frobnicate", 2, &["frobnicate"]);
}

#[test]
fn a_broken_workload_file_names_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "name = \"x\"\nkernel = axpy\n").unwrap();
    refused(
        &format!("bench --workload {}", file.display()),
        2,
        &["mine.toml", "line 2"],
    );
    refused(
        "bench --workload nowhere.toml",
        1,
        &["nowhere.toml", "No such file"],
    );
}

#[test]
fn an_unwritable_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refused(
        &format!("{SMALL} --blocks 2 --out {}/run", file.display()),
        1,
        &["file/run"],
    );
    refused(
        &format!("{SMALL} --blocks 2 --out /proc/run"),
        1,
        &["/proc/run"],
    );
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{SMALL} --blocks 2 --out {}", folder.path().display());
    assert_eq!(run(&line).status.code(), Some(0));
    let before = fs::read(folder.path().join("samples.jsonl")).unwrap();
    refused(&line, 2, &["already holds a run", "--resume"]);
    assert_eq!(
        fs::read(folder.path().join("samples.jsonl")).unwrap(),
        before
    );
}

#[test]
fn nothing_to_resume_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("bench --resume {}", folder.path().display());
    refused(&line, 1, &["samples.jsonl", "No such file"]);
    fs::write(folder.path().join("samples.jsonl"), "{}\n").unwrap();
    refused(&line, 1, &["samples.jsonl:1:"]);
}

#[test]
fn help_devices_and_completions_answer() {
    let help = stdout(&run("bench --help"));
    for flag in [
        "--strategies",
        "--precision",
        "--resume",
        "Examples:",
        "fault model",
    ] {
        assert!(help.contains(flag), "{flag} is not in:\n{help}");
    }
    let help = stdout(&run("--help"));
    assert!(
        help.contains("Exit codes") && help.contains("second Ctrl-C"),
        "{help}"
    );
    let devices = stdout(&run("devices"));
    assert!(devices.contains("soft     available"), "{devices}");
    assert!(devices.contains("vulkan:0 available"), "{devices}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&format!("completions {shell}"))).contains("locktoll"));
    }
}

#[test]
fn output_that_nobody_reads_any_more_is_no_crash() {
    let mut shell = assert_cmd::Command::new("/bin/sh");
    let program = locktoll().get_program().to_os_string();
    let line = "\"$0\" completions bash | head -n 1 >/dev/null; \"$0\" devices | true";
    let output = shell.arg("-c").arg(line).arg(program).output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}
