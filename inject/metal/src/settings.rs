//! The environment variables: one table, from which they are read and documented.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use locktoll_guard::Instrument;

use crate::protection::Options;

/// A variable.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The values that it takes.
    pub values: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const STRATEGY: &str = "LOCKTOLL_STRATEGY";
const COUNT: &str = "LOCKTOLL_COUNT";
const TRACE_DIR: &str = "LOCKTOLL_TRACE_DIR";
const ON_MISUSE: &str = "LOCKTOLL_ON_MISUSE";
const VERBOSE: &str = "LOCKTOLL_METAL_VERBOSE";
const SLOW_MS: &str = "LOCKTOLL_METAL_SLOW_MS";
const SLOW_EVERY_MS: &str = "LOCKTOLL_METAL_SLOW_EVERY_MS";
const TIMEOUT_MS: &str = "LOCKTOLL_METAL_TIMEOUT_MS";
const ABORT_ON_TIMEOUT: &str = "LOCKTOLL_METAL_ABORT_ON_TIMEOUT";
const CLASSES: &str = "LOCKTOLL_METAL_CLASSES";

/// All variables.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: STRATEGY,
        values: "`off`, `none`, `global`, `per-encoder`, `throttle:K`, `session`",
        default: "nothing is installed",
        meaning: "which lock is taken",
    },
    Variable {
        name: COUNT,
        values: "`1`, `0`",
        default: "`1`",
        meaning: "whether acquisitions are counted and timed",
    },
    Variable {
        name: TRACE_DIR,
        values: "a folder",
        default: "no trace",
        meaning: "where `PID.trace` is kept",
    },
    Variable {
        name: ON_MISUSE,
        values: "`refuse`, `warn`, `pass`, `abort`",
        default: "`refuse`",
        meaning: "what is done about a call on an encoder that has ended: told and kept from the \
                  driver; told and passed on; passed on; or told, and the process ends",
    },
    Variable {
        name: VERBOSE,
        values: "`0`, `1`",
        default: "`0`",
        meaning: "whether standard error is told how much of each class is guarded, at once and when \
                  further classes appear",
    },
    Variable {
        name: SLOW_MS,
        values: "milliseconds, `0` for never",
        default: "`0`",
        meaning: "after how long a wait for a lock is warned of",
    },
    Variable {
        name: SLOW_EVERY_MS,
        values: "milliseconds",
        default: "`1000`",
        meaning: "the shortest time between two such warnings",
    },
    Variable {
        name: TIMEOUT_MS,
        values: "milliseconds",
        default: "`5000`",
        meaning: "how long a thread waits for another thread's encoder before it tells and goes on",
    },
    Variable {
        name: ABORT_ON_TIMEOUT,
        values: "`0`, `1`",
        default: "`0`",
        meaning: "whether the process ends where a wait for an encoder or a lock takes that long",
    },
    Variable {
        name: CLASSES,
        values: "names, separated by commas",
        default: "none",
        meaning: "further classes of command buffers, that wrap the driver's own as \
                  `MPSCommandBuffer` does",
    },
];

/// What the environment asks for; nothing, if no strategy is set.
///
/// # Errors
///
/// A value that cannot be used, with the variable's name.
pub(crate) fn options(get: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<Options>, String> {
    let text = |name: &str| {
        get(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|value| format!("{name}={}: not UTF-8", value.display()))
            })
            .transpose()
    };
    let Some(strategy) = text(STRATEGY)? else {
        return Ok(None);
    };
    let strategy = strategy
        .parse()
        .map_err(|error| format!("{STRATEGY}={error}"))?;
    let mut options = Options::new(strategy);
    let switch = |name: &str, default: bool| match text(name)?.as_deref() {
        None => Ok(default),
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(format!("{name}={other}: choose 0 or 1")),
    };
    let time = |name: &str, default: Duration| match text(name)? {
        None => Ok(default),
        Some(value) => value
            .parse()
            .map(Duration::from_millis)
            .map_err(|_| format!("{name}={value}: not a number of milliseconds")),
    };
    if !switch(COUNT, true)? {
        options.instrument = Instrument::Bare;
    }
    if let Some(value) = text(ON_MISUSE)? {
        options.on_misuse = value
            .parse()
            .map_err(|error| format!("{ON_MISUSE}={error}"))?;
    }
    options.verbose = switch(VERBOSE, false)?;
    options.slow = Some(time(SLOW_MS, Duration::ZERO)?).filter(|slow| !slow.is_zero());
    options.slow_every = time(SLOW_EVERY_MS, options.slow_every)?;
    options.timeout = time(TIMEOUT_MS, options.timeout)?;
    options.abort_on_timeout = switch(ABORT_ON_TIMEOUT, false)?;
    if let Some(names) = text(CLASSES)? {
        let names = names.split(',').map(str::trim);
        options.classes = names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
    }
    Ok(Some(options))
}

/// Where a trace is to be kept.
pub(crate) fn trace_dir() -> Option<PathBuf> {
    std::env::var_os(TRACE_DIR).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::{OnMisuse, Strategy};

    fn read(values: &[(&str, &str)]) -> Result<Option<Options>, String> {
        options(&|name| {
            let found = values.iter().find(|(each, _)| *each == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn values_are_read() {
        assert!(read(&[(COUNT, "1")]).expect("is valid").is_none());
        let options = read(&[
            (STRATEGY, "session"),
            (COUNT, "0"),
            (ON_MISUSE, "abort"),
            (VERBOSE, "1"),
            (SLOW_MS, "20"),
            (SLOW_EVERY_MS, "30"),
            (TIMEOUT_MS, "40"),
            (ABORT_ON_TIMEOUT, "1"),
            (CLASSES, "One, Two,"),
        ])
        .expect("is valid")
        .expect("a strategy is set");
        assert_eq!(options.strategy, Strategy::Session);
        assert_eq!(options.instrument, Instrument::Bare);
        assert_eq!(options.on_misuse, OnMisuse::Abort);
        assert!(options.verbose && options.abort_on_timeout);
        assert_eq!(options.slow, Some(Duration::from_millis(20)));
        assert_eq!(options.slow_every, Duration::from_millis(30));
        assert_eq!(options.timeout, Duration::from_millis(40));
        assert_eq!(options.classes, ["One", "Two"]);
    }

    #[test]
    fn a_refusal_names_the_variable() {
        for name in [
            STRATEGY,
            COUNT,
            ON_MISUSE,
            VERBOSE,
            SLOW_MS,
            SLOW_EVERY_MS,
            TIMEOUT_MS,
            ABORT_ON_TIMEOUT,
        ] {
            let error = read(&[(STRATEGY, "global"), (name, "often")]);
            // The first of two values is the one that is found.
            let error = if name == STRATEGY {
                read(&[(STRATEGY, "often")])
            } else {
                error
            };
            let error = error.expect_err("is no value");
            assert!(error.contains(name) && error.contains("often"), "{error}");
        }
    }

    #[test]
    fn every_variable_is_read_and_in_the_table() {
        let asked = core::cell::RefCell::new(vec![TRACE_DIR.to_owned()]);
        let _ = options(&|name| {
            asked.borrow_mut().push(name.to_owned());
            (name == STRATEGY).then(|| "global".into())
        });
        let mut asked = asked.into_inner();
        let mut table: Vec<_> = VARIABLES.iter().map(|each| each.name.to_owned()).collect();
        asked.sort();
        table.sort();
        assert_eq!(asked, table);
    }
}
