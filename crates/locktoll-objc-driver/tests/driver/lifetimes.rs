//! What is made goes, however much of it there is, and from as many threads.

use std::sync::Barrier;
use std::thread;

use locktoll_objc_driver::{Group, Pool, counts, recycle};
use objc2::msg_send;

use crate::alone;
use crate::metal::{self, Object};

/// Encoders and command buffers of one op each.
fn ops(queue: &Object, times: u64) {
    for _ in 0..times {
        let _pool = Pool::new();
        let commands = metal::command_buffer(queue);
        let encoder = metal::compute(&commands);
        metal::encode(&encoder);
        metal::commit(&commands);
        metal::wait(&commands);
    }
}

/// Bytes of this process that are in memory.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    4096 * pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_thousand_encoders_leave_nothing_behind() {
    const ENCODERS: u64 = 100_000;
    /// Less than an eighth of a pointer for each encoder.
    const SLACK: u64 = ENCODERS / 10 * 9;

    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    ops(&queue, ENCODERS / 10);
    let before = resident();
    ops(&queue, ENCODERS);
    let after = resident();
    let counts = counts();
    assert_eq!(counts.encoders_created, ENCODERS + ENCODERS / 10);
    assert_eq!(counts.encoders_ended, counts.encoders_created);
    assert_eq!((counts.encoders_live, counts.command_buffers_live), (0, 0));
    assert!(after <= before + SLACK, "{before} {after}");
}

#[test]
fn eight_threads_lose_no_call() {
    const THREADS: u64 = 8;
    const OPS: u64 = 2_000;

    let _alone = alone();
    let _pool = Pool::new();
    let queue = metal::queue(&metal::device());
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                ops(&queue, OPS);
            });
        }
    });
    let counts = counts();
    for (group, calls) in [
        (Group::Queue, 1),
        (Group::Factory, 1),
        (Group::Compute, 3),
        (Group::End, 1),
        (Group::Commit, 1),
        (Group::Destroy, 1),
    ] {
        assert_eq!(counts.of(group), calls * THREADS * OPS, "{group:?}");
    }
    assert_eq!((counts.encoders_live, counts.command_buffers_live), (0, 0));
}

// The driver recycles on GNUstep only; elsewhere the allocator decides.
#[cfg(not(target_vendor = "apple"))]
#[test]
fn memory_is_reused_at_once_by_another_class_too() {
    let _alone = alone();
    recycle(true);
    let queue = metal::queue(&metal::device());
    let mut places = Vec::new();
    for blit in [false, true, false] {
        let _pool = Pool::new();
        let commands = metal::command_buffer(&queue);
        let encoder = if blit {
            // SAFETY: a live command buffer.
            Object::retained(unsafe { msg_send![commands.0, blitCommandEncoder] })
        } else {
            metal::compute(&commands)
        };
        let class = if blit {
            "LTBlitContext"
        } else {
            "LTComputeContext"
        };
        assert_eq!(encoder.class(), class);
        places.push(encoder.0);
        metal::end(&encoder);
    }
    recycle(false);
    assert_eq!(places, [places[0]; 3]);
    assert_eq!(counts().encoders_recycled, 2);
    // What was given back stays given back once.
    let _pool = Pool::new();
    let encoders = [(); 2].map(|()| metal::compute(&metal::command_buffer(&queue)));
    assert_ne!(encoders[0].0, encoders[1].0);
    encoders.iter().for_each(metal::end);
    assert_eq!(counts().encoders_live, 2);
}
