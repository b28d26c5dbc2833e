//! A line about the locks while the program runs, on a terminal.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use locktoll_report::format::{duration_ns, plural, share};
use locktoll_report::record::Record;
use locktoll_report::text::plain;
use locktoll_symbols::Symbolizer;

use crate::recorded::{self, Facts, Observed};

/// Reading takes at most one part in so many of the time; but for the first, which looks up all names.
const SPARE: u32 = 20;
/// The longest without a new line.
const LONGEST: Duration = Duration::from_secs(5);

/// The line, or nothing where nobody would see it.
pub(super) struct Line {
    bar: Option<ProgressBar>,
    next: Instant,
}

impl Line {
    pub(super) fn new(is_unwanted: bool) -> Self {
        let is_seen = std::io::stderr().is_terminal() && !is_unwanted;
        let bar = is_seen.then(|| {
            ProgressBar::new_spinner().with_style(
                ProgressStyle::with_template("{wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            )
        });
        Self {
            bar,
            next: Instant::now(),
        }
    }

    pub(super) fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    /// Reads the traces as they are now, and tells which locks cost most.
    pub(super) fn show(&mut self, traces: &Path, symbolizer: &Symbolizer) {
        let Some(bar) = &self.bar else { return };
        let began = Instant::now();
        if began < self.next {
            return;
        }
        // What is written at this moment is read again in a second.
        if let Ok(mut observed) = Observed::read(traces) {
            for process in &mut observed.processes {
                // Unwinding takes long, and this line has no stacks.
                process.recording.stacks.clear();
            }
            let record = recorded::analyse(&observed, Facts::default(), symbolizer);
            bar.set_message(words(&record));
        }
        self.next = Instant::now() + began.elapsed().saturating_mul(SPARE).min(LONGEST);
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(record: &Record) -> String {
    let lost: f64 = record.locks.iter().map(|lock| lock.wait.total_ns).sum();
    if lost <= 0.0 {
        return format!(
            "locktoll: no waits yet · {} of {}",
            plural(record.sampling.acquisitions, "acquisition"),
            plural(record.locks.len() as u64, "lock")
        );
    }
    let worst = record
        .locks
        .iter()
        .take(3)
        .filter(|lock| lock.wait.total_ns > 0.0)
        .map(|lock| format!("{} {}", plain(&lock.name), share(lock.wait.total_ns / lost)));
    let mut parts = vec![format!("locktoll: waited {} for locks", duration_ns(lost))];
    parts.extend(worst);
    parts.join(" · ")
}
