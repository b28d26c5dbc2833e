//! What is recorded of holds and waits is what the program itself has measured.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use locktoll_trace::FineDurations;
use locktoll_trace::recording::{Point, Recording};
use support::{Ran, Stage, compiled};

/// Every hold timed.
fn all_timed() -> Ran {
    let stage = Stage::new().with("LOCKTOLL_HOLD_EVERY", "1");
    stage.run(&compiled("truth", &[]), &[])
}

fn sampled() -> Ran {
    Stage::new().run(&compiled("truth", &[]), &[])
}

fn held(ran: &Ran, us: u32) -> &Point {
    ran.point(&format!("held{us}"), "hold")
}

/// The value below which a share of the sorted values lies.
fn quantile(values: &mut [u64], q: f64) -> u64 {
    values.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = (values.len() as f64 * q).ceil() as usize;
    values[index.max(1) - 1]
}

/// Whether each quantile is within 5% of the truth, or within what reading two clocks may differ by. A thread
/// that loses its core between the two readings moves ranks, so the truth is what lies 5 ranks of 100 to
/// both sides.
#[track_caller]
fn agree(recorded: &FineDurations, measured: &[u64], quantiles: &[f64], apart_ns: u64) {
    let mut measured = measured.to_vec();
    for &q in quantiles {
        let least = quantile(&mut measured, q - 0.05);
        let most = quantile(&mut measured, q + 0.05);
        let found = recorded.quantile_ns(q).expect("there are some");
        assert!(
            least - least / 20 <= found + apart_ns && found <= most + most / 20 + apart_ns,
            "quantile {q}: {found} ns recorded, {least} to {most} ns measured"
        );
    }
}

#[test]
fn counts_are_exact_and_holds_are_as_measured() {
    let ran = all_timed();
    for (us, times) in [(1, 4000), (10, 1000), (100, 300), (1000, 60), (10_000, 20)] {
        let point = held(&ran, us);
        let counts = (point.acquisitions, point.contentions, point.holds_timed);
        assert_eq!(counts, (times, 0, times), "{us} us");
        let measured = &ran.said.ns[&format!("held{us}")];
        // Between two readings of the clock there are up to two calls more, of some 50 ns each.
        agree(&point.hold, measured, &[0.25, 0.5, 0.75], 100);
    }
}

#[test]
fn a_sample_of_the_holds_stands_for_all() {
    let ran = sampled();
    for (us, times) in [(1, 4000), (10, 1000), (100, 300), (1000, 60), (10_000, 20)] {
        let point = held(&ran, us);
        assert_eq!(point.acquisitions, times);
        let measured = &ran.said.ns[&format!("held{us}")];
        // What times one hold in many is in no cache when it is needed, and the part of that which ends the
        // hold is in it.
        agree(&point.hold, measured, &[0.5], 150);
        // Long ones are all timed, short ones are not, and their weights make up for it.
        let all = us >= 10;
        assert_eq!(
            point.holds_timed == times,
            all,
            "{us} us: {}",
            point.holds_timed
        );
    }
}

fn blames(recording: &Recording) -> Vec<(u64, u64, u64)> {
    let blames = recording.blames.iter();
    blames
        .map(|blame| (blame.waiter_site, blame.owner_site, blame.count))
        .collect()
}

#[test]
fn the_guilty_site_is_blamed_for_waits_as_long_as_measured() {
    let ran = sampled();
    assert_eq!(ran.counts("shared", "guilty"), [100, 0, 0, 0]);
    assert_eq!(ran.counts("shared", "innocent"), [1000, 0, 0, 0]);
    assert_eq!(ran.counts("shared", "victim"), [100, 100, 0, 0]);

    let victim = ran.point("shared", "victim");
    assert_eq!((victim.waits_timed, victim.wait.count), (100, 100));
    agree(&victim.wait, &ran.said.ns["wait"], &[0.1, 0.5, 0.9], 0);
    let sum: u64 = ran.said.ns["wait"].iter().sum();
    assert!(victim.wait.total_ns.abs_diff(sum) < sum / 20);

    let guilty = ran.point("shared", "guilty").site;
    assert_eq!(blames(ran.recording()), [(victim.site, guilty, 100)]);
    assert_eq!(ran.recording().blames[0].wait_ns, victim.wait.total_ns);
    let lock = ran.said.locks["shared"];
    let lock = ran
        .recording()
        .locks
        .iter()
        .find(|found| found.address == lock);
    assert_eq!(lock.map(|lock| lock.waiting_max), Some(1));
}

#[test]
fn only_contentions_are_recorded_if_only_they_are_asked_for() {
    let stage = Stage::new().with("LOCKTOLL_MODE", "contentions");
    let ran = stage.run(&compiled("truth", &[]), &[]);
    let [point] = ran.recording().points.as_slice() else {
        panic!("{} points", ran.recording().points.len());
    };
    assert_eq!(ran.said.site(point.site), "victim");
    assert_eq!((point.acquisitions, point.contentions), (100, 100));
    // The first wait makes the file, which the program measures too: ranks differ by one.
    agree(&point.wait, &ran.said.ns["wait"], &[0.25, 0.5, 0.75], 0);
}

#[test]
fn a_stack_is_kept_of_waits_and_holds() {
    let ran = sampled();
    let recording = ran.recording();
    let of = |point: &Point| {
        let place = recording.points.iter().position(|other| other == point);
        let stacks = recording.stacks.iter();
        stacks
            .filter(move |stack| Some(stack.point) == place)
            .count()
    };
    assert!(of(held(&ran, 10_000)) > 0);
    assert!(of(ran.point("shared", "victim")) > 0);
    for stack in &recording.stacks {
        assert_eq!(stack.pc, recording.points[stack.point].site);
        assert!(stack.bytes.len() >= 64 && stack.ns > 0);
    }
}
