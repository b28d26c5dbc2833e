//! Any text as a workload file: what is accepted can be described and written down again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locktoll_bench::workload::Workload;

fuzz_target!(|text: &str| {
    if let Ok(workload) = Workload::from_toml(text) {
        let _ = (workload.describe(), workload.dispatches_per_op());
    }
});
