//! A trial's command line: written by `bench`, read by `trial`, pasted by people.

use locktoll_bench::plan::{Arm, Cell, DevicePlan, Plan, TrialSize};
use locktoll_bench::trial::TrialSpec;
use locktoll_bench::workload::Workload;
use locktoll_gpu::{DeviceChoice, FaultModel, SoftSettings};
use locktoll_guard::Instrument;

use crate::cli::TrialArgs;
use crate::error::Result;

/// The command line that runs a cell of a plan. `workload` is a built-in name or a file.
pub fn command_line(program: &str, plan: &Plan, cell: &Cell, workload: &str) -> Vec<String> {
    let mut line = vec![program.to_owned(), "trial".to_owned()];
    let mut flag = |name: &str, value: String| line.extend([format!("--{name}"), value]);
    flag("device", plan.device.name.clone());
    flag("soft", plan.device.soft.to_string());
    if let Some(fault) = plan.device.fault {
        flag("fault", fault.to_string());
    }
    flag("workload", workload.to_owned());
    flag("sync", plan.sync.to_string());
    flag("strategy", cell.protection.to_string());
    flag("threads", cell.threads.to_string());
    flag("ops", plan.size.ops_per_thread.to_string());
    flag("iterations", plan.size.iterations.to_string());
    flag("warmup", plan.size.warmup.to_string());
    if cell.arm == Arm::Counted {
        line.push("--counted".to_owned());
    }
    line
}

/// The only device of this version, which `auto` and `soft` both name.
pub fn device(soft: SoftSettings, fault: Option<FaultModel>) -> DevicePlan {
    DevicePlan {
        name: DeviceChoice::Soft.to_string(),
        soft,
        fault,
    }
}

/// What the arguments ask for.
///
/// # Errors
/// The workload is neither built in nor a valid file.
pub fn spec(arguments: &TrialArgs) -> Result<TrialSpec> {
    let workload = Workload::load(&arguments.workload)?;
    Ok(TrialSpec {
        device: device(arguments.soft, arguments.fault),
        sync: arguments.sync.unwrap_or(workload.sync),
        workload,
        protection: arguments.strategy,
        instrument: if arguments.counted {
            Instrument::Counted
        } else {
            Instrument::Bare
        },
        threads: arguments.threads,
        size: TrialSize {
            ops_per_thread: arguments.ops,
            iterations: arguments.iterations,
            warmup: arguments.warmup,
        },
    })
}
