//! `locktoll analyze`: the same engine on numbers that exist already.

use std::fs::File;
use std::path::Path;

use locktoll_bench::Error as BenchError;
use locktoll_bench::samples::{FILE_NAME, Samples};
use locktoll_report::model::RunResult;
use locktoll_report::{json, markdown};
use locktoll_stats::{Direction, Policy};

use crate::analysis;
use crate::analysis::imported::{self, Settings};
use crate::analysis::measured::Overrides;
use crate::cli::{AnalyzeArgs, Format};
use crate::error::{Error, Result};
use crate::{import, output};

/// Runs the command; the exit code.
///
/// # Errors
/// The input cannot be read or compared.
pub fn run(arguments: &AnalyzeArgs) -> Result<u8> {
    let result = if arguments.input.is_dir() {
        analyse_run(arguments)?
    } else {
        analyse_file(arguments)?
    };
    match arguments.format {
        Format::Text => output::print_text(&result),
        Format::Json => output::say(&format!("{}\n", json::to_string_pretty(&result)?)),
        Format::Md => output::say(&markdown::render(&result)),
    }
    Ok(output::policy(&result).map_or(0, |outcome| outcome.exit_code()))
}

fn analyse_run(arguments: &AnalyzeArgs) -> Result<RunResult> {
    if arguments.lower_is_better {
        return Err(Error::Usage(
            "--lower-is-better: a bench run measures throughput".into(),
        ));
    }
    let samples = Samples::read(&arguments.input.join(FILE_NAME))?;
    let overrides = Overrides {
        baseline: arguments.baseline.clone(),
        margin: arguments.policy.margin,
        confidence: arguments.policy.confidence,
        max_cost: arguments.policy.max_cost,
    };
    analysis::of_run(&samples, &arguments.input.display().to_string(), &overrides)
}

fn analyse_file(arguments: &AnalyzeArgs) -> Result<RunResult> {
    let path = &arguments.input;
    let series = if path == Path::new("-") {
        import::read(std::io::stdin().lock(), Path::new("standard input"))
    } else {
        let file = File::open(path).map_err(BenchError::io("open", path))?;
        import::read(file, path)
    }?;
    let default = Policy::default();
    let settings = Settings {
        file: path.display().to_string(),
        baseline: arguments.baseline.clone(),
        paired: arguments.paired,
        policy: Policy {
            confidence: arguments.policy.confidence.unwrap_or(default.confidence),
            margin: arguments.policy.margin.unwrap_or(default.margin),
            direction: if arguments.lower_is_better {
                Direction::LowerIsBetter
            } else {
                Direction::HigherIsBetter
            },
        },
        max_cost: arguments.policy.max_cost,
        unit: arguments.unit.clone(),
    };
    imported::analyse(&series, &settings)
}
