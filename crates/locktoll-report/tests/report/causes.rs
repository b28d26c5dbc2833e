//! Root causes in every output.

use locktoll_report::model::{
    Cause, Estimate, Level, Part, PassThrough, Remedy, Resource, Root, RunResult, Share, Witness,
};

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
            predicted_gain: around(0.041, 0.016),
            measured_gain: around(0.05, 0.02),
        }),
    }
}
