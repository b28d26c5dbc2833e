//! Single events as a timeline for Perfetto and Chrome: the "Trace Event Format", which both read.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use locktoll_report::record::model::Record;
use locktoll_symbols::Symbolizer;
use locktoll_trace::recording::Event;
use serde_json::json;

use super::names::Names;
use super::observed::{Observed, ObservedProcess};
use super::stacks;

/// Writes all events: for each a slice while the lock was waited for, and one while it was held, in the
/// row of its thread. Times are microseconds, as the format has them, from the first process's beginning.
/// Returns how many events there were.
///
/// # Errors
/// What `out` says.
pub fn write(
    observed: &Observed,
    record: &Record,
    symbolizer: &Symbolizer,
    out: &mut impl Write,
) -> io::Result<u64> {
    let began = observed
        .processes
        .iter()
        .map(|process| process.recording.began_ns)
        .min()
        .unwrap_or(0);
    let mut separator = "";
    let mut put = |out: &mut dyn Write, value: &serde_json::Value| -> io::Result<()> {
        write!(out, "{separator}\n{value}")?;
        separator = ",";
        Ok(())
    };
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let mut written = 0;
    for (index, process) in observed.processes.iter().enumerate() {
        for thread in &process.recording.threads {
            put(
                out,
                &json!({
                    "ph": "M", "name": "thread_name", "pid": process.pid, "tid": thread.tid,
                    "args": { "name": thread.name },
                }),
            )?;
        }
        let lock_names: HashMap<u64, &str> = record
            .locks
            .iter()
            .chain(&record.idle)
            .filter(|lock| lock.process == index)
            .map(|lock| (lock.address, lock.name.as_str()))
            .collect();
        let callers = stacks::callers(process, symbolizer);
        let names = Names::new(process, symbolizer, &callers);
        let mut sites: HashMap<(u64, u64), String> = HashMap::new();
        for event in &process.recording.events {
            let site = sites.entry((event.site, event.lock)).or_insert_with(|| {
                names
                    .site(event.site, &BTreeSet::from([event.lock]))
                    .label()
            });
            let unknown = format!("{:#x}", event.lock);
            let lock = lock_names.get(&event.lock).copied().unwrap_or(&unknown);
            for slice in slices(process, event, lock, site, began) {
                put(out, &slice)?;
            }
            written += 1;
        }
    }
    write!(out, "\n]}}\n")?;
    Ok(written)
}

fn slices(
    process: &ObservedProcess,
    event: &Event,
    lock: &str,
    site: &str,
    began_ns: u64,
) -> Vec<serde_json::Value> {
    let tid = process
        .recording
        .threads
        .get(event.thread)
        .map_or(0, |thread| thread.tid);
    let had = event.at_ns.saturating_sub(began_ns);
    let slice = |category: &str, from_ns: u64, ns: u64| {
        json!({
            "ph": "X", "cat": category, "name": format!("{category} {lock}"),
            "pid": process.pid, "tid": tid,
            "ts": from_ns as f64 / 1e3, "dur": ns as f64 / 1e3,
            "args": { "site": site, "lock": format!("{:#x}", event.lock) },
        })
    };
    let mut slices = Vec::new();
    if event.wait_ns > 0 {
        slices.push(slice(
            "wait",
            had.saturating_sub(event.wait_ns),
            event.wait_ns,
        ));
    }
    if event.hold_ns > 0 || event.wait_ns == 0 {
        slices.push(slice("hold", had, event.hold_ns));
    }
    slices
}
