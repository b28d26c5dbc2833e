//! `bench`: a whole small experiment, its files, its crashes, its policy.

use std::fs;

use serde_json::Value;

use super::run_folder::{find, read, result};
use super::{SMALL, run, stderr, stdout};

#[test]
fn a_run_leaves_samples_result_and_report_that_agree() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "{SMALL} --blocks 3 --seed 5 --out {}",
        folder.path().display()
    );
    let output = run(&line);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("A/A") && said.contains("report.md"), "{said}");

    let result = result(folder.path());
    assert_eq!(result["schema"], "locktoll.result/1");
    assert_eq!(result["plan"]["experiment"]["blocks_complete"], 3);
    assert_eq!(result["plan"]["experiment"]["trials"], 9);
    let report = read(folder.path(), "report.md");
    for section in [
        "Executive Summary",
        "Methodology",
        "Results",
        "Detailed Analysis",
        "Statistical Summary",
        "Conclusions",
        "Recommendations",
        "Criteria",
        "Data Appendix",
        "How to reproduce",
    ] {
        assert!(
            report.to_lowercase().contains(&section.to_lowercase()),
            "no {section}"
        );
    }
    // The analysis of the directory is the analysis of the run.
    let again = run(&format!(
        "analyze {} --format json",
        folder.path().display()
    ));
    assert_eq!(
        serde_json::from_str::<Value>(&stdout(&again)).unwrap(),
        result
    );
    // A trial's command line can be pasted.
    let first: Value =
        serde_json::from_str(read(folder.path(), "samples.jsonl").lines().nth(1).unwrap()).unwrap();
    let words: Vec<&str> = first["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    let trial = std::process::Command::new(words[0])
        .args(&words[1..])
        .output()
        .unwrap();
    let last = stdout(&trial).lines().last().unwrap().to_owned();
    assert_eq!(
        serde_json::from_str::<Value>(&last).unwrap()["event"],
        "done"
    );
}

#[test]
fn counted_arms_give_contention_and_bare_arms_none() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "bench --quiet --strategies none,global,interposed:global --threads 2 --ops 5 --iterations \
         2 --blocks 2 --soft service=50us,encode=0 --out {}",
        folder.path().display()
    );
    assert_eq!(run(&line).status.code(), Some(0));
    let result = result(folder.path());
    assert_eq!(
        find(&result, "strategy", "global")["contention"],
        Value::Null
    );
    let counted = &find(&result, "counted", "global")["contention"];
    // 2 blocks × 2 iterations × 2 threads × 5 ops, one acquisition each; 15 calls interposed.
    assert_eq!(counted["ops"], 40);
    assert_eq!(counted["acquisitions"], 40);
    let interposed = &find(&result, "counted", "interposed:global")["contention"];
    assert_eq!(interposed["acquisitions"], 600);
    assert!(
        result["plan"]["experiment"]["uncontended_ns"]["global"]
            .as_f64()
            .unwrap()
            > 0.0
    );
}

#[test]
fn crashes_are_results_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "bench --quiet --fault agx:process --strategies none,global --threads 8 --no-counting \
         --ops 50 --iterations 1 --warmup 0 --blocks 5 --out {}",
        folder.path().display()
    );
    let output = run(&line);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(folder.path());
    assert_eq!(result["plan"]["baseline"], "global");
    let crashes = &find(&result, "strategy", "none")["crashes"];
    assert_eq!(crashes["trials"], 5);
    assert!(crashes["crashed"].as_u64().unwrap() >= 3, "{crashes}");
    let event = &crashes["events"][0];
    assert!(
        matches!(event["signal"].as_str(), Some("SIGABRT" | "SIGSEGV")),
        "{event}"
    );
    assert!(
        event["message"]
            .as_str()
            .unwrap()
            .contains("fault model agx:process"),
        "{event}"
    );
    assert_eq!(event["iteration"], 0);
    assert!(event["thread"].is_string(), "{event}");
    assert_eq!(find(&result, "strategy", "global")["crashes"]["crashed"], 0);
    assert!(stdout(&output).contains("crashed"));
}

#[test]
fn a_custom_workload_is_kept_with_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(
        &file,
        "name = \"mine\"\nkernel = \"axpy\"\nsize = 8\nthreads-per-encoder = 2\n",
    )
    .unwrap();
    let out = folder.path().join("run");
    let line = format!(
        "bench --quiet --workload {} --strategies global --threads 2 --no-counting --ops 3 \
         --iterations 1 --blocks 2 --out {}",
        file.display(),
        out.display()
    );
    assert_eq!(run(&line).status.code(), Some(0));
    fs::remove_file(&file).unwrap();
    assert_eq!(result(&out)["plan"]["experiment"]["workload"], "mine");
    // What is resumed reads the copy.
    let samples = read(&out, "samples.jsonl");
    let cut: Vec<&str> = samples.lines().take(2).collect();
    fs::write(out.join("samples.jsonl"), cut.join("\n") + "\n").unwrap();
    let resumed = run(&format!("bench --quiet --resume {}", out.display()));
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    assert_eq!(result(&out)["plan"]["experiment"]["blocks_complete"], 2);
}

#[test]
fn a_workload_file_in_the_run_s_own_folder_is_neither_emptied_nor_mistaken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workload.toml");
    let text = "name = \"mine\"\nkernel = \"axpy\"\nsize = 8\n";
    fs::write(&file, text).unwrap();
    let small = "--strategies global --threads 1 --no-counting --ops 3 --iterations 1 --blocks 2";
    let bench = |workload: &str| {
        let out = folder.path().display();
        run(&format!(
            "bench --quiet --workload {workload} {small} --out {out}"
        ))
    };
    assert_eq!(bench(&file.display().to_string()).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // The same folder without its run, but with the file of another workload still there.
    fs::remove_file(folder.path().join("samples.jsonl")).unwrap();
    assert_eq!(bench("timed").status.code(), Some(0));
    let samples = read(folder.path(), "samples.jsonl");
    assert!(samples.contains("\"--workload\",\"timed\""), "{samples}");
}

#[test]
fn a_program_that_can_not_run_at_all_is_an_error() {
    // Wrong results in every trial: threads of one encoder with a lock per call.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixed.toml");
    fs::write(
        &file,
        "name = \"mixed\"\nkernel = \"axpy\"\ndispatches = 64\nthreads-per-encoder = 8\n",
    )
    .unwrap();
    let output = run(&format!(
        "bench --quiet --workload {} --strategies interposed:global --threads 8 --no-counting \
         --soft service=20us,encode=20us --ops 20 --iterations 4 --blocks 1 --out {}",
        file.display(),
        folder.path().join("run").display()
    ));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("wrong result"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_lock_that_is_too_dear_fails_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    // Holds of 2 ms side by side, or one after the other: 8 threads against 1.
    let output = run(&format!(
        "bench --quiet --strategies none,global --threads 4 --no-counting --workload timed --soft \
         service=100us,encode=0,hold=2ms --ops 4 --iterations 1 --blocks 4 --max-cost 5 --out {}",
        folder.path().display()
    ));
    assert_eq!(output.status.code(), Some(10), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("Policy failed"),
        "{}",
        stdout(&output)
    );
}
