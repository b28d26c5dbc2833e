//! Any bytes as a CSV file: read, analysed both ways and rendered without a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use locktoll::analysis::imported::{Settings, analyse};
use locktoll_report::{markdown, terminal};
use locktoll_stats::Policy;

fuzz_target!(|bytes: &[u8]| {
    let Ok(series) = locktoll::import::read(bytes, Path::new("f.csv")) else { return };
    for paired in [false, true] {
        let settings = Settings {
            file: "f.csv".into(),
            baseline: None,
            paired,
            policy: Policy::default(),
            max_cost: Some(0.01),
            unit: "ops/s".into(),
        };
        if let Ok(result) = analyse(&series, &settings) {
            let text = terminal::render(&result, &terminal::TerminalStyle::default());
            assert!(!text.contains("NaN"));
            let _ = markdown::render(&result);
        }
    }
});
