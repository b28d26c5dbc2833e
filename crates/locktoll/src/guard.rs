//! `locktoll guard`: a Vulkan program, or a Metal one on macOS, with a lock slipped under it, and what
//! that lock saw.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use comfy_table::Table;
use locktoll_bench::Error as BenchError;
#[cfg(not(target_os = "macos"))]
use locktoll_guard::Instrument;
use locktoll_report::format;
use locktoll_trace::{Durations, Trace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::{GuardArgs, GuardStrategy};
use crate::error::{Error, Result};
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
    if traces.is_empty() {
        if status.success() || arguments.strategy != GuardStrategy::Off {
            let error = not_loaded(&arguments.command);
            if status.success() {
                return Err(error);
            }
            anstream::eprintln!("locktoll: {error}");
        }
    } else if !arguments.quiet {
        anstream::eprint!("{}", summary(&traces));
    }
    Ok(code)
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

/// What the locks saw, for people.
fn summary(traces: &[Trace]) -> String {
    let mut text = String::new();
    for trace in traces {
        let counted =
            |name: &str| std::format!("{} {name}", trace.counters.get(name).unwrap_or(&0));
        let counts = ["submissions", "dispatches", "draws"]
            .map(counted)
            .join(", ");
        let Trace { strategy, pid, .. } = trace;
        let _ = writeln!(text, "\nlocktoll: {strategy} under process {pid}: {counts}");
        if !trace.ended {
            text += "The process ended without its last counts (a crash, or _exit): these are too low.\n";
        }
        let used: Vec<_> = trace
            .classes
            .iter()
            .filter(|class| class.acquisitions > 0)
            .collect();
        if used.is_empty() {
            continue;
        }
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_header([
            "lock",
            "acquisitions",
            "contended",
            "share",
            "wait mean",
            "wait 99%",
            "hold mean",
            "hold 99%",
        ]);
        let ns = |value: Option<f64>| format::optional(value, format::duration_ns);
        let quantile = |times: &Durations| times.quantile_ns(0.99).map(|ns| ns as f64);
        for class in used {
            table.add_row([
                class.name.clone(),
                format::count(class.acquisitions),
                format::count(class.contentions),
                format::share(class.contentions as f64 / class.acquisitions as f64),
                ns(class.wait.mean_ns()),
                ns(quantile(&class.wait)),
                ns(class.hold.mean_ns()),
                ns(quantile(&class.hold)),
            ]);
        }
        text += &table.to_string();
        text += "\nWaits are of contended acquisitions; holds are sampled.\n";
    }
    text
}
