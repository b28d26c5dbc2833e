//! The library that takes the locks under a Metal program on macOS: the variables by which the loader
//! puts it there, and why it may refuse to.
//!
//! Only `write` and `facts_of`, which macOS alone has, touch the system; all else is the same on every
//! platform, and tested there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use locktoll_guard::Strategy;

use crate::cli::{GuardArgs, GuardStrategy};

/// What the loader goes by.
pub const INSERT: &str = "DYLD_INSERT_LIBRARIES";

/// Folders whose programs macOS protects (System Integrity Protection): the loader ignores its
/// variables for them.
const PROTECTED: [&str; 4] = ["/System", "/bin", "/sbin", "/usr"];
/// The folder in those that it does not.
const NOT_PROTECTED: &str = "/usr/local";

/// What a program may have that lets the loader heed its variables in spite of the hardened runtime.
const ALLOWS_VARIABLES: &str = "com.apple.security.cs.allow-dyld-environment-variables";
/// What it needs besides, since the library is signed by nobody that it knows.
const ALLOWS_LIBRARIES: &str = "com.apple.security.cs.disable-library-validation";

/// The variables that put the library under a program, before what is in them already. What is not
/// asked for stays as the environment has it.
pub fn variables(
    library: &Path,
    inserted: Option<&str>,
    arguments: &GuardArgs,
    traces: &Path,
) -> Vec<(&'static str, String)> {
    let mut libraries = library.display().to_string();
    if let Some(others) = inserted.filter(|others| !others.is_empty()) {
        let _ = write!(libraries, ":{others}");
    }
    let counted = u8::from(!arguments.no_counting);
    let mut variables = vec![
        (INSERT, libraries),
        ("LOCKTOLL_STRATEGY", arguments.strategy.to_string()),
        ("LOCKTOLL_COUNT", counted.to_string()),
        ("LOCKTOLL_TRACE_DIR", traces.display().to_string()),
    ];
    if let Some(on_misuse) = arguments.on_misuse {
        variables.push(("LOCKTOLL_ON_MISUSE", on_misuse.name().to_owned()));
    }
    variables
}

/// Why the library cannot do what is asked for, if it cannot.
pub fn refused(arguments: &GuardArgs) -> Option<String> {
    (arguments.strategy == GuardStrategy::Lock(Strategy::PerQueue)).then(|| {
        "--strategy per-queue is not to be had under Metal, where an encoder does not tell its queue: \
         choose global, per-encoder, throttle:K, session, none or off"
            .to_owned()
    })
}

/// Which flags ask for what only this library does, and what to do where there is no Metal, if any
/// does.
pub fn asked_for(arguments: &GuardArgs) -> Option<String> {
    let session = (arguments.strategy == GuardStrategy::Session).then_some("--strategy session");
    let on_misuse = arguments.on_misuse.map(|_| "--on-misuse");
    let flags: Vec<_> = session.into_iter().chain(on_misuse).collect();
    (!flags.is_empty()).then(|| {
        let instead = match session {
            Some(_) => "choose global, per-encoder, per-queue, throttle:K, none or off",
            None => "leave it out",
        };
        format!(
            "{} is for the Metal guard, which locktoll puts under programs on macOS; here it puts a \
             Vulkan layer under them: {instead}",
            flags.join(" with ")
        )
    })
}

/// What the library was built for, as `codesign` calls it.
const ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else {
    "arm64"
};

/// What is known of a program that ran without the library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where it is.
    pub program: PathBuf,
    /// What runs it, if it is a script.
    pub interpreter: Option<PathBuf>,
    /// What `codesign -d -v --entitlements -` says of what runs, if it says anything.
    pub signature: Option<String>,
}

/// Why the library may not have been loaded, and what to do.
pub fn explain(facts: &Facts) -> String {
    let runs = facts.interpreter.as_ref().unwrap_or(&facts.program);
    let name = runs.display();
    let protected = PROTECTED.iter().find(|folder| runs.starts_with(folder));
    if let Some(folder) = protected.filter(|_| !runs.starts_with(NOT_PROTECTED)) {
        let mut text = format!(
            "{name} is in {folder}, where macOS protects programs (System Integrity Protection): \
             the loader takes {INSERT} away from them"
        );
        if facts.interpreter.is_some() {
            let _ = write!(
                text,
                ". It is what runs {}: give the interpreter that does the work instead, such as a \
                 Python from python.org or Homebrew, with the script as its argument",
                facts.program.display()
            );
        } else {
            text += ". Use a copy from elsewhere, such as Homebrew's; a protected program that \
                     starts another one also loses the variable on the way";
        }
        return text;
    }
    let Some(signature) = &facts.signature else {
        return format!(
            "{name} ran without calling Metal, or started another program that is protected, or \
             is signed in a way that `codesign -d -v --entitlements - {name}` tells"
        );
    };
    let format = signature.lines().find(|line| line.starts_with("Format="));
    if let Some(format) = format.filter(|format| !is_for(format, ARCHITECTURE)) {
        return format!(
            "{name} is for another architecture ({format}) than this locktoll, whose library is for \
             {ARCHITECTURE}: the loader refuses that. Use a program for {ARCHITECTURE}, or a locktoll \
             that is built for the program's"
        );
    }
    let is_hardened = signature
        .lines()
        .filter(|line| line.contains("flags="))
        .any(|line| line.contains("runtime"));
    let missing: Vec<&str> = [ALLOWS_VARIABLES, ALLOWS_LIBRARIES]
        .into_iter()
        .filter(|entitlement| !signature.contains(entitlement))
        .collect();
    if is_hardened && !missing.is_empty() {
        return format!(
            "{name} has the hardened runtime and lacks {}: the loader takes {INSERT} away from it, or \
             refuses the library. Sign a copy anew without it (codesign --force --sign - COPY), or \
             with these entitlements",
            missing.join(" and ")
        );
    }
    format!(
        "{name} is neither protected nor hardened, so the library was probably loaded and found no \
         Metal: the program may call it in another process"
    )
}

/// Whether a line such as `Format=Mach-O universal (x86_64 arm64)` names an architecture; one that names
/// none tells nothing against it.
fn is_for(format: &str, architecture: &str) -> bool {
    let named = format
        .split_once('(')
        .map(|(_, named)| named.trim_end_matches(')'));
    named.is_none_or(|named| named.split_whitespace().any(|each| each == architecture))
}

/// Writes the library, which is carried inside this program, into a folder; where it is then.
///
/// # Errors
/// The folder cannot be written.
#[cfg(target_os = "macos")]
pub fn write(folder: &Path) -> crate::error::Result<PathBuf> {
    let library = folder.join("liblocktoll_metal.dylib");
    std::fs::write(&library, include_bytes!(env!("LOCKTOLL_METAL_LIBRARY")))
        .map_err(locktoll_bench::Error::io("write", &library))?;
    Ok(library)
}

/// What can be found out about a program, which was named as to a shell.
#[cfg(target_os = "macos")]
pub fn facts_of(named: &str) -> Facts {
    use std::io::Read as _;

    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = (!named.contains('/'))
        .then(|| {
            std::env::split_paths(&paths)
                .map(|folder| folder.join(named))
                .find(|path| path.is_file())
        })
        .flatten();
    let program = found.unwrap_or_else(|| PathBuf::from(named));
    let program = program.canonicalize().unwrap_or(program);
    let mut beginning = Vec::new();
    // What cannot be read has no interpreter that could be told.
    if let Ok(file) = std::fs::File::open(&program) {
        let _ = file.take(512).read_to_end(&mut beginning);
    }
    let interpreter = interpreter_of(&beginning);
    let runs = interpreter.as_ref().unwrap_or(&program);
    let said = std::process::Command::new("/usr/bin/codesign")
        .args(["-d", "-v", "--entitlements", "-"])
        .arg(runs)
        .output();
    let signature = said.ok().map(|said| {
        let mut text = String::from_utf8_lossy(&said.stdout).into_owned();
        text += &String::from_utf8_lossy(&said.stderr);
        text
    });
    Facts {
        program,
        interpreter,
        signature,
    }
}

/// The program in the first line of a script.
pub fn interpreter_of(beginning: &[u8]) -> Option<PathBuf> {
    let line = beginning
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.split_whitespace().next().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use clap::{Parser as _, ValueEnum as _};

    use super::*;
    use crate::cli::{Cli, Command, OnMisuse};

    /// What `locktoll guard FLAGS -- true` is given.
    fn guard(flags: &[&str]) -> GuardArgs {
        let words = ["locktoll", "guard"].iter().chain(flags);
        let cli = Cli::try_parse_from(words.chain(&["--", "true"])).unwrap();
        match cli.command {
            Command::Guard(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_inserted_libraries_stay() {
        let arguments = guard(&["--strategy", "session", "--no-counting"]);
        let of = |inserted| {
            let library = Path::new("/tmp/run/liblocktoll_metal.dylib");
            variables(library, inserted, &arguments, Path::new("/tmp/run/traces"))
        };
        assert_eq!(
            of(None),
            [
                (INSERT, "/tmp/run/liblocktoll_metal.dylib".to_owned()),
                ("LOCKTOLL_STRATEGY", "session".to_owned()),
                ("LOCKTOLL_COUNT", "0".to_owned()),
                ("LOCKTOLL_TRACE_DIR", "/tmp/run/traces".to_owned()),
            ]
        );
        assert_eq!(of(Some("")), of(None));
        assert_eq!(
            of(Some("/a.dylib:/b.dylib"))[0].1,
            "/tmp/run/liblocktoll_metal.dylib:/a.dylib:/b.dylib"
        );
    }

    /// Values that the library takes for a variable, by its own table in the document.
    fn taken(variable: &str) -> Vec<&'static str> {
        let document = include_str!("../../../docs/metal.md");
        let start = format!("| `{variable}` |");
        let row = document.lines().find_map(|line| line.strip_prefix(&start));
        let values = row.expect("is in the table").split('|').next();
        values
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect()
    }

    #[test]
    fn the_library_is_told_in_its_own_words() {
        let choices: Vec<_> = OnMisuse::value_variants()
            .iter()
            .map(|each| each.name())
            .collect();
        assert_eq!(choices, taken("LOCKTOLL_ON_MISUSE"));
        for choice in choices {
            let arguments = guard(&["--strategy", "global", "--on-misuse", choice]);
            let told = variables(Path::new("l"), None, &arguments, Path::new("t"));
            assert!(
                told.contains(&("LOCKTOLL_ON_MISUSE", choice.to_owned())),
                "{told:?}"
            );
        }
        let strategies = taken("LOCKTOLL_STRATEGY");
        assert!(strategies.contains(&"session"), "{strategies:?}");
        for strategy in strategies {
            let arguments = guard(&["--strategy", &strategy.replace('K', "3")]);
            assert!(!arguments.strategy.to_string().is_empty());
            assert!(refused(&arguments).is_none(), "{strategy}");
        }
        assert!(refused(&guard(&["--strategy", "per-queue"])).is_some());
    }

    fn facts(program: &str, interpreter: Option<&str>, signature: Option<&str>) -> Facts {
        Facts {
            program: program.into(),
            interpreter: interpreter.map(PathBuf::from),
            signature: signature.map(str::to_owned),
        }
    }

    #[test]
    fn a_protected_program_is_told_as_one() {
        for (program, interpreter) in [
            ("/usr/bin/python3", None),
            ("/usr/sbin/system_profiler", None),
            ("/opt/run", Some("/usr/bin/env")),
        ] {
            let text = explain(&facts(program, interpreter, Some("flags=0x10000(runtime)")));
            assert!(text.contains("System Integrity Protection"), "{text}");
            assert_eq!(text.contains("with the script"), interpreter.is_some());
        }
        // A folder of another name is not protected.
        for program in ["/usrbin/python3", "/usr/local/bin/python3"] {
            let text = explain(&facts(program, None, None));
            assert!(!text.contains("Integrity"), "{text}");
        }
    }

    #[test]
    fn a_hardened_program_is_told_what_it_lacks() {
        let hardened = "CodeDirectory v=20500 size=761 flags=0x10000(runtime) hashes=13+7";
        let text = explain(&facts("/opt/app", None, Some(hardened)));
        assert!(
            text.contains(ALLOWS_VARIABLES) && text.contains(ALLOWS_LIBRARIES),
            "{text}"
        );
        let one = format!("{hardened}\n[Key] {ALLOWS_VARIABLES}");
        let text = explain(&facts("/opt/app", None, Some(&one)));
        assert!(
            !text.contains(ALLOWS_VARIABLES) && text.contains(ALLOWS_LIBRARIES),
            "{text}"
        );
        let both = format!("{one}\n[Key] {ALLOWS_LIBRARIES}");
        let text = explain(&facts("/opt/app", None, Some(&both)));
        assert!(text.contains("neither protected nor hardened"), "{text}");
        let plain = explain(&facts("/opt/app", None, Some("flags=0x2(adhoc)")));
        assert!(plain.contains("neither protected nor hardened"), "{plain}");
    }

    #[test]
    fn a_program_for_another_architecture_is_told_as_one() {
        let other = if ARCHITECTURE == "arm64" {
            "x86_64"
        } else {
            "arm64"
        };
        let of = |format: &str| {
            let signature = format!("Executable=/opt/app\n{format}\nflags=0x2(adhoc)");
            explain(&facts("/opt/app", None, Some(&signature)))
        };
        for format in [
            format!("Format=Mach-O thin ({other})"),
            format!("Format=app bundle with Mach-O thin ({other})"),
            // Another one than its prefix.
            format!("Format=Mach-O thin ({ARCHITECTURE}e)"),
        ] {
            let text = of(&format);
            assert!(text.contains("another architecture"), "{text}");
            assert!(text.contains(ARCHITECTURE), "{text}");
        }
        for format in [
            format!("Format=Mach-O thin ({ARCHITECTURE})"),
            "Format=Mach-O universal (x86_64 arm64)".to_owned(),
            "Format=generic".to_owned(),
        ] {
            let text = of(&format);
            assert!(text.contains("neither protected nor hardened"), "{text}");
        }
    }

    #[test]
    fn the_interpreter_of_a_script_is_found() {
        let of = |text: &str| interpreter_of(text.as_bytes());
        assert_eq!(
            of("#!/usr/bin/env python3\nimport"),
            Some("/usr/bin/env".into())
        );
        assert_eq!(of("#! /bin/sh"), Some("/bin/sh".into()));
        assert_eq!(of("\u{7f}ELF"), None);
        assert_eq!(of("#!"), None);
    }
}
