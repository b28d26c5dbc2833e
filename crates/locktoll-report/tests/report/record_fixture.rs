//! A recording with round figures, and one with nothing in it.

use locktoll_report::model::{Environment, Warning};
use locktoll_report::record::model::{
    Blame, Cost, Estimate, Lock, LockKind, Mode, Process, Record, Run, SCHEMA, Sampling, Site,
    Stack, ThreadShare, Times,
};

fn times(count: u64, timed: u64, each_ns: u64) -> Times {
    let total_ns = (count * each_ns) as f64;
    let is_sample = timed > 1 && timed < count;
    Times {
        count,
        timed,
        total_ns,
        total_ci_ns: is_sample.then_some([total_ns * 0.9, total_ns * 1.1]),
        mean_ns: (timed > 0).then_some(each_ns as f64),
        p50_ns: (timed > 0).then_some(each_ns),
        p99_ns: (timed > 0).then_some(each_ns * 2),
        max_ns: (timed > 0).then_some(each_ns * 3),
    }
}

fn site(function: &str, line: u32, caused_ns: f64, wait: Times, hold: Times) -> Site {
    Site {
        function: function.to_owned(),
        location: Some(format!("server.c:{line}")),
        module: Some("server".to_owned()),
        address: 0x1000 + u64::from(line),
        inlined: vec![function.to_owned()],
        acquisitions: hold.count,
        contentions: wait.count,
        refused: 0,
        caused_ns,
        wait,
        hold,
    }
}

fn lock(name: &str, kind: LockKind, sites: Vec<Site>, wait: Times, hold: Times) -> Lock {
    let held = hold.total_ns / 2e9;
    Lock {
        name: name.to_owned(),
        known: false,
        locks: 1,
        kind,
        properties: Vec::new(),
        address: 0x4040,
        process: 0,
        acquisitions: hold.count,
        contentions: wait.count,
        refused: 3,
        utilisation: (hold.timed > 0).then_some(Estimate {
            value: held,
            ci: Some([held * 0.9, held * 1.1]),
        }),
        wait,
        hold,
        waiters_max: Some(3),
        threads: 2,
        fairness: Some(0.8),
        shares: vec![share(11, "worker", 3_000), share(12, "worker", 1_000)],
        sites,
    }
}

fn share(tid: u32, thread: &str, acquisitions: u64) -> ThreadShare {
    ThreadShare {
        tid,
        thread: thread.to_owned(),
        acquisitions,
        contentions: acquisitions / 2,
        wait_ns: acquisitions * 1_000,
        hold_ns: acquisitions * 500,
    }
}

fn blame(waiter: &str, owner: Option<&str>, wait_ns: f64) -> Blame {
    Blame {
        lock: "jobs".to_owned(),
        waiter: waiter.to_owned(),
        owner: owner.map(str::to_owned),
        count: 10,
        wait_ns,
        max_ns: 9_000,
    }
}

fn stack(frames: &[&str], lock: &str, wait_ns: f64) -> Stack {
    Stack {
        lock: lock.to_owned(),
        frames: frames.iter().map(|&frame| frame.to_owned()).collect(),
        waits: 100.0,
        wait_ns,
    }
}

/// What was contended, and what was waited for idly.
fn locks() -> (Vec<Lock>, Vec<Lock>) {
    let jobs = lock(
        "jobs",
        LockKind::Mutex,
        vec![
            site(
                "guilty",
                12,
                6e8,
                times(1_000, 1_000, 300_000),
                times(3_000, 100, 400_000),
            ),
            site(
                "innocent",
                30,
                3e8,
                times(2_000, 2_000, 300_000),
                times(1_000, 50, 1_000),
            ),
        ],
        times(3_000, 3_000, 300_000),
        times(4_000, 150, 300_000),
    );
    let mut gil = lock(
        "CPython's GIL",
        LockKind::Condvar,
        vec![site(
            "take_gil",
            7,
            0.0,
            times(100, 100, 1_000_000),
            times(0, 0, 0),
        )],
        times(100, 100, 1_000_000),
        times(0, 0, 0),
    );
    gil.known = true;
    gil.address = 0x5050;
    let mut idle = lock(
        "wake",
        LockKind::Condvar,
        vec![site(
            "sleeper",
            50,
            0.0,
            times(5, 5, 200_000_000),
            times(0, 0, 0),
        )],
        times(5, 5, 200_000_000),
        times(0, 0, 0),
    );
    idle.address = 0x6060;
    (vec![jobs, gil], vec![idle])
}

/// 2 s of a server whose lock `jobs` lost 900 ms of 1 s in waits: 600 ms behind `guilty`.
pub(crate) fn server() -> Record {
    let (locks, idle) = locks();
    Record {
        schema: SCHEMA.to_owned(),
        environment: Environment::from([("kernel".to_owned(), "6.1".into())]),
        run: Run {
            command: vec!["./server".to_owned(), "--threads 2".to_owned()],
            mode: Mode::Aggregate,
            wall_ns: 2_000_000_000,
            exit_code: Some(0),
            signal: None,
            processes: vec![Process {
                pid: 10,
                trace: "10-0.trace".to_owned(),
                threads: 2,
                wall_ns: 2_000_000_000,
                ended: true,
                events_lost: 0,
                unnamed: 0,
            }],
        },
        sampling: Sampling {
            acquisitions: 4_000,
            contentions: 3_100,
            waits_timed: 3_100,
            holds_timed: 150,
            hold_every: 256,
            stacks: 12,
            confidence: 0.95,
        },
        locks,
        idle,
        blames: vec![
            blame("innocent (server.c:30)", Some("guilty (server.c:12)"), 6e8),
            blame("guilty (server.c:12)", Some("innocent (server.c:30)"), 2e8),
            blame("guilty (server.c:12)", None, 1e8),
        ],
        stacks: vec![
            stack(&["main", "serve", "innocent"], "jobs", 6e8),
            stack(&["main", "serve;d", "guilty"], "jobs", 3e8),
            stack(&["main", "take_gil"], "CPython's GIL", 1e8),
        ],
        cost: Some(Cost {
            pairs: 5,
            ratio: 1.02,
            ci: [1.01, 1.03],
            bare_ns: 1.96e9,
            recorded_ns: 2e9,
            per_event_ns: Some(Estimate {
                value: 10_000.0,
                ci: Some([5_000.0, 15_000.0]),
            }),
        }),
        warnings: vec![Warning {
            code: "short_sections".to_owned(),
            message: "Holds of `jobs` are short.".to_owned(),
        }],
    }
}

/// A program without locks, ended by a signal.
pub(crate) fn nothing() -> Record {
    let mut record = server();
    record.run.processes.clear();
    record.run.exit_code = None;
    record.run.signal = Some(9);
    record.locks.clear();
    record.idle.clear();
    record.blames.clear();
    record.stacks.clear();
    record.cost = None;
    record.warnings.clear();
    record
}

/// Names as an attacker would give them.
pub(crate) fn hostile() -> Record {
    let evil = "</title><script>alert(1)</script>\u{1b}[31m\n|`x`;\"\\\u{0}\u{fffe}";
    let mut record = server();
    record.run.command = vec![evil.to_owned()];
    evil.clone_into(&mut record.run.processes[0].trace);
    for lock in record.locks.iter_mut().chain(&mut record.idle) {
        evil.clone_into(&mut lock.name);
        for site in &mut lock.sites {
            evil.clone_into(&mut site.function);
        }
        for share in &mut lock.shares {
            evil.clone_into(&mut share.thread);
        }
    }
    for blame in &mut record.blames {
        evil.clone_into(&mut blame.waiter);
        blame.owner = Some(evil.to_owned());
        evil.clone_into(&mut blame.lock);
    }
    for stack in &mut record.stacks {
        evil.clone_into(&mut stack.lock);
        stack.frames = vec![evil.to_owned(); 3];
    }
    evil.clone_into(&mut record.warnings[0].message);
    record
}
