//! Which lock is meant, and where it is in any run.
//!
//! Addresses differ from run to run, so a lock is told by the places of the calls that take it: an object's
//! file, and how far from its first mapping. A lock that lies in an object itself is told by its place too,
//! since a call site may take others as well.

use std::path::PathBuf;

use locktoll_report::record::Record;
use locktoll_report::record::model::{Lock, LockKind, Site};
use locktoll_report::what_if::model::Handover;
use locktoll_symbols::Maps;

use super::trial::Delay;
use crate::error::{Error, Result};
use crate::recorded::Observed;

/// Sites that the library takes at most.
const SITES: usize = 32;
/// Properties that a replica has not.
const OTHER_LOCKS: [&str; 5] = [
    "robust",
    "priority-inheritance",
    "priority-protection",
    "shared between processes",
    "C11",
];
/// Locks shown where none has the name.
const SHOWN: usize = 10;

/// A lock that was chosen.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) sites: Vec<String>,
    pub(super) threads: u64,
    /// Acquisitions of each of these threads.
    pub(super) by_thread: Vec<u64>,
    pub(super) warnings: Vec<String>,
    contended: f64,
    /// Contended acquisitions of the lock in each nanosecond.
    contentions_per_ns: f64,
    acquisitions_per_ns: f64,
    kind: LockKind,
    properties: Vec<String>,
    place: Option<String>,
    site_places: Vec<String>,
    /// Only some of its call sites are meant.
    is_part: bool,
}

impl Choice {
    /// Finds `LOCK[:SITE]` among what was recorded. A lock is meant by its name, by its rank, by a part of its
    /// name that no other has, or by a call site that takes it.
    pub(super) fn find(named: &str, record: &Record, pilot: &Observed) -> Result<Self> {
        let locks: Vec<&Lock> = record
            .locks
            .iter()
            .filter(|lock| has_holds(lock.kind) && lock.acquisitions > 0)
            .collect();
        let (lock, site) = parse(named, &locks)?;
        let process = pilot.processes.get(lock.process);
        let maps = process.map(|process| &process.maps);
        let site_is_meant = |at: &&Site| site.is_none_or(|name| is_called(at, name));
        let mut sites: Vec<&Site> = lock.sites.iter().filter(site_is_meant).collect();
        sites.retain(|site| site.acquisitions > 0);
        sites.sort_by_key(|site| std::cmp::Reverse(site.acquisitions));
        let mut warnings = Vec::new();
        if sites.len() > SITES {
            warnings.push(format!(
                "the lock is taken at {} call sites; only at the {SITES} that take it most it was held longer",
                sites.len()
            ));
            sites.truncate(SITES);
        }
        let found = |address: u64| maps.and_then(|maps| place(maps, address));
        let site_places: Vec<String> = sites
            .iter()
            .filter_map(|site| found(site.address))
            .collect();
        if site_places.is_empty() {
            return Err(Error::Usage(format!(
                "{}: the code that takes it lies in no file, so it cannot be found again in another run",
                lock.name
            )));
        }
        let place = found(lock.address);
        let others: Vec<&str> = locks
            .iter()
            .filter(|other| other.address != lock.address && other.process == lock.process)
            .filter(|other| {
                let shared = |own: &Site| sites.iter().any(|site| site.address == own.address);
                other.sites.iter().any(shared)
            })
            .map(|other| other.name.as_str())
            .collect();
        if place.is_none() && !others.is_empty() {
            warnings.push(format!(
                "the lock is in no object's data, so it was told by its call sites; these take {} other \
                 locks too, whose holds became longer with it: {}",
                others.len(),
                others.iter().take(3).copied().collect::<Vec<_>>().join(", ")
            ));
        }
        let most = lock.shares.first().map_or(0, |share| share.acquisitions);
        // A thread that takes the lock now and then, as one that sets up and ends, is no contender.
        let by_thread: Vec<u64> = lock
            .shares
            .iter()
            .map(|share| share.acquisitions)
            .filter(|&count| count.saturating_mul(20) >= most)
            .collect();
        Ok(Self {
            name: lock.name.clone(),
            sites: sites.iter().map(|site| site.label()).collect(),
            threads: by_thread.len() as u64,
            by_thread,
            warnings,
            contended: lock.contentions as f64 / lock.acquisitions as f64,
            contentions_per_ns: lock.contentions as f64 / record.run.wall_ns.max(1) as f64,
            acquisitions_per_ns: lock.acquisitions as f64 / record.run.wall_ns.max(1) as f64,
            kind: lock.kind,
            properties: lock.properties.clone(),
            place,
            site_places,
            is_part: site.is_some(),
        })
    }

    /// From now on it is told by its sites alone; false if it is so already.
    pub(super) fn forget_lock(&mut self) -> bool {
        self.place.take().is_some()
    }

    /// Times to add to its holds and after them.
    pub(super) fn delay(&self, inside_ns: u64, outside_ns: u64) -> Delay {
        Delay {
            lock: self.place.clone(),
            sites: self.site_places.join(":"),
            inside_ns,
            outside_ns,
        }
    }

    /// What handing it over may take of the time, where waking a thread takes so long. Which acquisitions of a
    /// lock are contended that is held shorter than that changes from run to run, so each counts.
    pub(super) fn handover(&self, hold_ns: f64, waking_ns: f64) -> Handover {
        let per_ns = if self.threads > 1 && hold_ns < waking_ns {
            self.acquisitions_per_ns
        } else {
            self.contentions_per_ns
        };
        Handover {
            contended: self.contended,
            waking_ns,
            share: (per_ns * waking_ns).min(1.0),
        }
    }

    /// Why no replica can be made of it.
    pub(super) fn no_replica(&self) -> Option<String> {
        let other = self
            .properties
            .iter()
            .find(|property| OTHER_LOCKS.contains(&property.as_str()));
        if self.kind != LockKind::Mutex {
            Some("that is made of mutexes only".to_owned())
        } else if let Some(other) = other {
            Some(format!(
                "that is made of plain mutexes only, and this one is {other}"
            ))
        } else if self.is_part {
            Some("only a part of the lock's call sites is meant, and it has but one".to_owned())
        } else if self.threads < 2 {
            Some("one thread alone takes the lock".to_owned())
        } else {
            None
        }
    }

    /// Whether its waiters spin before they sleep.
    pub(super) fn is_adaptive(&self) -> bool {
        self.properties
            .iter()
            .any(|property| property == "adaptive")
    }
}

/// Whether time can be added to the holds of such a lock.
fn has_holds(kind: LockKind) -> bool {
    matches!(
        kind,
        LockKind::Mutex | LockKind::RwLock | LockKind::SpinLock
    )
}

/// The lock and the site that `LOCK[:SITE]` means.
fn parse<'a, 'b>(named: &'b str, locks: &[&'a Lock]) -> Result<(&'a Lock, Option<&'b str>)> {
    if let Some(lock) = lock_of(named, locks)? {
        return Ok((lock, None));
    }
    for (at, _) in named.rmatch_indices(':') {
        let (name, site) = (&named[..at], &named[at + 1..]);
        if let Ok(Some(lock)) = lock_of(name, locks)
            && lock.sites.iter().any(|own| is_called(own, site))
        {
            return Ok((lock, Some(site)));
        }
    }
    let names: Vec<&str> = locks
        .iter()
        .take(SHOWN)
        .map(|lock| lock.name.as_str())
        .collect();
    Err(Error::Usage(if names.is_empty() {
        "no thread of the program took a lock that can be held longer (a mutex, rwlock or spinlock)"
            .into()
    } else {
        format!(
            "--what-if {named}: no lock is called so. Those that were waited for longest are: {}. \
             Their rank is a name too: --what-if 1",
            names.join(", ")
        )
    }))
}

fn lock_of<'a>(name: &str, locks: &[&'a Lock]) -> Result<Option<&'a Lock>> {
    let is_site = |lock: &&&Lock| lock.sites.iter().any(|site| is_called(site, name));
    let exact: Vec<&&Lock> = locks.iter().filter(|lock| lock.name == name).collect();
    if let Some(lock) = exact.first() {
        return Ok(Some(lock));
    }
    if let Some(rank) = name
        .parse::<usize>()
        .ok()
        .and_then(|rank| rank.checked_sub(1))
    {
        return Ok(locks.get(rank).copied());
    }
    for matching in [
        locks
            .iter()
            .filter(|lock| lock.name.contains(name))
            .collect::<Vec<_>>(),
        locks.iter().filter(is_site).collect(),
    ] {
        match matching.as_slice() {
            [] => {}
            [lock] => return Ok(Some(lock)),
            several => {
                let names: Vec<&str> = several.iter().map(|lock| lock.name.as_str()).collect();
                return Err(Error::Usage(format!(
                    "--what-if {name} may mean {}: give one of these names, or its rank in `locktoll record`",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(None)
}

/// Whether a call site is called so: by its function, by `file:line`, or as reports write it.
fn is_called(site: &Site, name: &str) -> bool {
    site.function == name || site.location.as_deref() == Some(name) || site.label() == name
}

/// `OFFSET@FILE` of an address: how far it is from where the file is mapped first. Memory that follows a file's
/// mappings without a gap is its zero-initialised data.
fn place(maps: &Maps, address: u64) -> Option<String> {
    let mapping = maps.find(address)?;
    let file: PathBuf = match (&mapping.path, mapping.file()) {
        (_, Some(file)) => file.to_owned(),
        (None, None) => {
            let before = maps.iter().find(|before| before.end == mapping.start)?;
            before.file()?.to_owned()
        }
        (Some(_), None) => return None,
    };
    let first = maps.iter().find(|mapping| mapping.file() == Some(&file))?;
    let text = file.to_str().filter(|text| !text.contains(':'))?;
    Some(format!("{:#x}@{text}", address - first.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
1000-2000 r--p 00000000 08:01 7 /bin/a program
2000-3000 r-xp 00001000 08:01 7 /bin/a program
3000-4000 rw-p 00002000 08:01 7 /bin/a program
4000-5000 rw-p 00000000 00:00 0
9000-a000 rw-p 00000000 00:00 0 [heap]
b000-c000 rw-p 00000000 00:00 0
";

    #[test]
    fn places_are_counted_from_an_objects_first_mapping() {
        let maps = Maps::parse(MAPS).unwrap();
        let of = |address| place(&maps, address);
        assert_eq!(of(0x2345).as_deref(), Some("0x1345@/bin/a program"));
        assert_eq!(of(0x3008).as_deref(), Some("0x2008@/bin/a program"));
        assert_eq!(of(0x4010).as_deref(), Some("0x3010@/bin/a program"));
        for elsewhere in [0x9010, 0xb010, 0xf000] {
            assert_eq!(of(elsewhere), None, "{elsewhere:#x}");
        }
    }
}
