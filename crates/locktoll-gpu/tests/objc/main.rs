//! The device `objc` from outside: what it computes, what it refuses, how long it is busy, and how
//! its driver's fault models end a process.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod misuse;
mod results;
mod timing;

use common::calls::{Calls, axpy_op, encode_axpy, timed_op};
use locktoll_gpu::ObjcDevice;

fn device(settings: &str) -> ObjcDevice {
    ObjcDevice::new(settings.parse().unwrap(), None).unwrap()
}
