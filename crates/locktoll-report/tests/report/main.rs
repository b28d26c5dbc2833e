//! Renders whole results and checks what a reader would see.

mod arbitrary;
mod fixtures;
mod invariants;
mod map;
mod recommendations;
mod scaling;
mod schema;
mod snapshots;
mod wording;
