//! Progress on standard error while a run measures: block, cell, widest interval, time left.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use locktoll_bench::map;
use locktoll_bench::run::Event;
use locktoll_bench::samples::{Outcome, Samples};
use locktoll_bench::stopping::Outlook;

/// Shows a run's events.
pub struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    quiet: bool,
    slots: u64,
    max_time: Duration,
    /// Time spent in trials, over all sessions of the run.
    spent: Duration,
    trials: u64,
    crashes: u64,
    block: String,
    widest: String,
}

impl Progress {
    /// A display for the run of `samples`.
    pub fn new(samples: &Samples, quiet: bool) -> Self {
        let plan = &samples.header.plan;
        let on_terminal = std::io::stderr().is_terminal();
        let bar = if quiet || !on_terminal {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner().with_style(style())
        };
        bar.enable_steady_tick(Duration::from_millis(120));
        let crashed = |trial: &&_| matches!(outcome(trial), Outcome::Crashed(_));
        Self {
            bar,
            on_terminal,
            quiet,
            slots: plan.cells().len() as u64,
            max_time: Duration::from_nanos(plan.max_time_ns),
            spent: Duration::from_nanos(samples.measured_ns()),
            trials: samples.trials.len() as u64,
            crashes: samples.trials.iter().filter(crashed).count() as u64,
            block: String::new(),
            widest: String::new(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::TrialStarted {
                block,
                position,
                of,
                cell,
            } => {
                self.block = format!("block {}, trial {}/{of}: {cell}", block + 1, position + 1);
            }
            Event::TrialEnded(trial) => {
                self.spent += Duration::from_nanos(trial.wall_ns);
                self.trials += 1;
                self.crashes += u64::from(matches!(trial.outcome, Outcome::Crashed(_)));
            }
            Event::BlockEnded(outlook) => {
                self.widest = widest(outlook) + &self.left(outlook);
                if !self.on_terminal && !self.quiet {
                    anstream::eprintln!("block {} done{}", outlook.complete, self.widest);
                }
            }
            Event::MapBlock(outlook) => {
                self.widest = self.of_stage(outlook);
                if !self.on_terminal && !self.quiet {
                    let said = self.widest.trim_start_matches(" · ");
                    anstream::eprintln!("{said}");
                }
            }
        }
        let crashes = match self.crashes {
            0 => String::new(),
            n => format!(" · {n} crashed"),
        };
        self.bar
            .set_message(format!("{}{}{crashes}", self.block, self.widest));
    }

    /// Removes the display.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Where a map stands, and the time that its stage still takes: how many stages follow is not
    /// known.
    fn of_stage(&self, outlook: &map::run::Outlook) -> String {
        let plural = if outlook.points == 1 { "" } else { "s" };
        let place = format!(
            " · stage {} ({} point{plural}), {} of {} blocks done",
            outlook.stage + 1,
            outlook.points,
            outlook.complete,
            outlook.blocks
        );
        if self.trials == 0 {
            return place;
        }
        let mut seconds =
            outlook.trials_left as f64 * self.spent.as_secs_f64() / self.trials as f64;
        if !self.max_time.is_zero() {
            seconds = seconds.min(self.max_time.saturating_sub(self.spent).as_secs_f64());
        }
        format!("{place} · {} left in it", whole_seconds(seconds))
    }

    /// Time left: until the target number of blocks where it is known, until the limit else.
    fn left(&self, outlook: &Outlook) -> String {
        let per_trial = self.spent.as_secs_f64() / self.trials.max(1) as f64;
        let to_target = outlook.target.map(|target| {
            target.saturating_sub(outlook.complete) as f64 * self.slots as f64 * per_trial
        });
        let to_limit = (!self.max_time.is_zero())
            .then(|| self.max_time.saturating_sub(self.spent).as_secs_f64());
        let seconds = match (to_target, to_limit) {
            (Some(target), Some(limit)) => target.min(limit),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return String::new(),
        };
        format!(" · {} left", whole_seconds(seconds))
    }
}

/// The widest interval, once it means something: after two blocks an interval has one degree of freedom,
/// and may be wider than any overhead.
fn widest(outlook: &Outlook) -> String {
    match &outlook.widest {
        Some((label, width)) if *width < 1.0 => {
            format!(" · widest ±{:.2}% ({label})", width * 100.0)
        }
        _ => String::new(),
    }
}

fn whole_seconds(seconds: f64) -> humantime::FormattedDuration {
    let left = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_duration(Duration::from_secs(left.as_secs()))
}

fn outcome(trial: &locktoll_bench::samples::Trial) -> &Outcome {
    &trial.outcome
}

fn style() -> ProgressStyle {
    // The template is a constant; the plain spinner is what remains if it should not parse.
    ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_shown_once_it_is_below_the_whole() {
        let outlook = |width: f64| Outlook {
            complete: 2,
            target: None,
            widest: Some(("global, 8 threads".to_owned(), width)),
            stop: None,
        };
        assert_eq!(widest(&outlook(12.7)), "");
        assert_eq!(
            widest(&outlook(0.0123)),
            " · widest ±1.23% (global, 8 threads)"
        );
    }
}
