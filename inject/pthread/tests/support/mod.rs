//! Programs in C, run with the library under them, and what was recorded of them.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use locktoll_trace::Trace;
use locktoll_trace::recording::{Point, Recording};
use tempfile::TempDir;

/// Far more than any program here takes.
const HANGS_AFTER_S: &str = "60";

/// The library, which cargo builds beside the tests.
pub(crate) fn library() -> PathBuf {
    let exe = std::env::current_exe().expect("this test");
    let path = exe.with_file_name("liblocktoll_pthread.so");
    assert!(
        path.exists(),
        "{} is not there: run this test through cargo, which builds it",
        path.display()
    );
    path
}

/// Compiles one of the programs; `flags` may make a library of it.
pub(crate) fn compiled(source: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pthread");
    fs::create_dir_all(&folder).expect("makes a folder");
    // Another test process may be compiling, too; and each test of this one has its own.
    let path = folder.join(format!(
        "{source}-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let output = Command::new("cc")
        // A call at a function's end is to return into that function.
        .args(["-O1", "-g", "-pthread", "-fno-optimize-sibling-calls"])
        .args(flags)
        .arg("-o")
        .arg(&path)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/programs/{source}.c")))
        .output()
        .expect("a C compiler, cc");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    path
}

/// A folder for recordings, and the environment of who is recorded into it.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    settings: Vec<(String, String)>,
    preloaded: Vec<PathBuf>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage {
            folder: tempfile::tempdir().expect("a temporary folder"),
            settings: Vec::new(),
            preloaded: vec![library()],
        }
    }

    /// With one of the library's settings.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Stage {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another library loaded before the program's own.
    pub(crate) fn under(mut self, library: &Path) -> Stage {
        self.preloaded.push(library.to_owned());
        self
    }

    /// A program that is recorded, and ended if it hangs.
    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let preloaded: Vec<_> = self
            .preloaded
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect();
        let mut command = Command::new("timeout");
        command
            .args(["--signal=KILL", HANGS_AFTER_S, "env"])
            .arg(format!("LD_PRELOAD={}", preloaded.join(":")))
            .arg(program)
            .args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LOCKTOLL_") {
                command.env_remove(name);
            }
        }
        command
            .env_remove("LD_PRELOAD")
            .env("LOCKTOLL_TRACE_DIR", self.folder.path())
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Runs a program, which has to succeed, and reads what was recorded.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> Ran {
        let output = self
            .command(program, arguments)
            .output()
            .expect("a process");
        Ran {
            said: Said::of(&output),
            traces: self.traces(),
        }
    }

    pub(crate) fn traces(&self) -> Vec<Trace> {
        Trace::read_dir(self.folder.path()).expect("the traces are whole")
    }
}

/// Compiles a program, runs it with this argument and reads what was recorded.
pub(crate) fn run(source: &str, argument: &str) -> Ran {
    Stage::new().run(&compiled(source, &[]), &[argument])
}

/// What a program has said of itself.
pub(crate) struct Said {
    pub(crate) locks: BTreeMap<String, u64>,
    sites: BTreeMap<String, u64>,
    pub(crate) numbers: BTreeMap<String, u64>,
    pub(crate) ns: BTreeMap<String, Vec<u64>>,
}

impl Said {
    fn of(output: &Output) -> Said {
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{:?}: {err}", output.status);
        Said::parse(&out)
    }

    pub(crate) fn parse(out: &str) -> Said {
        let mut said = Said {
            locks: BTreeMap::new(),
            sites: BTreeMap::new(),
            numbers: BTreeMap::new(),
            ns: BTreeMap::new(),
        };
        let address = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        for line in out.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["lock", name, at] => said.locks.insert(name.to_owned(), address(at)),
                ["site", name, at] => said.sites.insert(name.to_owned(), address(at)),
                ["number", name, n] => said.numbers.insert(name.to_owned(), n.parse().unwrap()),
                ["ns", name, ns] => {
                    said.ns
                        .entry(name.to_owned())
                        .or_default()
                        .push(ns.parse().unwrap());
                    None
                }
                _ => panic!("{line}"),
            };
        }
        said
    }

    /// The function that a call site is in: the last that begins before it, and not far.
    pub(crate) fn site(&self, address: u64) -> &str {
        let before = self.sites.iter().filter(|(_, at)| **at < address);
        match before.max_by_key(|(_, at)| **at) {
            Some((name, at)) if address - at < 512 => name,
            _ => "?",
        }
    }
}

/// What a program has said, and what was recorded of it and its children.
pub(crate) struct Ran {
    pub(crate) said: Said,
    pub(crate) traces: Vec<Trace>,
}

impl Ran {
    /// The recording of a program of one process.
    pub(crate) fn recording(&self) -> &Recording {
        let [trace] = self.traces.as_slice() else {
            panic!("{} traces", self.traces.len());
        };
        assert!(trace.ended, "the process has ended in order");
        let recording = trace.recording.as_ref().expect("a recording");
        assert_eq!((recording.coarsened, recording.events_lost), (0, 0));
        recording
    }

    /// The point of a lock at a call site, both by name.
    pub(crate) fn point(&self, lock: &str, site: &str) -> &Point {
        let found = self.points(lock, site);
        let [point] = found[..] else {
            panic!("{} points of {lock} at {site}", found.len());
        };
        point
    }

    /// All points of a lock in a function.
    pub(crate) fn points(&self, lock: &str, site: &str) -> Vec<&Point> {
        let points = self.recording().points.iter();
        points
            .filter(|point| point.lock == self.said.locks[lock])
            .filter(|point| self.said.site(point.site) == site)
            .collect()
    }

    /// (acquisitions, contentions, refused, timed out) of a lock at a call site.
    pub(crate) fn counts(&self, lock: &str, site: &str) -> [u64; 4] {
        let point = self.point(lock, site);
        [
            point.acquisitions,
            point.contentions,
            point.refused,
            point.timed_out,
        ]
    }

    /// Acquisitions of a lock, at all call sites and in all processes.
    pub(crate) fn acquisitions(&self, lock: &str) -> Vec<u64> {
        let recordings = self
            .traces
            .iter()
            .filter_map(|trace| trace.recording.as_ref());
        recordings
            .map(|recording| {
                let of_lock = recording.points.iter();
                of_lock
                    .filter(|point| point.lock == self.said.locks[lock])
                    .map(|point| point.acquisitions)
                    .sum()
            })
            .collect()
    }
}
