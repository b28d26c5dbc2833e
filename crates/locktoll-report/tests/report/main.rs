//! Renders whole results and checks what a reader would see.

mod arbitrary;
mod arbitrary_parts;
mod fixtures;
mod invariants;
mod page;
mod recommendations;
mod schema;
mod snapshots;
mod wording;
