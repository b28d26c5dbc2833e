//! What there is once in a process: its settings, its locks, its record.

use std::sync::OnceLock;

use locktoll_guard::{Instrument, Strategy};
use locktoll_inject::Record;

use crate::locks::Locks;
use crate::record;
use crate::settings::{self, Mode};

pub(crate) struct Process {
    pub(crate) mode: Mode,
    pub(crate) locks: Locks,
    pub(crate) record: Option<Record>,
}

static PROCESS: OnceLock<Result<Process, String>> = OnceLock::new();

impl Process {
    /// The process, as its environment was when the first instance was made; or why the layer
    /// refuses.
    pub(crate) fn get() -> Result<&'static Process, &'static str> {
        let process = PROCESS.get_or_init(Process::from_environment).as_ref();
        process.map_err(String::as_str)
    }

    /// The process, if an instance was made and the layer did not refuse.
    pub(crate) fn existing() -> Option<&'static Process> {
        PROCESS.get()?.as_ref().ok()
    }

    fn from_environment() -> Result<Process, String> {
        let strategy = std::env::var_os(settings::STRATEGY);
        let count = std::env::var_os(settings::COUNT);
        let mode = Mode::from_values(strategy.clone(), count);
        let name = match &mode {
            Ok(mode) => mode.name(),
            Err(_) => strategy.unwrap_or_default().to_string_lossy().into_owned(),
        };
        let record = settings::trace_dir()
            .map(|folder| Record::create(&folder, record::PRODUCER, &name))
            .transpose()
            .map_err(|error| format!("{}: {error}", settings::TRACE_DIR))?;
        let mode = match mode {
            Ok(mode) => mode,
            Err(why) => {
                if let Some(record) = record {
                    record.refuse(&why);
                }
                return Err(why);
            }
        };
        let (strategy, instrument) = match mode {
            Mode::Off => (Strategy::None, Instrument::Bare),
            Mode::Hook(strategy, instrument) => (strategy, instrument),
        };
        if record.is_some() {
            record::flush_at_exit();
        }
        Ok(Process {
            mode,
            locks: Locks::new(strategy, instrument),
            record,
        })
    }

    /// To be called when work is submitted.
    #[inline]
    pub(crate) fn on_submission(&self) {
        if let Some(record) = &self.record {
            record.on_submission(&self.locks);
        }
    }

    /// Brings the record up to date.
    pub(crate) fn flush(&self) {
        if let Some(record) = &self.record {
            record.flush(&self.locks);
        }
    }
}
