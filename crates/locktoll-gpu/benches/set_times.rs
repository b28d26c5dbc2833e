//! How near the soft device comes to the times that it is told to take, on this machine.
//!
//! The model's truth is exact on its own timeline; what a caller sees also has the machine's clock
//! and scheduler in it. Each row is the excess over the set time: of one driver call over
//! `encode`, of one `end_encoding` over `hold`, and of commit and wait over `service`. Run by
//! `cargo bench -p locktoll-gpu --bench set_times`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use locktoll_gpu::{Device, Error, Kernel, SoftDevice, SoftSettings};

const OPS: usize = 2_000;

/// How long each call of one op took.
struct OpTimes {
    set_pipeline: Duration,
    end_encoding: Duration,
    commit_and_wait: Duration,
}

fn op(device: &SoftDevice) -> Result<OpTimes, Error> {
    let queue = device.queue(0)?;
    let timed = device.pipeline(Kernel::Timed { duration_ns: None })?;
    // SAFETY: one thread, so no two calls overlap.
    let (commands, encoder) = unsafe {
        let commands = device.command_buffer(&queue)?;
        let encoder = device.encoder(&commands)?;
        (commands, encoder)
    };
    let start = Instant::now();
    // SAFETY: as above.
    unsafe { device.set_pipeline(&encoder, &timed)? };
    let set_pipeline = start.elapsed();
    let start = Instant::now();
    // SAFETY: as above.
    unsafe { device.end_encoding(&encoder)? };
    let end_encoding = start.elapsed();
    let start = Instant::now();
    // SAFETY: as above.
    unsafe { device.commit(&commands)? };
    device.wait(black_box(&commands))?;
    Ok(OpTimes {
        set_pipeline,
        end_encoding,
        commit_and_wait: start.elapsed(),
    })
}

/// Measures one setting alone, the others being zero, and prints its row.
fn row(
    name: &str,
    set: Duration,
    settings: SoftSettings,
    taken: impl Fn(&OpTimes) -> Duration,
) -> Result<(), Error> {
    let device = SoftDevice::new(settings, None);
    let mut excess_ns = Vec::with_capacity(OPS);
    for _ in 0..OPS {
        excess_ns.push(taken(&op(&device)?).saturating_sub(set).as_nanos());
    }
    excess_ns.sort_unstable();
    let [median, p90, p99] = [OPS / 2, OPS * 9 / 10, OPS * 99 / 100].map(|i| excess_ns[i]);
    println!(
        "{:<20}{median:>12}{p90:>12}{p99:>12}",
        format!("{name}={set:?}")
    );
    Ok(())
}

fn main() -> Result<(), Error> {
    let zero = Duration::ZERO;
    let none = SoftSettings {
        service: zero,
        encode: zero,
        ..SoftSettings::default()
    };
    println!(
        "{:<20}{:>12}{:>12}{:>12}",
        "excess in ns", "median", "p90", "p99"
    );
    for encode in [zero, Duration::from_nanos(500), Duration::from_micros(2)] {
        let settings = SoftSettings { encode, ..none };
        row("encode", encode, settings, |times| times.set_pipeline)?;
    }
    for hold in [20, 200].map(Duration::from_micros) {
        row("hold", hold, SoftSettings { hold, ..none }, |times| {
            times.end_encoding
        })?;
    }
    for service in [100, 1000].map(Duration::from_micros) {
        row(
            "service",
            service,
            SoftSettings { service, ..none },
            |times| times.commit_and_wait,
        )?;
    }
    Ok(())
}
