//! `locktoll trial`: one cell in this process, its progress and measurement as JSON lines.

use std::io::Write as _;

use locktoll_bench::protocol::{Line, PARENT_VARIABLE};
use locktoll_bench::trial;
use nix::unistd::getppid;

use crate::cli::TrialArgs;
use crate::error::Result;
use crate::trial_args;

/// Runs the trial; the exit code.
///
/// # Errors
/// The device refuses, or a result is wrong.
pub fn run(arguments: &TrialArgs) -> Result<u8> {
    if !parent_is_alive() {
        return Ok(1);
    }
    let spec = trial_args::spec(arguments)?;
    let mut out = std::io::stdout().lock();
    let mut say = |line: &Line| {
        // A reader that is gone has no use for the rest; the parent's death ends us anyway.
        let _ = serde_json::to_writer(&mut out, line);
        let _ = out.write_all(b"\n").and_then(|()| out.flush());
    };
    let measurement = trial::run(&spec, &mut say)?;
    say(&Line::Done {
        measurement: Box::new(measurement),
    });
    Ok(0)
}

/// Ties this process to the run that started it, so that a killed run leaves no trial behind to
/// disturb the next one. `false` if the run is gone already.
fn parent_is_alive() -> bool {
    let parent: Option<i32> = std::env::var(PARENT_VARIABLE)
        .ok()
        .and_then(|pid| pid.parse().ok());
    let Some(parent) = parent else { return true };
    #[cfg(target_os = "linux")]
    {
        // Where the system refuses, the trial merely outlives a killed run.
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    }
    getppid().as_raw() == parent
}
