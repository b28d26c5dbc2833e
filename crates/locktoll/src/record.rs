//! `locktoll record`: a program with its locks measured, from a library that is loaded into it.

mod calibrate;
mod folder;
mod launch;
mod library;
mod live;
pub(crate) mod program;
mod signals;

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use locktoll_bench::environment;
use locktoll_report::record::{self, Record};
use locktoll_report::terminal::TerminalStyle;
use locktoll_symbols::Symbolizer;
use nix::unistd::Pid;

pub use self::folder::{RECORD_FILE, holds_recording, read, traces_of};
pub(crate) use self::folder::{create, discard};
use self::launch::Ended;
pub(crate) use self::launch::{Launched, prepare};
pub(crate) use self::library::Library;
use crate::cli::RecordArgs;
use crate::error::{Error, Result};
use crate::recorded::{self, Facts, Observed, Started};
use crate::{output, what_if};

/// Between two looks at the traces while the program runs.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the program to its end; its exit code.
///
/// # Errors
/// It cannot be recorded, or not be started, or the files cannot be written.
pub fn run(arguments: &RecordArgs) -> Result<u8> {
    if let Some(pid) = arguments.attach {
        return Err(attaching_is_refused(pid));
    }
    if let Some(named) = &arguments.what_if {
        return what_if::run(arguments, named);
    }
    program::check(&arguments.command)?;
    let directory = folder::create(arguments.out.as_deref())?;
    let library = Library::write(&directory, arguments)?;
    let cost = match arguments.calibrate {
        Some(pairs) => Some(calibrate::measure(arguments, &library, pairs)?),
        None => None,
    };
    signals::listen()?;
    let prepared = prepare(&arguments.command, &library.variables())?;
    let started = Launched::start(prepared, arguments.duration);
    let mut launched = started.inspect_err(|_| {
        library.remove();
        folder::discard(&directory);
    })?;
    let pid = launched.pid();
    let symbolizer = Symbolizer::new();
    let mut live = live::Line::new(arguments.no_live || arguments.quiet);
    let ended = loop {
        match launched.wait(live.is_shown().then_some(LOOK))? {
            Some(ended) => break ended,
            None => live.show(library.traces(), &symbolizer),
        }
    };
    live.clear();
    let record = analyse(arguments, &library, (pid, &ended), cost, &symbolizer)?;
    folder::write(&directory, &record)?;
    if !arguments.quiet {
        say(&record, arguments.top);
        anstream::eprintln!(
            "\nReport: {0}/record.html, {0}/record.md · all figures: {0}/record.json",
            directory.display()
        );
    }
    Ok(ended.code())
}

fn analyse(
    arguments: &RecordArgs,
    library: &Library,
    (pid, ended): (Pid, &Ended),
    cost: Option<record::model::Cost>,
    symbolizer: &Symbolizer,
) -> Result<Record> {
    let facts = Facts {
        command: arguments.command.clone(),
        wall_ns: Some(ended.wall_ns),
        exit_code: ended.status.code(),
        signal: ended.status.signal(),
        environment: environment::read(env!("CARGO_PKG_VERSION")),
        cost,
    };
    let started = Started {
        pid: pid.as_raw().cast_unsigned(),
        wall_ns: ended.wall_ns,
    };
    let observed = Observed::read_of(library.traces(), Some(started))?;
    Ok(recorded::analyse(&observed, facts, symbolizer))
}

/// The summary goes to standard error, since standard output is the program's.
fn say(record: &Record, top: usize) {
    let style = TerminalStyle {
        width: output::width(),
        color: false,
    };
    anstream::eprint!("\n{}", record::to_text(record, &style, top));
}

fn attaching_is_refused(pid: u32) -> Error {
    Error::Usage(format!(
        "--attach {pid}: a process that runs already cannot be recorded. Its calls of lock functions are bound; \
         to redirect them, code would have to be written into it while other threads run that code, and a \
         thread inside a critical section would release a lock whose taking was never seen. Start the program \
         under `locktoll record -- CMD`, or the service with LD_PRELOAD and LOCKTOLL_TRACE_DIR set as \
         docs/record.md shows; for waits in the kernel alone there is `perf trace -s -e futex -p {pid}`"
    ))
}
