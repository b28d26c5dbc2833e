//! Builds the libraries that this program carries inside: the Vulkan layer, on Linux the one that records
//! locks, and on macOS the Metal guard.
//!
//! Cargo can't yet make a library of one package the input of another on a stable toolchain
//! (artifact dependencies), so cargo is asked here, with a target folder of its own: the outer one
//! is locked by the outer cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "locktoll-vulkan-layer";
const LIBRARY: &str = "VkLayer_locktoll";

fn main() {
    if env::var_os("CARGO_FEATURE_OBJC").is_some() && variable("CARGO_CFG_TARGET_VENDOR") != "apple"
    {
        // The library that swizzles finds the driver by `dlsym`, as it finds Metal.
        println!(
            "cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol=MTLCreateSystemDefaultDevice"
        );
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../..");
    for source in [
        "inject/vulkan/src",
        "inject/vulkan/Cargo.toml",
        "inject/vulkan/build.rs",
        "inject/vulkan/VkLayer_locktoll.json.in",
        "inject/metal/src",
        "inject/metal/Cargo.toml",
        "inject/metal/build.rs",
        "inject/pthread/src",
        "inject/pthread/Cargo.toml",
        "inject/pthread/build.rs",
        "crates/locktoll-guard/src",
        "crates/locktoll-inject/src",
        "crates/locktoll-trace/src",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let apple = variable("CARGO_CFG_TARGET_VENDOR") == "apple";
    let (layer, name) = build(&root, PACKAGE, LIBRARY, apple);
    println!("cargo::rustc-env=LOCKTOLL_VULKAN_LAYER={}", layer.display());
    println!("cargo::rustc-env=LOCKTOLL_VULKAN_LAYER_NAME={name}");
    let recorder = if is_recordable() {
        build(&root, "locktoll-pthread", "locktoll_pthread", apple).0
    } else {
        // `locktoll record` says there that it works elsewhere only.
        empty("liblocktoll_pthread.so")
    };
    println!(
        "cargo::rustc-env=LOCKTOLL_PTHREAD_LIBRARY={}",
        recorder.display()
    );
    if variable("CARGO_CFG_TARGET_OS") == "macos" {
        let (library, _) = build(&root, "locktoll-metal", "locktoll_metal", apple);
        println!(
            "cargo::rustc-env=LOCKTOLL_METAL_LIBRARY={}",
            library.display()
        );
    }
}

/// Whether the library that records locks exists for the target.
fn is_recordable() -> bool {
    let architecture = variable("CARGO_CFG_TARGET_ARCH");
    variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && (architecture == "x86_64" || architecture == "aarch64")
}

/// An empty file in place of a library.
fn empty(name: &str) -> PathBuf {
    let path = PathBuf::from(variable("OUT_DIR")).join(name);
    std::fs::write(&path, "").expect("cargo lets write there");
    path
}

/// Whether nothing can be linked: neither the libraries nor, later, the program that carries them.
fn is_type_check_only() -> bool {
    variable("TARGET").contains("apple")
        && !variable("HOST").contains("apple")
        && env::var_os("RUSTC_LINKER").is_none()
}

/// Builds the library of a package; where it is, and its file's name.
fn build(root: &Path, package: &str, library: &str, apple: bool) -> (PathBuf, String) {
    let name = format!("lib{library}.{}", if apple { "dylib" } else { "so" });
    if is_type_check_only() {
        println!(
            "cargo::warning={package} is not built: there is no linker for {} here, so this can only be \
             type-checked",
            variable("TARGET")
        );
        return (empty(&name), name);
    }
    let target_folder = PathBuf::from(variable("OUT_DIR")).join("layer");
    let triple = variable("TARGET");
    let status = Command::new(variable("CARGO"))
        .current_dir(root)
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            package,
            "--lib",
        ])
        .args(["--target", &triple])
        .arg("--target-dir")
        .arg(&target_folder)
        // The measured program's process needs no line tables of ours.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        // A linter wraps the compiler of the outer build only; its flags are not ours.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CLIPPY_ARGS")
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("building {package} failed: {status}"),
        Err(error) => panic!("cargo could not be started: {error}"),
    }
    let path = target_folder.join(triple).join("release").join(&name);
    (path, name)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
