//! The threads of a trial: they take ops from a common count, encode them and wait as the sync
//! pattern says, iteration after iteration.
//!
//! Ops are taken, not dealt out, so that an unfair lock shows as uneven ops per thread instead of
//! stretching the iteration's end.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use locktoll_gpu::{Device, Located as _, Perturbation, pause};
use locktoll_guard::{Guard, OwnedLock, Site};
use nix::sys::resource::{Usage as ResourceUsage, UsageWho, getrusage};

use super::TrialSpec;
use super::added_kernel::AddedKernel;
use super::program::{Outputs, Program};
use super::shared_encoder::{Session, Stream, wait};
use crate::duration;
use crate::error::{Error, Result};
use crate::probe::{Added, Resource};
use crate::protocol::Line;
use crate::samples::{Iteration, LatencyQuantiles, Measurement};
use crate::stages::{StageClock, Stages};
use crate::usage;

/// Where a thread encodes.
enum Target<'a, D: Device> {
    /// Into an encoder of its own for each op.
    Own { queue: D::Queue },
    /// Into an encoder that it shares.
    Shared { stream: &'a Stream<D> },
}

/// An op that was encoded and not yet waited for.
enum Pending<D: Device> {
    Own(D::CommandBuffer),
    Shared(Arc<Session<D>>),
}

/// What the threads share.
struct Common<'a, D: Device> {
    device: &'a D,
    spec: &'a TrialSpec,
    guard: &'a Guard,
    perturbation: &'a Perturbation,
    program: &'a Program<D>,
    /// Ops of this iteration that nobody has taken yet.
    left: AtomicU64,
    /// A thread has failed; nobody needs to go on.
    failed: AtomicBool,
    error: Mutex<Option<Error>>,
}

/// One thread's part of a trial.
struct Lane<'a, D: Device> {
    common: &'a Common<'a, D>,
    target: Target<'a, D>,
    site: Site<'a>,
    outputs: Outputs<D>,
    pending: Vec<(Instant, Pending<D>)>,
    /// Latencies of the ops completed since the measurement began.
    latencies_ns: Vec<u64>,
    /// Time that this thread has added to its ops since then.
    added_ns: u64,
    /// Where its time went since then, where that is asked.
    clock: Option<StageClock>,
}

/// What one thread did in one iteration.
#[derive(Clone, Copy)]
struct Shift {
    started: Instant,
    ended: Instant,
    ops: u64,
}

/// Runs the threads of a trial. `guard` is what the caller's code enters; `count_anew` is called
/// when the measurement begins, so that lock events of the warm-up are left out; `perturbation` is
/// what the device adds to its own work.
pub(super) fn measure<D: Device>(
    device: &D,
    spec: &TrialSpec,
    guard: &Guard,
    count_anew: &dyn Fn() -> Result<()>,
    perturbation: &Perturbation,
    say: &mut dyn FnMut(&Line),
) -> Result<Measurement> {
    let threads = spec.threads.get() as usize;
    let added = spec.added_kernel()?.map(AddedKernel::kernel);
    let program = Program::new(device, &spec.encoders.workload, added)?;
    let group = (spec.encoders.workload.threads_per_encoder as usize).min(threads);
    let groups = threads.div_ceil(group);
    let queues: Vec<D::Queue> = (0..groups)
        .map(|index| device.queue(index))
        .collect::<Result<_, _>>()?;
    let encoder_locks: Vec<OwnedLock> = (0..groups).map(|_| OwnedLock::new()).collect();
    // Lanes that lead to one hardware queue share its lock.
    let queue_locks: BTreeMap<usize, OwnedLock> = queues
        .iter()
        .map(|queue| (queue.address().queue, OwnedLock::new()))
        .collect();
    let queue_of: Vec<usize> = queues.iter().map(|queue| queue.address().queue).collect();
    let streams: Vec<Option<Stream<D>>> = if group > 1 {
        queues
            .into_iter()
            .map(|queue| Some(Stream::new(queue)))
            .collect()
    } else {
        (0..groups).map(|_| None).collect()
    };
    let common = Common {
        device,
        spec,
        guard,
        perturbation,
        program: &program,
        left: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        error: Mutex::new(None),
    };
    let mut lanes = Vec::with_capacity(threads);
    for index in 0..threads {
        let at = index / group;
        lanes.push(Lane {
            common: &common,
            target: match &streams[at] {
                Some(stream) => Target::Shared { stream },
                None => Target::Own {
                    queue: device.queue(at)?,
                },
            },
            site: Site {
                queue: &queue_locks[&queue_of[at]],
                encoder: &encoder_locks[at],
            },
            outputs: program.outputs(device)?,
            pending: Vec::new(),
            latencies_ns: Vec::new(),
            added_ns: 0,
            clock: spec.times_stages().then(StageClock::new),
        });
    }
    say(&Line::Started {
        pid: std::process::id(),
    });
    let (measurement, lanes) = iterate(&common, lanes, count_anew, say)?;
    for lane in &lanes {
        program.check(device, &lane.outputs)?;
    }
    Ok(measurement)
}

fn iterate<'a, D: Device>(
    common: &'a Common<'a, D>,
    mut lanes: Vec<Lane<'a, D>>,
    count_anew: &dyn Fn() -> Result<()>,
    say: &mut dyn FnMut(&Line),
) -> Result<(Measurement, Vec<Lane<'a, D>>)> {
    let size = common.spec.encoders.size;
    let total = size.warmup.saturating_add(size.iterations.get());
    let ops = u64::from(size.ops_per_thread.get()) * lanes.len() as u64;
    let mut iterations = Vec::new();
    let mut before = None;
    let mut after = None;

    thread::scope(|scope| -> Result<()> {
        // A thread works once for each `()` that it is sent, and ends when its sender is dropped:
        // whatever fails here, no thread is left waiting.
        let (report, reports) = channel();
        let mut starts = Vec::with_capacity(lanes.len());
        for (index, lane) in lanes.iter_mut().enumerate() {
            let (start, orders) = channel();
            starts.push(start);
            let report = report.clone();
            let work = move || {
                for iteration in orders {
                    if iteration == size.warmup {
                        lane.forget();
                    }
                    if report.send((index, lane.shift())).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new()
                .name(format!("encoder-{index}"))
                .spawn_scoped(scope, work)
                .map_err(Error::io("start", format!("encoder thread {index}")))?;
        }
        for index in 0..total {
            if index == size.warmup {
                count_anew()?;
                before = Some(Snapshot::take(common)?);
            }
            common.left.store(ops, Ordering::Relaxed);
            for start in &starts {
                // A thread that is gone has reported its failure before.
                let _ = start.send(index);
            }
            let mut shifts: Vec<_> = reports.iter().take(starts.len()).collect();
            if common.failed.load(Ordering::Relaxed) {
                break;
            }
            shifts.sort_unstable_by_key(|&(index, _)| index);
            let shifts: Vec<Shift> = shifts.into_iter().filter_map(|(_, shift)| shift).collect();
            if let Some(iteration) = summarise(&shifts) {
                say(&Line::Iteration {
                    index,
                    ops: iteration.ops,
                    elapsed_ns: iteration.elapsed_ns,
                });
                if index >= size.warmup {
                    iterations.push(iteration);
                }
            }
        }
        after = Some(Snapshot::take(common)?);
        Ok(())
    })?;

    if let Some(error) = common
        .error
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
    {
        return Err(error);
    }
    let (Some(before), Some(after)) = (before, after) else {
        return Err(Error::Plan(
            "a trial needs at least one measured iteration".into(),
        ));
    };
    let mut latencies: Vec<u64> = lanes
        .iter()
        .flat_map(|lane| lane.latencies_ns.iter().copied())
        .collect();
    let measurement = Measurement {
        iterations,
        printed: None,
        latency: Some(quantiles(&mut latencies)),
        usage: usage::between(&before.usage, &after.usage),
        device_busy_ns: after
            .busy_ns
            .zip(before.busy_ns)
            .map(|(after, before)| after.saturating_sub(before)),
        lock_events: None,
        added_ns: common.spec.added().map(|_| {
            let by_threads: u64 = lanes.iter().map(|lane| lane.added_ns).sum();
            by_threads + (after.perturbed_ns - before.perturbed_ns)
        }),
        stages: lanes
            .iter()
            .filter_map(|lane| lane.clock.as_ref().map(StageClock::stages))
            .reduce(Stages::plus),
    };
    Ok((measurement, lanes))
}

impl<D: Device> Lane<'_, D> {
    /// One iteration's work of this thread. A failure is kept for the trial; a panic is one.
    fn shift(&mut self) -> Option<Shift> {
        let common = self.common;
        let done = catch_unwind(AssertUnwindSafe(|| self.work()));
        let error = match done {
            Ok(Ok(shift)) => return Some(shift),
            Ok(Err(error)) => error,
            Err(payload) => {
                let text = payload.downcast_ref::<&str>().map(ToString::to_string);
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
                Error::Panicked(text.unwrap_or_else(|| "no message".to_owned()))
            }
        };
        // The error first: others that see the flag have errors of their own to report.
        common
            .error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        common.failed.store(true, Ordering::Release);
        common.left.store(0, Ordering::Relaxed);
        None
    }

    fn work(&mut self) -> Result<Shift> {
        let device = self.common.device;
        let started = Instant::now();
        let mut ops = 0;
        while self.common.take_op() {
            device.op(|| self.op())?;
            ops += 1;
        }
        device.op(|| self.settle())?;
        Ok(Shift {
            started,
            ended: Instant::now(),
            ops,
        })
    }

    /// What came before was warm-up.
    fn forget(&mut self) {
        self.latencies_ns.clear();
        self.added_ns = 0;
        if let Some(clock) = &mut self.clock {
            clock.reset();
        }
    }

    /// The time since the last stage belongs to this one.
    fn stage(&mut self, stage: fn(&mut Stages) -> &mut u64) {
        if let Some(clock) = &mut self.clock {
            clock.end(stage);
        }
    }

    /// Adds the probe's time, if it belongs to this resource.
    fn add(&mut self, to: Resource, pass: fn(u64) -> u64) {
        if let Some(Added { to: planned, ns }) = self.common.spec.added_by_threads()
            && planned == to
        {
            self.added_ns += pass(ns);
        }
    }

    /// Encodes and commits one op, and waits if it is time to.
    fn op(&mut self) -> Result<()> {
        let Common {
            device,
            spec,
            program,
            guard,
            ..
        } = *self.common;
        if let Some(clock) = &mut self.clock {
            clock.start();
        }
        program.prepare(device, &mut self.outputs)?;
        self.add(Resource::Encode, pause::spin);
        let due = spec
            .encoders
            .sync
            .in_flight()
            .is_some_and(|most| self.pending.len() + 1 >= most);
        let started = Instant::now();
        self.stage(|stages| &mut stages.outside_ns);
        let section = guard.enter(self.site);
        self.stage(|stages| &mut stages.asking_ns);
        self.add(Resource::Lock, pause::spin);
        // SAFETY: the contract of `Device` is kept by the section under the strategies that
        // protect the device's scope; where they do not, this experiment asks what happens, on
        // devices that accept overlap or end the process (`DeviceInfo::requires`).
        let pending = unsafe {
            match &self.target {
                Target::Own { queue } => {
                    let commands = device.command_buffer(queue)?;
                    let encoder = device.encoder(&commands)?;
                    program.encode(device, &encoder, &self.outputs)?;
                    device.end_encoding(&encoder)?;
                    self.stage(|stages| &mut stages.encoding_ns);
                    device.commit(&commands)?;
                    self.stage(|stages| &mut stages.commit_ns);
                    Pending::Own(commands)
                }
                Target::Shared { stream } => {
                    let session = stream.join(device)?;
                    program.encode(device, session.encoder(), &self.outputs)?;
                    session.leave(device, due)?;
                    self.stage(|stages| &mut stages.encoding_ns);
                    Pending::Shared(session)
                }
            }
        };
        drop(section);
        self.stage(|stages| &mut stages.outside_ns);
        self.pending.push((started, pending));
        if due { self.settle() } else { Ok(()) }
    }

    /// Waits for everything in flight.
    fn settle(&mut self) -> Result<()> {
        let common = self.common;
        for (started, pending) in std::mem::take(&mut self.pending) {
            if let Some(clock) = &mut self.clock {
                clock.start();
            }
            match pending {
                Pending::Own(commands) => common.device.wait(&commands)?,
                Pending::Shared(session) => {
                    if !session.is_closing() {
                        let section = common.guard.enter(self.site);
                        // SAFETY: as in `op`.
                        unsafe { session.close(common.device)? };
                        drop(section);
                    }
                    wait(common.device, &session, &common.failed)?;
                }
            }
            self.stage(|stages| &mut stages.waiting_ns);
            self.latencies_ns.push(duration::ns(started.elapsed()));
            self.add(Resource::Wait, pause::sleep);
        }
        Ok(())
    }
}

impl<D: Device> Common<'_, D> {
    fn take_op(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

fn summarise(shifts: &[Shift]) -> Option<Iteration> {
    let started = shifts.iter().map(|shift| shift.started).min()?;
    let ended = shifts.iter().map(|shift| shift.ended).max()?;
    Some(Iteration {
        ops: shifts.iter().map(|shift| shift.ops).sum(),
        elapsed_ns: duration::ns(ended - started),
        ops_by_thread: shifts.iter().map(|shift| shift.ops).collect(),
    })
}

/// Quantiles by the nearest rank, ⌈percent · n ∕ 100⌉ from 1.
fn quantiles(latencies_ns: &mut [u64]) -> LatencyQuantiles {
    latencies_ns.sort_unstable();
    let at = |percent: usize| {
        let rank = (percent * latencies_ns.len()).div_ceil(100);
        latencies_ns
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    };
    LatencyQuantiles {
        p50_ns: at(50),
        p90_ns: at(90),
        p99_ns: at(99),
        max_ns: at(100),
    }
}

/// Counters of the process and the device at one moment.
struct Snapshot {
    usage: ResourceUsage,
    /// Summed over engines; `None` where the device does not tell.
    busy_ns: Option<u64>,
    /// Time that the device has added to its own work.
    perturbed_ns: u64,
}

impl Snapshot {
    fn take<D: Device>(common: &Common<'_, D>) -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|errno| {
            Error::io("read the resource usage of", "this process")(errno.into())
        })?;
        Ok(Self {
            usage,
            busy_ns: Some(common.device.busy_ns())
                .filter(|engines| !engines.is_empty())
                .map(|engines| engines.iter().sum()),
            perturbed_ns: common.perturbation.spent_ns(),
        })
    }
}
