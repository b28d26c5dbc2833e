//! The timing model, in the device's own times: what is worked out by hand must come out exactly,
//! however slow the machine. Where a queue must stay saturated, service is 1,000 s.

use std::thread;
use std::time::{Duration, Instant};

use locktoll_gpu::{
    Device, EngineInterval, Kernel, Located, Perturbation, SoftCommandBuffer, SoftDevice,
};

use crate::{Calls, axpy_op, device, timed_op};

const SERVICE_NS: u64 = 1_000_000_000_000;

fn interval(commands: &SoftCommandBuffer) -> EngineInterval {
    commands.engine_interval().unwrap()
}

/// Commits `count` timed ops, in turn to each of `lanes`.
fn commit_timed(device: &SoftDevice, lanes: usize, count: usize) -> Vec<SoftCommandBuffer> {
    let queues: Vec<_> = (0..lanes).map(|lane| device.queue(lane).unwrap()).collect();
    (0..count)
        .map(|i| timed_op(device, &queues[i % lanes], &[None]).unwrap())
        .collect()
}

/// The time from the first start to the last end, which must be without gap or overlap.
fn span_ns(intervals: &[EngineInterval]) -> u64 {
    for pair in intervals.windows(2) {
        assert_eq!(pair[0].end_ns, pair[1].start_ns);
    }
    intervals[intervals.len() - 1].end_ns - intervals[0].start_ns
}

#[test]
fn a_saturated_engine_takes_service_for_each_op() {
    let device = device("service=1000s,encode=0");
    let commands = commit_timed(&device, 1, 200);
    let intervals: Vec<_> = commands.iter().map(interval).collect();
    assert_eq!(span_ns(&intervals), 200 * SERVICE_NS);
    assert!(
        intervals
            .iter()
            .all(|i| i.end_ns - i.start_ns == SERVICE_NS)
    );
}

#[test]
fn two_engines_halve_the_time_but_one_queue_feeds_only_one() {
    let span_of_engines = |settings: &str, lanes: usize| -> Vec<u64> {
        let device = device(settings);
        let commands = commit_timed(&device, lanes, 200);
        (0..lanes)
            .map(|lane| {
                let of_lane = commands.iter().skip(lane).step_by(lanes);
                span_ns(&of_lane.map(interval).collect::<Vec<_>>())
            })
            .collect()
    };
    let both = span_of_engines("service=1000s,encode=0,queues=2,engines=2", 2);
    assert_eq!(both, [100 * SERVICE_NS; 2]);
    let one = span_of_engines("service=1000s,encode=0,queues=1,engines=2", 1);
    assert_eq!(one, [200 * SERVICE_NS]);
}

#[test]
fn lanes_share_queues_and_queues_share_engines_in_turn() {
    let device = device("service=1000s,encode=0,queues=3,engines=2");
    let queues: Vec<_> = (0..6).map(|lane| device.queue(lane).unwrap()).collect();
    for lane in 0..3 {
        assert_eq!(queues[lane].address(), queues[lane + 3].address());
        assert_ne!(queues[lane].address(), queues[(lane + 1) % 3].address());
        // A queue is locked at itself, having no encoder.
        assert_eq!(queues[lane].address().encoder, queues[lane].address().queue);
    }
    // Queues 0 and 2 are served by engine 0, queue 1 by engine 1.
    let [a, b, c] =
        [0, 1, 2].map(|lane| interval(&timed_op(&device, &queues[lane], &[None]).unwrap()));
    assert_eq!(c.start_ns, a.end_ns);
    assert!(b.start_ns < a.end_ns);
}

#[test]
fn an_op_takes_the_longer_of_service_and_its_own_durations() {
    let device = device("service=1000s,encode=0");
    let queue = device.queue(0).unwrap();
    for (durations_ns, expected_ns) in [
        (vec![], SERVICE_NS),
        (vec![None; 3], SERVICE_NS),
        (vec![Some(5), None], SERVICE_NS),
        (vec![Some(SERVICE_NS), Some(1), None], SERVICE_NS + 1),
        (vec![Some(2 * SERVICE_NS); 2], 4 * SERVICE_NS),
    ] {
        let placed = interval(&timed_op(&device, &queue, &durations_ns).unwrap());
        assert_eq!(
            placed.end_ns - placed.start_ns,
            expected_ns,
            "{durations_ns:?}"
        );
    }
}

#[test]
fn threads_that_commit_to_one_queue_share_its_one_timeline() {
    let device = device("service=1000s,encode=0");
    let mut intervals: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| commit_timed(&device, 1, 100)))
            .collect();
        let of_threads = threads.into_iter().map(|thread| {
            let of_thread: Vec<_> = thread.join().unwrap().iter().map(interval).collect();
            // In the order of this thread's commits.
            assert!(
                of_thread
                    .windows(2)
                    .all(|pair| pair[0].end_ns <= pair[1].start_ns)
            );
            of_thread
        });
        of_threads.flatten().collect()
    });
    intervals.sort_by_key(|interval| interval.start_ns);
    assert_eq!(span_ns(&intervals), 400 * SERVICE_NS);
}

// Also shows that a wait does not end early: what is not over is not busy time yet.
#[test]
fn after_the_last_wait_each_engine_was_busy_for_its_own_ops_exactly() {
    let device = device("service=200us,encode=0,queues=2,engines=3");
    assert_eq!(device.busy_ns(), [0, 0, 0]);
    let commands = commit_timed(&device, 2, 11);
    for commands in &commands {
        device.wait(commands).unwrap();
    }
    assert_eq!(device.busy_ns(), [6 * 200_000, 5 * 200_000, 0]);
}

#[test]
fn planned_time_is_not_busy_time_and_busy_time_never_decreases() {
    let device = device("service=1000s,encode=0");
    let mut last_ns = 0;
    let first = interval(&timed_op(&device, &device.queue(0).unwrap(), &[None]).unwrap());
    for _ in 0..1000 {
        commit_timed(&device, 1, 1);
        let [now_ns] = device.busy_ns()[..] else {
            panic!()
        };
        assert!(now_ns >= last_ns && now_ns < first.end_ns - first.start_ns);
        last_ns = now_ns;
    }
    assert!(last_ns > 0);
}

#[test]
fn computing_ops_keep_their_place_among_timed_ones() {
    let device = device("service=30us,encode=0");
    let queue = device.queue(0).unwrap();
    let [x, y] = [1.0, 0.0].map(|value| device.buffer(&vec![value; 20_000]).unwrap());
    let mut commands = Vec::new();
    for _ in 0..20 {
        commands.push(timed_op(&device, &queue, &[Some(50_000)]).unwrap());
        commands.push(axpy_op(&device, &queue, &x, &y, 20_000).unwrap());
        commands.push(timed_op(&device, &queue, &[None]).unwrap());
    }
    device.wait(&commands[59]).unwrap();
    let intervals: Vec<_> = commands.iter().map(interval).collect();
    assert!(
        intervals
            .windows(2)
            .all(|pair| pair[0].end_ns <= pair[1].start_ns)
    );
    let lengths_ns: Vec<u64> = intervals.iter().map(|i| i.end_ns - i.start_ns).collect();
    for op in lengths_ns.chunks_exact(3) {
        assert_eq!((op[0], op[2]), (50_000, 30_000));
        assert!(op[1] >= 30_000);
    }
    assert_eq!(device.busy_ns(), [lengths_ns.iter().sum::<u64>()]);
    assert!(device.read(&y).iter().all(|value| *value == 20.0));
}

// Computed long before its engine is free, it takes its time there all the same.
#[test]
fn an_op_occupies_its_engine_for_as_long_as_it_computed() {
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let [x, y] = [1.0, 0.0].map(|value| device.buffer(&vec![value; 20_000]).unwrap());
    let before = timed_op(&device, &queue, &[Some(SERVICE_NS)]).unwrap();
    let commands = axpy_op(&device, &queue, &x, &y, 20_000).unwrap();
    let placed = loop {
        match commands.engine_interval() {
            Some(interval) => break interval,
            None => thread::yield_now(),
        }
    };
    assert_eq!(placed.start_ns, interval(&before).end_ns);
    assert!(placed.end_ns > placed.start_ns);
}

#[test]
fn any_number_of_threads_may_wait_for_one_op() {
    let device = device("service=1ms,encode=0");
    let (x, y) = (
        device.buffer(&[2.0]).unwrap(),
        device.buffer(&[0.0]).unwrap(),
    );
    let commands = axpy_op(&device, &device.queue(0).unwrap(), &x, &y, 1).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                device.wait(&commands).unwrap();
                assert_eq!(device.read(&y), [2.0]);
            });
        }
    });
}

// Lower bounds only: they hold on any machine, however busy.
#[test]
fn every_call_takes_encode_and_the_end_of_an_encoder_also_hold() {
    let device = device("service=0,encode=1ms,hold=3ms");
    let at_least = |ms: u64, call: &mut dyn FnMut()| {
        let start = Instant::now();
        call();
        assert!(start.elapsed() >= Duration::from_millis(ms));
    };
    let (queue, buffer) = (device.queue(0).unwrap(), device.buffer(&[0.0]).unwrap());
    let timed = device
        .pipeline(Kernel::Timed { duration_ns: None })
        .unwrap();
    let (mut commands, mut encoder) = (None, None);
    at_least(1, &mut || commands = device.new_commands(&queue).ok());
    let commands = commands.unwrap();
    at_least(1, &mut || encoder = device.open(&commands).ok());
    let encoder = encoder.unwrap();
    at_least(1, &mut || device.pipe(&encoder, &timed).unwrap());
    at_least(1, &mut || device.bind(&encoder, 0, &buffer).unwrap());
    at_least(1, &mut || device.value(&encoder, 1, 0.0).unwrap());
    at_least(1, &mut || device.go(&encoder, 1).unwrap());
    at_least(4, &mut || device.end(&encoder).unwrap());
    at_least(1, &mut || device.submit(&commands).unwrap());
}

#[test]
fn what_is_added_to_an_op_comes_on_top_and_is_counted() {
    let perturbation = Perturbation::default()
        .execution(7)
        .encoding(30_000)
        .submission(50_000);
    let settings = "service=1000s,encode=0".parse().unwrap();
    let device = SoftDevice::perturbed(settings, None, perturbation.clone());
    let before = Instant::now();
    let commands = commit_timed(&device, 1, 10);
    let elapsed = before.elapsed();
    let intervals: Vec<_> = commands.iter().map(interval).collect();
    assert_eq!(span_ns(&intervals), 10 * (SERVICE_NS + 7));
    let spun_ns = perturbation.spent_ns() - 10 * 7;
    assert!(spun_ns >= 10 * 80_000, "{spun_ns}");
    assert!(Duration::from_nanos(spun_ns) <= elapsed);
}
