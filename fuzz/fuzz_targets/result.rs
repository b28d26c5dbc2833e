//! Any text as `result.json`: read and rendered without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locktoll_report::{json, markdown, terminal};

fuzz_target!(|text: &str| {
    if let Ok(result) = json::from_str(text) {
        let _ = terminal::render(&result, &terminal::TerminalStyle::default());
        let _ = markdown::render(&result);
    }
});
