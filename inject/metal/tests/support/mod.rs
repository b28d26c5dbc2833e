//! A Metal program in miniature, for the stand-in driver.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod child;
pub(crate) mod empty;
pub(crate) mod every;
pub(crate) mod invoke;
pub(crate) mod metal;

#[cfg(target_vendor = "apple")]
compile_error!(
    "these tests bring a driver of their own, which defines MTLCreateSystemDefaultDevice as Metal does: run \
     them where there is no Metal"
);
