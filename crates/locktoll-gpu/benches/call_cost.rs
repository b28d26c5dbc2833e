//! What the soft device itself costs its callers: with every time set to zero, whatever is left of
//! an op is the model's own bookkeeping, which must stay small beside the times that are set.
//!
//! Rounds of all variants are run in turn, so that a slow phase of the machine meets them all;
//! the table shows the median round, and the fastest and the slowest. Run by
//! `cargo bench -p locktoll-gpu`.

use std::hint::black_box;
use std::num::NonZeroU16;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use locktoll_gpu::{
    Device, Error, Interposition, Kernel, SoftDevice, SoftQueue, SoftSettings, interpose,
};
use locktoll_guard::{Guard, Instrument, Strategy};

const ROUNDS: usize = 31;
const OPS: u32 = 20_000;
/// Driver calls of [`op`].
const CALLS: f64 = 6.0;

struct Variant {
    name: &'static str,
    device: SoftDevice,
    threads: usize,
    _interposition: Option<Interposition>,
    round_ns_per_op: Vec<f64>,
}

fn variant(name: &'static str, strategy: Option<Strategy>, threads: u16) -> Result<Variant, Error> {
    let lanes = NonZeroU16::new(threads).unwrap_or(NonZeroU16::MIN);
    let settings = SoftSettings {
        service: Duration::ZERO,
        encode: Duration::ZERO,
        queues: lanes,
        engines: lanes,
        ..SoftSettings::default()
    };
    let device = SoftDevice::new(settings, None);
    let guard = |strategy| Arc::new(Guard::new(strategy, Instrument::Bare));
    Ok(Variant {
        name,
        _interposition: strategy
            .map(|strategy| interpose(&device, guard(strategy)))
            .transpose()?,
        device,
        threads: threads.into(),
        round_ns_per_op: Vec::new(),
    })
}

fn op(device: &SoftDevice, queue: &SoftQueue) -> Result<(), Error> {
    let timed = device.pipeline(Kernel::Timed { duration_ns: None })?;
    // SAFETY: the soft device without a fault model accepts any overlap.
    let commands = unsafe {
        let commands = device.command_buffer(queue)?;
        let encoder = device.encoder(&commands)?;
        device.set_pipeline(&encoder, &timed)?;
        device.dispatch(&encoder, 1)?;
        device.end_encoding(&encoder)?;
        device.commit(&commands)?;
        commands
    };
    device.wait(black_box(&commands))
}

/// The mean over threads of the time that one op took.
fn round(variant: &Variant) -> Result<f64, Error> {
    let barrier = Barrier::new(variant.threads);
    let times: Result<Vec<f64>, Error> = thread::scope(|scope| {
        let threads: Vec<_> = (0..variant.threads)
            .map(|lane| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let queue = variant.device.queue(lane)?;
                    barrier.wait();
                    let start = Instant::now();
                    for _ in 0..OPS {
                        op(&variant.device, &queue)?;
                    }
                    Ok(start.elapsed().as_nanos() as f64 / f64::from(OPS))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .expect("a thread of the benchmark does not panic")
            })
            .collect()
    });
    let times = times?;
    Ok(times.iter().sum::<f64>() / times.len() as f64)
}

fn main() -> Result<(), Error> {
    let mut variants = [
        variant("plain, 1 thread", None, 1)?,
        variant("interposed:none, 1 thread", Some(Strategy::None), 1)?,
        variant("interposed:global, 1 thread", Some(Strategy::Global), 1)?,
        variant(
            "interposed:per-encoder, 1 thread",
            Some(Strategy::PerEncoder),
            1,
        )?,
        variant("plain, 2 threads", None, 2)?,
        variant(
            "interposed:per-encoder, 2 threads",
            Some(Strategy::PerEncoder),
            2,
        )?,
    ];
    for _ in 0..ROUNDS {
        for variant in &mut variants {
            let ns_per_op = round(variant)?;
            variant.round_ns_per_op.push(ns_per_op);
        }
    }
    println!(
        "{:<36}{:>10}{:>10}{:>10}{:>10}",
        "", "ns/call", "ns/op", "min", "max"
    );
    for Variant {
        name,
        round_ns_per_op,
        ..
    } in &mut variants
    {
        round_ns_per_op.sort_by(f64::total_cmp);
        let [median, min, max] = [ROUNDS / 2, 0, ROUNDS - 1].map(|i| round_ns_per_op[i]);
        println!(
            "{name:<36}{:>10.1}{median:>10.1}{min:>10.1}{max:>10.1}",
            median / CALLS
        );
    }
    Ok(())
}
