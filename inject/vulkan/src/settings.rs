//! The environment: which locks, whether to count, where to write.

use std::ffi::OsString;
use std::path::PathBuf;

use locktoll_guard::{Instrument, Strategy};

pub(crate) const STRATEGY: &str = "LOCKTOLL_STRATEGY";
pub(crate) const COUNT: &str = "LOCKTOLL_COUNT";
pub(crate) const TRACE_DIR: &str = "LOCKTOLL_TRACE_DIR";

/// What the layer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Be loaded and out of the way.
    Off,
    /// Hook everything.
    Hook(Strategy, Instrument),
}

impl Mode {
    pub(crate) fn from_values(
        strategy: Option<OsString>,
        count: Option<OsString>,
    ) -> Result<Mode, String> {
        let text = |name, value: OsString| {
            value
                .into_string()
                .map_err(|value| format!("{name}={}: not UTF-8", value.display()))
        };
        let instrument = match count
            .map(|value| text(COUNT, value))
            .transpose()?
            .as_deref()
        {
            None | Some("1") => Instrument::Counted,
            Some("0") => Instrument::Bare,
            Some("all") => Instrument::Timed,
            Some(other) => return Err(format!("{COUNT}={other}: choose 0, 1 or all")),
        };
        let strategy = strategy.ok_or_else(|| {
            format!("{STRATEGY} is not set: choose off, none, global, per-encoder, per-queue or throttle:K")
        })?;
        match text(STRATEGY, strategy)?.as_str() {
            "off" => Ok(Mode::Off),
            other => match other.parse() {
                Ok(strategy) => Ok(Mode::Hook(strategy, instrument)),
                Err(error) => Err(format!("{STRATEGY}={other}: {error}, or off")),
            },
        }
    }

    /// As it stands in the trace.
    pub(crate) fn name(self) -> String {
        match self {
            Mode::Off => "off".into(),
            Mode::Hook(strategy, _) => strategy.to_string(),
        }
    }
}

pub(crate) fn trace_dir() -> Option<PathBuf> {
    std::env::var_os(TRACE_DIR).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(strategy: Option<&str>, count: Option<&str>) -> Result<Mode, String> {
        Mode::from_values(strategy.map(OsString::from), count.map(OsString::from))
    }

    #[test]
    fn values_are_read() {
        assert_eq!(mode(Some("off"), None), Ok(Mode::Off));
        assert_eq!(
            mode(Some("global"), None),
            Ok(Mode::Hook(Strategy::Global, Instrument::Counted))
        );
        assert_eq!(
            mode(Some("global"), Some("all")),
            Ok(Mode::Hook(Strategy::Global, Instrument::Timed))
        );
        assert_eq!(
            mode(Some("none"), Some("0")),
            Ok(Mode::Hook(Strategy::None, Instrument::Bare))
        );
    }

    #[test]
    fn a_refusal_names_the_variable() {
        for (strategy, count, name) in [
            (None, None, STRATEGY),
            (Some("globul"), None, STRATEGY),
            (Some(""), None, STRATEGY),
            (Some("global"), Some("yes"), COUNT),
        ] {
            let error = mode(strategy, count).expect_err("is no value");
            assert!(error.contains(name), "{error}");
        }
    }
}
