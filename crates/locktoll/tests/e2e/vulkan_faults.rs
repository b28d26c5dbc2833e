//! `bench` on a Vulkan driver in trouble, which a layer of the tests' own stands for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{locktoll_on_vulkan, stderr};

const MANIFEST: &str = r#"{"file_format_version": "1.2.0", "layer": {"name": "VK_LAYER_TEST_faulty",
"type": "GLOBAL", "library_path": "./libfaulty.so", "api_version": "1.3.0",
"implementation_version": "1", "description": "a driver in trouble"}}"#;

/// Compiles the layer and writes its manifest, both into `folder`.
fn faulty_layer(folder: &Path) {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/faulty_layer/layer.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(folder.join("libfaulty.so"))
        .arg(source)
        .output()
        .expect("a C compiler (cc) and the headers that Debian calls libvulkan-dev");
    assert!(built.status.success(), "{}", stderr(&built));
    fs::write(folder.join("faulty.json"), MANIFEST).unwrap();
}

/// A small run in which `call` returns the `VkResult` `code` from its `after`th time on.
fn bench(folder: &Path, workload: &str, [call, code, after]: [&str; 3]) -> Output {
    let out = tempfile::tempdir_in(folder).unwrap();
    locktoll_on_vulkan()
        .env("VK_LAYER_PATH", folder)
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_TEST_faulty")
        .envs([
            ("FAULTY_CALL", call),
            ("FAULTY_RESULT", code),
            ("FAULTY_AFTER", after),
        ])
        .args("bench --quiet --device vulkan --strategies none,global --threads 2".split(' '))
        .args("--blocks 2 --ops 50 --iterations 1 --no-counting --workload".split(' '))
        .args([workload, "--out"])
        .arg(out.path().join("run"))
        .output()
        .expect("a process")
}

#[test]
fn a_lost_device_and_too_little_memory_are_errors_that_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    faulty_layer(folder.path());
    // Without a fault the layer is in nobody's way.
    let sound = bench(folder.path(), "stress", ["", "0", "0"]);
    assert_eq!(sound.status.code(), Some(0), "{}", stderr(&sound));

    let (host, device, lost) = ("-1", "-2", "-4");
    let cases = [
        (
            ["vkAllocateMemory", host, "0"],
            "out of host memory; use fewer",
        ),
        (
            ["vkAllocateMemory", device, "0"],
            "out of device memory; use fewer",
        ),
        (
            ["vkQueueSubmit", lost, "0"],
            "the device is lost; see the kernel's log",
        ),
        // In the trials themselves, long after the device was opened.
        (
            ["vkQueueSubmit", lost, "50"],
            "the device is lost; see the kernel's log",
        ),
    ];
    for (fault, remedy) in cases {
        for workload in ["stress", "timed"] {
            let output = bench(folder.path(), workload, fault);
            let said = stderr(&output);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{workload} {fault:?}: {said}"
            );
            assert!(
                said.contains(fault[0]) && said.contains(remedy),
                "{workload} {fault:?}: {said}"
            );
        }
    }
}
