//! One run, and what it was worth.

use std::fmt;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use locktoll_bench::measure::{Measure, Source};
use locktoll_bench::{Error as BenchError, duration};
use locktoll_symbols::Symbolizer;
use locktoll_trace::recording::Delays;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::record::{Launched, Library, prepare};
use crate::recorded::{self, Facts, Observed};

/// How long a program that has ended may leave its output open to processes that it started.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time added to the holds of a lock, and after them; 0 where it is only watched.
#[derive(Debug, Clone)]
pub(super) struct Delay {
    /// Where the lock is, `OFFSET@FILE`.
    pub(super) lock: Option<String>,
    /// Where the calls are that take it, parted by `:`; `*` for all.
    pub(super) sites: String,
    pub(super) inside_ns: u64,
    pub(super) outside_ns: u64,
}

impl Delay {
    /// How the library is told.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("LOCKTOLL_DELAY_SITES", self.sites.clone()),
            ("LOCKTOLL_DELAY_INSIDE_NS", self.inside_ns.to_string()),
            ("LOCKTOLL_DELAY_OUTSIDE_NS", self.outside_ns.to_string()),
        ];
        if let Some(lock) = &self.lock {
            variables.push(("LOCKTOLL_DELAY_LOCK", lock.clone()));
        }
        variables
    }
}

/// What the time of a run is the time of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Metric {
    /// Of the run.
    Wall,
    /// Of one acquisition of the lock that is held longer.
    Ops,
    /// Of one acquisition of another lock.
    OpsOf(String),
    /// Of one of what the program prints a rate of.
    Printed(String),
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "wall" => Ok(Self::Wall),
            None if text == "ops" => Ok(Self::Ops),
            Some(("ops", name)) if !name.is_empty() => Ok(Self::OpsOf(name.to_owned())),
            Some(("regex", pattern)) if !pattern.is_empty() => Ok(Self::Printed(pattern.to_owned())),
            _ => Err(
                "it is wall, ops (acquisitions of the lock), ops:LOCK (of another) or regex:PATTERN (a rate \
                 that the program prints)"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wall => f.write_str("wall"),
            Self::Ops => f.write_str("ops"),
            Self::OpsOf(name) => write!(f, "ops:{name}"),
            Self::Printed(pattern) => write!(f, "regex:{pattern}"),
        }
    }
}

impl Metric {
    /// What a time is the time of.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Wall => "a whole run",
            Self::Ops => "an acquisition of the lock",
            Self::OpsOf(_) => "an acquisition of the other lock",
            Self::Printed(_) => "one of what the program counts",
        }
    }

    /// Whether a run without the library has a time.
    pub(super) fn is_seen_bare(&self) -> bool {
        matches!(self, Self::Wall | Self::Printed(_))
    }
}

/// What one run was worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// From start to end.
    pub(super) wall_ns: f64,
    /// From the signal that told it to end, to its end.
    pub(super) ending_ns: Option<f64>,
    /// Time of a unit.
    pub(super) time_ns: f64,
    /// What the library saw of the lock; nothing in a bare run.
    pub(super) delays: Delays,
}

impl Seen {
    /// A sum over the run, for each unit.
    pub(super) fn per_unit(&self, total_ns: u64) -> f64 {
        total_ns as f64 * self.time_ns / self.wall_ns
    }

    /// Time of a hold with what is round it.
    pub(super) fn per_hold(&self) -> f64 {
        self.wall_ns / self.delays.holds.count as f64
    }
}

/// One run's end, with what it printed.
struct Done {
    wall_ns: f64,
    /// From the signal that told it to end.
    ending_ns: Option<f64>,
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

/// Runs programs one after the other.
pub(super) struct Trials<'a> {
    library: &'a Library,
    metric: &'a Metric,
    symbolizer: &'a Symbolizer,
    pattern: Option<regex::Regex>,
    /// After how long a run of the program is told to end.
    duration: Option<Duration>,
    /// How the program's first run ended, and so all have to.
    ends: Option<ExitStatus>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(
        library: &'a Library,
        metric: &'a Metric,
        symbolizer: &'a Symbolizer,
        duration: Option<Duration>,
    ) -> Result<Self> {
        let pattern = match metric {
            Metric::Printed(pattern) => Measure {
                source: Source::Pattern(pattern.clone()),
                ..Measure::wall()
            }
            .pattern()?,
            _ => None,
        };
        Ok(Self {
            library,
            metric,
            symbolizer,
            pattern,
            duration,
            ends: None,
        })
    }

    /// A run that is recorded as `locktoll record` does, without delays.
    pub(super) fn recorded(&mut self, command: &[String]) -> Result<Observed> {
        let traces = folder()?;
        let done = self.start(command, Some(traces.path()), None, self.duration)?;
        self.check(command, &done)?;
        Observed::read(traces.path())
    }

    /// A run of the program with a lock watched, of whatever it is measured by.
    pub(super) fn watched(&mut self, command: &[String], delay: &Delay) -> Result<Seen> {
        Ok(self.run(command, Some(delay))?.0)
    }

    /// A run of the program, with a lock watched and delayed or bare.
    pub(super) fn program(&mut self, command: &[String], delay: Option<&Delay>) -> Result<Seen> {
        let (mut seen, stdout, observed) = self.run(command, delay)?;
        let count = match self.metric {
            Metric::Wall => return Ok(seen),
            Metric::Printed(_) => {
                seen.time_ns = 1e9 / self.value(&stdout)?;
                return Ok(seen);
            }
            Metric::Ops => seen.delays.holds.count,
            Metric::OpsOf(name) => {
                let record = recorded::analyse(&observed, Facts::default(), self.symbolizer);
                let named = record.locks.iter().filter(|lock| lock.name == *name);
                named.map(|lock| lock.acquisitions).sum()
            }
        };
        if count == 0 {
            return Err(Error::Usage(format!(
                "--metric {}: no such acquisition in a run",
                self.metric
            )));
        }
        seen.time_ns = seen.wall_ns / count as f64;
        Ok(seen)
    }

    /// A run of the program, with its whole time, what it printed and what its traces hold.
    fn run(
        &mut self,
        command: &[String],
        delay: Option<&Delay>,
    ) -> Result<(Seen, String, Observed)> {
        let traces = folder()?;
        let loaded = delay.map(|_| traces.path());
        let done = self.start(command, loaded, delay, self.duration)?;
        self.check(command, &done)?;
        let observed = Observed::read(traces.path())?;
        let seen = Seen {
            wall_ns: done.wall_ns,
            ending_ns: done.ending_ns,
            time_ns: done.wall_ns,
            delays: delays_of(&observed),
        };
        Ok((seen, done.stdout, observed))
    }

    /// A run of the replica, which says itself how long it took.
    pub(super) fn replica(&mut self, command: &[String], delay: Option<&Delay>) -> Result<Seen> {
        let traces = folder()?;
        let done = self.start(command, delay.map(|_| traces.path()), delay, None)?;
        let wall_ns: f64 = done.stdout.trim().parse().map_err(|_| {
            Error::Usage(format!(
                "the replica printed no time: {}",
                done.stderr.trim()
            ))
        })?;
        Ok(Seen {
            wall_ns,
            ending_ns: None,
            time_ns: wall_ns,
            delays: delays_of(&Observed::read(traces.path())?),
        })
    }

    /// Starts a program without input, reads what it prints, and waits for its end.
    fn start(
        &self,
        command: &[String],
        traces: Option<&Path>,
        delay: Option<&Delay>,
        duration: Option<Duration>,
    ) -> Result<Done> {
        let mut variables = Vec::new();
        if let Some(traces) = traces {
            variables = self.library.variables_for(traces);
            variables.extend(delay.iter().flat_map(|delay| delay.variables()));
        }
        let mut prepared = prepare(command, &variables)?;
        prepared
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut launched = Launched::start(prepared, duration)?;
        let [stdout, stderr] = [
            launched.stdout.take().map(reader),
            launched.stderr.take().map(reader),
        ];
        let ended = loop {
            if let Some(ended) = launched.wait(None)? {
                break ended;
            }
        };
        let wall_ns = ended.wall_ns as f64;
        Ok(Done {
            wall_ns,
            ending_ns: launched
                .told()
                .map(|told| (wall_ns - duration::ns(told) as f64).max(0.0)),
            status: ended.status,
            stdout: printed(stdout, command)?,
            stderr: printed(stderr, command)?,
        })
    }

    /// Refuses a run that did not end as the first one did, or by a signal that was not sent to end it: its time
    /// means nothing.
    fn check(&mut self, command: &[String], done: &Done) -> Result<()> {
        if let (Some(duration), None) = (self.duration, done.ending_ns) {
            return Err(Error::Usage(format!(
                "{} ended by itself ({}) before its time of {} was up: give a shorter --duration, or where it does \
                 the same work each time, none{}",
                name(command),
                done.status,
                humantime::format_duration(duration),
                last_words(&done.stderr)
            )));
        }
        let expected = *self.ends.get_or_insert(done.status);
        let is_told = done.ending_ns.is_some();
        if done.status == expected && (is_told || expected.signal().is_none()) {
            return Ok(());
        }
        let before = if done.status == expected {
            String::new()
        } else {
            format!(", and {expected} in the first run")
        };
        Err(Error::Usage(format!(
            "{} did not end as it should ({}{before}), so its times cannot be compared{}",
            name(command),
            done.status,
            last_words(&done.stderr)
        )))
    }

    fn value(&self, printed: &str) -> Result<f64> {
        let found = self.pattern.as_ref().and_then(|pattern| {
            let last = pattern.captures_iter(printed).last()?;
            let text = last.get(1).or_else(|| last.get(0))?.as_str();
            text.parse::<f64>().ok().filter(|&value| value > 0.0)
        });
        found.ok_or_else(|| {
            Error::Usage(format!(
                "--metric {}: the program printed no positive number there",
                self.metric
            ))
        })
    }
}

fn name(command: &[String]) -> &str {
    command.first().map_or("the program", String::as_str)
}

/// The last line of what a program said, to be put behind a sentence.
fn last_words(stderr: &str) -> String {
    let last = stderr.trim().lines().last();
    last.map_or_else(String::new, |line| format!(". Its last words: {line}"))
}

/// Reads a pipe to its end, so that whoever writes into it need not wait.
fn reader(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, bytes) = channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        // What could be read before an error is as much as there is.
        let _ = pipe.read_to_end(&mut all);
        tell.send(all)
    });
    bytes
}

/// What was read by the time that a program has ended.
fn printed(bytes: Option<Receiver<Vec<u8>>>, command: &[String]) -> Result<String> {
    let Some(bytes) = bytes else {
        return Ok(String::new());
    };
    let bytes = bytes.recv_timeout(PATIENCE).map_err(|_| {
        Error::Usage(format!(
            "{} has ended, and processes that it started have not: they would run beside the next runs. Give a \
             command that waits for them and ends them",
            name(command)
        ))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the traces of a watched run hold of it.
fn delays_of(observed: &Observed) -> Delays {
    let mut sum = Delays::default();
    for process in &observed.processes {
        let delays = process.recording.delays;
        for (to, from) in [
            (&mut sum.inside, delays.inside),
            (&mut sum.outside, delays.outside),
            (&mut sum.apart, delays.apart),
            (&mut sum.holds, delays.holds),
        ] {
            to.count = to.count.saturating_add(from.count);
            to.total_ns = to.total_ns.saturating_add(from.total_ns);
        }
    }
    sum
}

fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir().map_err(BenchError::io("create", "a folder"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_read_back() {
        for text in ["wall", "ops", "ops:a::b", "regex:([0-9]+) per s"] {
            assert_eq!(text.parse::<Metric>().unwrap().to_string(), text);
        }
        for text in ["", "ops:", "regex:", "regex", "time"] {
            assert!(text.parse::<Metric>().is_err(), "{text}");
        }
    }
}
