//! Recordings with figures set by hand, and what the analysis makes of them.

use locktoll::recorded::{self, Facts, Observed, ObservedProcess, perfetto};
use locktoll_report::record::model::{Cost, Estimate, LockKind, Mode, Record};
use locktoll_symbols::{Maps, Symbolizer};
use locktoll_trace::recording::{
    self, Blame, Clock, Delays, Event, LockBits, Point, RecordedLock, RecordedThread, Recording,
    StackSample, ThreadShare, Why,
};
use locktoll_trace::{FineDurations, Kind};

const MS: u64 = 1_000_000;
const JOBS: u64 = 0x1000;
const WAKE: u64 = 0x2000;
const GUILTY: u64 = 0xa1;
const INNOCENT: u64 = 0xb1;
const SLEEPER: u64 = 0xc1;

fn durations(each: &[(u64, u64)]) -> Box<FineDurations> {
    let mut durations = FineDurations::default();
    for &(ns, times) in each {
        for _ in 0..times {
            durations.record(ns);
        }
    }
    Box::new(durations)
}

fn point(lock: u64, site: u64, kind: Kind) -> Point {
    Point {
        lock,
        site,
        kind,
        bits: LockBits::default(),
        acquisitions: 0,
        contentions: 0,
        refused: 0,
        timed_out: 0,
        waits_timed: 0,
        holds_timed: 0,
        wait: durations(&[]),
        hold: durations(&[]),
        holds_resumed: 0,
    }
}

/// One second in which `GUILTY` held a mutex 10 times for 50 ms; `INNOCENT` took it 90 times for nothing and
/// waited for it 8 times, 5 ms each; `GUILTY` waited once, 1 ms. A thread slept 400 ms for a condition.
fn recording() -> Recording {
    let mut guilty = point(JOBS, GUILTY, Kind::MUTEX);
    guilty.bits = LockBits::RECURSIVE;
    guilty.acquisitions = 10;
    guilty.contentions = 1;
    guilty.waits_timed = 1;
    guilty.wait = durations(&[(MS, 1)]);
    guilty.holds_timed = 10;
    guilty.hold = durations(&[(50 * MS, 10)]);
    let mut innocent = point(JOBS, INNOCENT, Kind::MUTEX);
    innocent.acquisitions = 90;
    innocent.contentions = 8;
    innocent.refused = 2;
    innocent.waits_timed = 8;
    innocent.wait = durations(&[(5 * MS, 8)]);
    let mut sleeper = point(WAKE, SLEEPER, Kind::CONDVAR);
    sleeper.contentions = 4;
    sleeper.waits_timed = 4;
    sleeper.wait = durations(&[(100 * MS, 4)]);
    let thread = |tid| RecordedThread {
        tid,
        name: format!("worker {tid}"),
        began_ns: MS,
        last_ns: 1001 * MS,
        waiting: None,
        events_lost: 0,
    };
    let share = |thread, point, acquisitions| ThreadShare {
        thread,
        point,
        acquisitions,
        contentions: 0,
        refused: 0,
        wait_ns: 0,
        hold_ns: 0,
    };
    let blame = |waiter_site, owner_site, count, wait_ns| Blame {
        lock: JOBS,
        waiter_site,
        owner_site,
        count,
        wait_ns,
        max_ns: 5 * MS,
    };
    Recording {
        mode: recording::Mode::AGGREGATE,
        clock: Clock::MONOTONIC,
        began_ns: MS,
        began_unix_ns: 0,
        ended_ns: Some(1001 * MS),
        parent: 1,
        hold_every: 256,
        threads: vec![thread(11), thread(12)],
        points: vec![guilty, innocent, sleeper],
        shares: vec![share(0, 0, 10), share(0, 1, 15), share(1, 1, 75)],
        locks: vec![RecordedLock {
            address: JOBS,
            kind: Kind::MUTEX,
            waiting_max: 3,
        }],
        blames: vec![
            blame(INNOCENT, GUILTY, 8, 40 * MS),
            blame(GUILTY, INNOCENT, 1, MS),
        ],
        stacks: Vec::new(),
        events: Vec::new(),
        events_lost: 0,
        coarsened: 0,
        blames_lost: 0,
        stacks_lost: 0,
        threads_reused: 0,
        threads_refused: 0,
        delays: Delays::default(),
    }
}

fn observed(recordings: Vec<Recording>) -> Observed {
    let process = |(index, recording)| ObservedProcess {
        file: format!("{index}-0.trace"),
        pid: index,
        recording,
        ended: true,
        lived_ns: 1000 * MS,
        unfinished: Vec::new(),
        maps: Maps::default(),
    };
    Observed {
        processes: (10..).zip(recordings).map(process).collect(),
        unreadable: Vec::new(),
    }
}

fn analysed(recordings: Vec<Recording>) -> Record {
    recorded::analyse(&observed(recordings), Facts::default(), &Symbolizer::new())
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn the_guilty_site_comes_first_though_the_innocent_one_waits() {
    let record = analysed(vec![recording()]);
    let jobs = &record.locks[0];
    assert_eq!(record.locks.len(), 1);
    assert_eq!((jobs.address, jobs.kind), (JOBS, LockKind::Mutex));
    assert_eq!(
        (jobs.acquisitions, jobs.contentions, jobs.refused),
        (100, 9, 2)
    );
    assert_eq!(jobs.properties, ["recursive"]);
    assert!(near(jobs.wait.total_ns, 41e6), "{:?}", jobs.wait);
    assert_eq!(jobs.wait.total_ci_ns, None, "all were timed");
    let sites: Vec<(u64, f64, f64)> = jobs
        .sites
        .iter()
        .map(|site| (site.address, site.caused_ns, site.wait.total_ns))
        .collect();
    assert_eq!(sites, [(GUILTY, 40e6, 1e6), (INNOCENT, 1e6, 40e6)]);
    // Without a file, a site is named by the address of its call.
    assert_eq!(jobs.sites[0].function, "0xa0");
    assert_eq!(jobs.name, "mutex of 0xa0");
    assert_eq!(jobs.waiters_max, Some(3));
}

#[test]
fn utilisation_is_holds_by_the_second() {
    let record = analysed(vec![recording()]);
    let jobs = &record.locks[0];
    // 10 × 50 ms of 1 s; the holds of the other site were not timed at all.
    let held = jobs.utilisation.expect("a utilisation").value;
    assert!(near(held, 0.5), "{held}");
    assert_eq!(record.run.wall_ns, 1000 * MS);
    assert_eq!(
        (record.sampling.holds_timed, record.sampling.waits_timed),
        (10, 9)
    );
}

#[test]
fn fairness_and_shares_are_of_threads_not_of_sites() {
    let record = analysed(vec![recording()]);
    let jobs = &record.locks[0];
    let shares: Vec<(u32, u64)> = jobs
        .shares
        .iter()
        .map(|share| (share.tid, share.acquisitions))
        .collect();
    assert_eq!(shares, [(12, 75), (11, 25)]);
    // (75 + 25)² / (2·(75² + 25²)).
    assert!(near(jobs.fairness.unwrap(), 0.8));
}

#[test]
fn waiting_for_a_condition_is_idle_and_no_contention() {
    let record = analysed(vec![recording()]);
    assert_eq!(record.idle.len(), 1);
    assert_eq!(record.idle[0].kind, LockKind::Condvar);
    assert!(near(record.idle[0].wait.total_ns, 400e6));
    let of_stacks: f64 = record.stacks.iter().map(|stack| stack.wait_ns).sum();
    assert_eq!(record.sampling.contentions, 9);
    // Idle waits have stacks of their own kind; contention is what the graph is about.
    assert!(near(of_stacks, 41e6), "{:?}", record.stacks);
}

#[test]
fn who_waited_for_whom_keeps_its_direction() {
    let record = analysed(vec![recording(), recording()]);
    let pairs: Vec<(&str, Option<&str>, u64, f64)> = record
        .blames
        .iter()
        .map(|blame| {
            (
                blame.waiter.as_str(),
                blame.owner.as_deref(),
                blame.count,
                blame.wait_ns,
            )
        })
        .collect();
    // Of both processes together, since the names are the same.
    assert_eq!(
        pairs,
        [
            ("0xb0", Some("0xa0"), 16, 80e6),
            ("0xa0", Some("0xb0"), 2, 2e6)
        ]
    );
    assert_eq!(record.locks.len(), 2, "a lock of each process");
    assert_eq!((record.locks[0].process, record.locks[1].process), (0, 1));
}

#[test]
fn contentions_alone_give_no_utilisation_and_no_fairness() {
    let mut only = recording();
    only.mode = recording::Mode::CONTENTIONS;
    let record = analysed(vec![only]);
    assert_eq!(record.run.mode, Mode::Contentions);
    let jobs = &record.locks[0];
    assert!(jobs.utilisation.is_none() && jobs.fairness.is_none());
    assert!(
        record
            .warnings
            .iter()
            .any(|warning| warning.code == "contentions_only")
    );
}

#[test]
fn what_was_lost_is_told() {
    let mut full = recording();
    full.mode = recording::Mode::EVENTS;
    full.events_lost = 7;
    full.coarsened = 3;
    full.points[1].lock = 0;
    let mut found = observed(vec![full]);
    found
        .unreadable
        .push("9-0.trace: not a locktoll trace".to_owned());
    let record = recorded::analyse(&found, Facts::default(), &Symbolizer::new());
    let codes: Vec<&str> = record
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect();
    assert_eq!(codes, ["unreadable", "events_lost", "tables_full"]);
    assert!(
        record
            .locks
            .iter()
            .any(|lock| lock.name == "locks that found no room")
    );
    let nothing = analysed(Vec::new());
    assert_eq!(nothing.warnings[0].code, "nothing_recorded");
}

#[test]
fn short_sections_are_warned_of_only_where_a_cost_was_seen() {
    let with_cost = |ci| {
        let cost = Cost {
            pairs: 5,
            ratio: 1.1,
            ci: [1.0, 1.2],
            bare_ns: 1e9,
            recorded_ns: 1.1e9,
            // The median wait for the mutex is of 5 ms.
            per_event_ns: Some(Estimate {
                value: 1e6,
                ci: Some(ci),
            }),
        };
        let facts = Facts {
            cost: Some(cost),
            ..Facts::default()
        };
        let record = recorded::analyse(&observed(vec![recording()]), facts, &Symbolizer::new());
        record
            .warnings
            .iter()
            .any(|warning| warning.code == "short_sections")
    };
    assert!(with_cost([0.5e6, 1.5e6]));
    assert!(!with_cost([-0.5e6, 2.5e6]), "it may be nothing");
}

#[test]
fn a_mutex_is_never_held_more_than_all_of_the_time() {
    let mut found = recording();
    // 100 million holds that seem to take 20 ns, in one second.
    found.points[1].acquisitions = 100_000_000;
    found.points[1].holds_timed = 1000;
    found.points[1].hold = durations(&[(20, 100_000)]);
    let record = analysed(vec![found]);
    let held = record.locks[0].utilisation.unwrap();
    assert!((held.value - 1.0).abs() < 1e-12, "{held:?}");
    assert!(
        record
            .warnings
            .iter()
            .any(|warning| warning.code == "holds_near_clock"),
        "{:?}",
        record.warnings
    );
}

#[test]
fn a_stack_of_a_lock_without_room_is_kept() {
    let mut found = recording();
    let mut rest = point(0, GUILTY, Kind::MUTEX);
    rest.contentions = 2;
    rest.waits_timed = 2;
    rest.wait = durations(&[(MS, 2)]);
    found.points.push(rest);
    let stack = |ns| StackSample {
        point: 3,
        tid: 11,
        why: Why::WAIT,
        ns,
        pc: GUILTY,
        sp: 0,
        fp: 0,
        bytes: Vec::new(),
    };
    found.stacks = vec![stack(MS), stack(2 * MS)];
    let record = analysed(vec![found]);
    let lock = record.locks.iter().find(|lock| lock.address == 0).unwrap();
    assert_eq!((lock.contentions, lock.utilisation), (2, None));
}

#[test]
fn indices_out_of_range_are_left_out() {
    let mut broken = recording();
    broken.shares[0].thread = 99;
    broken.shares[1].point = 99;
    let record = analysed(vec![broken]);
    assert_eq!(record.locks[0].shares.len(), 1);
}

#[test]
fn events_become_slices_of_their_threads() {
    let mut timed = recording();
    timed.mode = recording::Mode::EVENTS;
    timed.events = vec![Event {
        thread: 1,
        at_ns: 11 * MS,
        lock: JOBS,
        site: INNOCENT,
        kind: Kind::MUTEX,
        wait_ns: 2 * MS,
        hold_ns: 3 * MS,
    }];
    let found = observed(vec![timed]);
    let symbolizer = Symbolizer::new();
    let record = recorded::analyse(&found, Facts::default(), &symbolizer);
    let mut text = Vec::new();
    assert_eq!(
        perfetto::write(&found, &record, &symbolizer, &mut text).unwrap(),
        1
    );
    let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let events = value["traceEvents"].as_array().unwrap();
    let slices: Vec<_> = events
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| {
            let number = |name: &str| event[name].as_f64().unwrap();
            (
                event["cat"].as_str().unwrap(),
                number("ts"),
                number("dur"),
                number("tid"),
            )
        })
        .collect();
    // It had the lock 10 ms after the beginning: microseconds.
    assert_eq!(
        slices,
        [
            ("wait", 8_000.0, 2_000.0, 12.0),
            ("hold", 10_000.0, 3_000.0, 12.0)
        ]
    );
    let names = events.iter().filter(|event| event["ph"] == "M").count();
    assert_eq!(names, 2);
    assert_eq!(events[3]["args"]["site"], "0xb0");
}
