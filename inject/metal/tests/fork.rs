//! A process that forks while other threads are in guarded calls: its children encode and exit, and it
//! goes on as if nothing had been.

#![cfg(unix)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Output;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use locktoll_metal::c_api::{CStats, locktoll_metal_enabled, locktoll_metal_install};
use locktoll_metal::c_api::{locktoll_metal_coverage, locktoll_metal_reset, locktoll_metal_stats};
use locktoll_metal::{Error, Options, Stats, coverage, install, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::Group;
use locktoll_trace::Trace;
use objc2::runtime::{AnyClass, Imp, Sel};
use objc2::{msg_send, sel};
use support::metal::{
    Id, Object, command_buffer, commit, compute, device, encode, end, pool, queue, set_bytes,
    update_fence,
};
use support::{child, empty};

const STRATEGIES: [&str; 5] = ["none", "global", "per-encoder", "throttle:1", "session"];

/// When a child is taken to hang; it needs milliseconds.
const HANGS_S: u32 = 30;

/// Forks; the child does this and ends. Returns when it has, and ends the process if the child failed:
/// threads of a test that fails here would be waited for.
fn fork(body: impl FnOnce()) {
    // SAFETY: what the child may do beside the threads that it has not is what is tested.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: calls of the system; the child has one thread, which is in no destructor.
        unsafe {
            libc::alarm(HANGS_S);
            match catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => libc::exit(0),
                Err(_) => libc::_exit(1),
            }
        }
    }
    let mut status = 0;
    // SAFETY: a child of this process.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    if reaped != pid || status != 0 {
        eprintln!("a forked child failed or hung: {status:#x}");
        std::process::abort();
    }
}

fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn join(thread: Option<ScopedJoinHandle<'_, ()>>) {
    if let Some(thread) = thread {
        thread.join().expect("no panic");
    }
}

static IS_INSIDE: AtomicBool = AtomicBool::new(false);
static MAY_GO: AtomicBool = AtomicBool::new(false);

/// Stays inside until it is told to go on, with no lock of the driver's.
unsafe extern "C-unwind" fn stay(_this: Id, _selector: Sel, _fence: Id) {
    IS_INSIDE.store(true, Ordering::SeqCst);
    until(|| MAY_GO.load(Ordering::SeqCst));
}

/// Has the driver's compute encoders stay inside `updateFence:`.
fn let_a_method_stay() {
    let class = AnyClass::get(c"LTComputeContext").expect("the driver has it");
    let method = class.instance_method(sel!(updateFence:));
    let stay: unsafe extern "C-unwind" fn(Id, Sel, Id) = stay;
    // SAFETY: the function has the method's types.
    unsafe {
        let stay = core::mem::transmute::<unsafe extern "C-unwind" fn(Id, Sel, Id), Imp>(stay);
        method.expect("the driver has it").set_implementation(stay);
    }
}

/// What a program does with an encoder of its own.
fn op(queue: &Object) {
    pool(|| {
        let buffer = command_buffer(queue);
        let encoder = compute(&buffer);
        encode(&encoder);
        end(&encoder);
        commit(&buffer);
    });
}

/// In the child: the driver works, from another thread too, and whoever asks the guard is told that
/// there is none.
fn encode_as_a_child(queue: &Object, open: &Object) {
    let before = driver::counts();
    op(queue);
    std::thread::scope(|scope| {
        scope.spawn(|| op(queue));
    });
    set_bytes(open);
    end(open);
    let after = driver::counts();
    let calls = |group| after.of(group) - before.of(group);
    assert_eq!(calls(Group::Compute), 2 * 3 + 1);
    assert_eq!((calls(Group::End), calls(Group::Commit)), (3, 2));
    assert_eq!(after.encoders_live, before.encoders_live);
    assert!(!locktoll_metal_enabled());
    assert_eq!((stats(), coverage().len()), (Stats::default(), 0));
    locktoll_metal_reset();
    let mut counted = CStats {
        calls: 1,
        ..CStats::default()
    };
    // SAFETY: a structure, and no room for text.
    let length = unsafe {
        locktoll_metal_stats(&raw mut counted);
        locktoll_metal_coverage(core::ptr::null_mut(), 0)
    };
    assert_eq!((counted.calls, length), (0, 0));
    assert_eq!(locktoll_metal_install(), -1);
    let refused = install("global".parse().expect("a strategy"));
    assert!(matches!(refused, Err(Error::Forked)));
}

/// One thread is inside a call of an encoder and has its lock, another wants that, a third waits for the
/// encoder's end. Their process forks.
fn fork_beside_calls(strategy: &str) {
    let_a_method_stay();
    assert_eq!(locktoll_metal_install(), 1);
    let queue = queue(&device());
    let buffer = command_buffer(&queue);
    let encoder = compute(&buffer);
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| pool(|| update_fence(&encoder)));
        until(|| IS_INSIDE.load(Ordering::SeqCst));
        let mut wants_in = Some(scope.spawn(|| pool(|| set_bytes(&encoder))));
        if strategy == "none" {
            // Where there is no lock, nobody wants it, and the driver's own is to be free at the fork.
            join(wants_in.take());
        }
        scope.spawn(|| pool(|| commit(&buffer)));
        until(|| stats().encoder_waits == 1);
        for _ in 0..3 {
            fork(|| encode_as_a_child(&queue, &encoder));
        }
        MAY_GO.store(true, Ordering::SeqCst);
        join(Some(inside));
        join(wants_in);
        end(&encoder);
    });
}

/// The parent alone is in its trace.
fn check(output: &Output, traces: &std::path::Path) {
    child::succeeds(output);
    let traces = Trace::read_dir(traces).expect("can be read");
    let [trace] = &traces[..] else {
        panic!("{} traces", traces.len())
    };
    assert!(trace.ended, "{trace:?}");
    for (counter, value) in [
        ("encoders_made", 1),
        ("encoders_ended", 1),
        ("calls", 2),
        ("submissions", 1),
        ("misuse", 0),
        ("time_outs", 0),
    ] {
        assert_eq!(trace.counters[counter], value, "{counter}");
    }
}

#[test]
fn a_child_forked_beside_guarded_calls_encodes_and_exits() {
    for strategy in STRATEGIES {
        let traces = tempfile::tempdir().expect("a folder");
        let folder = traces.path().to_str().expect("is UTF-8");
        child::run_with(
            "a_child_forked_beside_guarded_calls_encodes_and_exits",
            strategy,
            &[
                ("LOCKTOLL_STRATEGY", strategy),
                ("LOCKTOLL_TRACE_DIR", folder),
                ("LOCKTOLL_METAL_TIMEOUT_MS", "600000"),
            ],
            || fork_beside_calls(strategy),
            |output| check(output, traces.path()),
        );
    }
}

/// Makes, calls, ends and frees an encoder of a driver that does nothing and has no lock of its own.
fn empty_op(buffer: Id) {
    // SAFETY: an object of each class, with the methods that it has.
    pool(|| unsafe {
        let encoder: Id = msg_send![buffer, computeCommandEncoder];
        for _ in 0..4 {
            let () = msg_send![encoder, setComputePipelineState: buffer];
        }
        let () = msg_send![encoder, endEncoding];
        let () = msg_send![buffer, commit];
    });
}

#[test]
fn children_forked_at_any_moment_encode_and_exit() {
    const THREADS: usize = 3;
    const CHILDREN: usize = 40;
    for strategy in STRATEGIES {
        child::run(
            "children_forked_at_any_moment_encode_and_exit",
            strategy,
            || {
                let classes = empty::classes();
                empty::make(classes.buffer, classes.encoder);
                let guard = Options::new(strategy.parse().expect("a strategy"))
                    .install_on(empty::create_device)
                    .expect("installs");
                // SAFETY: a class.
                let buffer = || Object::owned(unsafe { msg_send![classes.buffer, new] });
                let buffers: Vec<Object> = (0..THREADS).map(|_| buffer()).collect();
                let is_over = AtomicBool::new(false);
                // Afterwards the runtime has no class or thread to prepare, for which it takes locks.
                empty_op(buffers[0].id());
                let ready = Barrier::new(THREADS + 1);
                std::thread::scope(|scope| {
                    for own in &buffers {
                        let (is_over, ready) = (&is_over, &ready);
                        scope.spawn(move || {
                            empty_op(own.id());
                            ready.wait();
                            while !is_over.load(Ordering::Relaxed) {
                                empty_op(own.id());
                            }
                        });
                    }
                    ready.wait();
                    for _ in 0..CHILDREN {
                        fork(|| buffers.iter().for_each(|each| empty_op(each.id())));
                    }
                    is_over.store(true, Ordering::Relaxed);
                });
                assert_eq!((stats().misuse, stats().encoders_open), (0, 0));
                guard.uninstall();
            },
            child::succeeds,
        );
    }
}
