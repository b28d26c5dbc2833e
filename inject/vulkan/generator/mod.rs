//! Makes the tables of `src/hooks/` from the Vulkan registry, `vk.xml`.
//!
//! Which parameters a caller must not use from two threads at once is written in the registry, for
//! some 300 commands. A table typed by hand would be wrong somewhere, and nobody would see where.

mod declaration;
mod plan;
mod registry;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::plan::{Hook, Left};
use self::registry::Registry;

/// Where Debian and others install it.
pub(crate) const REGISTRY: &str = "/usr/share/vulkan/registry/vk.xml";

/// One file of `src/hooks/`.
pub(crate) struct Table {
    pub(crate) file: &'static str,
    pub(crate) text: String,
}

/// The tables that belong to a registry, given which commands `ash` knows.
pub(crate) fn tables(xml: &str, known: &BTreeSet<String>) -> Result<Vec<Table>, String> {
    let document = roxmltree::Document::parse(xml).map_err(|error| error.to_string())?;
    let registry = Registry::of(&document)?;
    let (hooks, left) = plan::hooks(&registry, known)?;
    let parts = [
        (
            "recording.rs",
            "VkCommandBuffer",
            "Recording into command buffers.",
        ),
        ("submission.rs", "VkQueue", "Handing work to queues."),
        (
            "objects.rs",
            "VkDevice",
            "Everything else: objects that are made, changed and destroyed.",
        ),
    ];
    Ok(parts
        .map(|(file, first, about)| Table {
            file,
            text: render(file, about, &registry.version, first, &hooks, &left),
        })
        .into())
}

fn render(
    file: &str,
    about: &str,
    version: &str,
    first: &str,
    hooks: &[Hook],
    left: &[Left],
) -> String {
    let mut text = format!(
        "//! {about}\n//!\n\
         //! Generated from the Vulkan registry, header version {version}, by\n\
         //! `cargo run -p locktoll-vulkan-layer --example generate_hooks`. Do not edit.\n"
    );
    let mut reason = "";
    for left in left.iter().filter(|left| left.first == first) {
        if left.reason != reason {
            reason = left.reason;
            let _ = writeln!(text, "//!\n//! Not in this table, {reason}:");
        }
        let _ = writeln!(text, "//! - `{}`", left.command);
    }
    let mut lines = String::new();
    for hook in hooks.iter().filter(|hook| hook.first == first) {
        let _ = writeln!(lines, "    {}", hook.line);
    }
    text.push('\n');
    if lines.contains("c_void") {
        text.push_str("use core::ffi::c_void;\n\n");
    }
    text.push_str("use ash::vk;\n\n");
    if lines.contains("slice(") {
        text.push_str("use super::slice;\n\n");
    }
    let table = file.trim_end_matches(".rs");
    format!("{text}super::define::hooks! {{\n    in {table};\n{lines}}}\n")
}

/// The commands for which `ash`, as this workspace locks it, has a function type.
pub(crate) fn commands_of_ash() -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    let folder = source_of_ash()?.join("vk");
    for file in ["features.rs", "extensions.rs"] {
        let path = folder.join(file);
        let text = read(&path)?;
        names.extend(text.split("pub type PFN_").skip(1).map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect::<String>()
        }));
    }
    Ok(names)
}

fn source_of_ash() -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "ash")
        .and_then(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .map(|folder| folder.join("src"))
        .ok_or_else(|| "cargo metadata names no package ash".into())
}

/// The text of a file, or what to do to have it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| {
        format!(
            "{}: {error}; the registry is in the Debian package libvulkan-dev",
            path.display()
        )
    })
}
