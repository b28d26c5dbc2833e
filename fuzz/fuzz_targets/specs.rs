//! Any text as a flag's value: what is accepted reads back from its own display.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use locktoll_bench::sync_pattern::SyncPattern;
use locktoll_gpu::{FaultModel, Protection, SoftSettings};

fn reads_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
    }
}

fuzz_target!(|text: &str| {
    reads_back::<SoftSettings>(text);
    reads_back::<Protection>(text);
    reads_back::<FaultModel>(text);
    reads_back::<SyncPattern>(text);
    let _ = locktoll_bench::duration::parse(text);
});
