//! The soft device from outside: what it computes, when it is busy, what it refuses, what is
//! slipped under its callers, and how its fault models end a process.

#![expect(clippy::float_cmp, reason = "all sums compared here are exact")]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod interposition;
mod misuse;
mod overlap;
mod results;
mod timing;

use common::calls::{Calls, axpy_op, timed_op};
use locktoll_gpu::SoftDevice;

fn device(settings: &str) -> SoftDevice {
    SoftDevice::new(settings.parse().unwrap(), None)
}

/// Driver calls of [`axpy_op`].
const AXPY_CALLS: u64 = 9;
