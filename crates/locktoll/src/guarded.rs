//! What the locks under a program have seen, for people, and whether the run was one under them.

use std::fmt::Write as _;

use comfy_table::Table;
use locktoll_report::format;
use locktoll_trace::{Durations, Trace};

/// The counter of calls by which work is handed over.
const SUBMISSIONS: &str = "submissions";
/// The Metal guard's counter of calls that the driver did not get.
const KEPT_BACK: &str = "refused";
/// What the Metal guard counts and the Vulkan layer does not.
const METAL: &str = "encoders_made";

/// A counter, and what people call what it counts.
type Counted = (&'static str, &'static str);

const OF_VULKAN: &[Counted] = &[
    (SUBMISSIONS, "submissions"),
    ("dispatches", "dispatches"),
    ("draws", "draws"),
];
const OF_METAL: &[Counted] = &[
    (SUBMISSIONS, "submissions"),
    (METAL, "encoders"),
    ("calls", "calls"),
    ("events", "events"),
];
const WRONG_IN_METAL: &[Counted] = &[
    ("encoder_waits", "waits for another thread's encoder"),
    ("misuse", "calls on ended encoders"),
    (KEPT_BACK, "of these kept from the driver"),
    ("own_encoder_open", "calls with an own encoder open"),
    ("wait_circles", "waits in a circle"),
    ("time_outs", "time-outs"),
    ("encoders_open", "encoders never ended"),
];

fn counter(trace: &Trace, name: &str) -> u64 {
    trace.counters.get(name).copied().unwrap_or(0)
}

/// Why processes ran without the locks, if any did: the library was there and refused to work.
pub fn refused(traces: &[Trace]) -> Option<String> {
    let refused = traces.iter().filter(|trace| trace.refused);
    let lines: Vec<String> = refused
        .map(|trace| {
            let why: Vec<_> = trace.notes.lines().collect();
            std::format!("process {}: {}", trace.pid, why.join("; "))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// How many calls were kept from the driver, and where, if any were.
pub fn kept_back(traces: &[Trace]) -> Option<String> {
    let all: u64 = traces.iter().map(|trace| counter(trace, KEPT_BACK)).sum();
    let of = traces
        .iter()
        .filter(|trace| counter(trace, KEPT_BACK) > 0)
        .map(|trace| trace.pid.to_string());
    let of = of.collect::<Vec<_>>().join(", ");
    (all > 0).then(|| std::format!("{} (process {of})", format::count(all)))
}

/// Whether any process has handed over work under the locks.
pub fn has_submitted(traces: &[Trace]) -> bool {
    traces.iter().any(|trace| counter(trace, SUBMISSIONS) > 0)
}

/// What a program did, in the words of what it did it through.
fn counts(trace: &Trace) -> String {
    // Were any counted, something would be wrong, and they are told.
    if trace.strategy == "off" && counter(trace, SUBMISSIONS) == 0 {
        return "calls are not counted".to_owned();
    }
    let is_metal = trace.counters.contains_key(METAL);
    // Beside what every run has, what went wrong.
    let (always, if_any) = if is_metal {
        (OF_METAL, WRONG_IN_METAL)
    } else {
        (OF_VULKAN, [].as_slice())
    };
    let any = if_any.iter().filter(|(name, _)| counter(trace, name) > 0);
    let counted = |(name, words): &(&str, &str)| std::format!("{} {words}", counter(trace, name));
    let all: Vec<_> = always.iter().chain(any).map(counted).collect();
    all.join(", ")
}

/// What the locks saw, for people.
pub fn summary(traces: &[Trace]) -> String {
    let mut text = String::new();
    for trace in traces {
        let counts = counts(trace);
        let Trace { strategy, pid, .. } = trace;
        let _ = writeln!(text, "\nlocktoll: {strategy} under process {pid}: {counts}");
        if !trace.ended {
            text += "The process ended without its last counts (a crash, or _exit): these are too low.\n";
        }
        let used: Vec<_> = trace
            .classes
            .iter()
            .filter(|class| class.acquisitions > 0)
            .collect();
        if used.is_empty() {
            continue;
        }
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_header([
            "lock",
            "acquisitions",
            "contended",
            "share",
            "wait mean",
            "wait 99%",
            "hold mean",
            "hold 99%",
        ]);
        let ns = |value: Option<f64>| format::optional(value, format::duration_ns);
        let quantile = |times: &Durations| times.quantile_ns(0.99).map(|ns| ns as f64);
        for class in used {
            table.add_row([
                class.name.clone(),
                format::count(class.acquisitions),
                format::count(class.contentions),
                format::share(class.contentions as f64 / class.acquisitions as f64),
                ns(class.wait.mean_ns()),
                ns(quantile(&class.wait)),
                ns(class.hold.mean_ns()),
                ns(quantile(&class.hold)),
            ]);
        }
        text += &table.to_string();
        text += "\nWaits are of contended acquisitions; holds are sampled.\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use locktoll_trace::Writer;

    use super::*;

    /// What a library has written about a process.
    fn trace(strategy: &str, counters: &[(&str, u64)], refused: Option<&str>) -> Trace {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.trace");
        let writer = Writer::create(&path, "metal swizzle", strategy).unwrap();
        for (index, (name, value)) in counters.iter().enumerate() {
            writer.counter(index, name, *value);
        }
        if let Some(why) = refused {
            writer.refuse(why);
        }
        writer.end();
        Trace::read(&path).unwrap()
    }

    #[test]
    fn what_metal_has_counted_is_told() {
        let metal = [
            ("calls", 30),
            ("encoders_made", 10),
            ("submissions", 5),
            ("events", 0),
            ("misuse", 3),
            ("refused", 2),
            ("time_outs", 0),
        ];
        let text = summary(&[trace("session", &metal, None)]);
        for part in [
            "5 submissions, 10 encoders, 30 calls, 0 events",
            "3 calls on ended encoders, 2 of these kept from the driver",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            !text.contains("time-outs") && !text.contains("draws"),
            "{text}"
        );
        let vulkan = summary(&[trace("global", &[("submissions", 4), ("draws", 1)], None)]);
        let counts = "4 submissions, 0 dispatches, 1 draws";
        assert!(vulkan.contains(counts), "{vulkan}");
        let off = summary(&[trace("off", &[("submissions", 0)], None)]);
        assert!(
            off.contains("not counted") && !off.contains("0 sub"),
            "{off}"
        );
    }

    #[test]
    fn a_refusal_and_calls_that_were_kept_back_are_found_in_any_process() {
        let well = trace("global", &[("encoders_made", 1), ("submissions", 1)], None);
        let bare = trace("global", &[], Some("Metal makes no device here"));
        let kept = trace("global", &[("encoders_made", 1), ("refused", 7)], None);
        let only_well = std::slice::from_ref(&well);
        assert_eq!((refused(only_well), kept_back(only_well)), (None, None));
        let why = refused(&[well.clone(), bare.clone()]).unwrap();
        assert!(why.contains("Metal makes no device here"), "{why}");
        let calls = kept_back(&[well.clone(), kept.clone()]).unwrap();
        assert!(calls.starts_with("7 (process "), "{calls}");
        assert!(has_submitted(&[kept.clone(), well]));
        assert!(!has_submitted(&[kept, bare]));
    }
}
