//! `locktoll guard`: a Vulkan program, or a Metal one on macOS, with a lock slipped under it, and what
//! that lock saw.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use locktoll_bench::Error as BenchError;
#[cfg(not(target_os = "macos"))]
use locktoll_guard::Instrument;
use locktoll_trace::Trace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::{GuardArgs, GuardStrategy};
use crate::error::{Error, Result};
use crate::guarded;
use crate::layer::Layer;
use crate::metal;

/// Added to a signal's number, as shells do, where a signal ended the program.
const SIGNALLED: u8 = 128;

/// Runs the program to its end; its exit code.
///
/// # Errors
/// What is asked for is another platform's, the program could not be started, or it ran without the
/// locks under it.
pub fn run(arguments: &GuardArgs) -> Result<u8> {
    let refused = if cfg!(target_os = "macos") {
        metal::refused(arguments)
    } else {
        metal::asked_for(arguments)
    };
    if let Some(why) = refused {
        return Err(Error::Usage(why));
    }
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Error::Usage("no program to run: put it after --".into()));
    };
    // Goes when the run does; nobody else can have it.
    let folder = tempfile::Builder::new()
        .prefix("locktoll-guard-")
        .tempdir()
        .map_err(BenchError::io("create a folder in", std::env::temp_dir()))?;
    let layer = Layer::write(folder.path())?;
    let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP])
        .map_err(BenchError::io("listen for", "signals"))?;
    let mut child = Command::new(program)
        .args(words)
        .envs(variables(&layer, arguments)?)
        .spawn()
        .map_err(BenchError::io("start", program))?;
    // The program may handle them; the summary comes after. Ctrl-C in a terminal goes to it anyway.
    let handed_on = i32::try_from(child.id()).map(Pid::from_raw);
    std::thread::spawn(move || {
        for signal in &mut signals {
            if let (Ok(pid), Ok(signal @ (Signal::SIGTERM | Signal::SIGHUP))) =
                (handed_on, Signal::try_from(signal))
            {
                // It may have ended in this moment, which is as good.
                let _ = kill(pid, signal);
            }
        }
    });
    let status = child.wait().map_err(BenchError::io("wait for", program))?;
    let traces = Trace::read_dir(&layer.traces()).unwrap_or_else(|error| {
        anstream::eprintln!("locktoll: the layer's counts cannot be read: {error}");
        Vec::new()
    });
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, Some(signal)) => u8::try_from(signal).map_or(1, |number| SIGNALLED | number),
        (None, None) => 1,
    };
    if !arguments.quiet && !traces.is_empty() {
        anstream::eprint!("{}", guarded::summary(&traces));
    }
    // A run that fails has told why; one that does not must not pass for a run under the locks.
    let found = fault_of(&traces, arguments, status.success());
    match found {
        Some(error) if status.success() => return Err(error),
        Some(error) => anstream::eprintln!("locktoll: {error}"),
        None => {}
    }
    Ok(code)
}

/// Why the run is not what it was to be: one under the locks, all of whose calls the driver got.
fn fault_of(traces: &[Trace], arguments: &GuardArgs, succeeded: bool) -> Option<Error> {
    let is_off = arguments.strategy == GuardStrategy::Off;
    if traces.is_empty() {
        return (succeeded || !is_off).then(|| not_loaded(&arguments.command));
    }
    if let Some(why) = guarded::refused(traces) {
        return Some(Error::RanBare(why));
    }
    if let Some(calls) = guarded::kept_back(traces) {
        return Some(Error::CallsKeptBack(calls));
    }
    if !is_off && !guarded::has_submitted(traces) {
        if arguments.strict {
            return Some(Error::NothingSubmitted);
        }
        anstream::eprintln!("locktoll: {}", Error::NothingSubmitted);
    }
    None
}

/// The variables that put the locks under the program: by Vulkan's loader, or on macOS by the system's,
/// since all that draws or computes there comes down to Metal.
#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "macOS has to write its library")]
fn variables(layer: &Layer, arguments: &GuardArgs) -> Result<Vec<(&'static str, String)>> {
    let instrument = Instrument::counted_if(!arguments.no_counting);
    Ok(layer.variables(&arguments.strategy.to_string(), instrument))
}

#[cfg(target_os = "macos")]
fn variables(layer: &Layer, arguments: &GuardArgs) -> Result<Vec<(&'static str, String)>> {
    Ok(metal::variables(
        &metal::write(layer.folder())?,
        std::env::var(metal::INSERT).ok().as_deref(),
        arguments,
        &layer.traces(),
    ))
}

/// Why nothing was under a program that has run.
#[cfg(not(target_os = "macos"))]
fn not_loaded(command: &[String]) -> Error {
    BenchError::LayerNotLoaded {
        command: command.to_vec(),
    }
    .into()
}

#[cfg(target_os = "macos")]
fn not_loaded(command: &[String]) -> Error {
    let program = command.first().map(String::as_str).unwrap_or_default();
    Error::NotInserted(metal::explain(&metal::facts_of(program)))
}
