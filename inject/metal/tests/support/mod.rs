//! A Metal program in miniature, for the stand-in driver.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod child;
pub(crate) mod empty;
pub(crate) mod invoke;
pub(crate) mod metal;
