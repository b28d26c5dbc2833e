//! Ops in the right order: what they count, nest and compute.

use std::ffi::c_void;
use std::ptr;

use locktoll_objc_driver::{
    Added, Arguments, Group, Pool, Settings, add, added_spent_ns, busy_ns, configure, counts,
    last_call, new_pipeline, read,
};
use objc2::msg_send;
use objc2::runtime::AnyObject;

use crate::alone;
use crate::metal::{self, Object, Size};

#[test]
fn an_op_is_counted_and_its_objects_go() {
    let _alone = alone();
    let pool = Pool::new();
    let queue = metal::queue(&metal::device());
    let commands = metal::command_buffer(&queue);
    let encoder = metal::compute(&commands);
    assert_eq!(encoder.class(), "LTComputeContext");
    metal::encode(&encoder);
    metal::commit(&commands);
    metal::wait(&commands);
    let live = counts();
    assert_eq!((live.encoders_live, live.command_buffers_live), (1, 1));
    drop((encoder, commands));
    drop(pool);
    let counts = counts();
    for (group, calls) in [
        (Group::Queue, 1),
        (Group::Factory, 1),
        (Group::Compute, 3),
        (Group::End, 1),
        (Group::Commit, 1),
        (Group::Destroy, 1),
        (Group::Blit, 0),
    ] {
        assert_eq!(counts.of(group), calls, "{group:?}");
    }
    // computeCommandEncoder, dispatchThreads, endEncoding and destroyImpl call one method each.
    assert_eq!(counts.nested, 4);
    assert_eq!((counts.encoders_created, counts.encoders_ended), (1, 1));
    assert_eq!((counts.encoders_live, counts.command_buffers_live), (0, 0));
}

#[test]
fn a_command_buffer_that_wraps_another_nests_its_calls() {
    let _alone = alone();
    let pool = Pool::new();
    let queue = metal::queue(&metal::device());
    let commands = metal::mps_command_buffer(&queue);
    assert_eq!(commands.class(), "LTMPSCommandBuffer");
    let encoder = metal::compute(&commands);
    metal::end(&encoder);
    metal::commit(&commands);
    let before = counts();
    // The outer factory, the inner one, and the one that the inner calls.
    assert_eq!(
        (before.of(Group::Factory), before.of(Group::Commit)),
        (1, 1)
    );
    assert_eq!(before.nested, 2 + 1 + 1);
    drop((encoder, commands, pool));
    assert_eq!(counts().command_buffers_live, 0);
}

#[test]
fn a_queue_may_get_encoders_of_a_class_not_seen_before() {
    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    let commands = metal::command_buffer(&queue);
    let first = metal::compute(&commands);
    metal::end(&first);
    // SAFETY: a live queue.
    let () = unsafe { msg_send![queue.0, setDebugEncoders: true] };
    let second = metal::compute(&commands);
    assert_eq!(second.class(), "LTComputeContextDebug");
    metal::encode(&second);
    // It overrides three of the calls of `encode` and calls super in each.
    assert_eq!(counts().of(Group::Compute), 3);
}

#[test]
fn the_digest_tells_arguments_apart_and_leaves_nested_calls_out() {
    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    let encoder = metal::compute(&metal::command_buffer(&queue));
    let digest = |threads: Size, group: Size| {
        // SAFETY: a live encoder; the arguments are those that the selector has.
        let () =
            unsafe { msg_send![encoder.0, dispatchThreads: threads, threadsPerThreadgroup: group] };
        let (selector, digest) = last_call();
        let selector = selector.unwrap().to_str().unwrap();
        assert_eq!(selector, "dispatchThreads:threadsPerThreadgroup:");
        digest
    };
    let first = digest(Size::line(8), Size::line(4));
    assert_eq!(digest(Size::line(8), Size::line(4)), first);
    assert_ne!(digest(Size::line(4), Size::line(8)), first);
    let deep = Size {
        depth: 2,
        ..Size::line(4)
    };
    assert_ne!(digest(Size::line(8), deep), first);
    metal::end(&encoder);
}

/// `y[i] = constants[0] · x[i]`, for whole numbers.
unsafe extern "C" fn scale(arguments: &Arguments) {
    let [x, y, ..] = arguments.slots.map(<*mut c_void>::cast::<f32>);
    assert!(arguments.lengths[0] >= 4 * arguments.threads);
    for i in 0..arguments.threads {
        // SAFETY: the two buffers of this test, which are long enough.
        unsafe {
            let scaled = arguments.constants[0] as f32 * x.add(i).read();
            y.add(i).write(scaled);
        }
    }
}

fn set_buffer(encoder: &Object, index: usize, buffer: &Object) {
    // SAFETY: live objects.
    unsafe { msg_send![encoder.0, setBuffer: buffer.0, offset: 0_usize, atIndex: index] }
}

#[test]
fn work_is_done_in_the_order_of_commits_and_takes_its_time() {
    let _alone = alone();
    let _pool = Pool::new();
    configure(&Settings {
        service_ns: 2_000_000,
        hold_ns: 0,
        engines: 1,
    });
    let device = metal::device();
    let queue = metal::queue(&device);
    let buffers = [3.0_f32, 0.0, 0.0].map(|number| {
        let numbers = [number; 4];
        let bytes: *const c_void = ptr::from_ref(&numbers).cast();
        // SAFETY: sixteen bytes, which are copied.
        Object::owned(unsafe {
            msg_send![device.0, newBufferWithBytes: bytes, length: 16_usize, options: 0_usize]
        })
    });
    // SAFETY: a live device; the dispatches below give two buffers of at least three numbers.
    let pipeline = unsafe { new_pipeline(device.0.cast(), Some(scale), [2, 0, 0, 0], 0) };
    let pipeline = Object::owned(pipeline.cast());
    let steps: Vec<Object> = buffers
        .windows(2)
        .map(|pair| {
            let commands = metal::command_buffer(&queue);
            let encoder = metal::compute(&commands);
            // SAFETY: live objects.
            let () = unsafe { msg_send![encoder.0, setComputePipelineState: pipeline.0] };
            set_buffer(&encoder, 0, &pair[0]);
            set_buffer(&encoder, 1, &pair[1]);
            metal::dispatch(&encoder, 3);
            metal::end(&encoder);
            metal::commit(&commands);
            commands
        })
        .collect();
    metal::wait(&steps[1]);
    let mut got = [0.0_f32; 4];
    // SAFETY: a live buffer of four numbers.
    unsafe { read(buffers[2].0.cast(), &mut got) };
    // Three GPU threads, though the threadgroups have four.
    assert_eq!(
        got.map(f32::to_bits),
        [12.0, 12.0, 12.0, 0.0].map(f32::to_bits)
    );

    let times: Vec<[f64; 2]> = steps
        .iter()
        .map(|step| {
            // SAFETY: a live command buffer.
            unsafe {
                [
                    msg_send![step.0, GPUStartTime],
                    msg_send![step.0, GPUEndTime],
                ]
            }
        })
        .collect();
    assert!(times.iter().all(|[start, end]| end - start >= 0.002 - 1e-9));
    assert!(times[1][0] >= times[0][1]);
    // SAFETY: a live device.
    let busy_ns = unsafe { busy_ns(device.0.cast(), 0) };
    assert!(busy_ns >= 4_000_000, "{busy_ns}");
    configure(&Settings {
        service_ns: 0,
        hold_ns: 0,
        engines: 1,
    });
}

#[test]
fn added_times_are_spent_once_for_each_command_buffer() {
    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    add(&Added {
        encoding_ns: 100_000,
        submission_ns: 200_000,
        execution_ns: 400_000,
    });
    let before_ns = added_spent_ns();
    let commands = metal::command_buffer(&queue);
    let encoder = metal::compute(&commands);
    metal::encode(&encoder);
    metal::commit(&commands);
    metal::wait(&commands);
    add(&Added::default());
    assert!(added_spent_ns() - before_ns >= 700_000);
}

#[test]
fn an_event_has_the_value_that_was_signalled() {
    let _alone = alone();
    let _pool = Pool::new();
    let device = metal::device();
    let commands = metal::command_buffer(&metal::queue(&device));
    // SAFETY: live objects.
    unsafe {
        let event: *mut AnyObject = msg_send![device.0, newEvent];
        let event = Object::owned(event);
        let () = msg_send![commands.0, encodeSignalEvent: event.0, value: 7_u64];
        let () = msg_send![commands.0, encodeWaitForEvent: event.0, value: 7_u64];
        let value: u64 = msg_send![event.0, signaledValue];
        assert_eq!(value, 7);
    }
    assert_eq!(counts().of(Group::Event), 2);
}
