//! One run, and what it was worth.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::str::FromStr;
use std::time::Instant;

use locktoll_bench::Error as BenchError;
use locktoll_bench::measure::{Measure, Source};
use locktoll_symbols::Symbolizer;
use locktoll_trace::recording::Delays;
use tempfile::TempDir;

use super::delays_of;
use crate::error::{Error, Result};
use crate::record::{Library, prepare};
use crate::recorded::{self, Facts, Observed};

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
}

/// Runs programs one after the other.
pub(super) struct Trials<'a> {
    library: &'a Library,
    metric: &'a Metric,
    symbolizer: &'a Symbolizer,
    pattern: Option<regex::Regex>,
    /// How the program's first run ended, and so all have to.
    ends: Option<ExitStatus>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(
        library: &'a Library,
        metric: &'a Metric,
        symbolizer: &'a Symbolizer,
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
            ends: None,
        })
    }

    /// A run that is recorded as `locktoll record` does, without delays.
    pub(super) fn recorded(&mut self, command: &[String]) -> Result<Observed> {
        let traces = folder()?;
        let (_, ended) = self.start(command, Some(traces.path()), None)?;
        self.check(command, &ended)?;
        Observed::read(traces.path())
    }

    /// A run of the program, with a lock watched and delayed or bare.
    pub(super) fn program(&mut self, command: &[String], delay: Option<&Delay>) -> Result<Seen> {
        let traces = folder()?;
        let (wall_ns, ended) = self.start(command, delay.map(|_| traces.path()), delay)?;
        self.check(command, &ended)?;
        let mut seen = Seen {
            wall_ns,
            time_ns: wall_ns,
            delays: Delays::default(),
        };
        let observed = Observed::read(traces.path())?;
        seen.delays = delays_of(&observed);
        let count = match self.metric {
            Metric::Wall => return Ok(seen),
            Metric::Printed(_) => {
                seen.time_ns = 1e9 / self.value(&String::from_utf8_lossy(&ended.stdout))?;
                return Ok(seen);
            }
            Metric::Ops => seen.delays.holds.count,
            Metric::OpsOf(name) => {
                let record = recorded::analyse(&observed, Facts::default(), self.symbolizer);
                let named = record.locks.iter().filter(|lock| lock.name == *name);
                named.map(|lock| lock.acquisitions).sum()
            }
        };
        if delay.is_some() && count == 0 {
            return Err(Error::Usage(format!(
                "--metric {}: no such acquisition in a run",
                self.metric
            )));
        }
        seen.time_ns = wall_ns / count.max(1) as f64;
        Ok(seen)
    }

    /// A run of the replica, which says itself how long it took.
    pub(super) fn replica(&mut self, command: &[String], delay: Option<&Delay>) -> Result<Seen> {
        let traces = folder()?;
        let (_, ended) = self.start(command, delay.map(|_| traces.path()), delay)?;
        let printed = String::from_utf8_lossy(&ended.stdout);
        let wall_ns: f64 = printed.trim().parse().map_err(|_| {
            Error::Usage(format!(
                "the replica printed no time: {}",
                String::from_utf8_lossy(&ended.stderr).trim()
            ))
        })?;
        Ok(Seen {
            wall_ns,
            time_ns: wall_ns,
            delays: delays_of(&Observed::read(traces.path())?),
        })
    }

    /// Wall time, and how it ended.
    fn start(
        &self,
        command: &[String],
        traces: Option<&Path>,
        delay: Option<&Delay>,
    ) -> Result<(f64, Output)> {
        let mut variables = Vec::new();
        if let Some(traces) = traces {
            variables = self.library.variables_for(traces);
            variables.extend(delay.iter().flat_map(|delay| delay.variables()));
        }
        let mut prepared: Command = prepare(command, &variables)?;
        prepared.stdin(Stdio::null());
        let program = command.first().cloned().unwrap_or_default();
        let began = Instant::now();
        let ended = prepared
            .output()
            .map_err(BenchError::io("start", &program))?;
        Ok((began.elapsed().as_nanos() as f64, ended))
    }

    /// Refuses a run that did not end as the first one did, or by a signal: its time means nothing.
    fn check(&mut self, command: &[String], ended: &Output) -> Result<()> {
        let expected = *self.ends.get_or_insert(ended.status);
        if ended.status == expected && expected.signal().is_none() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        Err(Error::Usage(format!(
            "{} did not end as it should ({}), so its times cannot be compared: {}",
            command.first().map_or("the program", String::as_str),
            ended.status,
            said.trim().lines().last().unwrap_or_default()
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
