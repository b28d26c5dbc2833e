//! Puts locktoll's locks under an unmodified Metal program.

mod buffers;
mod encoders;
mod encoding;
mod error;
mod guarding;
mod install;
mod life;
mod misuse;
mod protection;
mod rules;
mod runtime;
mod signatures;
mod strategy;
mod tally;
mod watch;

pub use self::error::Error;
pub use self::guarding::{CreateDevice, Installed, install};
pub use self::install::{Refusal, Why};
pub use self::protection::Options;
pub use self::signatures::Group;
pub use self::strategy::{OnMisuse, Strategy};
