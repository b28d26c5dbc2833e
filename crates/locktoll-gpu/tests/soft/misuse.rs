//! Calls in a wrong order, through the device: each is named in an error, and changes nothing.

use locktoll_gpu::{Device, Error, Kernel};

use crate::{Calls, device, timed_op};

#[test]
fn an_op_in_a_wrong_order_is_refused_and_can_still_be_finished() {
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let commands = device.new_commands(&queue).unwrap();
    assert!(matches!(device.wait(&commands), Err(Error::NotCommitted)));

    let encoder = device.open(&commands).unwrap();
    assert!(matches!(device.go(&encoder, 1), Err(Error::NoPipeline)));
    assert!(matches!(
        device.value(&encoder, 4, 0.0),
        Err(Error::NoSuchSlot { index: 4 })
    ));
    assert!(matches!(
        device.open(&commands),
        Err(Error::EncoderOpen { call: "encoder" })
    ));
    assert!(matches!(
        device.submit(&commands),
        Err(Error::EncoderOpen { call: "commit" })
    ));
    assert!(matches!(device.wait(&commands), Err(Error::NotCommitted)));

    device
        .pipe(&encoder, &device.pipeline(Kernel::Axpy).unwrap())
        .unwrap();
    assert!(matches!(
        device.go(&encoder, 1),
        Err(Error::Unbound { index: 0, .. })
    ));
    device.end(&encoder).unwrap();
    assert!(matches!(
        device.end(&encoder),
        Err(Error::EncoderEnded {
            call: "end_encoding"
        })
    ));
    assert!(matches!(
        device.go(&encoder, 1),
        Err(Error::EncoderEnded { call: "dispatch" })
    ));

    device.submit(&commands).unwrap();
    assert!(matches!(
        device.submit(&commands),
        Err(Error::Committed { call: "commit" })
    ));
    assert!(matches!(
        device.open(&commands),
        Err(Error::Committed { call: "encoder" })
    ));
    let refused = device.value(&encoder, 0, 0.0);
    assert!(matches!(
        refused,
        Err(Error::Committed { call: "set_value" })
    ));
    device.wait(&commands).unwrap();
}

#[test]
fn an_encoder_that_is_dropped_open_still_blocks_its_command_buffer() {
    let device = device("service=0,encode=0");
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    drop(device.open(&commands).unwrap());
    assert!(matches!(
        device.submit(&commands),
        Err(Error::EncoderOpen { .. })
    ));
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
