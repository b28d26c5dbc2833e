//! How much work the replica has to do in its holds, and between them, to hold its lock as long as the program
//! does. Both are watched by the same library, so that what watching costs is in both.

use super::choice::Choice;
use super::trial::{Delay, Seen, Trials};
use crate::error::{Error, Result};

/// Steps of work in a nanosecond, to begin with.
const STEPS_PER_NS: f64 = 0.7;
/// Corrections: each is by the line through two measurements.
const CORRECTIONS: usize = 3;

/// A replica that holds its lock as long as the program does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    program: String,
    by_thread: Vec<u64>,
    hold: f64,
    apart: f64,
    adaptive: bool,
    /// Its mean hold when watched.
    pub(super) hold_ns: f64,
}

impl Fitted {
    /// Its command with a part of the holds' work cut.
    pub(super) fn command(&self, cut: f64) -> Vec<String> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let steps = |steps: f64| (steps.round() as u64).to_string();
        let counts: Vec<String> = self.by_thread.iter().map(u64::to_string).collect();
        let mut command = vec![
            self.program.clone(),
            "replica".to_owned(),
            "--acquisitions".to_owned(),
            counts.join(","),
            "--hold".to_owned(),
            steps(self.hold * (1.0 - cut)),
            "--apart".to_owned(),
            steps(self.apart),
        ];
        if self.adaptive {
            command.push("--adaptive".to_owned());
        }
        command
    }

    /// Times to add to its holds, and after them. It has no other lock.
    pub(super) fn delay(inside_ns: u64, outside_ns: u64) -> Delay {
        Delay {
            lock: None,
            sites: "*".to_owned(),
            inside_ns,
            outside_ns,
        }
    }
}

/// Mean hold and mean time between holds of a watched run.
fn means(seen: &Seen) -> [f64; 2] {
    let mean = |sum: locktoll_trace::recording::Sum| sum.total_ns as f64 / sum.count.max(1) as f64;
    [mean(seen.delays.holds), mean(seen.delays.apart)]
}

/// Fits a replica to a watched run of the program.
///
/// # Errors
/// The replica does not run.
pub(super) fn fit(trials: &mut Trials<'_>, choice: &Choice, watched: &Seen) -> Result<Fitted> {
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.into_os_string().into_string().ok())
        .ok_or_else(|| Error::Usage("locktoll's own file cannot be found".into()))?;
    let [hold_ns, apart_ns] = means(watched);
    let mut fitted = Fitted {
        program,
        by_thread: choice.by_thread.clone(),
        hold: hold_ns * STEPS_PER_NS,
        apart: 0.0,
        adaptive: choice.is_adaptive(),
        hold_ns: 0.0,
    };
    let mut before: Option<[f64; 2]> = None;
    for _ in 0..CORRECTIONS {
        let seen = trials.replica(&fitted.command(0.0), Some(&Fitted::delay(0, 0)))?;
        let [held, apart] = means(&seen);
        fitted.hold_ns = held;
        if before.is_none() {
            // What it is apart without any work is what watching costs.
            fitted.apart = ((apart_ns - apart) * fitted.hold / held.max(1.0)).max(0.0);
        }
        let now = [fitted.hold, held];
        fitted.hold = corrected(before, now, hold_ns).max(0.0);
        before = Some(now);
    }
    Ok(fitted)
}

/// Steps for a hold, by the line through the last two points of (steps, hold), or through zero.
fn corrected(before: Option<[f64; 2]>, now: [f64; 2], hold_ns: f64) -> f64 {
    let proportional = now[0] * hold_ns / now[1].max(1.0);
    let Some(before) = before else {
        return proportional;
    };
    let [steps, held] = [now[0] - before[0], now[1] - before[1]];
    let slope = held / steps;
    let alike = now[1] / now[0].max(1.0);
    // Points close together give no slope; then the ratio has to do.
    if slope.is_finite() && slope > alike / 2.0 && slope < alike * 2.0 {
        now[0] + (hold_ns - now[1]) / slope
    } else {
        proportional
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_by_a_line() {
        // A hold of 20 ns, and 2 ns for each step; wanted are 220 ns.
        let held = |steps: f64| 20.0 + 2.0 * steps;
        let first = [80.0, held(80.0)];
        let second = corrected(None, first, 220.0);
        assert!((second - 80.0 * 220.0 / 180.0).abs() < 1e-9);
        let third = corrected(Some(first), [second, held(second)], 220.0);
        assert!((third - 100.0).abs() < 1e-9, "{third}");
        // Twice the same point: no line.
        let again = corrected(Some(first), first, 220.0);
        assert!((again - second).abs() < 1e-9);
    }
}
