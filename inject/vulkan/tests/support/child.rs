//! A child process and the layers in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use locktoll_trace::Trace;
use tempfile::TempDir;

pub(crate) const LAYER: &str = "VK_LAYER_LOCKTOLL_guard";
pub(crate) const VALIDATION: &str = "VK_LAYER_KHRONOS_validation";

/// Far more than any program here takes.
const HANGS_AFTER_S: &str = "60";
/// How `timeout` tells that it has ended a child.
pub(crate) const HUNG: i32 = 124;

/// The environment of child processes: a folder with the layer's manifest, and one for traces.
pub(crate) struct Stage {
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifest = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/VkLayer_locktoll.json.in"
        ))
        .replace("@LIBRARY@", library().to_str().expect("a path in UTF-8"));
        fs::write(folder.path().join("VkLayer_locktoll.json"), manifest).expect("writes");
        fs::create_dir(folder.path().join("traces")).expect("makes a folder");
        Stage { folder }
    }

    pub(crate) fn traces(&self) -> Vec<Trace> {
        Trace::read_dir(&self.trace_dir()).expect("the traces are whole")
    }

    pub(crate) fn trace_dir(&self) -> PathBuf {
        self.folder.path().join("traces")
    }

    /// Lets a command run under layers, the first nearest to the program.
    pub(crate) fn set(&self, command: &mut Command, layers: &[&str], strategy: Option<&str>) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("VK_") || name.starts_with("LOCKTOLL_") {
                command.env_remove(name);
            }
        }
        command
            .env("VK_DRIVER_FILES", driver())
            .env("VK_LOADER_LAYERS_DISABLE", "~implicit~")
            .env("VK_ADD_LAYER_PATH", self.folder.path())
            .env("VK_INSTANCE_LAYERS", layers.join(":"))
            .env("LOCKTOLL_TRACE_DIR", self.trace_dir());
        if let Some(strategy) = strategy {
            command.env("LOCKTOLL_STRATEGY", strategy);
        }
    }

    /// One of [`programs`](super::programs) in a child process that is ended if it hangs.
    pub(crate) fn child(&self, program: &str, layers: &[&str], strategy: Option<&str>) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg(HANGS_AFTER_S)
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", "child", "--ignored", "--nocapture"]);
        self.set(&mut command, layers, strategy);
        command.env("LOCKTOLL_TEST_PROGRAM", program);
        command
    }

    pub(crate) fn run(&self, program: &str, layers: &[&str], strategy: Option<&str>) -> Child {
        Child::of(&mut self.child(program, layers, strategy))
    }
}

/// How a child process ended.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) success: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Child {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| {
            panic!("{command:?}: {error}; is the Debian package vulkan-tools installed?")
        });
        Child {
            success: output.status.success(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What the program itself has said.
    pub(crate) fn said(&self) -> Vec<&str> {
        self.stdout
            .lines()
            .filter_map(|line| Some(line.split_once("client: ")?.1))
            .collect()
    }

    pub(crate) fn is_correct(&self) -> bool {
        self.success && !self.said().is_empty() && !self.stdout.contains(" wrong")
    }

    /// Reports of validation that two threads used one object.
    pub(crate) fn threading_reports(&self) -> usize {
        let both = [&self.stdout, &self.stderr];
        both.iter()
            .map(|text| text.matches("UNASSIGNED-Threading").count())
            .sum()
    }

    /// Any report of validation.
    pub(crate) fn validation_reports(&self) -> usize {
        let both = [&self.stdout, &self.stderr];
        both.iter()
            .map(|text| text.matches("Validation Error").count())
            .sum()
    }
}

/// The layer, which cargo builds beside this test.
fn library() -> PathBuf {
    let exe = std::env::current_exe().expect("this test");
    let path = exe.with_file_name("libVkLayer_locktoll.so");
    assert!(
        path.exists(),
        "{} is not there: run this test through cargo, which builds it",
        path.display()
    );
    path
}

/// The driver that computes on the CPU, so that results do not depend on the machine.
fn driver() -> PathBuf {
    let folder = Path::new("/usr/share/vulkan/icd.d");
    let is_lavapipe = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.starts_with("lvp_icd"))
    };
    fs::read_dir(folder)
        .ok()
        .and_then(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .find(is_lavapipe)
        })
        .unwrap_or_else(|| {
            panic!(
                "no lvp_icd*.json in {}: install the Debian packages libvulkan1, \
                 mesa-vulkan-drivers, vulkan-validationlayers and vulkan-tools",
                folder.display()
            )
        })
}
