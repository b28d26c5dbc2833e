//! A trial's command line: written by `bench`, read by `trial`, pasted by people.

use locktoll_bench::duration;
use locktoll_bench::plan::{Arm, Cell, DevicePlan, Encoders, TrialSize};
use locktoll_bench::probe::{Probe, Resource};
use locktoll_bench::trial::TrialSpec;
use locktoll_bench::workload::{KernelChoice, Workload};
use locktoll_gpu::DeviceChoice;
use locktoll_guard::Instrument;

use crate::cli::TrialArgs;
use crate::error::{Error, Result};
use crate::layer::Layer;

/// The command line that runs a cell of a plan. `workload` is a built-in name or a file; `layer`
/// takes the interposed locks of a Vulkan device.
pub fn command_line(
    program: &str,
    encoders: &Encoders,
    cell: &Cell,
    workload: &str,
    layer: Option<&Layer>,
) -> Vec<String> {
    let device = &encoders.device;
    let mut line = vec![program.to_owned(), "trial".to_owned()];
    let mut flag = |name: &str, value: String| line.extend([format!("--{name}"), value]);
    flag("device", device.choice.to_string());
    match device.choice {
        DeviceChoice::Vulkan(_) | DeviceChoice::Metal => flag("queues", device.queues.to_string()),
        DeviceChoice::Auto | DeviceChoice::Soft | DeviceChoice::Objc => {
            flag("soft", device.soft.to_string());
        }
    }
    if let Some(work) = device.timed {
        flag("timed-work", work.to_string());
    }
    if matches!(cell.arm, Arm::Probe(Probe::Added(added)) if added.to == Resource::Device)
        && !device.added.is_empty()
    {
        flag("added-work", joined(&device.added));
    }
    if let Some(fault) = device.fault {
        flag("fault", fault.to_string());
    }
    flag("workload", workload.to_owned());
    if let Some(point) = cell.point {
        flag("work", format!("{}ns", point.work_ns));
    }
    flag("sync", encoders.sync.to_string());
    flag("strategy", cell.config.to_string());
    if let Some(threads) = cell.threads {
        flag("threads", threads.to_string());
    }
    flag("ops", encoders.size.ops_per_thread.to_string());
    flag("iterations", encoders.size.iterations.to_string());
    flag("warmup", encoders.size.warmup.to_string());
    if let Some(layer) = layer {
        flag("layer", layer.folder().display().to_string());
    }
    match cell.arm {
        Arm::Counted => line.push("--counted".to_owned()),
        Arm::Probe(probe) => line.extend(["--probe".to_owned(), probe.to_string()]),
        Arm::Bare | Arm::AA => {}
    }
    line
}

/// Values as one argument that lists them.
fn joined<T: ToString>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    texts.join(",")
}

/// The device that flags name: what is set of a model, or a fault, is for a model, so `auto` is the soft
/// device.
pub fn choice(device: DeviceChoice, is_model: bool) -> DeviceChoice {
    if is_model && device == DeviceChoice::Auto {
        DeviceChoice::Soft
    } else {
        device
    }
}

/// What the arguments ask for.
///
/// # Errors
/// The workload is neither built in nor a valid file, or `--work` is given and it has no timed
/// kernel.
pub fn spec(arguments: &TrialArgs) -> Result<TrialSpec> {
    let mut workload = Workload::load(&arguments.workload)?;
    if let Some(work) = arguments.work {
        let KernelChoice::Timed { service_ns } = &mut workload.kernel else {
            return Err(Error::Usage(format!(
                "--work is the time of a timed kernel, which the workload {} has not",
                workload.name
            )));
        };
        *service_ns = Some(duration::ns(work));
    }
    Ok(TrialSpec {
        encoders: Encoders {
            device: DevicePlan {
                choice: choice(arguments.device, arguments.fault.is_some()),
                soft: arguments.soft,
                queues: arguments.queues,
                timed: arguments.timed_work,
                added: arguments.added_work.clone(),
                fault: arguments.fault,
            },
            sync: arguments.sync.unwrap_or(workload.sync),
            workload,
            size: TrialSize {
                ops_per_thread: arguments.ops,
                iterations: arguments.iterations,
                warmup: arguments.warmup,
            },
        },
        protection: arguments.strategy,
        probe: arguments.probe,
        instrument: instrument(arguments),
        threads: arguments.threads,
        traces: None,
    })
}

/// How a trial's locks are counted. Where stages are timed, every hold is: a lock-bound op may owe its
/// time to one hold in a hundred, which a sample would see in one trial and miss in the next.
pub fn instrument(arguments: &TrialArgs) -> Instrument {
    match arguments.probe {
        Some(Probe::Timed) => Instrument::Timed,
        _ => Instrument::counted_if(arguments.counted),
    }
}
