//! Why a Vulkan layer may not have been loaded, as far as it can be seen from outside.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const SET_USER_OR_GROUP_ID: u32 = 0o6000;

/// What stands in the layer's way, in words: what was found, or else what usually does.
pub fn reasons(command: &[String]) -> String {
    let found = found(command, &|name| env::var(name).ok());
    if found.is_empty() {
        "nothing in the environment forbids it, so either the program never called \
         vkCreateInstance (is Vulkan optional for it?), or it opens a driver without the Vulkan \
         loader, or its Vulkan loader is a private one that ignores VK_LAYER_PATH and \
         VK_INSTANCE_LAYERS"
            .to_owned()
    } else {
        found.join("; ")
    }
}

/// A command without `env` and the variables before it.
pub fn without_variables(command: &[String]) -> &[String] {
    if command.first().is_none_or(|word| word != "env") {
        return command;
    }
    let first = command[1..].iter().position(|word| !word.contains('='));
    first.map_or(command, |at| &command[at + 1..])
}

fn found(command: &[String], variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut all = Vec::new();
    for name in ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"] {
        if variable(name).is_some() {
            all.push(format!(
                "{name} is set: some programs (ncnn) then open the driver directly, past the \
                 loader and its layers: unset it"
            ));
        }
    }
    for name in ["VK_LOADER_LAYERS_DISABLE", "VK_LOADER_LAYERS_ALLOW"] {
        if let Some(value) = variable(name) {
            all.push(format!(
                "{name}={value} tells the loader which layers to leave out: unset it"
            ));
        }
    }
    let Some(program) = without_variables(command).first() else {
        return all;
    };
    if let Some(path) = locate(program, variable("PATH").as_deref())
        && let Ok(facts) = fs::metadata(&path)
        && facts.permissions().mode() & SET_USER_OR_GROUP_ID != 0
    {
        all.push(format!(
            "{} is set-user-id or set-group-id, for which the loader ignores VK_LAYER_PATH: run a \
             copy without that bit",
            path.display()
        ));
    }
    let name = Path::new(program).file_name().unwrap_or_default();
    if ["flatpak", "snap", "firejail", "bwrap", "docker", "podman"]
        .iter()
        .any(|sandbox| name == *sandbox)
    {
        all.push(format!(
            "{program} runs the program in a sandbox that sees neither these variables nor the \
             layer's folder: hand both in (for Flatpak: --env and --filesystem), or run the program \
             outside"
        ));
    }
    all
}

fn locate(program: &str, path: Option<&str>) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(program.into());
    }
    env::split_paths(path?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_with(variables: &[(&str, &str)], command: &[&str]) -> String {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        found(&command, &variable).join("; ")
    }

    #[test]
    fn variables_and_sandboxes_are_named() {
        let icd = found_with(&[("VK_ICD_FILENAMES", "x.json")], &["prog"]);
        assert!(icd.contains("VK_ICD_FILENAMES"), "{icd}");
        let off = found_with(&[("VK_LOADER_LAYERS_DISABLE", "~all~")], &["prog"]);
        assert!(off.contains("~all~"), "{off}");
        let flatpak = found_with(&[], &["env", "A=1", "/usr/bin/flatpak", "run"]);
        assert!(flatpak.contains("Flatpak"), "{flatpak}");
        assert_eq!(found_with(&[], &["prog"]), "");
    }

    #[test]
    fn a_set_user_id_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("prog");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        let path = folder.path().display().to_string();
        let said = found_with(&[("PATH", &path)], &["prog"]);
        assert!(said.contains("set-user-id"), "{said}");
    }
}
