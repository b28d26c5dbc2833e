//! Root causes in every output.

use locktoll_report::model::{
    Cause, Ceiling, CeilingLimit, CrashEvent, Crashes, Estimate, Level, Outcome, Part, PassThrough,
    Remedy, Resource, Role, Root, RunResult, Share, Value, Witness,
};
use locktoll_report::recommend::recommendations;
use locktoll_report::terminal::{TerminalStyle, render};
use locktoll_report::{html, markdown, plots};

use crate::fixtures;

fn around(estimate: f64, half: f64) -> Estimate {
    Estimate {
        estimate,
        ci: Some([estimate - half, estimate + half]),
    }
}

/// Two probed configurations, one of which has its bottleneck in the lock.
pub(crate) fn causes() -> RunResult {
    let mut run = fixtures::three_strategies();
    if let Some(experiment) = &mut run.plan.experiment {
        experiment.device_notes = vec![
            "Each queue has a lock under every strategy, `none` included.".to_owned(),
            "Results are for correctness only: the device computes on the CPU.".to_owned(),
        ];
    }
    run.causes = vec![
        cause("global", Root::LockBound, 0.62),
        cause("none", Root::NotIdentified, -0.04),
    ];
    run
}

fn cause(config: &str, root: Root, lock: f64) -> Cause {
    let level = |asked_ns: u64| Level {
        asked_ns,
        added_ns: asked_ns as f64 * 1.02,
        time_per_op_ns: around(23_800.0 + asked_ns as f64, 400.0),
    };
    let slope = |resource, found, levels: &[u64]| PassThrough {
        resource,
        estimate: Some(found),
        levels: levels.iter().copied().map(level).collect(),
        p_linear: Some(0.4),
        linear: Some(true),
    };
    let share = |part, share, half, demand_ns| Share {
        part,
        demand_ns,
        share: Some(around(share, half)),
    };
    let device = 0.21;
    Cause {
        config: config.to_owned(),
        threads: 8,
        workload: "mlp".to_owned(),
        blocks: 12,
        time_per_op_ns: Some(around(23_800.0, 400.0)),
        pass_throughs: vec![
            slope(Resource::Lock, around(0.98, 0.03), &[2_000, 4_000]),
            slope(Resource::Encode, around(0.0041, 0.00075), &[2_000, 4_000]),
            slope(Resource::Submit, around(0.91, 0.2), &[2_000]),
            slope(Resource::Device, around(0.12, 0.04), &[0, 5_000]),
            slope(Resource::Wait, around(0.11, 0.02), &[5_000]),
        ],
        shares: vec![
            share(Part::Lock, lock, 0.05, Some(15_100.0)),
            share(Part::Device, device, 0.03, Some(41_600.0)),
            share(Part::Encode, 0.031, 0.004, Some(18_000.0)),
            share(Part::SubmitWait, 0.052, 0.02, Some(9_300.0)),
            share(Part::Remainder, 1.0 - lock - device - 0.083, 0.07, None),
        ],
        shares_sum: Some(around(lock + device + 0.083, 0.07)),
        root,
        reason: "the share of the lock is named here in one sentence.".to_owned(),
        witnesses: vec![Witness {
            part: Part::Lock,
            utilisation: 0.64,
            agrees: true,
            statement: "the lock is busy for 64% of the time".to_owned(),
        }],
        remedy: Some(Remedy {
            batch: 4,
            predicted_gain: Some(around(0.041, 0.016)),
            measured_gain: around(0.05, 0.02),
            outcome: Outcome::Gains,
        }),
    }
}

/// On one line, without marks.
fn flat(text: &str) -> String {
    let text = text.replace("**", "").replace('\\', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn everywhere(run: &RunResult) -> [String; 3] {
    let style = TerminalStyle {
        width: 100,
        color: false,
    };
    [
        render(run, &style),
        markdown::render(run),
        html::render(run),
    ]
    .map(|text| flat(&text))
}

/// One probe whose trials of two blocks crashed, and one whose trials all ran to their end.
#[test]
fn crashes_of_probes_are_told_counted_listed_and_drawn() {
    let mut run = causes();
    assert!(markdown::render(&run).contains("No crash is recorded."));
    let probe = |what: &str, crashed: u64| {
        let mut series = fixtures::series(Role::Probe, "global", Some(8), 900.0);
        series.probe = Some(what.to_owned());
        series.values = (1..=20)
            .map(|block| Value {
                block: block.to_string(),
                order: Some(10 * block),
                value: 900.0,
                iterations: Vec::new(),
            })
            .collect();
        let event = |block: u64| CrashEvent {
            block: block.to_string(),
            signal: "SIGABRT".to_owned(),
            iteration: Some(1),
            thread: None,
            message: "the probe's last words".to_owned(),
        };
        series.crashes = Some(Crashes {
            crashed,
            rate: crashed as f64 / 20.0,
            events: (1..=crashed).map(|n| event(3 * n)).collect(),
            ..fixtures::calm()
        });
        series
    };
    run.probes = vec![probe("lock +20us", 2), probe("device +20us", 0)];
    for text in everywhere(&run) {
        let told =
            "Of the trials that ask why, 2 of 40 crashed, in 1 of 2 probes; SIGABRT 2 times.";
        assert!(text.contains(told), "{text}");
    }
    let [_, report, page] = everywhere(&run);
    for text in [&report, &page] {
        assert!(text.contains("the probe's last words"), "{text}");
        assert!(!text.contains("No crash is recorded"), "{text}");
    }
    assert!(
        report.contains("| global (lock +20us) | 8 threads | 20 | 2 |"),
        "{report}"
    );
    assert!(report.contains("Values of probes (8 threads):"), "{report}");
    let drawn = plots::all(&run);
    let (_, course) = drawn
        .iter()
        .find(|(name, _)| name.contains("run-order"))
        .expect("a plot of the run's course");
    assert!(
        course.contains("SIGABRT in block 6: global (lock +20us)"),
        "{course}"
    );
    let rule = "Do not rely on the global lock: 2 of 40 trials that ask why crashed.";
    assert!(
        recommendations(&run).contains(&rule.to_owned()),
        "{:?}",
        recommendations(&run)
    );
}

/// Whatever the finding, the arm that did four ops in one says whether to do that.
#[test]
fn more_work_in_one_op_is_recommended_where_it_was_measured_to_gain_and_only_there() {
    let advised = |root: Root, gain: Estimate, outcome: Outcome| {
        let mut run = causes();
        run.causes.truncate(1);
        let cause = &mut run.causes[0];
        cause.root = root;
        let tried = cause.remedy.as_mut().unwrap();
        tried.measured_gain = gain;
        tried.outcome = outcome;
        let about = recommendations(&run).into_iter();
        let about: Vec<String> = about.filter(|line| line.contains("in one op")).collect();
        assert!(about.len() <= 1, "{about:?}");
        about.into_iter().next().unwrap_or_default()
    };
    for root in [Root::SubmissionBound, Root::LockBound, Root::NotIdentified] {
        let gains = advised(root, around(0.05, 0.02), Outcome::Gains);
        assert!(
            gains.contains("do more work in one op. 4 ops in one"),
            "{gains}"
        );
        let loses = advised(root, around(-0.05, 0.02), Outcome::Loses);
        assert!(loses.contains("do not do more work in one op"), "{loses}");
    }
    let cases = [
        (Outcome::Unsettled, around(0.0, 0.2), "not settled"),
        (Outcome::NoMatter, around(0.0, 0.005), "gains nothing"),
    ];
    for (outcome, gain, words) in cases {
        let said = advised(Root::SubmissionBound, gain, outcome);
        assert!(said.contains(words), "{said}");
        assert_eq!(advised(Root::DeviceBound, gain, outcome), "");
    }
}

#[test]
fn a_gain_that_cannot_be_predicted_is_still_told_as_measured() {
    let mut run = causes();
    run.causes[0].remedy.as_mut().unwrap().predicted_gain = None;
    for text in everywhere(&run).into_iter().skip(1) {
        let told = "4 ops in one: the gain by less submission and waiting is not predicted, measured \
                    5.00% (3.0% to 7.0%)";
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_limit_that_is_a_setting_of_the_device_is_told_as_one() {
    let limit = CeilingLimit {
        threads: 8,
        queues: 1,
        waits: false,
        ops_per_s: around(9_950.0, 20.0),
    };
    let mut run = causes();
    run.ceiling = Some(Ceiling {
        config: "none".to_owned(),
        threads: 8,
        queues: 1,
        set_occupancy_ns: None,
        limits: vec![limit],
        best: Some(limit),
        ratio: Some(around(0.9, 0.01)),
        time_per_op_ns: None,
        steps: Vec::new(),
    });
    let setting = "That limit is one of this device's settings: an empty op occupies an engine for its \
                   service time too, 100 µs.";
    for text in everywhere(&run) {
        assert!(!text.contains("one of this device's settings"), "{text}");
    }
    run.ceiling.as_mut().unwrap().set_occupancy_ns = Some(100_000.0);
    for text in everywhere(&run) {
        assert!(text.contains(setting), "{setting}\nis not in\n{text}");
    }
}
