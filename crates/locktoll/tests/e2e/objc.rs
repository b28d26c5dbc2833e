//! The device `objc`: the four rows of the first report through Objective-C dispatch, and which lock
//! survives which fault model; and what is said where a build leaves the device out.

#[cfg(not(feature = "objc"))]
#[test]
fn a_build_without_the_device_says_how_to_get_it() {
    use crate::{run, stderr, stdout};

    for line in ["bench --device objc", "trial --device objc"] {
        let output = run(line);
        assert!(!output.status.success());
        let said = stderr(&output);
        for part in ["`objc`", "--features objc", "gobjc"] {
            assert!(said.contains(part), "{line}: {said}");
        }
    }
    let listed = stdout(&run("devices"));
    assert!(listed.contains("--features objc"), "{listed}");
}

#[cfg(feature = "objc")]
mod built {
    use serde_json::Value;

    use crate::{run, stderr, stdout};

    /// The measurement of a trial that must end well.
    fn measured(line: &str) -> Value {
        let output = run(line);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        let said = stdout(&output);
        let last = said.lines().last().expect("a line");
        let done: Value = serde_json::from_str(last).expect("JSON");
        done["measurement"].clone()
    }

    const SMALL: &str = "trial --device objc --soft service=10us,encode=0 --threads 4 --ops 20 \
                         --iterations 2 --warmup 1 --counted";

    #[test]
    fn every_row_counts_its_locks() {
        // Two iterations of 20 ops by each of 4 threads; the warm-up is left out.
        const OPS: u64 = 160;
        let acquisitions = |strategy: &str| {
            let measured = measured(&format!("{SMALL} --strategy {strategy}"));
            measured["lock_events"]["acquisitions"].as_u64()
        };
        assert_eq!(acquisitions("none"), Some(0));
        let global = acquisitions("global").expect("counts");
        assert!(global >= OPS && global % OPS == 0, "{global}");
        assert_eq!(acquisitions("per-encoder"), Some(global));
        // Slipped under the calls, a lock is taken by each of them.
        let swizzled = acquisitions("interposed:global").expect("counts");
        assert!(swizzled > 5 * global, "{swizzled}");
        assert!(acquisitions("interposed:per-encoder") > Some(5 * global));
        assert_eq!(acquisitions("interposed:none"), Some(0));
    }

    #[test]
    fn a_bench_has_the_four_rows_and_their_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().display();
        let output = run(&format!(
            "bench --quiet --device objc --soft service=20us,encode=0 --threads 2 --ops 10 \
             --iterations 2 --blocks 2 --strategies none,global,per-encoder,interposed:global \
             --out {out}"
        ));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = std::fs::read_to_string(folder.path().join("result.json")).expect("a result");
        let result: Value = serde_json::from_str(&text).expect("JSON");
        let series = result["series"].as_array().expect("series");
        for config in ["global", "per-encoder", "interposed:global"] {
            let counted = series.iter().any(|each| {
                each["config"] == config && each["contention"]["acquisitions"].as_u64() > Some(0)
            });
            assert!(counted, "{config}: {text}");
        }
        let note = "The objc device is a stand-in for a Metal driver";
        assert!(stdout(&output).replace("\n  ", " ").contains(note));
    }

    #[test]
    fn locks_as_wide_as_the_race_survive_it_and_others_do_not() {
        let trial = |fault: &str, strategy: &str, iterations: u32| {
            run(&format!(
                "trial --device objc --soft service=0,encode=5us --threads 8 --ops 50 \
                 --iterations {iterations} --fault agx:{fault} --strategy {strategy}"
            ))
        };
        for (fault, strategy) in [
            ("process", "global"),
            ("process", "interposed:global"),
            ("queue", "per-queue"),
            ("encoder", "none"),
            ("encoder", "interposed:per-encoder"),
        ] {
            let output = trial(fault, strategy, 2);
            assert!(
                output.status.success(),
                "{fault} {strategy}: {}",
                stderr(&output)
            );
        }
        for (fault, strategy) in [
            ("process", "none"),
            ("process", "per-encoder"),
            ("process", "interposed:per-encoder"),
            ("queue", "none"),
        ] {
            let output = trial(fault, strategy, 200);
            let said = stderr(&output);
            let line = format!("locktoll fault model agx:{fault}: ");
            assert!(said.contains(&line), "{fault} {strategy}: {said}");
        }
    }

    #[test]
    fn a_lock_that_cannot_be_swizzled_is_refused_before_the_run() {
        let output = run("bench --device objc --strategies none,interposed:per-queue");
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("interposed:per-queue"), "{said}");
    }
}
