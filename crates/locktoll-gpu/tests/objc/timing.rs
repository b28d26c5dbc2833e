//! The driver's timeline. Lower bounds, which hold on any machine, however busy.

use locktoll_gpu::{Device, Located, ObjcDevice, Perturbation};

use crate::{device, timed_op};

#[test]
fn an_engine_is_busy_for_service_or_a_kernel_s_own_time_for_each_op() {
    let device = device("service=200us,encode=0,queues=2,engines=2");
    let queues = [0, 1].map(|lane| device.queue(lane).unwrap());
    let ops: Vec<_> = (0..10)
        .map(|_| timed_op(&device, &queues[0], &[None]).unwrap())
        .collect();
    let long = timed_op(&device, &queues[1], &[Some(700_000), Some(900_000)]).unwrap();
    device.wait(&ops[9]).unwrap();
    device.wait(&long).unwrap();
    // Exactly: the timeline is arithmetic, and both engines are idle now.
    assert_eq!(device.busy_ns(), [2_000_000, 1_600_000]);
}

#[test]
fn lanes_share_queues_in_turn() {
    let device = device("service=0,encode=0,queues=3");
    let lanes: Vec<_> = (0..6).map(|lane| device.queue(lane).unwrap()).collect();
    for lane in 0..3 {
        assert_eq!(lanes[lane].address(), lanes[lane + 3].address());
        assert_ne!(lanes[lane].address(), lanes[(lane + 1) % 3].address());
    }
}

#[test]
fn added_execution_lengthens_the_interval_and_is_told() {
    // In a process of its own: what is added is added to every device.
    crate::faults::survives("none none added");
}

/// In a child process.
pub(crate) fn added() {
    let perturbation = Perturbation::default()
        .encoding(50_000)
        .submission(60_000)
        .execution(300_000);
    let settings = "service=200us,encode=0".parse().unwrap();
    let device = ObjcDevice::perturbed(settings, None, &perturbation).unwrap();
    let before_ns = perturbation.spent_ns();
    let commands = timed_op(&device, &device.queue(0).unwrap(), &[None]).unwrap();
    device.wait(&commands).unwrap();
    assert_eq!(device.busy_ns(), [500_000]);
    assert!(perturbation.spent_ns() - before_ns >= 410_000);
}
