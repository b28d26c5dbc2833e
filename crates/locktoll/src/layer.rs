//! The Vulkan layer that takes the locks under a program: its files and the variables by which the
//! loader finds it.
//!
//! The layer is a shared library. It is carried inside this program, so that a single file is all
//! that has to be on a machine; it is written out where it is needed.

use std::fs;
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;
use locktoll_guard::{Instrument, Strategy};

use crate::error::{Error, Result};

/// The layer's folder in a run's directory.
pub const LAYER_FOLDER: &str = "layer";

/// The layer's name in the loader.
const NAME: &str = "VK_LAYER_LOCKTOLL_guard";
const LIBRARY: &[u8] = include_bytes!(env!("LOCKTOLL_VULKAN_LAYER"));
const LIBRARY_NAME: &str = env!("LOCKTOLL_VULKAN_LAYER_NAME");
const MANIFEST: &str = include_str!("../../../inject/vulkan/VkLayer_locktoll.json.in");
const MANIFEST_NAME: &str = "VkLayer_locktoll.json";
/// What the manifest has in place of the library.
const LIBRARY_PLACE: &str = "@LIBRARY@";

/// Where a loader looks for explicit layers: what `VK_LAYER_PATH` replaces, so that a user's other
/// layers are still found. `VK_ADD_LAYER_PATH` would add, but loaders before 1.3.234 ignore it.
const EXPLICIT_LAYERS: [&str; 4] = [
    "/etc/vulkan/explicit_layer.d",
    "/usr/local/etc/vulkan/explicit_layer.d",
    "/usr/local/share/vulkan/explicit_layer.d",
    "/usr/share/vulkan/explicit_layer.d",
];

/// The layer, written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    folder: PathBuf,
}

impl Layer {
    /// Writes the layer and its manifest into a folder, which is made if need be.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(BenchError::io("create the folder", folder))?;
        let folder = folder
            .canonicalize()
            .map_err(BenchError::io("find the folder", folder))?;
        if folder.display().to_string().contains(':') {
            return Err(Error::Usage(format!(
                "the Vulkan loader takes a : for the end of a folder, so the layer cannot be put \
                 into {}: choose another folder",
                folder.display()
            )));
        }
        let layer = Self { folder };
        let write = |path: PathBuf, bytes: &[u8]| {
            fs::write(&path, bytes).map_err(BenchError::io("write", &path))
        };
        let library = layer.folder.join(LIBRARY_NAME);
        // A library that some program has mapped must not change under it.
        if !fs::read(&library).is_ok_and(|there| there == LIBRARY) {
            let _ = fs::remove_file(&library);
            write(library.clone(), LIBRARY)?;
        }
        let quoted = serde_json::Value::from(library.display().to_string()).to_string();
        let manifest = MANIFEST.replace(&format!("\"{LIBRARY_PLACE}\""), &quoted);
        write(layer.folder.join(MANIFEST_NAME), manifest.as_bytes())?;
        let traces = layer.traces();
        fs::create_dir_all(&traces).map_err(BenchError::io("create the folder", &traces))?;
        Ok(layer)
    }

    /// A layer that was written before.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it leaves its counts.
    pub fn traces(&self) -> PathBuf {
        self.folder.join("traces")
    }

    /// The variables that put the layer under a program, next to the application, with a strategy.
    pub fn variables(&self, strategy: &str, instrument: Instrument) -> Vec<(&'static str, String)> {
        let kept = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut paths = vec![self.folder.display().to_string()];
        if let Some(theirs) = kept("VK_LAYER_PATH") {
            paths.push(theirs);
        } else {
            paths.extend(kept("VK_ADD_LAYER_PATH"));
            if let Some(home) = kept("HOME") {
                paths.push(format!("{home}/.local/share/vulkan/explicit_layer.d"));
            }
            paths.extend(EXPLICIT_LAYERS.map(str::to_owned));
        }
        let count = match instrument {
            Instrument::Bare => "0",
            Instrument::Counted => "1",
            Instrument::Timed => "all",
        };
        let mut layers = vec![NAME.to_owned()];
        layers.extend(kept("VK_INSTANCE_LAYERS"));
        vec![
            ("VK_LAYER_PATH", paths.join(":")),
            ("VK_INSTANCE_LAYERS", layers.join(":")),
            ("LOCKTOLL_STRATEGY", strategy.to_owned()),
            ("LOCKTOLL_COUNT", count.to_owned()),
            ("LOCKTOLL_TRACE_DIR", self.traces().display().to_string()),
        ]
    }

    /// A command with the layer under it, as a line that can be pasted.
    pub fn command(
        &self,
        strategy: Strategy,
        instrument: Instrument,
        program: &[String],
    ) -> Vec<String> {
        let mut words = vec!["env".to_owned()];
        for (name, value) in self.variables(&strategy.to_string(), instrument) {
            words.push(format!("{name}={value}"));
        }
        words.extend_from_slice(program);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_library_that_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let layer = Layer::write(&folder.path().join("a \"b\"")).unwrap();
        let manifest = fs::read(layer.folder().join(MANIFEST_NAME)).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["layer"]["name"], NAME);
        let library = manifest["layer"]["library_path"].as_str().unwrap();
        assert_eq!(fs::read(library).unwrap(), LIBRARY);
    }

    #[test]
    fn a_command_keeps_its_words_behind_the_variables() {
        let folder = tempfile::tempdir().unwrap();
        let layer = Layer::write(folder.path()).unwrap();
        let program = ["vulkaninfo", "--summary"].map(str::to_owned);
        let line = layer.command(Strategy::Global, Instrument::Counted, &program);
        assert_eq!(line[0], "env");
        assert!(line.contains(&"LOCKTOLL_STRATEGY=global".to_owned()));
        assert_eq!(line[line.len() - 2..], program);
    }
}
