//! `record`: the program does what it does alone, and its locks are named and counted.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};
use std::sync::OnceLock;

use assert_cmd::Command;
use locktoll_report::record::Record;
use locktoll_report::record::model::{Lock, LockKind};

use super::{fixture, locktoll_on_vulkan, stderr, stdout};

const SOURCE: &str = include_str!("../fixtures/two_sites.c");

/// Compiles the program that takes one lock at two places; once, for all tests.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| compiled("two_sites", &["-g", "-O1"]))
}

/// Compiles it with other flags.
fn compiled(name: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("record");
    fs::create_dir_all(&folder).unwrap();
    // Another test process may be compiling, too.
    let path = folder.join(format!("{name}-{}", std::process::id()));
    let output = Process::new("cc")
        .args(flags)
        .args(["-pthread", "-o"])
        .arg(&path)
        .arg(fixture("two_sites.c"))
        .output()
        .expect("a C compiler");
    assert!(output.status.success(), "{}", stderr(&output));
    path
}

fn line_of(name: &str) -> usize {
    let mark = format!("line: {name} ");
    SOURCE
        .lines()
        .position(|line| line.contains(&mark))
        .expect("a marked line")
        + 1
}

/// `locktoll record`, not influenced by whoever runs the tests.
pub(crate) fn record(flags: &[&str], out: &Path) -> Command {
    let mut command = locktoll_on_vulkan();
    command
        .env_remove("LD_PRELOAD")
        .arg("record")
        .args(flags)
        .arg("--out")
        .arg(out);
    command
}

pub(crate) fn recorded(flags: &[&str], out: &Path, words: &[&str]) -> (Output, Record) {
    let output = record(flags, out)
        .arg("--")
        .args(words)
        .output()
        .expect("a process");
    let text = fs::read_to_string(out.join("record.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (output, locktoll_report::record::from_str(&text).unwrap())
}

pub(crate) fn named<'a>(record: &'a Record, name: &str) -> &'a Lock {
    let locks = record.locks.iter().chain(&record.idle);
    let found = locks.clone().find(|lock| lock.name == name);
    found.unwrap_or_else(|| {
        panic!(
            "no {name} in {:?}",
            locks.map(|lock| &lock.name).collect::<Vec<_>>()
        )
    })
}

#[test]
fn the_guilty_site_is_named_first_with_exact_counts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let program = program().to_str().unwrap();
    let (output, record) = recorded(&[], &out, &[program]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert_eq!(stdout(&output), "900\n", "standard output is the program's");
    assert_eq!((record.run.exit_code, record.run.signal), (Some(7), None));

    let jobs = &record.locks[0];
    assert_eq!(
        (jobs.name.as_str(), jobs.kind),
        ("jobs", LockKind::Mutex),
        "{said}"
    );
    assert_eq!(jobs.acquisitions, 900);
    let sites: Vec<(&str, Option<String>, u64)> = jobs
        .sites
        .iter()
        .map(|site| {
            (
                site.function.as_str(),
                site.location.clone(),
                site.acquisitions,
            )
        })
        .collect();
    let place = |name: &str| Some(format!("two_sites.c:{}", line_of(name)));
    assert_eq!(
        sites,
        [
            ("guilty", place("guilty"), 100),
            ("innocent", place("innocent"), 800)
        ],
        "{said}"
    );
    let [guilty, innocent] = jobs.sites.as_slice() else {
        unreachable!()
    };
    assert!(guilty.caused_ns > innocent.caused_ns, "{said}");
    // Each of the 100 holds is of 2 ms at least; the others' is of nanoseconds.
    let hold = guilty.hold.p50_ns.expect("holds were timed");
    assert!(hold > 1_900_000, "{hold}");
    assert!(innocent.hold.p50_ns.is_none_or(|ns| ns < hold));
    assert!(jobs.wait.timed > 0 && jobs.wait.total_ns > 0.0);
    // Lines are broken where the terminal ends.
    let sentence = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        sentence.contains("jobs: ") && sentence.contains("while guilty (two_sites.c:"),
        "{said}"
    );

    // The wait for a condition is idle, and its mutex was not contended by it.
    let wake = record
        .idle
        .iter()
        .find(|lock| lock.name == "wake")
        .expect("the condition");
    assert_eq!(wake.kind, LockKind::Condvar);
    assert!(
        wake.wait.max_ns.is_some_and(|ns| ns > 1_000_000),
        "{wake:?}"
    );
    assert!(named(&record, "asleep").wait.total_ns < 1e8);
    assert_eq!(named(&record, "start").kind, LockKind::Barrier);

    // Someone was seen waiting for the guilty site, with a stack from the thread's function on.
    let blame = &record.blames[0];
    assert!(blame.waiter.starts_with("innocent "), "{blame:?}");
    assert!(
        blame
            .owner
            .as_deref()
            .is_some_and(|owner| owner.starts_with("guilty ")),
        "{blame:?}"
    );
    let stack = &record.stacks[0];
    assert!(
        stack
            .frames
            .ends_with(&["short_holder".to_owned(), "innocent".to_owned()]),
        "{stack:?}"
    );
}

#[test]
fn a_recording_is_rendered_and_exported_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    recorded(
        &["--mode", "events", "--quiet"],
        &out,
        &[program().to_str().unwrap()],
    );
    let report = |words: &[&str]| {
        let mut command = locktoll_on_vulkan();
        let output = command
            .arg("report")
            .arg(&out)
            .args(words)
            .output()
            .expect("a process");
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        output
    };
    let page = fs::read_to_string(out.join("record.html")).unwrap();
    fs::remove_file(out.join("record.html")).unwrap();
    report(&[]);
    assert_eq!(fs::read_to_string(out.join("record.html")).unwrap(), page);
    assert!(stdout(&report(&["--format", "text"])).contains("jobs: "));
    assert!(stdout(&report(&["--format", "md"])).contains("## Call sites"));
    let folded = stdout(&report(&["--export", "folded"]));
    assert!(
        folded
            .lines()
            .any(|line| line.contains(";innocent;[jobs] ")),
        "{folded}"
    );
    assert!(stdout(&report(&["--export", "openmetrics"])).ends_with("# EOF\n"));
    let pprof = report(&["--export", "pprof"]).stdout;
    assert_eq!(pprof.get(..2), Some(b"\x1f\x8b".as_slice()), "gzip");
    let timeline: serde_json::Value =
        serde_json::from_str(&stdout(&report(&["--export", "perfetto"]))).expect("JSON");
    let events = timeline["traceEvents"].as_array().unwrap();
    let held = |event: &&serde_json::Value| event["name"] == "hold jobs";
    assert_eq!(events.iter().filter(held).count(), 900);

    // What locktoll had made of the traces may be missing: it was killed.
    fs::remove_file(out.join("record.json")).unwrap();
    assert!(stdout(&report(&["--format", "text"])).contains("jobs: "));
    // Traces alone, as a library that was loaded by hand leaves them.
    let mut command = locktoll_on_vulkan();
    let traces = out.join("traces");
    let output = command.arg("report").arg(&traces).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(traces.join("record.md").exists());
}

#[test]
fn contentions_alone_count_only_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (_, record) = recorded(
        &["--mode", "contentions"],
        &out,
        &[program().to_str().unwrap()],
    );
    let jobs = named(&record, "jobs");
    assert!(
        jobs.contentions > 0 && jobs.acquisitions <= jobs.contentions,
        "{jobs:?}"
    );
    assert_eq!(jobs.utilisation, None);
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let words = [program().to_str().unwrap(), "on"];
    let (output, record) = recorded(&["--duration", "2s"], &out, &words);
    // SIGINT, by which it dies.
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(record.run.signal, Some(2));
    assert!(named(&record, "jobs").acquisitions > 900);
}

#[test]
fn ctrl_c_ends_the_program_and_keeps_what_was_recorded() {
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut command = Process::new(assert_cmd::cargo::cargo_bin!("locktoll"));
    // A group of its own, as a terminal's foreground job is, to which Ctrl-C goes.
    let mut child = command
        .env_remove("LD_PRELOAD")
        .args(["record", "--out"])
        .arg(&out)
        .arg("--")
        .args([program().to_str().unwrap(), "on"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a process");
    // It prints when its threads have ended.
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "900\n");
    let group = format!("-{}", child.id());
    let sent = Process::new("kill").args(["-INT", "--", &group]).status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let text = fs::read_to_string(out.join("record.json")).unwrap();
    let record = locktoll_report::record::from_str(&text).unwrap();
    assert_eq!(record.run.signal, Some(2));
    assert!(named(&record, "jobs").acquisitions >= 900);
    assert!(stderr(&output).contains("jobs: "), "{}", stderr(&output));
}

#[test]
fn what_recording_costs_is_measured_by_pairs_of_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (output, record) = recorded(&["--calibrate", "2"], &out, &[program().to_str().unwrap()]);
    let cost = record.cost.expect("a cost");
    assert_eq!(cost.pairs, 2);
    assert!(
        cost.ci[0] < cost.ratio && cost.ratio < cost.ci[1],
        "{cost:?}"
    );
    assert!(cost.bare_ns > 1e8, "the program sleeps longer: {cost:?}");
    assert_eq!(
        stdout(&output),
        "900\n",
        "runs of the calibration print nothing"
    );
}

#[test]
fn every_process_of_a_script_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let path = program().display();
    let script = format!("{path}; {path}; echo $LD_PRELOAD");
    let mut command = record(&[], &out);
    let output = command
        .env("LD_PRELOAD", "libm.so.6")
        .args(["--", "sh", "-c", &script])
        .output()
        .expect("a process");
    let printed = stdout(&output);
    assert!(
        printed
            .trim_end()
            .ends_with("liblocktoll_pthread.so:libm.so.6"),
        "{printed}"
    );
    let text = fs::read_to_string(out.join("record.json")).unwrap();
    let record = locktoll_report::record::from_str(&text).unwrap();
    let jobs = record.locks.iter().filter(|lock| lock.name == "jobs");
    assert_eq!(
        jobs.map(|lock| lock.acquisitions).collect::<Vec<_>>(),
        [900, 900]
    );
}

#[test]
fn programs_that_cannot_be_recorded_are_refused_before_they_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |words: &[&str], expected: &str, code: i32| {
        let out = folder.path().join("run");
        let output = record(&[], &out)
            .arg("--")
            .args(words)
            .output()
            .expect("a process");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(stdout(&output), "", "it was not started");
        assert!(!out.exists(), "nothing is left behind");
    };
    let fixed = compiled("static", &["-static"]);
    refused(&[fixed.to_str().unwrap()], "it is linked statically", 1);
    // A script of a static interpreter.
    let script = folder.path().join("script");
    fs::write(&script, format!("#!{} -e\n", fixed.display())).unwrap();
    refused(&[script.to_str().unwrap()], "it is linked statically", 1);
    // The first bytes of a 32-bit program, and of one for another processor.
    let head = |class: u8, machine: u8| {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
        (bytes[16], bytes[18], bytes[20]) = (2, machine, 1);
        (bytes[52], bytes[54], bytes[58]) = (64, 56, 64);
        bytes
    };
    // The interpreter of musl, and the section by which programs of Go are known, in a static program.
    let musl = compiled("musl", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    refused(&[musl.to_str().unwrap()], "it is a program of musl", 1);
    let go = folder.path().join("go");
    let copied = Process::new("objcopy")
        .args(["--add-section", ".go.buildinfo=/dev/null"])
        .arg(&fixed)
        .arg(&go)
        .status()
        .expect("binutils, which the C compiler needs");
    assert!(copied.success());
    refused(&[go.to_str().unwrap()], "use Go's own mutex profile", 1);
    refused(
        &[set_user_id(folder.path()).to_str().unwrap()],
        "LD_PRELOAD",
        1,
    );
    for (class, machine, expected) in [
        (1, 3, "it is a 32-bit program"),
        (2, 243, "another architecture"),
    ] {
        let other = folder.path().join(format!("other{class}"));
        fs::write(&other, head(class, machine)).unwrap();
        refused(&[other.to_str().unwrap()], expected, 1);
    }
}

/// A program that changes its user: one that every system has, or for root, to whom that is nothing, a copy that
/// belongs to someone else.
fn set_user_id(folder: &Path) -> PathBuf {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        return PathBuf::from("/bin/su");
    }
    let copy = folder.join("set-user-id");
    fs::copy("/bin/true", &copy).unwrap();
    chown(&copy, Some(65_534), None).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    copy
}

#[test]
fn attaching_is_refused_with_what_to_do_instead() {
    let output = locktoll_on_vulkan()
        .args(["record", "--attach", "1"])
        .output()
        .expect("a process");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cannot be recorded") && said.contains("locktoll record -- CMD"),
        "{said}"
    );
}

#[test]
fn a_folder_is_not_used_twice_and_others_are_no_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    recorded(&[], &out, &["true"]);
    let again = record(&[], &out)
        .args(["--", "true"])
        .output()
        .expect("a process");
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(
        stderr(&again).contains("already holds a recording"),
        "{}",
        stderr(&again)
    );
    let mut command = locktoll_on_vulkan();
    let output = command
        .args(["report", "--export", "folded"])
        .arg(folder.path())
        .output()
        .expect("a process");
    assert!(
        stderr(&output).contains("is no recording"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = record(&[], &out)
        .args(["--", "no-such-program-anywhere"])
        .output()
        .expect("a process");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no-such-program-anywhere")
            && stderr(&output).contains("no folder of PATH"),
        "{}",
        stderr(&output)
    );
    assert!(!out.exists(), "nothing is left behind");
}

/// Threads that only compute, and so wait for nothing but the interpreter's lock.
const PYTHON: &str = "\
import threading
def work():
    for i in range(2000000): pass
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
";

#[test]
fn the_gil_of_cpython_is_named_though_it_is_made_of_a_condition() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (output, record) = recorded(&[], &out, &["python3", "-c", PYTHON]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let gil = &record.locks[0];
    assert_eq!(
        (gil.name.as_str(), gil.known, gil.kind),
        ("CPython's GIL", true, LockKind::Condvar)
    );
    assert!(gil.threads >= 4 && gil.wait.total_ns > 0.0, "{gil:?}");
    assert!(!record.idle.iter().any(|lock| lock.name == gil.name));
}

const RUST: &str = "\
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
static JOBS: Mutex<u64> = Mutex::new(0);
#[inline(never)]
fn hold_long() {
    let mut jobs = JOBS.lock().unwrap();
    thread::sleep(Duration::from_millis(5));
    *jobs += 1;
}
fn main() {
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| for _ in 0..10 { hold_long() })).collect();
    for thread in threads { thread.join().unwrap(); }
}
";

#[test]
fn waits_for_a_mutex_of_rust_are_told_of_who_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("jobs.rs");
    fs::write(&source, RUST).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiled = Process::new(rustc)
        .args(["-g", "-O", "jobs.rs"])
        .current_dir(folder.path())
        .output()
        .expect("rustc");
    assert!(compiled.status.success(), "{}", stderr(&compiled));
    let out = folder.path().join("run");
    let program = folder.path().join("jobs");
    let (output, record) = recorded(&[], &out, &[program.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let jobs = named(&record, "jobs::JOBS");
    assert_eq!(jobs.kind, LockKind::Futex);
    assert!(
        jobs.wait.max_ns.is_some_and(|ns| ns > 2_000_000),
        "{jobs:?}"
    );
    assert_eq!(jobs.sites[0].function, "jobs::hold_long", "{jobs:?}");
}
