//! `guard`: the program does what it does alone, a lock is under it, and a summary comes after.

use std::path::Path;
use std::process::Output;

use locktoll_trace::Writer;

use super::{locktoll_on_vulkan, own_path, stderr, stdout};

pub(super) const STRATEGIES: [&str; 6] = [
    "off",
    "none",
    "global",
    "per-encoder",
    "per-queue",
    "throttle:2",
];

/// A program under `guard`.
pub(super) fn guarded(strategy: &str, words: &[&str]) -> Output {
    guarded_with(&[], strategy, &[], words)
}

fn guarded_with(
    variables: &[(&str, &str)],
    strategy: &str,
    flags: &[&str],
    words: &[&str],
) -> Output {
    let mut command = locktoll_on_vulkan();
    command
        .envs(variables.iter().copied())
        .args(["guard", "--strategy", strategy])
        .args(flags)
        .arg("--")
        .args(words);
    command.output().expect("a process")
}

/// What `vulkaninfo` lists, without how many layers there are, ours, and the width of columns.
fn listed(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.contains("Layers: count") && !line.contains("VK_LAYER_LOCKTOLL_guard"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_program_prints_the_same_under_every_strategy() {
    let bare = assert_cmd::Command::new("vulkaninfo")
        .arg("--summary")
        .output()
        .expect("vulkaninfo, of the Debian package vulkan-tools");
    assert!(bare.status.success(), "{}", stderr(&bare));
    for strategy in STRATEGIES {
        let under = guarded(strategy, &["vulkaninfo", "--summary"]);
        let said = stderr(&under);
        assert_eq!(under.status.code(), Some(0), "{strategy}: {said}");
        assert_eq!(
            listed(&stdout(&under)),
            listed(&stdout(&bare)),
            "{strategy}"
        );
        let head = format!("locktoll: {strategy} under process ");
        assert!(said.contains(&head), "{strategy}: {said}");
    }
}

/// One thread that makes 3 submissions of 4 dispatches each, as workload and ops say, after an empty
/// one with which the device is opened.
fn client() -> Vec<String> {
    let flags = "trial --device vulkan --threads 1 --ops 3 --iterations 1 --warmup 0";
    let flags = flags.split(' ').map(str::to_owned);
    [own_path()].into_iter().chain(flags).collect()
}

/// The first words of the rows of the summary's table.
fn locks(said: &str) -> Vec<&str> {
    let rows = said
        .lines()
        .skip_while(|line| !line.contains("acquisitions"));
    rows.skip(1)
        .take_while(|line| !line.starts_with("Waits"))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[test]
fn the_summary_has_the_locks_of_the_strategy() {
    let client = client();
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    for (strategy, expected) in [
        ("off", vec![]),
        ("none", vec![]),
        ("global", vec!["global"]),
        ("per-encoder", vec!["pool", "queue", "object"]),
        ("per-queue", vec!["queue", "object"]),
        ("throttle:2", vec!["throttle"]),
    ] {
        let under = guarded(strategy, &client);
        let said = stderr(&under);
        assert_eq!(under.status.code(), Some(0), "{strategy}: {said}");
        assert!(stdout(&under).contains("\"done\""), "{strategy}");
        assert_eq!(locks(&said), expected, "{strategy}: {said}");
        let counted = match strategy {
            "off" => "calls are not counted",
            _ => "4 submissions, 12 dispatches, 0 draws",
        };
        assert!(said.contains(counted), "{strategy}: {said}");
    }
    // Bare locks have no figures, but are there.
    let bare = guarded_with(&[], "global", &["--no-counting"], &client);
    let said = stderr(&bare);
    assert!(said.contains("locktoll: global under process"), "{said}");
    assert_eq!(locks(&said), Vec::<&str>::new(), "{said}");
}

#[test]
fn each_process_that_opens_vulkan_has_its_summary() {
    let script = "vulkaninfo --summary && vulkaninfo --summary";
    let under = guarded("global", &["sh", "-c", script]);
    let said = stderr(&under);
    assert_eq!(under.status.code(), Some(0), "{said}");
    let heads = said.matches("locktoll: global under process").count();
    assert_eq!(heads, 2, "{said}");
}

#[test]
fn quiet_adds_nothing_to_what_the_program_says() {
    let client = client();
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    let under = guarded_with(&[], "global", &["--quiet"], &client);
    assert_eq!(under.status.code(), Some(0));
    assert!(!stderr(&under).contains("locktoll"), "{}", stderr(&under));
}

#[test]
fn the_exit_code_is_the_program_s() {
    // A Vulkan program that then fails.
    let script = "vulkaninfo --summary >&2; exit 7";
    let failed = guarded("global", &["sh", "-c", script]);
    assert_eq!(failed.status.code(), Some(7), "{}", stderr(&failed));
    assert!(stderr(&failed).contains("locktoll: global under process"));
    // One that fails before it opens Vulkan: the code is its own, and the lock's absence is told.
    let early = guarded("global", &["sh", "-c", "exit 7"]);
    assert_eq!(early.status.code(), Some(7));
    let said = stderr(&early);
    assert!(
        said.contains("`sh -c exit 7`") && said.contains("without locktoll's Vulkan layer"),
        "{said}"
    );
    for (signal, code) in [("SEGV", 139), ("ABRT", 134), ("KILL", 137)] {
        let script = format!("vulkaninfo --summary >&2; kill -{signal} $$");
        let crashed = guarded("per-encoder", &["sh", "-c", &script]);
        let said = stderr(&crashed);
        assert_eq!(crashed.status.code(), Some(code), "{signal}: {said}");
        assert!(
            said.contains("per-encoder under process"),
            "{signal}: {said}"
        );
    }
}

#[test]
fn a_program_without_vulkan_is_an_error() {
    for strategy in ["global", "none", "off"] {
        let without = guarded(strategy, &["true"]);
        assert_eq!(without.status.code(), Some(1), "{strategy}");
        let said = stderr(&without);
        assert!(
            said.contains("`true`") && said.contains("without locktoll's Vulkan layer"),
            "{strategy}: {said}"
        );
        assert!(said.contains("vkCreateInstance"), "{strategy}: {said}");
    }
}

#[test]
fn what_keeps_the_layer_out_is_named() {
    // The loader obeys this one.
    let disabled = guarded_with(
        &[("VK_LOADER_LAYERS_DISABLE", "~all~")],
        "global",
        &[],
        &["vulkaninfo", "--summary"],
    );
    assert_eq!(disabled.status.code(), Some(1), "{}", stderr(&disabled));
    let said = stderr(&disabled);
    assert!(said.contains("VK_LOADER_LAYERS_DISABLE=~all~"), "{said}");
    // This one is obeyed by programs.
    for name in ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"] {
        let past = guarded_with(&[(name, "driver.json")], "global", &[], &["true"]);
        assert_eq!(past.status.code(), Some(1));
        assert!(stderr(&past).contains(&format!("{name} is set")), "{name}");
    }
}

#[test]
fn layers_that_the_user_asked_for_stay() {
    let layer = "VK_LAYER_KHRONOS_validation";
    let under = guarded_with(
        &[("VK_INSTANCE_LAYERS", layer)],
        "global",
        &[],
        &["sh", "-c", "echo $VK_INSTANCE_LAYERS; vulkaninfo --summary"],
    );
    assert_eq!(under.status.code(), Some(0), "{}", stderr(&under));
    let said = stdout(&under);
    let both = format!("VK_LAYER_LOCKTOLL_guard:{layer}");
    assert_eq!(said.lines().next(), Some(both.as_str()));
}

#[test]
fn bad_usage_is_named() {
    let unknown = guarded("mutex", &["true"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = stderr(&unknown);
    assert!(
        said.contains("mutex") && said.contains("per-encoder"),
        "{said}"
    );
    let mut nothing = locktoll_on_vulkan();
    let nothing = nothing.args(["guard", "--strategy", "global"]).output();
    assert_eq!(nothing.unwrap().status.code(), Some(2));
    let missing = guarded("global", &["./no-such-program"]);
    assert_eq!(missing.status.code(), Some(1));
    let said = stderr(&missing);
    assert!(said.contains("./no-such-program"), "{said}");
}

#[cfg(not(target_os = "macos"))]
#[test]
fn what_is_the_metal_guards_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let script = format!("touch '{}'", trace.display());
    for (strategy, flags, named, instead) in [
        (
            "session",
            &[] as &[&str],
            "--strategy session is",
            "choose global",
        ),
        (
            "global",
            &["--on-misuse", "pass"],
            "--on-misuse is",
            "leave it out",
        ),
        (
            "session",
            &["--on-misuse", "warn"],
            "--strategy session with --on-misuse is",
            "choose global",
        ),
    ] {
        let refused = guarded_with(&[], strategy, flags, &["sh", "-c", &script]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        for part in [named, "Metal guard", "macOS", instead] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!trace.exists(), "the program ran");
    }
    let unknown = guarded_with(&[], "global", &["--on-misuse", "ignore"], &["true"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = stderr(&unknown);
    assert!(said.contains("warn, pass, abort"), "{said}");
}

/// A script that leaves a trace of a library's, with these counters, and a refusal if there is a reason.
fn leaves(folder: &Path, counters: &[(&str, u64)], refused: Option<&str>) -> String {
    let path = folder.join("prepared");
    let writer = Writer::create(&path, "metal swizzle", "global").unwrap();
    for (index, (name, value)) in counters.iter().enumerate() {
        writer.counter(index, name, *value);
    }
    if let Some(why) = refused {
        writer.refuse(why);
    }
    writer.end();
    format!("cp '{}' \"$LOCKTOLL_TRACE_DIR/1.trace\"", path.display())
}

#[test]
fn a_process_that_ran_without_the_locks_is_an_error_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let why = "Metal makes no device here; nothing is guarded";
    let script = leaves(folder.path(), &[("submissions", 0)], Some(why));
    for flags in [&[] as &[&str], &["--quiet"]] {
        let bare = guarded_with(&[], "global", flags, &["sh", "-c", &script]);
        let said = stderr(&bare);
        assert_eq!(bare.status.code(), Some(1), "{said}");
        assert!(said.contains("ran without locktoll's locks"), "{said}");
        assert!(said.contains(why), "{said}");
    }
    // A code of the program's own stays.
    let failed = guarded("global", &["sh", "-c", &format!("{script}; exit 7")]);
    assert_eq!(failed.status.code(), Some(7));
    assert!(stderr(&failed).contains(why), "{}", stderr(&failed));
}

#[test]
fn calls_that_were_kept_from_the_driver_are_an_error_even_if_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let counters = [
        ("encoders_made", 2),
        ("submissions", 1),
        ("misuse", 3),
        ("refused", 3),
    ];
    let script = leaves(folder.path(), &counters, None);
    for flags in [&[] as &[&str], &["--quiet"]] {
        let kept = guarded_with(&[], "global", flags, &["sh", "-c", &script]);
        let said = stderr(&kept);
        assert_eq!(kept.status.code(), Some(1), "{said}");
        assert!(said.contains("kept from the driver: 3 (process "), "{said}");
    }
}

#[test]
fn a_run_in_which_nothing_was_submitted_is_warned_of_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let script = leaves(
        folder.path(),
        &[("encoders_made", 0), ("submissions", 0)],
        None,
    );
    for (flags, code) in [(&["--quiet"] as &[&str], 0), (&["--strict"], 1)] {
        let idle = guarded_with(&[], "global", flags, &["sh", "-c", &script]);
        let said = stderr(&idle);
        assert_eq!(idle.status.code(), Some(code), "{said}");
        assert!(said.contains("has submitted any work"), "{said}");
    }
}

#[test]
fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    for words in [&["vulkaninfo", "--summary"] as &[&str], &["true"]] {
        guarded_with(&[("TMPDIR", &path)], "global", &[], words);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{words:?}");
    }
}
