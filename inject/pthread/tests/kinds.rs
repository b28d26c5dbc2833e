//! Every kind of lock and wait is counted as what it is, and works as it does alone.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs;

use locktoll_trace::Kind;
use locktoll_trace::recording::LockBits;
use support::{Ran, Stage, compiled, run};

const MS: u64 = 1_000_000;

fn kind(name: &str) -> Ran {
    run("kinds", name)
}

fn bits(ran: &Ran, lock: &str, site: &str) -> LockBits {
    let point = ran.point(lock, site);
    assert_eq!(point.kind, Kind::MUTEX);
    point.bits
}

#[test]
fn a_lock_that_its_owner_takes_again_is_taken_once() {
    let ran = kind("recursive");
    assert_eq!(ran.counts("lock", "take"), [100, 0, 0, 0]);
    assert!(ran.points("lock", "again").is_empty());
    assert_eq!(bits(&ran, "lock", "take"), LockBits::RECURSIVE);
    assert!(ran.point("lock", "take").holds_timed >= 64);
}

#[test]
fn an_error_is_no_acquisition() {
    let ran = kind("error-checking");
    assert_eq!(ran.counts("lock", "take"), [100, 0, 0, 0]);
    assert_eq!(ran.counts("lock", "again"), [0, 0, 0, 0]);
    assert_eq!(bits(&ran, "lock", "take"), LockBits::ERROR_CHECKING);
}

#[test]
fn a_lock_of_a_dead_owner_is_had_and_one_beyond_repair_is_not() {
    let ran = kind("robust");
    assert_eq!(ran.counts("lock", "take"), [3, 0, 0, 0]);
    assert_eq!(ran.point("lock", "again").acquisitions, 3);
    assert_eq!(bits(&ran, "lock", "take"), LockBits::ROBUST);
}

#[test]
fn priority_inheritance_is_told_with_its_owner() {
    let ran = kind("inherit");
    assert_eq!(ran.counts("lock", "take"), [100, 0, 0, 0]);
    assert_eq!(ran.counts("lock", "holder"), [1, 0, 0, 0]);
    assert_eq!(ran.counts("lock", "again"), [1, 1, 0, 0]);
    assert_eq!(bits(&ran, "lock", "take"), LockBits::PRIORITY_INHERIT);
    let [blame] = ran.recording().blames.as_slice() else {
        panic!("{:?}", ran.recording().blames);
    };
    assert_eq!(ran.said.site(blame.owner_site), "holder");
}

#[test]
fn static_initialisers_are_known_by_what_they_set() {
    let ran = kind("initialisers");
    for (lock, times, set) in [
        ("normal", 11, LockBits::default()),
        ("recursing", 12, LockBits::RECURSIVE),
        ("checking", 13, LockBits::ERROR_CHECKING),
        ("adaptive", 14, LockBits::ADAPTIVE),
    ] {
        assert_eq!(ran.counts(lock, "take"), [times, 0, 0, 0], "{lock}");
        assert_eq!(bits(&ran, lock, "take"), set, "{lock}");
    }
}

#[test]
fn a_trylock_is_had_or_refused_and_never_contended() {
    let ran = kind("tries");
    assert_eq!(ran.counts("lock", "attempt"), [7, 0, 5, 0]);
}

#[test]
fn a_lock_that_is_given_up_in_time_is_a_wait_and_no_acquisition() {
    let ran = kind("limits");
    for site in ["timed", "clocked"] {
        assert_eq!(ran.counts("lock", site), [4, 3, 0, 3], "{site}");
        let wait = &ran.point("lock", site).wait;
        assert!(wait.count == 3 && wait.total_ns > 3 * MS, "{wait:?}");
    }
}

#[test]
fn readers_and_writers_are_told_apart() {
    let ran = kind("rwlocks");
    assert_eq!(ran.point("rwlock", "reads").kind, Kind::RWLOCK);
    assert_eq!(ran.counts("rwlock", "reads"), [41, 1, 0, 0]);
    assert_eq!(ran.counts("rwlock", "writes"), [1, 0, 0, 0]);
    assert_eq!(ran.counts("rwlock", "tries_to_read"), [20, 0, 20, 0]);
    assert_eq!(ran.counts("rwlock", "tries_to_write"), [20, 0, 20, 0]);
    assert_eq!(ran.counts("rwlock", "reads_in_time"), [6, 0, 0, 0]);
    assert_eq!(ran.counts("rwlock", "writes_in_time"), [0, 20, 0, 20]);
    assert!(ran.point("rwlock", "reads").bits.contains(LockBits::READ));
    assert!(!ran.point("rwlock", "writes").bits.contains(LockBits::READ));
    // The one who waited did so for the writer.
    let blames = &ran.recording().blames;
    let read = blames
        .iter()
        .find(|blame| ran.said.site(blame.waiter_site) == "reads");
    assert_eq!(ran.said.site(read.unwrap().owner_site), "writes");
}

#[test]
fn spinlocks_are_counted() {
    let ran = kind("spinlocks");
    assert_eq!(ran.point("spin", "spins").kind, Kind::SPINLOCK);
    assert_eq!(ran.counts("spin", "spins"), [500, 0, 0, 0]);
    assert_eq!(ran.counts("spin", "tries_to_spin"), [500, 0, 500, 0]);
}

#[test]
fn waiting_for_a_condition_is_no_hold_and_no_contention() {
    let ran = kind("conditions");
    let waited = ran.point("cond", "waits");
    assert_eq!(waited.kind, Kind::CONDVAR);
    assert!(waited.acquisitions >= 1 && waited.wait.max_ns > 0);
    for site in ["waits_in_time", "waits_by_clock"] {
        let [had, ..] = ran.counts("cond", site);
        let point = ran.point("cond", site);
        assert_eq!((had, point.timed_out), (0, 4), "{site}");
        assert!(point.wait.total_ns > 4 * 29 * MS, "{site} {:?}", point.wait);
    }
    // The mutex was held between the waits only. Each wait ended a hold and began one.
    let mutex = ran.point("lock", "take");
    assert_eq!((mutex.acquisitions, mutex.contentions), (1, 0));
    let ended = waited.acquisitions + 8 + 1;
    assert_eq!(mutex.holds_timed, ended);
    assert!(mutex.hold.total_ns < 200 * MS, "{:?}", mutex.hold);
    assert_eq!(ran.point("lock", "teller").acquisitions, 1);
    let on_condition = ran.recording().blames.iter();
    assert!(
        on_condition
            .clone()
            .all(|blame| blame.lock != ran.said.locks["cond"])
    );
}

#[test]
fn semaphores_wait_and_are_not_held() {
    let ran = kind("semaphores");
    assert_eq!(ran.point("semaphore", "downs").kind, Kind::SEMAPHORE);
    assert_eq!(ran.counts("semaphore", "downs"), [9, 0, 0, 0]);
    assert_eq!(ran.counts("semaphore", "downs_in_time"), [0, 2, 0, 2]);
    assert_eq!(ran.point("semaphore", "downs").hold.count, 0);
}

#[test]
fn barriers_wait_and_are_not_held() {
    let ran = kind("barriers");
    assert_eq!(ran.point("barrier", "meets").kind, Kind::BARRIER);
    assert_eq!(ran.counts("barrier", "meets"), [30, 30, 0, 0]);
}

#[test]
fn c11_names_are_seen_under_their_own() {
    let ran = kind("c11");
    assert_eq!(ran.counts("c11", "c11_takes"), [9, 0, 0, 0]);
    assert_eq!(ran.counts("c11", "c11_tries"), [8, 0, 8, 0]);
    assert_eq!(ran.counts("c11_cond", "c11_waits"), [0, 2, 0, 2]);
    assert!(bits(&ran, "c11", "c11_takes").contains(LockBits::C11));
}

#[test]
fn a_library_that_is_loaded_later_is_seen_and_mapped() {
    let plugin = compiled("plugin", &["-shared", "-fPIC"]);
    let stage = Stage::new();
    let arguments = ["loaded", plugin.to_str().unwrap()];
    let ran = stage.run(&compiled("kinds", &[]), &arguments);
    assert_eq!(ran.counts("plugin_lock", "plugin_work"), [25, 0, 0, 0]);
    let maps = fs::read_dir(stage.folder.path()).unwrap();
    let maps = maps
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "maps")
        })
        .expect("a copy of the maps");
    let maps = fs::read_to_string(maps).unwrap();
    let name = plugin.file_name().unwrap().to_str().unwrap();
    assert!(maps.contains(name), "{maps}");
}
