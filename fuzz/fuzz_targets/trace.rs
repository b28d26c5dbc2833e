//! No bytes make the reader of a layer's trace panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locktoll_trace::Trace;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trace) = Trace::parse(bytes) {
        for class in &trace.classes {
            let _ = (class.wait.quantile_ns(0.99), class.hold.mean_ns());
        }
    }
});
