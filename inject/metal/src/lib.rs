//! Puts locktoll's locks under an unmodified Metal program.
//!
//! A driver's objects are of private classes. This finds them, by asking the device, and puts
//! functions of its own in their method tables: they take a lock, call the original, and release the
//! lock. The program, whatever library it calls Metal through, calls what it called before.
//!
//! ```no_run
//! use locktoll_metal::{Strategy, install};
//!
//! let guard = install("per-encoder".parse()?)?;
//! // Encode, from several threads.
//! println!("{:?}", locktoll_metal::stats());
//! guard.uninstall();
//! # Ok::<(), locktoll_metal::Error>(())
//! ```
//!
//! Slipped under a program (`DYLD_INSERT_LIBRARIES`), it installs itself by the environment variables
//! of [`VARIABLES`]. `docs/metal.md` holds them, and every selector that is guarded, generated from
//! the tables here.
//!
//! # What it can and cannot do
//!
//! Calls of one encoder by several threads are put one after another by every strategy but `none`;
//! calls of different encoders, where the driver fails at those, by `global` alone. Encoders live as
//! long as a call is inside. A command buffer is not committed, and no event is encoded in it, while
//! another thread's encoder is open in it, as long as that can be waited for (see `occupancy`); under
//! `session` no second encoder is made meanwhile either.
//!
//! It cannot help where an object is gone before its method is called, since the runtime reads it
//! first; where memory is used that the program has freed; or on the GPU. Functions that were looked
//! up before the guard came (`methodForSelector:`) pass it by.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | `signatures` | the table of methods, and a wrapper for each |
//! | `encoding` | when two type encodings are the same call |
//! | `rules` | what is done round an original |
//! | `encoders`, `buffers`, `life` | what is known of each object, found by its address |
//! | `occupancy` | who waits for whose encoder, and in which order |
//! | `within` | whether a thread is in a guarded call already |
//! | `misuse` | what no lock can put right |
//! | `protection` | the strategy at work |
//! | `guarding` | installing and taking away; finding the driver's classes |
//! | `install` | method tables |
//! | `fork` | why a child that is forked is not guarded |
//! | `stats`, `tally`, `watch` | what was counted, who waits too long |
//! | `settings`, `load`, `c_api` | the environment, the loader, C |
//! | `document` | the tables of `docs/metal.md` |
//! | `runtime` | the few functions of the Objective-C runtime that are used |
//!
//! # Panics
//!
//! A panic must not cross into the driver or the program. Nothing in the wrappers can panic: they
//! unwrap nothing and index nothing by what they were given. An Objective-C exception passes through
//! them and leaves their sections on its way.

mod buffers;
pub mod c_api;
mod document;
mod encoders;
mod encoding;
mod error;
mod fork;
mod guarding;
mod install;
mod life;
mod load;
mod misuse;
mod occupancy;
mod protection;
mod rules;
mod runtime;
mod settings;
mod signatures;
mod stats;
mod strategy;
mod tally;
mod watch;
mod within;

pub use self::document::document;
pub use self::error::Error;
pub use self::guarding::{CreateDevice, Installed, install};
pub use self::install::{Refusal, Why};
pub use self::protection::Options;
pub use self::settings::{VARIABLES, Variable};
pub use self::signatures::Group;
pub use self::stats::{Coverage, Stats, coverage, coverage_text, stats};
pub use self::strategy::{OnMisuse, Strategy};
