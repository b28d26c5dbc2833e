//! Each documented crash, in a child process: this test binary again, with one ignored test selected
//! and its case in the environment.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::sync::Barrier;
use std::thread;

use locktoll_objc_driver::{Pool, Scope, fault, fault_covers_destroy, race_window_ns};
use objc2::msg_send;
use objc2::runtime::AnyObject;

use crate::metal::{self, Object};

const CASE: &str = "LOCKTOLL_DRIVER_CASE";
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

fn run(case: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crashes::child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CASE, case)
        .output()
        .unwrap()
}

#[track_caller]
fn dies(case: &str, signal: i32, says: &str) {
    let output = run(case);
    assert_eq!(output.status.signal(), Some(signal), "{case}: {output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(says), "{case}: {stderr}");
}

#[track_caller]
fn survives(case: &str) {
    let output = run(case);
    assert!(output.status.success(), "{case}: {output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("1 passed"), "{case}: {output:?}");
}

#[test]
fn calls_in_a_wrong_order_fail_the_driver_s_assertions() {
    for (case, says) in [
        (
            "second-encoder",
            "-[LTCommandBuffer computeCommandEncoderWithDispatchType:]: failed assertion \
             `A command encoder is already encoding to this command buffer'",
        ),
        (
            "second-encoder-wrapped",
            "A command encoder is already encoding to this command buffer",
        ),
        (
            "encoder-after-commit",
            "_status < MTLCommandBufferStatusCommitted",
        ),
        (
            "commit-with-encoder",
            "-[LTCommandBuffer commit]: failed assertion `commit command buffer with uncommitted encoder'",
        ),
        (
            "signal-with-encoder",
            "encodeSignalEvent:value: with uncommitted encoder",
        ),
        (
            "wait-with-encoder",
            "encodeWaitForEvent:value: with uncommitted encoder",
        ),
        ("commit-twice", "commit an already committed command buffer"),
        (
            "end-twice",
            "-[LTComputeContext endEncoding]: failed assertion `Command encoder has already ended",
        ),
        (
            "call-after-end",
            "-[LTComputeContext dispatchThreads:threadsPerThreadgroup:]: failed assertion",
        ),
        (
            "release-open",
            "-[LTComputeContext dealloc]: failed assertion `Command encoder released without endEncoding'",
        ),
        ("wait-uncommitted", "has not been committed"),
    ] {
        dies(case, SIGABRT, says);
    }
}

#[test]
fn a_call_after_destroy_reads_a_null_implementation() {
    dies(
        "destroyed",
        SIGSEGV,
        "-[LTComputeContext setComputePipelineState:]: null _impl at 0x5c8",
    );
    dies("destroyed-dispatch", SIGSEGV, "null _impl at 0x5f4");
    dies("destroyed-end", SIGSEGV, "null _impl at 0x98");
    dies("destroyed-buffer", SIGSEGV, "null _impl at 0x184");
}

#[test]
fn a_call_that_began_before_the_null_still_reads_it() {
    dies("destroyed-under-call", SIGSEGV, "null _impl at 0x5c8");
}

#[test]
fn overlaps_end_the_process_within_their_scope_only() {
    for (case, [encoder, context, process]) in [
        ("one-encoder", [true; 3]),
        ("one-queue", [false, true, true]),
        ("two-queues", [false, false, true]),
    ] {
        survives(&format!("{case} off"));
        for (scope, name, dead) in [
            ("encoder", "encoder", encoder),
            ("context", "queue", context),
            ("process", "process", process),
        ] {
            let case = format!("{case} {scope}");
            if dead {
                let says = format!(
                    "locktoll fault model agx:{name}: SIGABRT: setBufferOffset:atIndex: by thread "
                );
                dies(&case, SIGABRT, &says);
            } else {
                survives(&case);
            }
        }
    }
}

#[test]
fn an_end_or_a_destruction_under_a_call_is_a_segmentation_fault() {
    for scope in ["encoder", "context", "process"] {
        dies(
            &format!("end-under-call {scope}"),
            SIGSEGV,
            "(null _impl at 0x5c8)",
        );
    }
    dies(
        "destroy-beside-call process",
        SIGSEGV,
        "destroyImpl by thread ",
    );
    dies(
        "destroy-beside-call context",
        SIGSEGV,
        "destroyImpl by thread ",
    );
    survives("destroy-beside-call encoder");
    survives("destroy-uncovered process");
}

/// What a case does; it says nothing if it survives.
#[test]
#[ignore = "run by the others, in a child process"]
fn child() {
    let case = std::env::var(CASE).unwrap();
    let (what, scope) = case.split_once(' ').unwrap_or((&case, "off"));
    fault(match scope {
        "encoder" => Scope::Encoder,
        "context" => Scope::Context,
        "process" => Scope::Process,
        _ => Scope::Off,
    });
    let _pool = Pool::new();
    let device = metal::device();
    let queue = metal::queue(&device);
    match what {
        "one-encoder" | "one-queue" | "two-queues" => overlap(&device, &queue, what),
        "end-under-call" => end_under_call(&queue),
        "destroy-beside-call" => destroy_beside_call(&queue),
        "destroy-uncovered" => {
            fault_covers_destroy(false);
            destroy_beside_call(&queue);
        }
        _ => misuse(&queue, what),
    }
}

fn set_offset(encoder: &Object) {
    // SAFETY: a live encoder.
    unsafe { msg_send![encoder.0, setBufferOffset: 0_usize, atIndex: 0_usize] }
}

fn set_pipeline(encoder: &Object) {
    let nothing = std::ptr::null_mut::<AnyObject>();
    // SAFETY: a live encoder.
    unsafe { msg_send![encoder.0, setComputePipelineState: nothing] }
}

fn destroy(encoder: &Object) {
    // SAFETY: a live encoder.
    unsafe { msg_send![encoder.0, destroyImpl] }
}

/// Calls in a row of each of two threads; each lies in the driver for some time.
const CALLS: usize = 300;
const WINDOW_NS: u64 = 20_000;

fn overlap(device: &Object, queue: &Object, what: &str) {
    let commands = metal::command_buffer(queue);
    let encoder = metal::compute(&commands);
    let other_queue = metal::queue(device);
    let other = match what {
        "one-encoder" => None,
        "one-queue" => Some(metal::compute(&metal::command_buffer(queue))),
        _ => Some(metal::compute(&metal::command_buffer(&other_queue))),
    };
    race_window_ns(WINDOW_NS);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for encoder in [&encoder, other.as_ref().unwrap_or(&encoder)] {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                (0..CALLS).for_each(|_| set_offset(encoder));
            });
        }
    });
    race_window_ns(0);
    metal::end(&encoder);
    other.iter().for_each(metal::end);
}

fn end_under_call(queue: &Object) {
    let encoder = metal::compute(&metal::command_buffer(queue));
    race_window_ns(200_000_000);
    let entered = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            entered.wait();
            set_offset(&encoder);
        });
        entered.wait();
        thread::sleep(std::time::Duration::from_millis(50));
        metal::end(&encoder);
    });
}

/// One thread destroys ended encoders while another encodes on one of the same queue.
fn destroy_beside_call(queue: &Object) {
    let ended: Vec<_> = (0..CALLS)
        .map(|_| {
            let encoder = metal::compute(&metal::command_buffer(queue));
            metal::end(&encoder);
            encoder
        })
        .collect();
    let encoder = metal::compute(&metal::command_buffer(queue));
    race_window_ns(WINDOW_NS);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            ended.iter().for_each(destroy);
        });
        barrier.wait();
        (0..CALLS).for_each(|_| set_offset(&encoder));
    });
    race_window_ns(0);
    metal::end(&encoder);
}

fn misuse(queue: &Object, what: &str) {
    let commands = if what == "second-encoder-wrapped" {
        metal::mps_command_buffer(queue)
    } else {
        metal::command_buffer(queue)
    };
    if what == "wait-uncommitted" {
        metal::wait(&commands);
    }
    if what == "encoder-after-commit" {
        metal::commit(&commands);
    }
    let nothing = std::ptr::null_mut::<AnyObject>();
    let encoder = metal::compute(&commands);
    match what {
        "second-encoder" | "second-encoder-wrapped" => drop(metal::compute(&commands)),
        "commit-with-encoder" => metal::commit(&commands),
        // SAFETY: a live command buffer; no event.
        "signal-with-encoder" => unsafe {
            let () = msg_send![commands.0, encodeSignalEvent: nothing, value: 1_u64];
        },
        // SAFETY: as above.
        "wait-with-encoder" => unsafe {
            let () = msg_send![commands.0, encodeWaitForEvent: nothing, value: 1_u64];
        },
        "release-open" => {
            let pool = Pool::new();
            let other = metal::compute(&metal::command_buffer(queue));
            drop((other, pool));
        }
        "destroyed" => {
            destroy(&encoder);
            set_pipeline(&encoder);
        }
        "destroyed-dispatch" => {
            destroy(&encoder);
            metal::dispatch(&encoder, 1);
        }
        "destroyed-end" => {
            destroy(&encoder);
            metal::end(&encoder);
        }
        "destroyed-buffer" => {
            destroy(&encoder);
            set_offset(&encoder);
        }
        "destroyed-under-call" => {
            race_window_ns(200_000_000);
            thread::scope(|scope| {
                scope.spawn(|| set_pipeline(&encoder));
                thread::sleep(std::time::Duration::from_millis(50));
                race_window_ns(0);
                destroy(&encoder);
            });
        }
        _ => {}
    }
    metal::end(&encoder);
    match what {
        "end-twice" => metal::end(&encoder),
        "call-after-end" => metal::dispatch(&encoder, 1),
        _ => {}
    }
    metal::commit(&commands);
    if what == "commit-twice" {
        metal::commit(&commands);
    }
    unreachable!("{what} survived");
}
