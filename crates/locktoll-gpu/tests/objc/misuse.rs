//! Calls in a wrong order: each is named in an error before the driver would end the process for it.

use locktoll_gpu::{Device, DeviceKind, Error, Kernel, ObjcDevice, Scope};

use crate::common::misuse;
use crate::{Calls, device, timed_op};

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
fn another_device_s_objects_are_refused() {
    let [here, there] = [(); 2].map(|()| device("service=0,encode=0"));
    let commands = here.new_commands(&here.queue(0).unwrap()).unwrap();
    let encoder = here.open(&commands).unwrap();
    let pipeline = there.pipeline(Kernel::Axpy).unwrap();
    assert!(matches!(
        here.pipe(&encoder, &pipeline),
        Err(Error::OtherDevice {
            call: "set_pipeline"
        })
    ));
    let buffer = there.buffer(&[1.0]).unwrap();
    assert!(matches!(
        here.bind(&encoder, 0, &buffer),
        Err(Error::OtherDevice { call: "set_buffer" })
    ));
    here.end(&encoder).unwrap();
}

#[test]
fn the_device_may_go_before_its_objects() {
    let device = device("service=0,encode=0");
    let queue = device.queue(0).unwrap();
    let commands = device.new_commands(&queue).unwrap();
    let encoder = device.open(&commands).unwrap();
    drop((device, queue, commands));
    drop(encoder);
}

#[test]
fn a_command_buffer_may_go_before_it_is_completed() {
    let device = device("service=1ms,encode=0");
    let queue = device.queue(0).unwrap();
    drop(timed_op(&device, &queue, &[None]).unwrap());
    let after = timed_op(&device, &queue, &[None]).unwrap();
    device.wait(&after).unwrap();
    assert!(device.busy_ns()[0] >= 2_000_000);
}

#[test]
fn the_device_says_what_it_is() {
    let plain = device("hold=3us").info();
    assert_eq!((plain.kind, plain.requires), (DeviceKind::Model, None));
    assert_eq!(
        plain.settings,
        "service=100us,encode=2us,hold=3us,queues=1,engines=1"
    );
    // A fault model would be the whole process's: only its description is looked at, in a child.
    let case = "agx:queue none says";
    crate::faults::survives(case);
}

/// In a child process.
pub(crate) fn says(device: &ObjcDevice) {
    let faulty = device.info();
    assert_eq!(faulty.requires, Some(Scope::Queue));
    assert!(
        faulty
            .model_notes
            .iter()
            .any(|note| note.contains("fault model agx:queue"))
    );
}
