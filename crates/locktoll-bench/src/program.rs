//! Starts a trial that is a run of a user's program, and reads its value off it.
//!
//! Such a program speaks no protocol: what a run is worth is its wall time, a number that it
//! prints, or what the layer under it has counted.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_gpu::Protection;
use locktoll_trace::Trace;
use nix::sys::resource::{Usage as ResourceUsage, UsageWho, getrusage};
use regex::Regex;

use crate::child::{self, End, Ended};
use crate::error::{Error, Result};
use crate::launch::Launch;
use crate::layer_counts;
use crate::measure::{Measure, Source};
use crate::plan::{Arm, Cell};
use crate::samples::{Crash, Iteration, Measurement, Outcome, Usage};
use crate::usage;

/// How the layer's lines on standard error begin.
const REFUSAL: &str = "VK_LAYER_LOCKTOLL_guard:";
/// The layer's counter of devices that it is under.
const DEVICES: &str = "devices";
/// How a run is named whose value could not be read.
const NO_VALUE: &str = "no value";

/// Starts runs of a user's program.
#[derive(Debug)]
pub struct ProgramRun {
    measure: Measure,
    pattern: Option<Regex>,
    /// Where the layer under the program leaves its counts.
    traces: PathBuf,
    /// Where the program is run.
    folder: PathBuf,
}

impl ProgramRun {
    /// Runs that are measured so, in `folder`. `traces` is the folder that the command lines name to the layer;
    /// whatever it holds is removed before each run.
    ///
    /// # Errors
    /// The pattern of `measure` is no regular expression.
    pub fn new(measure: &Measure, folder: PathBuf, traces: PathBuf) -> Result<Self> {
        Ok(Self {
            pattern: measure.pattern()?,
            measure: measure.clone(),
            traces,
            folder,
        })
    }

    /// Whether the layer is under the program in this cell.
    pub fn layered(measure: &Measure, cell: &Cell) -> bool {
        match cell.config.lock() {
            Some(Protection::Interposed(_)) => true,
            Some(Protection::Caller(_)) => measure.needs_layer(),
            None => false,
        }
    }

    /// Removes what earlier runs left; nothing but traces.
    fn remove_traces(&self) -> Result<()> {
        let failed = |error| Error::io("empty", &self.traces)(error);
        std::fs::create_dir_all(&self.traces)
            .map_err(Error::io("create the folder", &self.traces))?;
        for entry in std::fs::read_dir(&self.traces).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|kind| kind == "trace") {
                std::fs::remove_file(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn read_traces(&self) -> Result<Vec<Trace>> {
        Trace::read_dir(&self.traces).map_err(|error| Error::Trace {
            path: self.traces.clone(),
            message: error.to_string(),
        })
    }

    fn measurement(&self, cell: &Cell, ended: &Ended, seen: Seen, used: Usage) -> Result<Outcome> {
        let traces = if Self::layered(&self.measure, cell) {
            self.read_traces()?
        } else {
            Vec::new()
        };
        let count = |name| layer_counts::count(&traces, name);
        let whole = traces.iter().all(|trace| trace.ended);
        if self.measure.needs_layer() && !whole {
            return Ok(no_value(
                "the program ended without the layer's last counts (by _exit, or a process of it \
                 still runs), so its calls cannot be told"
                    .to_owned(),
            ));
        }
        if !traces.is_empty() && whole && count(layer_counts::SUBMITS) == 0 {
            return Ok(no_value(
                "no process that the layer was under has submitted any work: another one did it, \
                 without locks, or there was none"
                    .to_owned(),
            ));
        }
        let ops = match &self.measure.source {
            Source::Wall | Source::Pattern(_) => 1,
            Source::Submits => count(layer_counts::SUBMITS),
            Source::Dispatches => count(layer_counts::DISPATCHES) + count(layer_counts::DRAWS),
        };
        if ops == 0 {
            return Ok(no_value(format!(
                "the program ended without a Vulkan call of the kind that --measure {} counts",
                self.measure
            )));
        }
        let printed = match self.printed(ended, seen) {
            Ok(printed) => printed,
            Err(message) => return Ok(no_value(message)),
        };
        Ok(Outcome::Completed(Box::new(Measurement {
            iterations: vec![Iteration {
                ops,
                elapsed_ns: ended.wall_ns,
                ops_by_thread: Vec::new(),
            }],
            printed,
            latency: None,
            usage: used,
            device_busy_ns: None,
            added_ns: None,
            stages: None,
            lock_events: (cell.arm == Arm::Counted && whole)
                .then(|| layer_counts::lock_events(&traces)),
        })))
    }

    /// The printed value, where one is asked for: from standard output, or else from the end of
    /// standard error.
    fn printed(&self, ended: &Ended, seen: Seen) -> Result<Option<f64>, String> {
        let Some(pattern) = &self.pattern else {
            return Ok(None);
        };
        let text = seen
            .first_match
            .or_else(|| {
                ended
                    .stderr
                    .lines()
                    .find_map(|line| first_match(pattern, line))
            })
            .ok_or_else(|| format!("no line of the output matches {}", self.measure))?;
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(Some(value)),
            _ => Err(format!(
                "'{text}', which {} matches, is not a positive number",
                self.measure
            )),
        }
    }
}

impl Launch for ProgramRun {
    fn launch(
        &self,
        command: &[String],
        cell: &Cell,
        timeout: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Option<Outcome>> {
        let layered = Self::layered(&self.measure, cell);
        if layered {
            self.remove_traces()?;
        }
        let before = usage_of_children()?;
        let mut seen = Seen { first_match: None };
        let ended = child::run(
            command,
            Some(&self.folder),
            timeout,
            interrupted,
            &mut |line| {
                if let (Some(pattern), None) = (&self.pattern, &seen.first_match) {
                    seen.first_match = first_match(pattern, &String::from_utf8_lossy(line));
                }
            },
        )?;
        let used = usage::between(&before, &usage_of_children()?);
        // Our refusal is no crash of the program's.
        if ended.stderr.contains(REFUSAL) {
            return Err(Error::LayerRefused {
                message: child::last_words(ended.end, &ended.stderr, timeout),
            });
        }
        match ended.end {
            End::Interrupted => Ok(None),
            // Whether the locks were there is asked of every run that ended well: a run without
            // them would be a result of another configuration.
            End::Exited(status) if status.success() => {
                if layered {
                    let traces = self.read_traces()?;
                    if let Some(refused) = traces.iter().find(|trace| trace.refused) {
                        return Err(Error::LayerRefused {
                            message: refused.notes.trim_end().to_owned(),
                        });
                    }
                    if layer_counts::count(&traces, DEVICES) == 0 {
                        return Err(Error::LayerNotLoaded {
                            command: command.to_vec(),
                        });
                    }
                }
                self.measurement(cell, &ended, seen, used).map(Some)
            }
            end => Ok(Some(Outcome::Crashed(Crash {
                signal: child::name_of(end),
                iteration: None,
                thread: None,
                message: child::last_words(end, &ended.stderr, timeout),
            }))),
        }
    }
}

/// What was read off the output while it ran by.
struct Seen {
    first_match: Option<String>,
}

/// The first capture group of the pattern in a line, or else all that it matches.
fn first_match(pattern: &Regex, line: &str) -> Option<String> {
    let found = pattern.captures(line)?;
    let group = found.get(1).or_else(|| found.get(0))?;
    Some(group.as_str().to_owned())
}

fn no_value(message: String) -> Outcome {
    Outcome::Crashed(Crash {
        signal: NO_VALUE.to_owned(),
        iteration: None,
        thread: None,
        message,
    })
}

/// What all children that have ended have used; one runs at a time.
fn usage_of_children() -> Result<ResourceUsage> {
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|errno| Error::io("read the resource usage of", "a trial")(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Config;

    fn cell() -> Cell {
        Cell {
            arm: Arm::Bare,
            config: Config::Command("mine".into()),
            threads: None,
            point: None,
        }
    }

    fn run(measure: &str, script: &str) -> Outcome {
        let measure = Measure {
            source: measure.parse().unwrap(),
            lower_is_better: false,
            unit: None,
        };
        let traces = tempfile::tempdir().unwrap();
        let runner = ProgramRun::new(
            &measure,
            traces.path().to_path_buf(),
            traces.path().join("traces"),
        )
        .unwrap();
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        runner
            .launch(
                &command,
                &cell(),
                Duration::from_mins(1),
                &AtomicBool::new(false),
            )
            .unwrap()
            .unwrap()
    }

    fn value(measure: &str, script: &str) -> f64 {
        match run(measure, script) {
            Outcome::Completed(measured) => measured.value(),
            Outcome::Crashed(crash) => panic!("{crash:?}"),
        }
    }

    fn crash(measure: &str, script: &str) -> Crash {
        match run(measure, script) {
            Outcome::Crashed(crash) => crash,
            Outcome::Completed(measured) => panic!("{measured:?}"),
        }
    }

    #[test]
    fn wall_time_is_runs_per_second() {
        // Sleeping takes at least its time, so the rate has an upper bound on any machine.
        assert!(value("wall", "sleep 0.2") <= 5.0);
    }

    #[test]
    fn the_first_group_of_the_first_match_counts() {
        let script = "echo warm-up 5; echo 'rate: 12.5 ops, 3 more'; echo 'rate: 99 ops'";
        assert!((value(r"regex:rate: ([\d.]+)", script) - 12.5).abs() < f64::EPSILON);
        assert!((value(r"regex:\d+\.\d+", "echo a 7.25 >&2") - 7.25).abs() < f64::EPSILON);
    }

    #[test]
    fn output_without_a_value_is_no_result_and_says_why() {
        let none = crash("regex:rate ([0-9]+)", "echo nothing");
        assert_eq!(none.signal, NO_VALUE);
        assert!(none.message.contains("regex:rate"), "{none:?}");
        for bad in ["0", "-3", "nan", "inf", "x"] {
            let crash = crash("regex:rate (.*)", &format!("echo rate {bad}"));
            assert!(crash.message.contains(bad), "{crash:?}");
        }
    }

    #[test]
    fn a_crash_keeps_its_signal_and_last_words() {
        let crash = crash("wall", "echo why >&2; kill -SEGV $$");
        assert_eq!(
            (crash.signal.as_str(), crash.message.as_str()),
            ("SIGSEGV", "why")
        );
    }
}
