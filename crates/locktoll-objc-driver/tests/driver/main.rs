//! The driver does what its header says.

mod metal;
mod order;
