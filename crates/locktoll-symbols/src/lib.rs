//! From addresses of a Linux process to names.
//!
//! A recorder inside a foreign program can keep addresses only. This library is the other half: with a
//! copy of `/proc/PID/maps` it finds the file and the symbol of an address, its source line and the
//! functions inlined there, unwinds a copied piece of stack, and knows the locks that have names of
//! their own (the GIL of `CPython`, for one). It reads what compilers leave behind: ELF symbols, DWARF 4 and
//! 5, split DWARF, separate debug files.
//!
//! What cannot be found is left out: every function here has an answer for any address and any file, if
//! only the address itself.
//!
//! ```
//! use locktoll_symbols::{Maps, Symbolizer};
//!
//! let maps = Maps::parse(&std::fs::read("/proc/self/maps")?)?;
//! let symbolizer = Symbolizer::new();
//! let here = std::hint::black_box(Maps::parse) as fn(&[u8]) -> _;
//! let frames = symbolizer.frames(&maps, here as usize as u64);
//! assert!(frames[0].function.as_deref().is_some_and(|name| name.contains("parse")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `maps` | which file an address is of |
//! | `elf` | a file's segments and symbols |
//! | `debug_files` | where the debug information of a file lies |
//! | `symbolizer` | files opened once; frames of code, names of data |
//! | `parts` | elements and members of variables |
//! | `unwind` | callers, from a copy of the stack |
//! | `foreign` | the border to other people's parsers |
//! | `demangle` | C++ and Rust names as in the source |
//! | `known` | locks with names of their own, and frames that are part of a lock |
#![forbid(unsafe_code)]

mod debug_files;
mod demangle;
mod elf;
mod error;
mod foreign;
mod known;
mod maps;
mod parts;
mod symbolizer;
mod unwind;

pub use self::demangle::demangle;
pub use self::error::Error;
pub use self::known::{KNOWN, KnownLock, is_idle_wait, is_lock_internal, known_lock};
pub use self::maps::{Mapping, Maps};
pub use self::symbolizer::{Datum, Frame, Symbolizer};
pub use self::unwind::{StackCopy, StackUnwinder};
