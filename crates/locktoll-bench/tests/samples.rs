//! Nothing measured is lost or counted twice, wherever the file was cut off.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use common::{Simulator, any_command, header, plan, samples};
use locktoll_bench::plan::StopRule;
use locktoll_bench::run::Runner;
use locktoll_bench::samples::{Samples, SamplesWriter, StopReason, parse};
use proptest::prelude::*;

const BLOCKS: StopRule = StopRule::Blocks { blocks: 4 };

/// Runs the plan of 4 blocks to its end or to the simulator's interrupt.
fn run(path: &Path, simulator: &Simulator) -> StopReason {
    let (mut writer, mut all) = if path.exists() {
        SamplesWriter::resume(path).unwrap()
    } else {
        let plan = plan(BLOCKS);
        (
            SamplesWriter::create(path, header(plan.clone())).unwrap(),
            samples(plan),
        )
    };
    let runner = Runner {
        launcher: simulator,
        command_line: &any_command,
        interrupted: &AtomicBool::new(false),
    };
    runner.run(&mut all, &mut writer, &mut |_| {}).unwrap()
}

fn every_trial_is_there_once(path: &Path) {
    let all = Samples::read(path).unwrap();
    let mut seen: Vec<_> = all
        .trials
        .iter()
        .map(|trial| (trial.block, trial.slot))
        .collect();
    seen.sort_unstable();
    let expected: Vec<_> = (0..4)
        .flat_map(|block| (0..8).map(move |slot| (block, slot)))
        .collect();
    assert_eq!(seen, expected);
    let orders: Vec<_> = all.trials.iter().map(|trial| trial.order).collect();
    assert_eq!(orders, (0..32).collect::<Vec<_>>());
    assert_eq!(all.complete_blocks(), 4);
}

#[test]
fn a_run_cut_at_any_byte_resumes_to_the_same_trials() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.jsonl");
    assert_eq!(run(&whole, &Simulator::new(1)), StopReason::Blocks);
    every_trial_is_there_once(&whole);
    let bytes = fs::read(&whole).unwrap();
    let header_ends = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for cut in (header_ends..bytes.len()).step_by(997) {
        let path = folder.path().join("cut.jsonl");
        fs::write(&path, &bytes[..cut]).unwrap();
        run(&path, &Simulator::new(2));
        every_trial_is_there_once(&path);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn the_order_after_a_resume_is_the_order_without() {
    let folder = tempfile::tempdir().unwrap();
    let (straight, broken) = (folder.path().join("a"), folder.path().join("b"));
    run(&straight, &Simulator::new(1));
    let stops = Simulator {
        interrupt_at: Some(11),
        ..Simulator::new(1)
    };
    assert_eq!(run(&broken, &stops), StopReason::Interrupted);
    run(&broken, &Simulator::new(3));
    let slots = |path| -> Vec<_> {
        Samples::read(path)
            .unwrap()
            .trials
            .iter()
            .map(|trial| (trial.block, trial.slot))
            .collect()
    };
    assert_eq!(slots(&straight), slots(&broken));
}

#[test]
fn a_finished_run_is_not_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    run(&path, &Simulator::new(1));
    let again = Simulator::new(2);
    assert_eq!(run(&path, &again), StopReason::Blocks);
    assert_eq!(*again.launched.borrow(), 0);
}

#[test]
fn two_writers_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    let _first = SamplesWriter::create(&path, header(plan(BLOCKS))).unwrap();
    let error = SamplesWriter::resume(&path).unwrap_err().to_string();
    assert!(error.contains("another locktoll"), "{error}");
}

#[test]
fn broken_files_name_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    run(&path, &Simulator::new(1));
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let says = |text: String| {
        parse(text.as_bytes(), Path::new("s.jsonl"))
            .unwrap_err()
            .to_string()
    };
    assert!(says(String::new()).starts_with("s.jsonl:1: no header"));
    assert!(says(format!("{}\n", lines[1])).starts_with("s.jsonl:1: the first line must be"));
    let garbage = format!("{}\n{}\nrubbish\n{}\n", lines[0], lines[1], lines[2]);
    assert!(says(garbage).starts_with("s.jsonl:3: not a record"));
    let twice = format!("{0}\n{1}\n{1}\n", lines[0], lines[1]);
    assert!(says(twice).contains("was recorded before"));
    let newer = good.replacen("locktoll.samples/1", "locktoll.samples/9", 1);
    assert!(says(newer).contains("locktoll.samples/9"));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, Path::new("s.jsonl"));
    }
}
