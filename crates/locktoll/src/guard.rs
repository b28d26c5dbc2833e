//! `locktoll guard`: a Vulkan program with a lock slipped under it, and what that lock saw.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use comfy_table::Table;
use locktoll_bench::Error as BenchError;
use locktoll_report::format;
use locktoll_trace::{Durations, Trace};
use signal_hook::consts::{SIGINT, SIGQUIT};

use crate::cli::{GuardArgs, GuardStrategy};
use crate::error::{Error, Result};
use crate::layer::Layer;

/// Added to a signal's number, as shells do, where a signal ended the program.
const SIGNALLED: u8 = 128;

/// Runs the program to its end; its exit code.
///
/// # Errors
/// It could not be started, or it ran without the layer under it.
pub fn run(arguments: &GuardArgs) -> Result<u8> {
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Error::Usage("no program to run: put it after --".into()));
    };
    let folder = Folder::new()?;
    let layer = Layer::write(&folder.0)?;
    // Ctrl-C in a terminal goes to the program too, which may handle it; the summary comes after.
    for signal in [SIGINT, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .map_err(BenchError::io("listen for", "Ctrl-C"))?;
    }
    let mut child = Command::new(program)
        .args(words)
        .envs(layer.variables(&arguments.strategy.to_string(), !arguments.no_counting))
        .spawn()
        .map_err(BenchError::io("start", program))?;
    let status = child.wait().map_err(BenchError::io("wait for", program))?;
    let traces = Trace::read_dir(&layer.traces()).map_err(|error| BenchError::Trace {
        path: layer.traces(),
        message: error.to_string(),
    })?;
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, Some(signal)) => u8::try_from(signal).map_or(1, |number| SIGNALLED | number),
        (None, None) => 1,
    };
    if traces.is_empty() {
        if status.success() || arguments.strategy != GuardStrategy::Off {
            let error = BenchError::LayerNotLoaded {
                command: arguments.command.clone(),
            };
            if status.success() {
                return Err(error.into());
            }
            anstream::eprintln!("locktoll: {error}");
        }
    } else if !arguments.quiet {
        anstream::eprint!("{}", summary(&traces));
    }
    Ok(code)
}

/// A folder that goes when the run does.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder =
            std::env::temp_dir().join(std::format!("locktoll-guard-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(BenchError::io("create the folder", &folder))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
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
