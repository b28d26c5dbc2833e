//! Time in ticks, cheap enough to be read inside a critical section.
//!
//! The processor's counter where it is invariant (x86) or architected (`CNTVCT_EL0`), else the
//! kernel's monotonic clock.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use locktoll_trace::recording::Clock;
use rustix::time::{ClockId, clock_gettime};

/// Whether ticks are those of the processor's counter. Set before anything is recorded.
static COUNTER: AtomicBool = AtomicBool::new(false);
/// Nanoseconds a tick, times 2^32.
static SCALE: AtomicU64 = AtomicU64::new(1 << 32);
/// Ticks and nanoseconds at the same moment.
static ZERO_TICKS: AtomicU64 = AtomicU64::new(0);
static ZERO_NS: AtomicU64 = AtomicU64::new(0);

/// Now, in ticks.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    if COUNTER.load(Ordering::Relaxed) {
        counter()
    } else {
        monotonic_ns()
    }
}

/// Ticks between two moments, in nanoseconds.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "584 years of nanoseconds fit"
)]
pub(crate) fn ns(ticks: u64) -> u64 {
    ((u128::from(ticks) * u128::from(SCALE.load(Ordering::Relaxed))) >> 32) as u64
}

/// A moment, in nanoseconds of the monotonic clock.
#[inline]
pub(crate) fn at_ns(ticks: u64) -> u64 {
    let since = ticks.wrapping_sub(ZERO_TICKS.load(Ordering::Relaxed));
    ZERO_NS.load(Ordering::Relaxed).wrapping_add(ns(since))
}

/// Now, by the kernel's monotonic clock.
pub(crate) fn monotonic_ns() -> u64 {
    of(ClockId::Monotonic)
}

/// Now, in Unix time.
pub(crate) fn unix_ns() -> u64 {
    of(ClockId::Realtime)
}

#[expect(clippy::cast_sign_loss, reason = "neither clock is before its zero")]
fn of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
}

/// Which clock is read, and nanoseconds a tick.
pub(crate) fn of_recording() -> (Clock, f64) {
    let clock = if COUNTER.load(Ordering::Relaxed) {
        Clock::COUNTER
    } else {
        Clock::MONOTONIC
    };
    let scale = SCALE.load(Ordering::Relaxed) as f64;
    (clock, scale / (1_u64 << 32) as f64)
}

/// Both clocks at one moment: of some readings that with the least between its two ends, since the
/// thread may be stopped in any of them.
fn both() -> (u64, u64) {
    let read = || {
        let before = counter();
        let ns = monotonic_ns();
        let took = counter().wrapping_sub(before);
        (took, (before.wrapping_add(took / 2), ns))
    };
    let readings = (0..16).map(|_| read());
    let best = readings.min_by_key(|(took, _)| *took);
    best.map_or((0, 0), |(_, both)| both)
}

/// Chooses the clock. `ns_per_tick` is the counter's, if somebody measured it already; else 2 ms are
/// spent on it.
pub(crate) fn start(ns_per_tick: Option<f64>) {
    if !invariant() {
        return;
    }
    let zero = both();
    let scale = ns_per_tick.unwrap_or_else(|| {
        while monotonic_ns().wrapping_sub(zero.1) < 2_000_000 {
            core::hint::spin_loop();
        }
        let now = both();
        now.1.wrapping_sub(zero.1) as f64 / now.0.wrapping_sub(zero.0).max(1) as f64
    });
    if !(0.001..1_000.0).contains(&scale) {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0.001 and 1,000 times 2^32"
    )]
    SCALE.store((scale * (1_u64 << 32) as f64) as u64, Ordering::Relaxed);
    ZERO_TICKS.store(zero.0, Ordering::Relaxed);
    ZERO_NS.store(zero.1, Ordering::Relaxed);
    COUNTER.store(true, Ordering::Relaxed);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn counter() -> u64 {
    // SAFETY: every x86_64 has it; a program that forbids it to itself (PR_SET_TSC) is not measured.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Whether the counter ticks at one rate always: AMD's and Intel's manuals, `CPUID` 8000'0007h, EDX
/// bit 8.
#[cfg(target_arch = "x86_64")]
fn invariant() -> bool {
    use core::arch::x86_64::__cpuid;
    __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & 1 << 8 != 0
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn counter() -> u64 {
    let ticks: u64;
    // SAFETY: Linux lets programs read it; nothing else is touched.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    ticks
}

#[cfg(target_arch = "aarch64")]
fn invariant() -> bool {
    true
}
