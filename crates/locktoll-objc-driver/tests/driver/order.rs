//! One op in the right order.

use locktoll_objc_driver::{Group, Pool, counts};

use crate::metal;

#[test]
fn an_op_is_counted_and_its_objects_go() {
    let pool = Pool::new();
    let device = metal::device();
    let queue = metal::queue(&device);
    let commands = metal::command_buffer(&queue);
    let encoder = metal::compute(&commands);
    assert_eq!(encoder.class(), "LTComputeContext");
    metal::encode(&encoder);
    // SAFETY: a live command buffer whose encoder has ended.
    unsafe {
        let _: () = objc2::msg_send![commands.0, commit];
        let _: () = objc2::msg_send![commands.0, waitUntilCompleted];
    }
    drop((encoder, commands));
    drop(pool);
    let counts = counts();
    assert_eq!(counts.of(Group::Compute), 3);
    assert_eq!(counts.of(Group::End), 1);
    assert_eq!(counts.of(Group::Commit), 1);
    assert_eq!(counts.of(Group::Destroy), 1);
    assert_eq!((counts.encoders_live, counts.command_buffers_live), (0, 0));
}
