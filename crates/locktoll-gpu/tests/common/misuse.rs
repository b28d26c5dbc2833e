//! Calls in a wrong order, through the device: each is named in an error, and changes nothing.

use locktoll_gpu::{Device, Error, Kernel};

use super::calls::{Calls, encode_axpy};

pub(crate) fn a_wrong_order_is_refused_and_the_op_can_still_be_finished<D: Device>(device: &D) {
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
    // What was refused left nothing behind: this is all that is computed.
    let [x, y] = [2.0, 1.0].map(|number| device.buffer(&[number; 3]).unwrap());
    encode_axpy(device, &encoder, 0.5, [&x, &y], 2).unwrap();
    let refused = device.go(&encoder, 4);
    assert!(matches!(
        refused,
        Err(Error::BufferTooShort {
            index: 0,
            needed: 4,
            len: 3,
            ..
        })
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

    // A second encoder has none of the first one's arguments.
    let second = device.open(&commands).unwrap();
    assert!(matches!(device.go(&second, 1), Err(Error::NoPipeline)));
    device.end(&second).unwrap();

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
    device.wait(&commands).unwrap();
    assert_eq!(device.read(&y), [2.0, 2.0, 1.0]);
}

pub(crate) fn an_encoder_that_is_dropped_open_still_blocks_its_command_buffer<D: Device>(
    device: &D,
) {
    let commands = device.new_commands(&device.queue(0).unwrap()).unwrap();
    drop(device.open(&commands).unwrap());
    assert!(matches!(
        device.submit(&commands),
        Err(Error::EncoderOpen { .. })
    ));
}
