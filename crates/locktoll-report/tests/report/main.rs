//! Renders whole results and checks what a reader would see.

mod arbitrary;
mod arbitrary_parts;
mod causes;
mod fixtures;
mod invariants;
mod map;
mod page;
mod recommendations;
mod record;
mod record_fixture;
mod scaling;
mod schema;
mod snapshots;
mod what_if;
mod what_if_fixture;
mod wording;
