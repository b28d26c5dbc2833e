//! The soft device's settings, and the timing model that they parameterise.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// The times and the size of a soft device, written
/// `service=100us,encode=2us,hold=0,queues=1,engines=1`: any of these, in any order; what is
/// left out keeps its default, which is the one shown.
///
/// # Timing model
///
/// * **Encoding.** Each driver call spins on its core for `encode`: the factories
///   `command_buffer` and `encoder`, `set_pipeline`, `set_buffer`, `set_value`, `dispatch`,
///   `end_encoding` and `commit`. Thus an op of one encoder with *c* calls costs *c* · `encode`
///   of CPU time. `wait`, `read` and the making of buffers and pipelines cost nothing but
///   themselves. The spin ends by the clock; a thread that is preempted during one has spun less
///   than `encode`, which matters only where time slices are not much longer than `encode`.
/// * **Hold.** `end_encoding` also lasts `hold`, without using a core: it sleeps until shortly
///   before the end and spins for the last 60 µs, to be exact. A lock held round it is held for
///   this long; without a lock, the holds of several threads run side by side (those under 60 µs
///   on as many cores).
/// * **Execution.** A committed command buffer occupies one engine for the largest of `service`,
///   the sum of its [`Timed`](crate::Kernel::Timed) dispatches' own durations, and the time that
///   its computing kernels really took. Queue *q* is served by engine *q* mod `engines`, in the
///   order of commits. So
///   start = max(commit, end of the engine's previous command buffer) and end = start +
///   occupancy. Commands that compute are run on the CPU by one thread per engine, as early as
///   their order allows, and do not end before that thread is through with them; all others exist
///   on this timeline only and use no core and no thread.
/// * **Queues.** Lane *i* uses hardware queue *i* mod `queues`.
///
/// Hence an op of one command buffer without kernels of its own length has the ceiling
/// `engines` ∕ `service` per second: 10,000 for the defaults.
///
/// Threads that wait or hold get the finest timer slack (1 ns) where the system has that setting.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use locktoll_gpu::SoftSettings;
///
/// let settings: SoftSettings = "engines=2,queues=2,service=500ns".parse()?;
/// assert_eq!(settings.service, Duration::from_nanos(500));
/// assert_eq!(settings.encode, Duration::from_micros(2));
/// # Ok::<(), locktoll_gpu::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftSettings {
    /// Least time for which a command buffer occupies its engine.
    pub service: Duration,
    /// CPU time of each driver call.
    pub encode: Duration,
    /// Further time of each `end_encoding`, on no core.
    pub hold: Duration,
    /// Hardware queues.
    pub queues: NonZeroU16,
    /// Engines, each of which executes one command buffer at a time.
    pub engines: NonZeroU16,
}

impl Default for SoftSettings {
    fn default() -> Self {
        Self {
            service: Duration::from_micros(100),
            encode: Duration::from_micros(2),
            hold: Duration::ZERO,
            queues: NonZeroU16::MIN,
            engines: NonZeroU16::MIN,
        }
    }
}

impl fmt::Display for SoftSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            encode,
            hold,
            queues,
            engines,
        } = self;
        let [service, encode, hold] = [service, encode, hold].map(|d| format_duration(*d));
        write!(
            f,
            "service={service},encode={encode},hold={hold},queues={queues},engines={engines}"
        )
    }
}

impl FromStr for SoftSettings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut settings = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim(), value.trim());
            let bad = |reason: String| Error::BadSetting {
                key: key.to_owned(),
                value: value.to_owned(),
                reason,
            };
            match key {
                "service" => settings.service = parse_duration(value).map_err(bad)?,
                "encode" => settings.encode = parse_duration(value).map_err(bad)?,
                "hold" => settings.hold = parse_duration(value).map_err(bad)?,
                "queues" => settings.queues = parse_count(value).map_err(bad)?,
                "engines" => settings.engines = parse_count(value).map_err(bad)?,
                _ => {
                    return Err(Error::UnknownSetting {
                        key: key.to_owned(),
                    });
                }
            }
            if seen.contains(&key) {
                return Err(bad("given twice".to_owned()));
            }
            seen.push(key);
        }
        Ok(settings)
    }
}

fn parse_duration(value: &str) -> Result<Duration, String> {
    match value {
        "0" => Ok(Duration::ZERO),
        _ => humantime::parse_duration(value).map_err(|error| error.to_string()),
    }
}

fn format_duration(duration: Duration) -> String {
    if duration.is_zero() {
        "0".to_owned()
    } else {
        // Without the spaces, the whole is one word on a command line.
        humantime::format_duration(duration)
            .to_string()
            .replace(' ', "")
    }
}

fn parse_count(value: &str) -> Result<NonZeroU16, String> {
    value
        .parse()
        .map_err(|_| format!("not a whole number from 1 to {}", u16::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<SoftSettings, Error> {
        text.parse()
    }

    #[test]
    fn nothing_given_is_the_default_and_the_default_is_as_documented() {
        assert_eq!(parse("").unwrap(), SoftSettings::default());
        assert_eq!(
            SoftSettings::default().to_string(),
            "service=100us,encode=2us,hold=0,queues=1,engines=1"
        );
    }

    #[test]
    fn any_subset_in_any_order() {
        let settings = parse(" engines=3, hold=1ms500us ,service=500ns,").unwrap();
        assert_eq!(settings.service, Duration::from_nanos(500));
        assert_eq!(settings.hold, Duration::from_micros(1500));
        assert_eq!(settings.engines.get(), 3);
        assert_eq!(settings.encode, SoftSettings::default().encode);
    }

    #[test]
    fn errors_name_the_setting() {
        for (text, says) in [
            ("servce=1us", "`servce`"),
            ("service", "`service=`"),
            ("hold=5", "`hold=5`"),
            ("encode=-1us", "`encode=-1us`"),
            ("engines=0", "`engines=0`"),
            ("queues=65536", "`queues=65536`"),
            ("queues=two", "`queues=two`"),
            ("hold=1us,hold=2us", "given twice"),
            (
                "service=99999999999999999999s",
                "`service=99999999999999999999s`",
            ),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    fn any_duration() -> impl proptest::strategy::Strategy<Value = Duration> {
        prop_oneof![
            Just(Duration::ZERO),
            (0..5_000_u64).prop_map(Duration::from_nanos),
            (0..u64::MAX).prop_map(Duration::from_nanos),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            service in any_duration(),
            encode in any_duration(),
            hold in any_duration(),
            queues: NonZeroU16,
            engines: NonZeroU16,
        ) {
            let settings = SoftSettings { service, encode, hold, queues, engines };
            let text = settings.to_string();
            prop_assert!(!text.contains(' '));
            prop_assert_eq!(parse(&text).unwrap(), settings);
        }

        #[test]
        fn no_text_panics(text in "(service|hold|queues|x)?=?[0-9a-z.,=μ -]{0,12}") {
            let _ = parse(&text);
        }
    }
}
