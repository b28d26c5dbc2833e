//! A scalability law for each configuration that has thread counts enough, measured or imported.

use serde_json::Value;

use super::run_folder::{assert_valid, read, result};
use super::{fixture, run, stderr, stdout};

fn of<'a>(result: &'a Value, config: &str, workload: &str) -> Option<&'a Value> {
    let all = result["scaling"].as_array().expect("a list");
    all.iter()
        .find(|row| row["config"] == config && row["workload"] == workload)
}

/// Against `scipy.optimize.nnls` 1.17.1 on the weighted columns of the same means.
#[test]
fn imported_threads_give_the_law_that_scipy_gives() {
    let file = fixture("h100-threads.csv");
    let output = run(&format!("analyze {} --format json", file.display()));
    assert!(output.status.success(), "{}", stderr(&output));
    let result: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_valid(&result);
    let eight = "light kernels on 8 queues";
    for (config, lambda, sigma, kappa, off) in [
        (
            "none",
            22_213.152_834,
            0.780_410_109,
            0.016_575_888,
            0.003_504_706,
        ),
        (
            "global",
            22_591.199_853,
            0.125_382_436,
            0.020_502_918,
            0.032_765_813,
        ),
        (
            "per-encoder",
            21_702.723_155,
            0.580_396_708,
            0.026_070_475,
            0.087_409_968,
        ),
    ] {
        let row = of(&result, config, eight).expect("an entry");
        assert_eq!(row["threads"], serde_json::json!([1, 4, 8, 16]));
        let law = &row["law"];
        let found = [
            (&law["lambda"]["estimate"], lambda),
            (&law["sigma"]["estimate"], sigma),
            (&law["kappa"]["estimate"], kappa),
            (&law["worst_residual"], off),
        ];
        for (ours, theirs) in found {
            let ours = ours.as_f64().expect("a number");
            assert!(
                (ours / theirs - 1.0).abs() < 1e-7,
                "{config}: {ours} {theirs}"
            );
        }
    }
    // Only the global lock keeps the threads apart well enough to show where it is best.
    let peak =
        |config| of(&result, config, eight).expect("an entry")["law"]["peak_threads"].clone();
    assert!(peak("none")["ci"].is_null() && peak("per-encoder")["ci"].is_null());
    let ends = &peak("global")["ci"];
    let ends = [&ends[0], &ends[1]].map(|end| end.as_f64().expect("a number"));
    assert!(ends[0] > 4.0 && ends[1] < 16.0, "{ends:?}");

    let one = of(&result, "none", "light kernels on 1 queue").expect("an entry");
    assert_eq!(
        one["refused"],
        "4 thread counts are needed, and there are 2"
    );
    assert!(of(&result, "none", "heavy kernels on 8 queues").is_none());
}

#[test]
fn a_run_over_threads_tells_a_law_or_why_there_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let output = run(&format!(
        "bench --quiet --device soft --strategies none,global --threads 1,2,3,4 --no-counting \
         --ops 3 --iterations 1 --blocks 3 --workload timed --soft service=50us,encode=0 --out {}",
        out.display()
    ));
    assert!(output.status.success(), "{}", stderr(&output));
    let result = result(&out);
    assert_valid(&result);
    let report = read(&out, "report.md");
    for config in ["none", "global"] {
        let row = of(&result, config, "timed").expect("an entry");
        assert_eq!(row["threads"], serde_json::json!([1, 2, 3, 4]));
        assert!(row["law"].is_null() != row["refused"].is_null(), "{row}");
    }
    let told = |subject: &str| {
        report.contains(&format!(
            "- {subject}, from 1 to 4 threads: one thread does "
        )) || report.contains(&format!(
            "- {subject}, from 1 to 4 threads: no law is told, since "
        ))
    };
    assert!(
        told("Running without a lock") && told("The global lock"),
        "{report}"
    );
}
