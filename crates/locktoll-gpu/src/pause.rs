//! Time: the host's monotonic clock in nanoseconds, and the three ways to let it pass.
//!
//! The soft device's truth is made of times, and so is an experiment that adds known ones. Each way
//! is as exact as its purpose needs: spinning for CPU time, sleeping for device time, and both in
//! turn for time that must be exact but use no core.

/// How long before the end of a hold sleeping gives way to spinning: more than a sleeping thread
/// usually needs to get its core back.
const WAKE_UP_NS: u64 = 60_000;

/// Uses the core for `duration_ns`; the time that passed.
///
/// It ends by the clock: a thread that is preempted meanwhile has used the core for less.
pub fn spin(duration_ns: u64) -> u64 {
    if duration_ns == 0 {
        return 0;
    }
    let started_ns = now_ns();
    let deadline_ns = started_ns.saturating_add(duration_ns);
    spin_until(deadline_ns).max(deadline_ns) - started_ns
}

/// Sleeps for `duration_ns` at least; the time that passed, the wake-up included.
pub fn sleep(duration_ns: u64) -> u64 {
    let started_ns = now_ns();
    sleep_until(started_ns.saturating_add(duration_ns));
    now_ns() - started_ns
}

/// Lets `duration_ns` pass, exactly, using the core for the last [`WAKE_UP_NS`] at most.
pub(crate) fn hold(duration_ns: u64) {
    if duration_ns > 0 {
        let deadline_ns = now_ns().saturating_add(duration_ns);
        sleep_until(deadline_ns.saturating_sub(WAKE_UP_NS));
        spin_until(deadline_ns);
    }
}

/// The time at which it ended.
fn spin_until(deadline_ns: u64) -> u64 {
    loop {
        let now_ns = now_ns();
        if now_ns >= deadline_ns {
            return now_ns;
        }
        std::hint::spin_loop();
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{now_ns, sleep_until};

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::Cell;
    use std::time::Duration;

    use nix::sys::time::TimeSpec;
    use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

    /// The time now.
    pub(crate) fn now_ns() -> u64 {
        let now = CLOCK.now().expect("every Linux has a monotonic clock");
        Duration::from(now)
            .as_nanos()
            .try_into()
            .unwrap_or(u64::MAX)
    }

    /// Sleeps until `deadline_ns`; returns at once if that has passed.
    pub(crate) fn sleep_until(deadline_ns: u64) {
        if now_ns() >= deadline_ns {
            return;
        }
        sharpen_timer();
        let deadline = TimeSpec::from_duration(Duration::from_nanos(deadline_ns));
        // A signal ends the sleep early; then it goes on to the same absolute time.
        while now_ns() < deadline_ns {
            let _ = clock_nanosleep(CLOCK, ClockNanosleepFlags::TIMER_ABSTIME, &deadline);
        }
    }

    /// Sets this thread's timer slack to 1 ns; the usual 50 µs would be half a default service.
    fn sharpen_timer() {
        thread_local! {
            static SHARP: Cell<bool> = const { Cell::new(false) };
        }
        if !SHARP.replace(true) {
            // Without it, sleeps only end later.
            let _ = nix::sys::prctl::set_timerslack(1);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{now_ns, sleep_until};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    /// The time now, since the first reading.
    pub(crate) fn now_ns() -> u64 {
        static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
        EPOCH.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }

    /// Sleeps until `deadline_ns`; returns at once if that has passed.
    pub(crate) fn sleep_until(deadline_ns: u64) {
        while let Some(left_ns) = deadline_ns.checked_sub(now_ns()).filter(|left| *left > 0) {
            std::thread::sleep(Duration::from_nanos(left_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Lower bounds only: they hold on any machine, however busy.
    #[test]
    fn nothing_returns_early() {
        for duration_ns in [20_000, WAKE_UP_NS + 200_000] {
            let start_ns = now_ns();
            hold(duration_ns);
            assert!(now_ns() - start_ns >= duration_ns);
            for wait in [spin, sleep] {
                let start_ns = now_ns();
                let told_ns = wait(duration_ns);
                assert!(duration_ns <= told_ns && told_ns <= now_ns() - start_ns);
            }
        }
        let deadline_ns = now_ns() + 200_000;
        sleep_until(deadline_ns);
        assert!(now_ns() >= deadline_ns);
    }

    // CPU time, unlike the clock, does not grow while other programs have the core.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_hold_and_a_sleep_leave_the_core_to_others() {
        use std::time::Duration;

        let cpu_time = || {
            let now = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID.now();
            Duration::from(now.unwrap())
        };
        let before = cpu_time();
        hold(100_000_000);
        sleep_until(now_ns() + 100_000_000);
        assert!(cpu_time() < before + Duration::from_millis(20));
    }

    #[test]
    fn the_past_is_not_waited_for() {
        sleep_until(0);
        spin_until(0);
        hold(0);
        assert_eq!(spin(0), 0);
    }
}
