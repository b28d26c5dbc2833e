//! Random programs of four threads, under a driver that ends the process where calls overlap.

mod support;

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, OnceLock, RwLock};

use locktoll_metal::{Options, coverage, stats};
use locktoll_objc_driver as driver;
use locktoll_objc_driver::{Group, Scope};
use proptest::prelude::*;
use support::every::{ENDS, FACTORIES};
use support::invoke::Arguments;
use support::metal::{Id, Object, command_buffer, commit, device, pool, queue, wrapping_buffer};

/// What a thread does next. Numbers choose among what is there: command buffers, factories, methods,
/// encoders.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Makes an encoder in a command buffer, and shows it to all threads.
    Make { buffer: usize, factory: usize },
    /// Calls an encoder that some thread shows, several times. What that makes is shown in its turn.
    Call {
        shown: usize,
        method: usize,
        times: usize,
    },
    /// Ends the encoder that this thread has made last, if it has not yet.
    End,
    /// Takes an encoder away from where it is shown, and with it a reference.
    Forget(usize),
    /// Commits a command buffer and puts a new one in its place.
    Commit(usize),
    /// Encodes an event into a command buffer.
    Event { buffer: usize, waits: bool },
}

const THREADS: usize = 4;
const BUFFERS: usize = 2;
const SHOWN: usize = 3;
/// More than any kind of encoder has.
const METHODS: usize = 1 << 10;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..BUFFERS, 0..FACTORIES.len())
            .prop_map(|(buffer, factory)| Step::Make { buffer, factory }),
        8 => (0..SHOWN, 0..METHODS, 1..10_usize)
            .prop_map(|(shown, method, times)| Step::Call { shown, method, times }),
        3 => Just(Step::End),
        2 => (0..SHOWN).prop_map(Step::Forget),
        1 => (0..BUFFERS).prop_map(Step::Commit),
        1 => (0..BUFFERS, any::<bool>()).prop_map(|(buffer, waits)| Step::Event { buffer, waits }),
    ];
    prop::collection::vec(step, 5..60)
}

/// A few factories, of which a case is: were it always all, few encoders of one kind would meet.
fn factories() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::sample::subsequence(FACTORIES.to_vec(), 1..=3)
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

/// The driver's classes of encoders, and in which group it counts their calls.
const KINDS: [(&str, Group); 6] = [
    ("LTComputeContext", Group::Compute),
    ("LTBlitContext", Group::Blit),
    ("LTRenderContext", Group::Render),
    ("LTParallelRenderContext", Group::Parallel),
    ("LTResourceStateContext", Group::ResourceState),
    ("LTAccelerationStructureContext", Group::Acceleration),
];

/// Of each kind, the guarded methods that the driver has, ends left out.
fn methods() -> &'static [Vec<String>; KINDS.len()] {
    static FOUND: OnceLock<[Vec<String>; KINDS.len()]> = OnceLock::new();
    FOUND.get_or_init(|| {
        let (device, guard) = (device(), guard("global"));
        let (queue, arguments) = (queue(&device), Arguments::new(&device));
        for (factory, _) in FACTORIES {
            pool(|| {
                let encoder = Object::retained(arguments.call(&command_buffer(&queue), factory));
                arguments.call(&encoder, "endEncoding");
            });
        }
        let mut guarded: BTreeMap<_, _> = coverage()
            .into_iter()
            .map(|class| (class.class, class.guarded))
            .collect();
        guard.uninstall();
        KINDS.map(|(class, _)| {
            let mut methods = guarded.remove(class).expect("an encoder was there");
            methods.retain(|name| !ENDS.contains(&name.as_str()));
            assert!(methods.len() < METHODS, "{class}");
            methods
        })
    })
}

fn guard(strategy: &str) -> locktoll_metal::Installed {
    let mut options = Options::new(strategy.parse().expect("a strategy"));
    options.classes = vec!["LTMPSCommandBuffer".into()];
    options.install().expect("installs")
}

/// An encoder and its kind, as an index into [`KINDS`].
type Encoder = (Object, usize);

fn encoder(object: Id) -> Encoder {
    let object = Object::retained(object);
    let class = object.class().name();
    let kind = KINDS
        .iter()
        .position(|(name, _)| class.to_str() == Ok(name));
    (object, kind.expect("a class of encoders"))
}

struct World {
    arguments: Arguments,
    queue: Object,
    /// Of each thread, or the first's for all.
    buffers: Vec<[RwLock<Object>; BUFFERS]>,
    shown: [Mutex<Option<Encoder>>; SHOWN],
    factories: Vec<(&'static str, &'static str)>,
    /// Calls that the driver has had, by kind of encoder, and those that it has not.
    had: [AtomicU64; KINDS.len()],
    kept_back: AtomicU64,
    made: AtomicU64,
    commits: AtomicU64,
    events: AtomicU64,
    is_shared: bool,
    is_wrapped: bool,
}

impl World {
    fn new(
        factories: Vec<(&'static str, &'static str)>,
        is_shared: bool,
        is_wrapped: bool,
    ) -> Self {
        let device = device();
        let queue = queue(&device);
        let new = |_: usize| RwLock::new(new_buffer(&queue, is_wrapped));
        let buffers = (0..THREADS).map(|_| core::array::from_fn(new)).collect();
        World {
            arguments: Arguments::new(&device),
            buffers,
            queue,
            shown: core::array::from_fn(|_| Mutex::new(None)),
            factories,
            had: [const { AtomicU64::new(0) }; KINDS.len()],
            kept_back: AtomicU64::new(0),
            made: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            events: AtomicU64::new(0),
            is_shared,
            is_wrapped,
        }
    }

    fn run(&self, thread: usize, steps: &[Step]) {
        let buffers = &self.buffers[if self.is_shared { 0 } else { thread }];
        // Those of a parallel encoder come after it, and end before it does.
        let mut own: Vec<Object> = Vec::new();
        for (index, &step) in steps.iter().enumerate() {
            // A program ends its encoder before it goes on with the command buffer.
            if matches!(
                step,
                Step::Make { .. } | Step::Commit(_) | Step::Event { .. }
            ) {
                own.drain(..)
                    .rev()
                    .for_each(|encoder| self.end(&encoder, index));
            }
            match step {
                Step::Make { buffer, factory } => {
                    let (factory, class) = self.factories[factory % self.factories.len()];
                    let buffer = buffers[buffer].read().expect("no panic");
                    let made = pool(|| encoder(self.arguments.call(&buffer, factory)));
                    drop(buffer);
                    assert_eq!(KINDS[made.1].0, class);
                    own.push(self.show(made, index));
                }
                Step::Call {
                    shown,
                    method,
                    times,
                } => {
                    let shown = self.shown[shown].lock().expect("no panic").clone();
                    for time in 0..times {
                        let made = shown
                            .as_ref()
                            .and_then(|shown| self.call(shown, method + time));
                        own.extend(made.map(|made| self.show(made, index + time)));
                    }
                }
                Step::End => {
                    if let Some(encoder) = own.pop() {
                        self.end(&encoder, index);
                    }
                }
                Step::Forget(at) => drop(self.shown[at].lock().expect("no panic").take()),
                Step::Commit(at) => {
                    // Nobody makes an encoder in it from now on; those that are open, others end.
                    let next = new_buffer(&self.queue, self.is_wrapped);
                    let mut place = buffers[at].write().expect("no panic");
                    let last = core::mem::replace(&mut *place, next);
                    drop(place);
                    commit(&last);
                    self.commits.fetch_add(1, Ordering::Relaxed);
                }
                Step::Event { buffer, waits } => {
                    let event = ["encodeSignalEvent:value:", "encodeWaitForEvent:value:"];
                    let buffer = buffers[buffer].read().expect("no panic");
                    pool(|| self.arguments.call(&buffer, event[usize::from(waits)]));
                    self.events.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        own.drain(..)
            .rev()
            .for_each(|encoder| self.end(&encoder, 0));
    }

    /// Shows a new encoder to all threads, in the place of one that was shown before.
    fn show(&self, made: Encoder, at: usize) -> Object {
        self.made.fetch_add(1, Ordering::Relaxed);
        let object = made.0.clone();
        let before = self.shown[at % SHOWN]
            .lock()
            .expect("no panic")
            .replace(made);
        drop(before);
        object
    }

    /// Calls an encoder, which may have ended: that the guard refuses and counts. Whether the driver had
    /// the call, it says itself. Returns the encoder that the call has made.
    fn call(&self, (object, kind): &Encoder, method: usize) -> Option<Encoder> {
        let methods = &methods()[*kind];
        // A parallel encoder has one, which makes others.
        let method = methods.get(method % methods.len().max(1));
        let method = method.map_or("renderCommandEncoder", String::as_str);
        driver::last_call();
        let made = pool(|| {
            let made = self.arguments.call(object, method);
            (!made.is_null()).then(|| encoder(made))
        });
        let had = driver::last_call().0.map(CStr::to_bytes) == Some(method.as_bytes());
        let count = if had {
            &self.had[*kind]
        } else {
            &self.kept_back
        };
        count.fetch_add(1, Ordering::Relaxed);
        made
    }

    fn end(&self, encoder: &Object, at: usize) {
        let end = ["endEncoding", "deferredEndEncoding"];
        pool(|| self.arguments.call(encoder, end[at % 2]));
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
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// No two calls overlap where they must not, the driver finds nothing to assert, every call takes
    /// effect or is counted as refused, and nothing is left.
    #[test]
    fn every_call_takes_effect_or_is_counted_and_nothing_is_left(
        (strategy, scope, is_shared) in settings(),
        factories in factories(),
        is_wrapped: bool,
        recycles: bool,
        programs in prop::collection::vec(steps(), THREADS),
    ) {
        methods();
        let guard = guard(strategy);
        driver::recycle(recycles);
        driver::reset();
        let before = stats();
        let world = World::new(factories, is_shared, is_wrapped);
        driver::race_window_ns(50_000);
        driver::fault(scope);
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for (thread, steps) in programs.iter().enumerate() {
                let (world, start) = (&world, &start);
                scope.spawn(move || {
                    start.wait();
                    pool(|| world.run(thread, steps));
                });
            }
        });
        driver::fault(Scope::Off);
        driver::race_window_ns(0);
        let World { had, kept_back, made, commits, events, .. } = world;
        drop((world.shown, world.buffers, world.queue));
        let (after, counts) = (stats(), driver::counts());
        for ((class, group), had) in KINDS.into_iter().zip(had) {
            prop_assert_eq!(counts.of(group), had.into_inner(), "{}", class);
        }
        let kept_back = kept_back.into_inner();
        prop_assert_eq!(after.refused - before.refused, kept_back);
        prop_assert_eq!(after.misuse - before.misuse, kept_back);
        let made = made.into_inner();
        prop_assert_eq!(counts.encoders_created, made);
        prop_assert_eq!(counts.encoders_ended, made);
        prop_assert_eq!(counts.encoders_live, 0);
        prop_assert_eq!(counts.of(Group::End), made);
        prop_assert_eq!(counts.of(Group::Commit), commits.into_inner());
        prop_assert_eq!(counts.of(Group::Event), events.into_inner());
        prop_assert_eq!(after.encoders_made - before.encoders_made, made);
        prop_assert_eq!(after.encoders_ended - before.encoders_ended, made);
        prop_assert_eq!(after.encoders_freed - before.encoders_freed, made);
        prop_assert_eq!(after.time_outs, before.time_outs);
        guard.uninstall();
    }
}
