//! Writes the tables of `src/hooks/` anew from the installed Vulkan registry.

use std::path::Path;
use std::process::ExitCode;

#[path = "../generator/mod.rs"]
mod generator;

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), String> {
    let xml = generator::read(Path::new(generator::REGISTRY))?;
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/hooks"));
    for table in generator::tables(&xml, &generator::commands_of_ash()?)? {
        let path = folder.join(table.file);
        std::fs::write(&path, table.text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
