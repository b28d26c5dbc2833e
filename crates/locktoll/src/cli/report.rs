//! Arguments of `locktoll report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

/// `locktoll report`.
#[derive(Debug, Args)]
#[command(after_help = "\
With one run and neither --format nor --out, report.html and report.md are written into its directory;
of a recording record.html and record.md, of a what-if what-if.html and what-if.md.
With two runs, what both measured is compared: the second against the first. Two runs are not
interleaved, so whatever changed between them is part of the difference. Where nothing could be compared the exit code is 1; maps are
not compared.

Examples:
  locktoll report locktoll-20261122-101500
  locktoll report result.json --format html --out report.html
  locktoll report before after                     did a new version or machine change anything?
  locktoll report DIR --plots plots                each plot as an SVG file, too
  locktoll report RECORDING --export pprof --out waits.pb.gz    of `locktoll record`
  locktoll report WHAT-IF --format text            of `locktoll record --what-if`")]
pub struct ReportArgs {
    /// Directory of a run (samples.jsonl is analysed again; without it, result.json is read), of a recording
    /// (record.json is read) or of a what-if (what-if.json is read), or such a file; give two runs to compare
    /// them
    #[arg(
        required = true,
        num_args = 1..=2,
        value_name = "DIR|FILE",
        value_hint = ValueHint::AnyPath
    )]
    pub inputs: Vec<PathBuf>,

    /// Directory for the plots, one SVG file each, beside the report
    #[arg(long, value_name = "OUTDIR", value_hint = ValueHint::DirPath)]
    pub plots: Option<PathBuf>,

    /// Write a recording in the format of another tool, to --out or standard output
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["format", "plots"])]
    pub export: Option<ExportFormat>,

    /// What to write [default: HTML and Markdown into the run's directory; of two runs, text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,

    /// File to write to, instead of standard output [without --format: HTML]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// What `report` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A page with plots, in one file
    Html,
    /// Markdown
    Md,
    /// For people, in a terminal
    Text,
    /// Everything, for machines
    Json,
}

/// Formats of other tools, for recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Time waited by call stack, one line each, for flame graphs
    Folded,
    /// The same as a profile for pprof (gzipped)
    Pprof,
    /// Single events as a timeline, of --mode events: for Perfetto or Chrome
    Perfetto,
    /// Counters, gauges and quantiles of each lock, for Prometheus
    Openmetrics,
}
