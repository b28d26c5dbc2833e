//! What a recorded program has left in the folder: for each of its processes a trace, and its mappings.

use std::fs;
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_symbols::Maps;
use locktoll_trace::recording::{Blame, Point, Recording};
use locktoll_trace::{Kind, Trace};

use crate::error::Result;

/// Everything that was left.
#[derive(Debug, Default)]
pub struct Observed {
    /// In the order of their files.
    pub processes: Vec<ObservedProcess>,
    /// Files that can't be read, and why.
    pub unreadable: Vec<String>,
}

/// One process, between two calls of `exec`.
#[derive(Debug)]
pub struct ObservedProcess {
    /// The name of its trace.
    pub file: String,
    /// Its number.
    pub pid: u32,
    /// What it recorded.
    pub recording: Recording,
    /// Whether it said that it ended.
    pub ended: bool,
    /// How long it lived since its recording began; of one that was killed, as far as that is known.
    pub lived_ns: u64,
    /// Waits that it ended in, by the places of the threads in [`Recording::threads`].
    pub unfinished: Vec<Unfinished>,
    /// What lay where in its memory.
    pub maps: Maps,
}

/// A wait that was not over when the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// Where, by its place in [`Recording::points`].
    pub point: usize,
    /// Call site by which the lock was had when it began; 0 if not known.
    pub owner_site: u64,
    /// How long it had lasted.
    pub wait_ns: u64,
}

/// The process that was started, and for how long it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Its number.
    pub pid: u32,
    /// From its start to its end.
    pub wall_ns: u64,
}

impl Observed {
    /// Reads a folder of traces, also while they are written. A file that can't be read is told of and
    /// left out: those of other processes are still right.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_of(folder, None)
    }

    /// The same of a program whose end was seen.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_of(folder: &Path, started: Option<Started>) -> Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(BenchError::io("list", folder))? {
            let path = entry.map_err(BenchError::io("list", folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "trace")
            {
                paths.push(path);
            }
        }
        paths.sort();
        let mut observed = Self::default();
        for path in paths {
            observed.add(&path);
        }
        observed.end(started);
        Ok(observed)
    }

    /// Finds out when each process ended, and ends the waits that it was in.
    fn end(&mut self, started: Option<Started>) {
        let begins: Vec<(u32, u64)> = self
            .processes
            .iter()
            .map(|process| (process.pid, process.recording.began_ns))
            .collect();
        for process in &mut self.processes {
            let replaced = begins
                .iter()
                .filter(|(pid, began)| *pid == process.pid && *began > process.recording.began_ns)
                .map(|(_, began)| *began)
                .min();
            process.lived_ns = lived_ns(process, replaced, started);
            process.end_waits();
        }
    }

    fn add(&mut self, path: &Path) {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let trace = match Trace::read(path) {
            Ok(trace) => trace,
            Err(error) => return self.unreadable.push(format!("{file}: {error}")),
        };
        // A trace of the Vulkan layer, which may lie in the same folder.
        let Some(recording) = trace.recording else {
            return;
        };
        let maps = fs::read(path.with_extension("maps")).unwrap_or_default();
        let maps = Maps::parse(&maps).unwrap_or_else(|error| {
            self.unreadable
                .push(format!("the mappings of {file}: {error}"));
            Maps::default()
        });
        self.processes.push(ObservedProcess {
            file,
            pid: trace.pid,
            recording,
            ended: trace.ended,
            lived_ns: 0,
            unfinished: Vec::new(),
            maps,
        });
    }
}

/// How long a process lived since its recording began. `replaced` is when it began another program.
fn lived_ns(process: &ObservedProcess, replaced: Option<u64>, started: Option<Started>) -> u64 {
    let recording = &process.recording;
    let since_began = |ns: u64| ns.saturating_sub(recording.began_ns);
    // A process that was killed does not say when.
    let last_seen = recording
        .threads
        .iter()
        .map(|thread| thread.last_ns.max(thread.began_ns))
        .max()
        .map_or(0, since_began);
    let of_started = || {
        let wall_ns = started
            .filter(|started| started.pid == process.pid)?
            .wall_ns;
        Some(wall_ns.max(last_seen))
    };
    recording
        .ended_ns
        .or(replaced)
        .map(since_began)
        .or_else(of_started)
        .unwrap_or(last_seen)
}

impl ObservedProcess {
    /// Adds the waits that threads were in at the end, which their points count and have no time of.
    fn end_waits(&mut self) {
        let recording = &mut self.recording;
        let end_ns = recording.began_ns.saturating_add(self.lived_ns);
        for (index, thread) in recording.threads.iter().enumerate() {
            let Some(waiting) = thread.waiting else {
                continue;
            };
            let Some(point) = recording.points.get_mut(waiting.point) else {
                continue;
            };
            let wait_ns = end_ns.saturating_sub(waiting.since_ns);
            point.wait.record(wait_ns);
            point.waits_timed = point.waits_timed.saturating_add(1);
            let mut shares = recording.shares.iter_mut();
            if let Some(share) =
                shares.find(|share| share.thread == index && share.point == waiting.point)
            {
                share.wait_ns = share.wait_ns.saturating_add(wait_ns);
            }
            if has_owner(point.kind) {
                blame(&mut recording.blames, point, waiting.owner_site, wait_ns);
            }
            self.unfinished.push(Unfinished {
                point: waiting.point,
                owner_site: waiting.owner_site,
                wait_ns,
            });
        }
    }
}

/// Whether such a lock belongs to whoever took it last.
fn has_owner(kind: Kind) -> bool {
    matches!(kind, Kind::MUTEX | Kind::RWLOCK | Kind::SPINLOCK)
}

/// Adds a wait to those of the same waiter for the same owner.
fn blame(blames: &mut Vec<Blame>, point: &Point, owner_site: u64, wait_ns: u64) {
    let same = |blame: &&mut Blame| {
        (blame.lock, blame.waiter_site, blame.owner_site) == (point.lock, point.site, owner_site)
    };
    if let Some(blame) = blames.iter_mut().find(same) {
        blame.count = blame.count.saturating_add(1);
        blame.wait_ns = blame.wait_ns.saturating_add(wait_ns);
        blame.max_ns = blame.max_ns.max(wait_ns);
    } else {
        blames.push(Blame {
            lock: point.lock,
            waiter_site: point.site,
            owner_site,
            count: 1,
            wait_ns,
            max_ns: wait_ns,
        });
    }
}

#[cfg(test)]
mod tests {
    use locktoll_trace::recording::{
        Clock, Delays, LockBits, Mode, RecordedThread, ThreadShare, Waiting,
    };

    use super::*;

    const MS: u64 = 1_000_000;

    /// Begun at this time, with one thread, last seen so much later.
    fn process(pid: u32, began_ns: u64, seen_ns: u64, ended_ns: Option<u64>) -> ObservedProcess {
        let thread = RecordedThread {
            tid: pid,
            name: String::new(),
            began_ns,
            last_ns: began_ns + seen_ns,
            waiting: None,
            events_lost: 0,
        };
        ObservedProcess {
            file: String::new(),
            pid,
            ended: ended_ns.is_some(),
            lived_ns: 0,
            unfinished: Vec::new(),
            maps: Maps::default(),
            recording: Recording {
                mode: Mode::AGGREGATE,
                clock: Clock::MONOTONIC,
                began_ns,
                began_unix_ns: 0,
                ended_ns,
                parent: 1,
                hold_every: 256,
                threads: vec![thread],
                points: Vec::new(),
                shares: Vec::new(),
                locks: Vec::new(),
                blames: Vec::new(),
                stacks: Vec::new(),
                events: Vec::new(),
                events_lost: 0,
                coarsened: 0,
                blames_lost: 0,
                stacks_lost: 0,
                threads_reused: 0,
                threads_refused: 0,
                delays: Delays::default(),
            },
        }
    }

    fn lived(processes: Vec<ObservedProcess>, started: Option<Started>) -> Vec<u64> {
        let mut observed = Observed {
            processes,
            unreadable: Vec::new(),
        };
        observed.end(started);
        let lived = observed.processes.iter().map(|process| process.lived_ns);
        lived.map(|ns| ns / MS).collect()
    }

    #[test]
    fn a_process_lived_until_what_is_known_of_its_end() {
        let started = Some(Started {
            pid: 7,
            wall_ns: 900 * MS,
        });
        let processes = || {
            vec![
                // The one that was started, killed in the end.
                process(7, MS, 20 * MS, None),
                // It said when it ended.
                process(8, 100 * MS, 20 * MS, Some(150 * MS)),
                // A child that was killed.
                process(9, 200 * MS, 30 * MS, None),
                // One that began another program, which was killed.
                process(10, 300 * MS, 5 * MS, None),
                process(10, 340 * MS, 6 * MS, None),
            ]
        };
        assert_eq!(lived(processes(), started), [900, 50, 30, 40, 6]);
        // Its end was not seen.
        assert_eq!(lived(processes(), None), [20, 50, 30, 40, 6]);
    }

    #[test]
    fn a_wait_lasts_until_the_end() {
        let mut stuck = process(7, 0, 0, Some(500 * MS));
        let point = Point {
            lock: 0x1000,
            site: 0xa1,
            kind: Kind::MUTEX,
            bits: LockBits::default(),
            acquisitions: 1,
            contentions: 1,
            refused: 0,
            timed_out: 0,
            waits_timed: 0,
            holds_timed: 0,
            wait: Box::default(),
            hold: Box::default(),
            holds_resumed: 0,
        };
        stuck.recording.points = vec![point];
        stuck.recording.threads[0].waiting = Some(Waiting {
            point: 0,
            since_ns: 100 * MS,
            owner_site: 0xb1,
        });
        stuck.recording.shares = vec![ThreadShare {
            thread: 0,
            point: 0,
            acquisitions: 1,
            contentions: 1,
            refused: 0,
            wait_ns: 0,
            hold_ns: 0,
        }];
        let mut observed = Observed {
            processes: vec![stuck],
            unreadable: Vec::new(),
        };
        observed.end(None);
        let process = &observed.processes[0];
        let point = &process.recording.points[0];
        assert_eq!((point.waits_timed, point.wait.total_ns), (1, 400 * MS));
        assert_eq!(process.recording.shares[0].wait_ns, 400 * MS);
        let [blame] = process.recording.blames[..] else {
            panic!("{:?}", process.recording.blames);
        };
        assert_eq!((blame.owner_site, blame.wait_ns), (0xb1, 400 * MS));
        let unfinished = Unfinished {
            point: 0,
            owner_site: 0xb1,
            wait_ns: 400 * MS,
        };
        assert_eq!(process.unfinished, [unfinished]);
    }
}
