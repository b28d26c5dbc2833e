//! Whether a library can be loaded into a program, told before it is started.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use locktoll_bench::Error as BenchError;
use object::elf::PT_INTERP;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Architecture, Endianness, Object as _, ObjectSection as _, ReadCache};

use crate::error::{Error, Result};

const SET_USER_OR_GROUP_ID: u32 = 0o6000;
/// Scripts whose interpreter is a script; the kernel follows four.
const SCRIPTS: usize = 4;
/// What of a script's first line the kernel reads.
const FIRST_LINE: usize = 256;

/// Refuses a program into which the library cannot be loaded, or that is not there.
///
/// # Errors
/// [`Error::NotRecordable`] says why, and what to do.
pub(crate) fn check(command: &[String]) -> Result<()> {
    let Some(name) = command.first() else {
        return Err(Error::Usage("no program to run: put it after --".into()));
    };
    if !cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        return Err(Error::Usage(
            "locks are recorded on Linux with the GNU C library only, on x86_64 and aarch64".into(),
        ));
    }
    let path = std::env::var_os("PATH");
    let Some(mut file) = locate(Path::new(name), path.as_deref()) else {
        // Without PATH the system looks in places of its own.
        let is_missing = path.is_some() || name.contains('/');
        return if is_missing {
            let why = if name.contains('/') {
                "there is no such file"
            } else {
                "no folder of PATH has such a program"
            };
            let missing = std::io::Error::new(std::io::ErrorKind::NotFound, why);
            Err(BenchError::io("start", name)(missing).into())
        } else {
            Ok(())
        };
    };
    for _ in 0..SCRIPTS {
        match interpreter_of_script(&file) {
            Some(interpreter) if !interpreter.exists() => {
                let why = format!(
                    "its first line names {}, which is not there",
                    interpreter.display()
                );
                let missing = std::io::Error::new(std::io::ErrorKind::NotFound, why);
                return Err(BenchError::io("start", name)(missing).into());
            }
            Some(interpreter) => file = interpreter,
            None => break,
        }
    }
    match refusal(&file) {
        Some(why) => Err(Error::NotRecordable { program: file, why }),
        None => Ok(()),
    }
}

/// Where a command's program is, as a shell looks for it.
fn locate(name: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_owned());
    }
    std::env::split_paths(path?)
        .map(|folder| folder.join(name))
        .find(|file| {
            file.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// The program of a `#!` line.
fn interpreter_of_script(file: &Path) -> Option<PathBuf> {
    let mut beginning = Vec::new();
    File::open(file)
        .ok()?
        .take(FIRST_LINE as u64)
        .read_to_end(&mut beginning)
        .ok()?;
    let line = beginning.strip_prefix(b"#!")?;
    let line = line.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let interpreter = Path::new(OsStr::from_bytes(words.next()?)).to_owned();
    // `#!/usr/bin/env -S name`: the interpreter is looked for.
    if interpreter.file_name() == Some(OsStr::new("env")) {
        let is_name = |word: &&[u8]| !word.starts_with(b"-") && !word.contains(&b'=');
        let name = words.find(is_name).map(OsStr::from_bytes);
        return name.and_then(|name| locate(Path::new(name), std::env::var_os("PATH").as_deref()));
    }
    Some(interpreter)
}

/// Why the library cannot be loaded into a program; `None` where it can, or where that cannot be seen.
fn refusal(file: &Path) -> Option<String> {
    let about = fs::metadata(file).ok()?;
    if about.mode() & SET_USER_OR_GROUP_ID != 0 && about.uid() != nix::unistd::geteuid().as_raw() {
        return Some(
            "it is set-user-id or set-group-id, and the dynamic loader ignores LD_PRELOAD for such programs: \
             run a copy of it without these bits, or as its owner"
                .to_owned(),
        );
    }
    let cache = ReadCache::new(File::open(file).ok()?);
    let file = match object::FileKind::parse(&cache).ok()? {
        object::FileKind::Elf64 => ElfFile64::<Endianness, _>::parse(&cache).ok()?,
        object::FileKind::Elf32 => {
            return Some(
                "it is a 32-bit program, and the library is a 64-bit one: build it for 64 bits"
                    .to_owned(),
            );
        }
        _ => return None,
    };
    let own = if cfg!(target_arch = "aarch64") {
        Architecture::Aarch64
    } else {
        Architecture::X86_64
    };
    if file.architecture() != own {
        return Some(format!(
            "it is for another architecture ({:?}), so it would run in an emulator: record it on a machine of \
             its own",
            file.architecture()
        ));
    }
    let is_go = file
        .sections()
        .any(|section| section.name() == Ok(".go.buildinfo"));
    let endian = file.endian();
    let interpreter = file
        .elf_program_headers()
        .iter()
        .filter(|header| header.p_type(endian) == PT_INTERP)
        .find_map(|header| header.interpreter(endian, &cache).ok().flatten());
    let is_program = file.entry() != 0;
    match interpreter {
        None if is_go => Some(GO.to_owned()),
        None if is_program => Some(
            "it is linked statically, so no library can be loaded into it: link it dynamically, with the C \
             library as a shared one (for Rust, a -gnu target; for C, without -static)"
                .to_owned(),
        ),
        Some(loader) if String::from_utf8_lossy(loader).contains("ld-musl") => Some(
            "it is a program of musl, and the library is one of the GNU C library: build it for a -gnu \
             target, or run it in an image with the GNU C library"
                .to_owned(),
        ),
        Some(_) if is_go => Some(GO.to_owned()),
        _ => None,
    }
}

const GO: &str = "it is a program of Go, whose locks are Go's own and not the C library's: use Go's own mutex profile \
                  (runtime.SetMutexProfileFraction, then go tool pprof)";

#[cfg(test)]
mod tests {
    use super::*;

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn scripts_are_followed_to_their_interpreter() {
        let folder = tempfile::tempdir().unwrap();
        let found = |text: &str| interpreter_of_script(&script(folder.path(), "script", text));
        assert_eq!(found("#!/bin/sh -e\nexit\n"), Some("/bin/sh".into()));
        assert_eq!(found("#! /bin/sh"), Some("/bin/sh".into()));
        let by_env = found("#!/usr/bin/env -S X=1 sh -e\n").unwrap();
        assert!(by_env.is_absolute() && by_env.ends_with("sh"), "{by_env:?}");
        assert_eq!(found("echo"), None);
        assert_eq!(found("#!"), None);
    }

    #[test]
    fn what_is_no_program_is_left_to_the_system() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refusal(&script(folder.path(), "text", "hello")), None);
        assert_eq!(refusal(&folder.path().join("missing")), None);
        assert!(check(&["no-such-program-anywhere".to_owned()]).is_err());
        assert!(check(&[]).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_ordinary_program_is_taken() {
        assert_eq!(refusal(Path::new("/bin/sh")), None);
        assert!(check(&["sh".to_owned()]).is_ok());
    }
}
