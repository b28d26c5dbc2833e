//! Calls in a wrong order, through the device: each is named in an error, and changes nothing.

use locktoll_gpu::Device;

use crate::common::misuse;
use crate::{device, timed_op};

#[test]
fn an_op_in_a_wrong_order_is_refused_and_can_still_be_finished() {
    let device = device("service=0,encode=0");
    misuse::a_wrong_order_is_refused_and_the_op_can_still_be_finished(&device);
}

#[test]
fn an_encoder_that_is_dropped_open_still_blocks_its_command_buffer() {
    let device = device("service=0,encode=0");
    misuse::an_encoder_that_is_dropped_open_still_blocks_its_command_buffer(&device);
}

#[test]
fn the_device_may_go_before_its_objects() {
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let commands = timed_op(&device, &queue, &[None]).unwrap();
    drop(device);
    drop(queue);
    assert!(commands.engine_interval().is_some());
}

#[test]
fn the_device_says_what_it_is() {
    use locktoll_gpu::{DeviceKind, Scope, SoftDevice};

    let plain = device("hold=3us").info();
    assert_eq!((plain.kind, plain.requires), (DeviceKind::Model, None));
    assert_eq!(
        plain.settings,
        "service=100us,encode=2us,hold=3us,queues=1,engines=1"
    );
    let faulty = SoftDevice::new(plain.settings.parse().unwrap(), "agx:queue".parse().ok()).info();
    assert_eq!(faulty.requires, Some(Scope::Queue));
    assert!(
        faulty
            .model_notes
            .iter()
            .any(|note| note.contains("fault model agx:queue"))
    );
    assert!(
        !plain
            .model_notes
            .iter()
            .any(|note| note.contains("fault model"))
    );
}
