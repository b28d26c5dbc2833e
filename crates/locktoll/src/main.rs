//! `locktoll`: what a lock costs, whether you may drop it, and why.

use std::process::ExitCode;

use clap::Parser as _;
use locktoll::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match locktoll::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            anstream::eprintln!("locktoll: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
