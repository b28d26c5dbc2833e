//! A program of the user's under `bench`: commands of his own as arms, and one Vulkan program with
//! each lock slipped under it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::resume::{every_trial_once, killed_and_resumed};
use super::run_folder::{assert_valid, command, find, result, trials};
use super::{locktoll_on_vulkan, own_path, stderr, stdout};

fn bench(words: &[&str], out: &Path) -> Output {
    let mut command = locktoll_on_vulkan();
    command.args(["bench", "--quiet", "--out"]).arg(out);
    command.args(words).output().expect("a process")
}

/// A run that must end well; its result.
fn measured(words: &[&str], out: &Path) -> Value {
    let output = bench(words, out);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(out);
    assert_valid(&result);
    result
}

/// The overhead of a configuration and its verdict.
fn verdict<'a>(result: &'a Value, test: &str) -> (f64, &'a str) {
    let all = result["comparisons"].as_array().unwrap();
    let row = all
        .iter()
        .find(|row| row["test"] == test && row["role"] == "strategy")
        .unwrap_or_else(|| panic!("no comparison of {test}: {all:?}"));
    (
        row["overhead"]["estimate"].as_f64().unwrap(),
        row["verdict"].as_str().unwrap(),
    )
}

/// A command that prints a rate, or a time, near a middle: its three values come in turn.
fn prints(folder: &Path, name: &str, values: [&str; 3]) -> String {
    let state = folder.join(name).display().to_string();
    let [first, second, third] = values;
    format!(
        "{name}=sh -c 'echo >> {state}; case $(($(wc -l < {state}) % 3)) in 0) echo got {first};; \
         1) echo got {second};; *) echo got {third};; esac'"
    )
}

#[test]
fn a_printed_value_costs_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let none = prints(folder.path(), "none", ["100", "101", "99"]);
    let half = prints(folder.path(), "half", ["50", "49.5", "50.5"]);
    let twice = prints(folder.path(), "twice", ["200", "201", "199"]);
    let measure = [
        "--measure",
        "regex:got ([0-9.]+)",
        "--unit",
        "frames",
        "--blocks",
        "6",
    ];
    let run = |arms: [&str; 2], more: &[&str], name: &str| {
        let arms = ["--arm", arms[0], "--arm", arms[1]];
        let words = [&arms[..], &measure, more].concat();
        measured(&words, &folder.path().join(name))
    };
    // Half the rate, or twice the time, is an overhead of a half.
    for (arms, test, more, name) in [
        ([&none, &half], "half", &[][..], "rates"),
        (
            [&none, &twice],
            "twice",
            &["--lower-is-better"][..],
            "times",
        ),
    ] {
        let result = run([arms[0], arms[1]], more, name);
        let (overhead, verdict) = verdict(&result, test);
        assert!((overhead - 0.5).abs() < 0.02, "{name}: {overhead}");
        assert_eq!(verdict, "costs", "{name}");
        assert_eq!(find(&result, "strategy", test)["unit"], "frames");
        assert_eq!(find(&result, "strategy", test)["n"], 6);
    }
    // And the other way round it pays.
    let (overhead, verdict) = {
        let result = run([&none, &half], &["--lower-is-better"], "faster");
        let (overhead, verdict) = verdict(&result, "half");
        (overhead, verdict.to_owned())
    };
    assert!((overhead + 1.0).abs() < 0.04, "{overhead}");
    assert_eq!(verdict, "pays");
}

#[test]
fn wall_time_tells_a_slow_arm_from_a_fast_one() {
    let folder = tempfile::tempdir().unwrap();
    // The slow one sleeps for longer than the fast one takes on any machine that is alive.
    let arms = ["--arm", "fast=true", "--arm", "slow=sleep 0.3"];
    let words = [&arms[..], &["--blocks", "6", "--baseline", "fast"]].concat();
    let result = measured(&words, folder.path());
    assert_eq!(find(&result, "strategy", "slow")["unit"], "runs/s");
    let (overhead, verdict) = verdict(&result, "slow");
    assert!(overhead > 0.0, "{overhead}");
    assert_eq!(verdict, "costs");
}

#[test]
fn thread_counts_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let common = "--measure regex:[0-9]+ --threads 1,2 --blocks 2";
    for (name, config, own) in [
        (
            "arms",
            "b",
            &["--arm", "a=echo 1", "--arm", "b=echo {threads}5"][..],
        ),
        (
            "added",
            "b",
            &[
                "--arm",
                "a=echo",
                "--arm",
                "b=echo",
                "--threads-arg",
                "{threads}5",
            ],
        ),
        (
            "program",
            "none",
            &["--strategies", "none", "--", "echo", "{threads}5"],
        ),
    ] {
        let words: Vec<&str> = common.split(' ').chain(own.iter().copied()).collect();
        let result = measured(&words, &folder.path().join(name));
        for (threads, mean) in [(1, 15.0), (2, 25.0)] {
            let all = result["series"].as_array().unwrap();
            let series = all
                .iter()
                .find(|series| series["config"] == config && series["threads"] == threads);
            assert_eq!(series.unwrap()["mean"], mean, "{name}");
        }
    }
}

#[test]
fn an_arm_that_crashes_is_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let crash = "bad=sh -c 'echo why >&2; kill -SEGV $$'";
    let silent = "mute=echo nothing of the kind";
    let good = "none=echo rate 5";
    let arms = ["--arm", good, "--arm", crash, "--arm", silent];
    let words = [
        &arms[..],
        &["--measure", "regex:rate (.*)", "--blocks", "3"],
    ]
    .concat();
    let result = measured(&words, folder.path());
    for (config, signal, message) in [
        ("bad", "SIGSEGV", "why"),
        ("mute", "no value", "no line of the output matches"),
    ] {
        let crashes = &find(&result, "strategy", config)["crashes"];
        assert_eq!(crashes["trials"], 3, "{crashes}");
        assert_eq!(crashes["crashed"], 3, "{crashes}");
        assert_eq!(crashes["events"][0]["signal"], signal, "{crashes}");
        let said = crashes["events"][0]["message"].as_str().unwrap();
        assert!(said.contains(message), "{said}");
    }
    assert_eq!(find(&result, "strategy", "none")["crashes"]["crashed"], 0);
}

#[test]
fn arms_that_make_no_experiment_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for (words, says) in [
        (
            &["--arm", "a=true", "--arm", "a=false"][..],
            &["two arms", "'a'"][..],
        ),
        (&["--arm", "a="], &["'a='", "NAME=CMD"]),
        (&["--arm", "=true"], &["'=true'", "NAME=CMD"]),
        (&["--arm", "a"], &["'a'", "NAME=CMD"]),
        (&["--arm", "a='unclosed"], &["--arm a"]),
        (
            &["--arm", "a=true", "--measure", "regex:("],
            &["regex:(", "unclosed group"],
        ),
        (&["--arm", "a=true", "--measure", "speed"], &["'speed'"]),
        (&["--arm", "a=echo {threads}"], &["{threads}", "--threads"]),
        (
            &["--arm", "a=true", "--threads-arg", "-j8", "--threads", "1"],
            &["-j8", "{threads}"],
        ),
        (
            &["--arm", "a=true", "--threads", "1,2"],
            &["--threads has no effect"],
        ),
        (
            &["--arm", "a=true", "--measure", "submits"],
            &["submits", "layer"],
        ),
        (
            &["--arm", "a=true", "--lower-is-better"],
            &["--lower-is-better"],
        ),
        (&["--arm", "a=true", "--", "true"], &["--arm"]),
        (&["--measure", "wall"], &["--measure", "--arm"]),
        (&["--arm", "a=true"], &["--arm twice"]),
        (
            &["--arm", "a=LOCK=1", "--arm", "b=true"],
            &["there is no command"],
        ),
    ] {
        let output = bench(words, &out);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        for says in says {
            assert!(said.contains(says), "{words:?}: {said}");
        }
        assert!(!out.exists(), "{words:?}: a folder without a run");
    }
}

#[test]
fn arms_go_on_after_a_kill_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let arms = ["--arm", "none=sleep 0.02", "--arm", "lock=sleep 0.03"];
    killed_and_resumed(&[&["bench", "--quiet"], &arms[..]].concat(), folder.path());
    // 2 arms, and A/A.
    every_trial_once(&folder.path().join("run"), 3);
}

/// A Vulkan program that is at hand: one thread that makes 3 submissions of 4 dispatches each, after
/// an empty one with which the device is opened.
fn client() -> String {
    let program = own_path();
    format!("{program} trial --device vulkan --threads 1 --ops 3 --iterations 1 --warmup 0")
}

#[test]
fn a_vulkan_program_is_measured_under_each_lock() {
    let folder = tempfile::tempdir().unwrap();
    let client = client();
    let client: Vec<&str> = client.split(' ').collect();
    for (measure, unit) in [
        ("wall", "runs/s"),
        ("submits", "submits/s"),
        ("dispatches", "dispatches/s"),
        (r#"regex:"elapsed_ns":(\d+)"#, "ns"),
    ] {
        let mut words = vec!["--strategies", "none,global", "--blocks", "2"];
        words.extend(["--measure", measure]);
        if unit == "ns" {
            words.extend(["--lower-is-better", "--unit", unit]);
        }
        words.push("--");
        words.extend(&client);
        let name = measure.split(':').next().unwrap();
        let out = folder.path().join(name);
        let result = measured(&words, &out);
        for config in ["none", "interposed:global"] {
            let series = find(&result, "strategy", config);
            assert_eq!((&series["unit"], &series["n"]), (&unit.into(), &2.into()));
        }
        let contention = &find(&result, "counted", "interposed:global")["contention"];
        assert!(
            contention["acquisitions"].as_u64().unwrap() > 0,
            "{measure}: {contention}"
        );
        // Of the 2 counted trials together.
        let ops = match measure {
            "submits" => 2 * (1 + 3),
            "dispatches" => 2 * 3 * 4,
            _ => 2,
        };
        assert_eq!(contention["ops"], ops, "{measure}: {contention}");
    }
}

#[test]
fn a_trial_s_line_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let client = client();
    let flags = "--strategies global --no-counting --blocks 2 --measure submits --";
    let words: Vec<&str> = flags.split(' ').chain(client.split(' ')).collect();
    measured(&words, folder.path());
    let trials = trials(folder.path());
    assert_eq!(trials.len(), 4, "global and A/A in 2 blocks");
    let traces = folder.path().join("layer/traces");
    let before = std::fs::read_dir(&traces).unwrap().count();
    let pasted = assert_cmd::Command::new("sh")
        .args(["-c", &shell_words::join(command(&trials[0]))])
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{}", stderr(&pasted));
    assert!(stdout(&pasted).contains("\"event\":\"done\""));
    // The layer was under it.
    let after = std::fs::read_dir(&traces).unwrap().count();
    assert_eq!(after, before + 1);
}

#[test]
fn a_program_without_vulkan_has_no_locks_to_measure() {
    let folder = tempfile::tempdir().unwrap();
    for (words, name) in [
        ("--strategies none --measure submits", "submits"),
        ("--strategies none,global", "wall"),
    ] {
        let words: Vec<&str> = words
            .split(' ')
            .chain(["--blocks", "2", "--", "true"])
            .collect();
        let output = bench(&words, &folder.path().join(name));
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stdout(&output));
        let said = stderr(&output);
        assert!(
            said.contains("without locktoll's Vulkan layer"),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (words, name) in [
        (&["--", "./no-such-program"][..], "program"),
        (&["--arm", "a=./no-such-program", "--arm", "b=true"], "arm"),
    ] {
        let output = bench(words, &folder.path().join(name));
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stderr(&output));
        let said = stderr(&output);
        assert!(said.contains("no-such-program"), "{name}: {said}");
    }
}
