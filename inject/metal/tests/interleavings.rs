//! Random programs of four threads, under a driver that ends the process where calls overlap.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use locktoll_metal::{Options, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use proptest::prelude::*;
use support::metal::{
    Object, blit, command_buffer, commit, compute, device, end, pool, queue, set_buffer, set_bytes,
    signal, update_fence, wrapping_buffer,
};

/// What a thread does next. Numbers choose a command buffer or an encoder among those that are there.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Makes an encoder, a blit one or else a compute one, in a command buffer, and shows it to all threads.
    Make(usize, bool),
    /// Calls an encoder that some thread shows.
    Call(usize),
    /// Ends the encoder that this thread has made last, if it has not yet.
    End,
    /// Takes an encoder away from where it is shown, and with it a reference.
    Forget(usize),
    /// Commits a command buffer and puts a new one in its place.
    Commit(usize),
    /// Encodes an event into a command buffer.
    Signal(usize),
}

const THREADS: usize = 4;
const BUFFERS: usize = 2;
const SHOWN: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..BUFFERS, any::<bool>()).prop_map(|(at, is_blit)| Step::Make(at, is_blit)),
        6 => (0..SHOWN).prop_map(Step::Call),
        3 => Just(Step::End),
        2 => (0..SHOWN).prop_map(Step::Forget),
        1 => (0..BUFFERS).prop_map(Step::Commit),
        1 => (0..BUFFERS).prop_map(Step::Signal),
    ];
    prop::collection::vec(step, 5..40)
}

/// A strategy, within what calls must not overlap, and whether threads share command buffers: only a
/// session keeps two threads from having encoders in one.
fn settings() -> impl Strategy<Value = (&'static str, Scope, bool)> {
    prop::sample::select(vec![
        ("global", Scope::Process, false),
        ("global", Scope::Context, false),
        ("throttle:1", Scope::Process, false),
        ("per-encoder", Scope::Encoder, false),
        ("session", Scope::Encoder, false),
        ("session", Scope::Encoder, true),
    ])
}

struct World {
    queue: Object,
    /// Of each thread, or the first's for all.
    buffers: Vec<[RwLock<Object>; BUFFERS]>,
    /// Encoders, and whether they are blit ones.
    shown: [Mutex<Option<(Object, bool)>>; SHOWN],
    calls: AtomicU64,
    made: AtomicU64,
    commits: AtomicU64,
    events: AtomicU64,
    is_shared: bool,
    is_wrapped: bool,
}

impl World {
    fn new(is_shared: bool, is_wrapped: bool) -> Self {
        let queue = queue(&device());
        let new = |_: usize| RwLock::new(new_buffer(&queue, is_wrapped));
        let buffers = (0..THREADS).map(|_| core::array::from_fn(new)).collect();
        World {
            buffers,
            queue,
            shown: core::array::from_fn(|_| Mutex::new(None)),
            calls: AtomicU64::new(0),
            made: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            events: AtomicU64::new(0),
            is_shared,
            is_wrapped,
        }
    }

    fn run(&self, thread: usize, steps: &[Step]) {
        let buffers = &self.buffers[if self.is_shared { 0 } else { thread }];
        let mut own: Option<Object> = None;
        let finish = |own: &mut Option<Object>| {
            if let Some(encoder) = own.take() {
                end(&encoder);
            }
        };
        for (index, &step) in steps.iter().enumerate() {
            match step {
                Step::Make(at, is_blit) => {
                    // A program ends its encoder before it makes another.
                    finish(&mut own);
                    let buffer = buffers[at].read().expect("no panic");
                    let encoder = if is_blit {
                        blit(&buffer)
                    } else {
                        compute(&buffer)
                    };
                    drop(buffer);
                    self.made.fetch_add(1, Ordering::Relaxed);
                    *self.shown[index % SHOWN].lock().expect("no panic") =
                        Some((encoder.clone(), is_blit));
                    own = Some(encoder);
                }
                Step::Call(at) => {
                    let shown = self.shown[at].lock().expect("no panic").clone();
                    if let Some((encoder, is_blit)) = shown {
                        // It may have ended, which the guard refuses and counts.
                        if is_blit {
                            update_fence(&encoder);
                        } else if index.is_multiple_of(2) {
                            set_bytes(&encoder);
                        } else {
                            set_buffer(&encoder);
                        }
                        self.calls.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Step::End => finish(&mut own),
                Step::Forget(at) => drop(self.shown[at].lock().expect("no panic").take()),
                Step::Commit(at) => {
                    finish(&mut own);
                    // Nobody makes an encoder in it from now on; those that are open, others end.
                    let next = new_buffer(&self.queue, self.is_wrapped);
                    let mut place = buffers[at].write().expect("no panic");
                    let last = core::mem::replace(&mut *place, next);
                    drop(place);
                    commit(&last);
                    self.commits.fetch_add(1, Ordering::Relaxed);
                }
                Step::Signal(at) => {
                    finish(&mut own);
                    let buffer = buffers[at].read().expect("no panic");
                    signal(&buffer);
                    self.events.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        finish(&mut own);
    }
}

fn new_buffer(queue: &Object, is_wrapped: bool) -> Object {
    if is_wrapped {
        wrapping_buffer(queue)
    } else {
        command_buffer(queue)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// No two calls overlap where they must not, the driver finds nothing to assert, every call takes
    /// effect or is counted as refused, and nothing is left.
    #[test]
    fn every_call_takes_effect_or_is_counted_and_nothing_is_left(
        (strategy, scope, is_shared) in settings(),
        is_wrapped: bool,
        recycles: bool,
        programs in prop::collection::vec(steps(), THREADS),
    ) {
        let mut options = Options::new(strategy.parse().expect("a strategy"));
        options.classes = vec!["LTMPSCommandBuffer".into()];
        let guard = options.install().expect("installs");
        driver::recycle(recycles);
        driver::reset();
        let before = stats();
        let world = World::new(is_shared, is_wrapped);
        driver::race_window_ns(1_000);
        driver::fault(scope);
        std::thread::scope(|scope| {
            for (thread, steps) in programs.iter().enumerate() {
                let world = &world;
                scope.spawn(move || pool(|| world.run(thread, steps)));
            }
        });
        driver::fault(Scope::Off);
        driver::race_window_ns(0);
        let World { calls, made, commits, events, .. } = world;
        drop((world.shown, world.buffers, world.queue));
        let (after, counts) = (stats(), driver::counts());
        let refused = after.refused - before.refused;
        let effects = counts.of(Group::Compute) + counts.of(Group::Blit);
        prop_assert_eq!(effects + refused, calls.into_inner());
        let made = made.into_inner();
        prop_assert_eq!(counts.encoders_created, made);
        prop_assert_eq!(counts.encoders_ended, made);
        prop_assert_eq!(counts.encoders_live, 0);
        prop_assert_eq!(counts.of(Group::Commit), commits.into_inner());
        prop_assert_eq!(counts.of(Group::Event), events.into_inner());
        prop_assert_eq!(after.encoders_made - before.encoders_made, made);
        prop_assert_eq!(after.encoders_ended - before.encoders_ended, made);
        prop_assert_eq!(after.encoders_freed - before.encoders_freed, made);
        prop_assert_eq!(after.misuse - before.misuse, refused);
        prop_assert_eq!(after.time_outs, before.time_outs);
        guard.uninstall();
    }
}
