//! `bench` on a Vulkan device, whichever the machine has.

use std::path::Path;
use std::process::Output;

use super::run_folder::{assert_valid, command, find, result, trials};
use super::{locktoll_on_vulkan, stderr, stdout};

/// Runs a small experiment on the Vulkan device.
fn bench(flags: &str, variables: &[(&str, &Path)], out: &Path) -> Output {
    locktoll_on_vulkan()
        .envs(variables.iter().copied())
        .args("bench --quiet --device vulkan --iterations 1 --warmup 0 --blocks 2".split(' '))
        .args(flags.split(' '))
        .arg("--out")
        .arg(out)
        .output()
        .expect("a process")
}

#[test]
fn locks_of_the_caller_and_slipped_in_are_measured_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "--strategies none,global,per-encoder,interposed:global --threads 2 --ops 10";
    let output = bench(flags, &[], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(folder.path());
    assert_valid(&result);
    assert_eq!(result["plan"]["experiment"]["blocks_complete"], 2);

    // 2 blocks × 2 threads × 10 ops, with one section of the caller's lock each.
    for strategy in ["global", "per-encoder"] {
        let contention = &find(&result, "counted", strategy)["contention"];
        assert_eq!(contention["ops"], 40, "{strategy}");
        assert_eq!(contention["acquisitions"], 40, "{strategy}");
    }
    // Under it, each Vulkan call of an op: the 4 dispatches and the submission, at the least.
    let slipped = &find(&result, "counted", "interposed:global")["contention"];
    assert_eq!(slipped["ops"], 40);
    assert!(
        slipped["acquisitions"].as_u64().unwrap() >= 40 * 5,
        "{slipped}"
    );

    // A trial with its layer can be pasted.
    let trials = trials(folder.path());
    let layered = trials
        .iter()
        .find(|trial| trial["cell"]["config"]["lock"] == "interposed:global")
        .unwrap();
    let pasted = assert_cmd::Command::new("sh")
        .args(["-c", &shell_words::join(command(layered))])
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{}", stderr(&pasted));
    assert!(stdout(&pasted).contains("\"event\":\"done\""));
}

#[test]
fn a_device_on_the_cpu_says_what_its_figures_are_good_for() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "--strategies none,global --threads 1 --ops 2 --no-counting";
    let output = bench(flags, &[], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = super::run_folder::read(folder.path(), "report.md");
    let on_the_cpu = report.contains("llvmpipe");
    assert_eq!(report.contains("correctness only"), on_the_cpu, "{report}");
    assert_eq!(stdout(&output).contains("correctness only"), on_the_cpu);
}

#[test]
fn networks_are_computed_right_by_two_threads() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "--workload mlp --strategies global,interposed:per-encoder --threads 2 --ops 3";
    let output = bench(flags, &[], folder.path());
    // A trial compares what the device computed; a wrong result would be a crash.
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(folder.path());
    for config in ["global", "interposed:per-encoder"] {
        let series = find(&result, "strategy", config);
        assert_eq!(series["crashes"]["crashed"], 0, "{series}");
        assert_eq!(series["n"], 2, "{series}");
    }
}

#[test]
fn more_queues_than_there_are_is_an_error_that_says_how_many() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = bench("--strategies none --queues 99", &[], &out);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("not 99") && said.contains("ask for at most"),
        "{said}"
    );
    assert!(!out.exists(), "a folder without a run");
}

#[test]
fn without_a_driver_the_remedy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("icd.json");
    let output = bench(
        "--strategies none",
        &[
            ("VK_DRIVER_FILES", nowhere.as_path()),
            ("VK_ICD_FILENAMES", nowhere.as_path()),
        ],
        &folder.path().join("run"),
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("mesa-vulkan-drivers") && said.contains("VK_DRIVER_FILES"),
        "{said}"
    );
}

// The system's linker finds a file that is no library before it finds the loader.
#[cfg(target_os = "linux")]
#[test]
fn without_a_loader_the_packages_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["libvulkan.so.1", "libvulkan.so"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let output = bench(
        "--strategies none",
        &[("LD_LIBRARY_PATH", folder.path())],
        &folder.path().join("run"),
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("libvulkan1"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_fault_model_is_of_the_soft_device_only() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench("--fault agx:process", &[], &folder.path().join("run"));
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("--fault") && said.contains("soft"), "{said}");
}
