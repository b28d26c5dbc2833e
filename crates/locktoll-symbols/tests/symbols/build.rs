//! Programs that the tests compile, and what a run of one says of itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use locktoll_symbols::{Maps, StackCopy};

pub(crate) const C: &str = include_str!("program.c");
pub(crate) const CPP: &str = include_str!("program.cpp");
pub(crate) const RUST: &str = include_str!("program.rs.in");

/// Runs a tool in a folder; a tool that fails fails the test.
pub(crate) fn tool(folder: &Path, line: &str) {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a tool");
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Compiles the C program with these flags into `folder/program`.
pub(crate) fn c_program(folder: &Path, flags: &str) -> PathBuf {
    std::fs::write(folder.join("program.c"), C).unwrap();
    // In two steps, so that split DWARF goes into program.dwo.
    tool(
        folder,
        &format!(
            "cc -O2 -fomit-frame-pointer -fasynchronous-unwind-tables {flags} -c program.c -o program.o"
        ),
    );
    tool(folder, &format!("cc {flags} program.o -o program"));
    folder.join("program")
}

/// The line that a source marks with `line: NAME`.
pub(crate) fn line_of(source: &str, name: &str) -> u32 {
    let marked = |line: &str| {
        let (_, mark) = line.split_once("line: ").unwrap_or_default();
        mark.trim_end_matches("*/").trim() == name
    };
    let index = source.lines().position(marked).expect("a marked line");
    u32::try_from(index + 1).unwrap()
}

/// What a program has printed of itself.
pub(crate) struct Told {
    text: String,
    pub(crate) maps: Maps,
}

impl Told {
    pub(crate) fn run(program: &Path) -> Self {
        let output = Command::new(program).output().expect("a process");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let (text, maps) = text.split_once("maps\n").expect("mappings");
        Self {
            text: text.to_owned(),
            maps: Maps::parse(maps.as_bytes()).expect("mappings"),
        }
    }

    fn word(&self, name: &str) -> &str {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .expect("a named value")
    }

    pub(crate) fn address(&self, name: &str) -> u64 {
        u64::from_str_radix(self.word(name), 16).expect("an address")
    }

    pub(crate) fn stack(&self) -> StackCopy {
        let digits = self.word("stack").as_bytes();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        StackCopy {
            pc: self.address("pc"),
            sp: self.address("sp"),
            fp: self.address("fp"),
            bytes: digits.chunks(2).map(byte).collect(),
        }
    }
}
