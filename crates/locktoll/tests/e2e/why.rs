//! `bench --why`: the trials that ask what limits the throughput.

use super::run_folder::{assert_valid, command, read, result, trials};
use super::{locktoll, run, stderr, stdout};

#[test]
fn time_is_added_to_each_resource_and_what_was_added_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let output = locktoll()
        .args("bench --quiet --device soft --strategies none,global --why --threads 2".split(' '))
        .args("--workload timed --soft service=50us,encode=0 --ops 5 --iterations 1".split(' '))
        .args("--no-counting --blocks 3 --out".split(' '))
        .arg(folder.path())
        .output()
        .expect("a process");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let result = result(folder.path());
    assert_valid(&result);
    let [cause] = result["causes"].as_array().unwrap().as_slice() else {
        panic!("{}", result["causes"]);
    };
    assert_eq!(
        (&cause["config"], &cause["threads"]),
        (&"global".into(), &2.into())
    );
    let rows = cause["pass_throughs"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let levels = row["levels"].as_array().unwrap();
        assert_eq!(levels.len(), 2, "{row}");
        for level in levels {
            // Each ends by the clock, and never before its time.
            let (asked, added) = (level["asked_ns"].as_f64(), level["added_ns"].as_f64());
            assert!(added.unwrap() >= asked.unwrap(), "{row}");
        }
    }
    // An op of this workload has one dispatch and waits: two things to take away.
    let ceiling = &result["ceiling"];
    assert_eq!(ceiling["steps"].as_array().unwrap().len(), 2, "{ceiling}");
    assert_eq!(ceiling["config"], "none");
    let report = read(folder.path(), "report.md");
    assert!(report.contains("The device's own limit"), "{report}");
    assert!(
        report.contains("Under the global lock at 2 threads"),
        "{report}"
    );
    assert!(stdout(&output).contains("Under the global lock at 2 threads"));
    assert!(read(folder.path(), "report.html").contains("Under the global lock at 2 threads"));

    // A probe is a trial that can be pasted, like every other.
    let trials = trials(folder.path());
    let probe = trials
        .iter()
        .find(|trial| {
            trial["cell"]["arm"]["probe"]
                .as_str()
                .is_some_and(|p| p.starts_with("wait:"))
        })
        .unwrap();
    let pasted = assert_cmd::Command::new("sh")
        .args(["-c", &shell_words::join(command(probe))])
        .output()
        .unwrap();
    assert!(
        stdout(&pasted).contains("\"added_ns\":"),
        "{}",
        stdout(&pasted)
    );
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let program = run("bench --why -- true");
    assert_eq!(program.status.code(), Some(2), "{}", stderr(&program));
    let absent = run("bench --device soft --strategies none --why=global");
    assert_eq!(absent.status.code(), Some(2));
    assert!(stderr(&absent).contains("not among"), "{}", stderr(&absent));
    let unknown = run("trial --probe gpu:1us");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("lock, encode, submit, device, wait"));
}
