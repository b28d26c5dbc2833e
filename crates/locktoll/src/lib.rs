//! The `locktoll` command: parse → stages → exit code.
//!
//! The program itself is [`run`]; the rest is public so that tests, fuzz targets and tools can
//! use its stages one by one.

pub mod analysis;
pub mod analyze;
pub mod bench;
pub mod cli;
pub mod devices;
pub mod error;
pub mod guard;
pub mod guarded;
pub mod import;
pub mod layer;
pub mod map;
pub mod metal;
pub mod output;
pub mod planning;
pub mod policy;
pub mod progress;
pub mod record;
pub mod recorded;
pub mod report;
mod session;
pub mod shell;
pub mod trial;
pub mod trial_args;
pub mod what_if;
pub mod why;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::error::Result;

/// Runs a parsed command line; the exit code.
///
/// # Errors
/// What the command could not do; [`error::Error::exit_code`] is its exit code.
pub fn run(cli: &Cli) -> Result<u8> {
    match &cli.command {
        Command::Bench(arguments) => bench::run(arguments),
        Command::Map(arguments) => map::run(arguments),
        Command::Analyze(arguments) => analyze::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Devices => Ok(devices::run()),
        Command::Guard(arguments) => guard::run(arguments),
        Command::Record(arguments) => record::run(arguments),
        Command::Replica(arguments) => what_if::replica::run(arguments),
        Command::Trial(arguments) => trial::run(arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "locktoll", &mut script);
            output::say(&String::from_utf8_lossy(&script));
            Ok(0)
        }
    }
}
