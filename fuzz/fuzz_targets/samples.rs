//! Any bytes as a samples file: read and analysed without a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use locktoll::analysis::measured::{Overrides, analyse};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((samples, whole)) = locktoll_bench::samples::parse(bytes, Path::new("s.jsonl")) {
        assert!(whole as usize <= bytes.len());
        let _ = locktoll_bench::stopping::outlook(&samples);
        let _ = analyse(&samples, "run", &Overrides::default());
    }
});
