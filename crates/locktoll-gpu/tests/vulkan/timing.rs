//! The device's own times.

use std::thread;
use std::time::Instant;

use locktoll_gpu::{Device, DeviceInterval, Kernel, VulkanDevice};
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

use crate::{axpy_op, new_device, timed_op};

/// Device times of many ops with `dispatches` timed dispatches of `duration_ns` each, in order.
fn lengths_ns(device: &VulkanDevice, duration_ns: Option<u64>, dispatches: usize) -> Vec<u64> {
    let queue = device.queue(0).unwrap();
    let durations_ns = vec![duration_ns; dispatches];
    let mut lengths_ns: Vec<u64> = (0..100)
        .map(|_| {
            let commands = timed_op(device, &queue, &durations_ns).unwrap();
            assert_eq!(commands.device_interval(), None);
            device.wait(&commands).unwrap();
            let DeviceInterval { start_ns, end_ns } = commands.device_interval().unwrap();
            end_ns - start_ns
        })
        .collect();
    lengths_ns.sort_unstable();
    lengths_ns
}

// A software device is interrupted by whatever else runs on its cores, even on its own clock. So
// the lower quartile is looked at, which half of the ops may be interrupted without changing.
#[test]
fn a_timed_kernel_takes_about_what_was_asked_for_by_the_device_s_own_clock() {
    let device = new_device();
    for (asked, asked_ns) in [
        (None, 100_000),
        (Some(400_000), 400_000),
        (Some(1_500_000), 1_500_000),
    ] {
        let quartile_ns = lengths_ns(&device, asked, 1)[25];
        assert!(
            (asked_ns / 2..=asked_ns * 2).contains(&quartile_ns),
            "asked for {asked_ns}, got {quartile_ns}; {:?}",
            device.info().model_notes
        );
    }
}

#[test]
fn timed_dispatches_of_one_command_buffer_add_up() {
    let device = new_device();
    // The least of many is what an uninterrupted op takes; and beside a millisecond, what a command
    // buffer costs by itself is small.
    let [one_ns, three_ns] = [1, 3].map(|n| lengths_ns(&device, Some(1_000_000), n)[0]);
    assert!(
        (one_ns * 2..=one_ns * 4).contains(&three_ns),
        "{one_ns}, {three_ns}"
    );
}

#[test]
fn a_timed_pipeline_can_be_timed_again() {
    let device = new_device();
    let time_ns = |duration_ns| {
        let kernel = Kernel::Timed {
            duration_ns: Some(duration_ns),
        };
        device.time_ns(&device.pipeline(kernel).unwrap()).unwrap()
    };
    // What takes no time of its own costs a command buffer; what takes two milliseconds, much more.
    let (nothing_ns, long_ns) = (time_ns(0), time_ns(2_000_000));
    assert!(
        (1_000_000..=4_000_000).contains(&long_ns) && nothing_ns < long_ns / 2,
        "{nothing_ns}, {long_ns}"
    );
    let other = new_device();
    let pipeline = other.pipeline(Kernel::Axpy).unwrap();
    assert!(device.time_ns(&pipeline).is_err());
}

// One nanosecond of a timestamp is one of the wall clock, so a union cannot be longer than it.
#[test]
fn busy_time_is_the_union_of_the_ops_intervals_and_no_longer_than_the_wall_clock_ran() {
    let started = Instant::now();
    let device = new_device();
    device.pipeline(Kernel::Axpy).unwrap();
    let before_ns = device.busy_ns()[0];
    let mut intervals: Vec<DeviceInterval> = thread::scope(|scope| {
        let device = &device;
        let threads: Vec<_> = (0..4)
            .map(|lane| {
                scope.spawn(move || {
                    let queue = device.queue(lane).unwrap();
                    let [x, y] = [1.0, 0.0].map(|number| device.buffer(&[number; 4096]).unwrap());
                    let mut last_ns = 0;
                    let ops = (0..100).map(|_| {
                        let op = axpy_op(device, &queue, &x, &y, 4096).unwrap();
                        device.wait(&op).unwrap();
                        let busy_ns = device.busy_ns()[0];
                        assert!(busy_ns >= last_ns);
                        last_ns = busy_ns;
                        op.device_interval().unwrap()
                    });
                    ops.collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let busy_ns = device.busy_ns()[0] - before_ns;
    let wall_ns = started.elapsed().as_nanos();

    intervals.sort_unstable();
    let (mut union_ns, mut covered_ns) = (0, 0);
    for DeviceInterval { start_ns, end_ns } in intervals {
        union_ns += end_ns.max(covered_ns) - start_ns.max(covered_ns);
        covered_ns = covered_ns.max(end_ns);
    }
    assert_eq!(busy_ns, union_ns);
    assert!(busy_ns > 0);
    assert!(
        u128::from(busy_ns) <= wall_ns * 101 / 100,
        "{busy_ns} in {wall_ns}"
    );
}

#[test]
fn an_op_lies_between_its_commit_and_its_wait_on_the_host_s_clock_too() {
    /// Clocks that run apart, and what a reading takes.
    const SLACK_NS: u64 = 1_000_000;
    let device = new_device();
    let host_ns = || {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
        u64::try_from(now.num_nanoseconds()).unwrap()
    };
    let queue = device.queue(0).unwrap();
    let before_ns = host_ns();
    let op = timed_op(&device, &queue, &[Some(400_000)]).unwrap();
    device.wait(&op).unwrap();
    let after_ns = host_ns();
    let moment = device
        .host_moment()
        .unwrap()
        .expect("lavapipe tells both clocks");
    let slack_ns = SLACK_NS + moment.deviation_ns;
    let on_host = |device_ns: u64| moment.host_ns - (moment.device_ns - device_ns);
    let DeviceInterval { start_ns, end_ns } = op.device_interval().unwrap();
    assert!(on_host(start_ns) + slack_ns >= before_ns);
    assert!(on_host(end_ns) <= after_ns + slack_ns);
    assert!(moment.host_ns >= after_ns && moment.host_ns <= host_ns() + slack_ns);
}
