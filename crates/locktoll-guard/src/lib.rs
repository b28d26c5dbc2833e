//! The locks that locktoll puts round GPU command encoders, and their counters.
//!
//! A driver whose encoders are not safe to use from several threads is made safe by a lock round
//! each call. Which lock is a [`Strategy`]; a [`Guard`] is the locks of one strategy; a
//! [`Section`] is the time inside. [`Counts`] says what the locks cost, where the [`Instrument`]
//! asks for it.
//!
//! The crate is made to sit under foreign callers: an Objective-C method that was replaced, a
//! Vulkan layer. Such callers nest in any order, come from threads that nobody announced, and free
//! objects whose addresses return. So every entry is re-entrant, no order of nesting deadlocks, an
//! address is as good as an owned lock, and an ordinary section allocates nothing and writes no
//! memory that other threads write, except its lock.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | `guard`, `section` | entering and leaving |
//! | `lock` | one re-entrant lock, whose section can be lent |
//! | `waits` | who waits for whom, and why lending is safe |
//! | `addresses` | from an address to its lock |
//! | `objects` | the same with a record of the caller's beside the lock |
//! | `permits` | the semaphore of `throttle:K` |
//! | `thread`, `blocks` | what is kept for each thread, and its counters |
//! | `arena` | an array that grows and never moves |
//! | `sync` | where all primitives come from |
//!
//! # Checking the protocols
//!
//! `tests/model.rs` runs them under every schedule that loom can tell apart, up to a number of
//! pre-emptions. It needs a build of its own:
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test -p locktoll-guard --release --test model
//! ```
//!
//! `cargo bench -p locktoll-guard` measures what a section costs beside a
//! `parking_lot::ReentrantMutex`.

mod addresses;
mod arena;
mod blocks;
mod counts;
mod guard;
mod lock;
mod objects;
mod permits;
mod section;
mod strategy;
mod sync;
mod thread;
mod timing;
mod waits;

pub use self::counts::{Counts, HOLD_SAMPLE_EVERY};
pub use self::guard::{Address, Guard, Site, WaitObserver};
pub use self::lock::OwnedLock;
pub use self::objects::{Object, Objects, Record};
pub use self::section::Section;
pub use self::strategy::{Instrument, ParseStrategyError, Strategy};
pub use self::thread::{is_in_a_section, thread_name};
pub use self::timing::{Bucket, Timing};
