//! `locktoll trial`: one cell in this process, its progress and measurement as JSON lines.

use std::convert::Infallible;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use locktoll_bench::protocol::{Line, PARENT_VARIABLE};
use locktoll_bench::{Error as BenchError, layer_counts, trial};
use locktoll_gpu::{DeviceChoice, Protection};
use nix::unistd::getppid;

use crate::cli::TrialArgs;
use crate::error::Result;
use crate::layer::Layer;
use crate::trial_args;

/// The folder of the layer that is under this process. Its presence says that the loader was told.
const UNDER_US: &str = "LOCKTOLL_TRIAL_LAYER";

/// Runs the trial; the exit code.
///
/// # Errors
/// The device refuses, or a result is wrong.
pub fn run(arguments: &TrialArgs) -> Result<u8> {
    if !parent_is_alive() {
        return Ok(1);
    }
    let mut spec = trial_args::spec(arguments)?;
    if spec.encoders.device.choice == DeviceChoice::Auto {
        spec.encoders.device.choice = DeviceChoice::Auto.resolve().map_err(BenchError::from)?;
    }
    let is_vulkan = matches!(spec.encoders.device.choice, DeviceChoice::Vulkan(_));
    if let (true, Protection::Interposed(_)) = (is_vulkan, spec.protection) {
        match std::env::var_os(UNDER_US) {
            Some(folder) => spec.traces = Some(Layer::at(PathBuf::from(folder)).traces()),
            None => match again_with_layer(arguments)? {},
        }
    }
    let mut out = std::io::stdout().lock();
    let mut say = |line: &Line| {
        // A reader that is gone has no use for the rest; the parent's death ends us anyway.
        let _ = serde_json::to_writer(&mut out, line);
        let _ = out.write_all(b"\n").and_then(|()| out.flush());
    };
    let measured = trial::run(&spec, &mut say);
    if let Some(traces) = &spec.traces {
        // What is left behind does no harm.
        let _ = std::fs::remove_file(layer_counts::trace_of(traces, std::process::id()));
        if let (None, Some(folder)) = (&arguments.layer, std::env::var_os(UNDER_US)) {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
    let measurement = measured?;
    say(&Line::Done {
        measurement: Box::new(measurement),
    });
    Ok(0)
}

/// Starts this program anew in this process, now with the variables that make the Vulkan loader put
/// the layer under it.
fn again_with_layer(arguments: &TrialArgs) -> Result<Infallible> {
    let layer = match &arguments.layer {
        Some(folder) => Layer::write(folder)?,
        // Kept by this process, which will be another program then.
        None => Layer::write(
            &tempfile::Builder::new()
                .prefix("locktoll-layer-")
                .tempdir()
                .map_err(BenchError::io("create a folder in", std::env::temp_dir()))?
                .keep(),
        )?,
    };
    let strategy = arguments.strategy.strategy().to_string();
    let program =
        std::env::current_exe().map_err(BenchError::io("find", "the locktoll program"))?;
    let refused = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .envs(layer.variables(&strategy, trial_args::instrument(arguments)))
        .env(UNDER_US, layer.folder())
        .exec();
    Err(BenchError::io("start", &program)(refused).into())
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
