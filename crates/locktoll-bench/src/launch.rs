//! Starts a trial of locktoll's own encoders as a child process and tells what became of it.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locktoll_gpu::FAULT_PREFIX;

use crate::child::{self, End};
use crate::error::{Error, LAYER_MISSING, Result};
use crate::plan::Cell;
use crate::protocol::Line;
use crate::samples::{Crash, Measurement, Outcome};

/// How a trial says that its device computed something else than the reference.
pub(crate) const WRONG_RESULT: &str = "wrong result";

/// Starts trials. A seam: tests put simulated trials here.
pub trait Launch {
    /// Runs a trial of a cell to its end; `None` when the user interrupted it.
    ///
    /// # Errors
    /// The child could not be started, or not in the way that the cell asks for. What it does once
    /// started is an [`Outcome`].
    fn launch(
        &self,
        command: &[String],
        cell: &Cell,
        timeout: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Option<Outcome>>;
}

/// Starts trials as child processes that speak the [protocol](crate::protocol).
#[derive(Debug, Clone, Copy, Default)]
pub struct ChildProcess;

impl Launch for ChildProcess {
    fn launch(
        &self,
        command: &[String],
        _: &Cell,
        timeout: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Option<Outcome>> {
        let mut seen = Seen::default();
        let ended = child::run(command, None, timeout, interrupted, &mut |line| {
            seen.read(line);
        })?;
        // Without its locks it was a trial of another configuration, and no crash of this one.
        if ended.stderr.contains(LAYER_MISSING) {
            return Err(Error::LayerNotLoaded {
                command: command.to_vec(),
            });
        }
        Ok(match (ended.end, seen.measurement) {
            (End::Interrupted, _) => None,
            (End::Exited(status), Some(measurement)) if status.success() => {
                Some(Outcome::Completed(measurement))
            }
            (end, _) => {
                let mut signal = child::name_of(end);
                if matches!(end, End::Exited(status) if status.code().is_some())
                    && ended.stderr.contains(WRONG_RESULT)
                {
                    WRONG_RESULT.clone_into(&mut signal);
                }
                let message = child::last_words(end, &ended.stderr, timeout);
                Some(Outcome::Crashed(Crash {
                    signal,
                    iteration: seen.started.then_some(seen.iterations),
                    thread: thread_in(&message),
                    message,
                }))
            }
        })
    }
}

/// What a trial has said.
#[derive(Default)]
struct Seen {
    started: bool,
    iterations: u32,
    measurement: Option<Box<Measurement>>,
}

impl Seen {
    fn read(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(Line::Started { .. }) => self.started = true,
            Ok(Line::Iteration { .. }) => self.iterations += 1,
            Ok(Line::Done { measurement }) => self.measurement = Some(measurement),
            // A driver may print to standard output; only our own lines count.
            Err(_) => {}
        }
    }
}

/// The reporting thread in a fault model's line, by its name or else its number: `… by thread 3
/// (encoder-1) overlaps …` (see [`FAULT_PREFIX`]).
fn thread_in(message: &str) -> Option<String> {
    let (_, after) = message
        .strip_prefix(FAULT_PREFIX)?
        .split_once(" by thread ")?;
    let (reporting, _) = after.split_once(" overlaps ")?;
    let (number, name) = reporting.split_once(" (").unwrap_or((reporting, ""));
    Some(name.strip_suffix(')').unwrap_or(number).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Arm, Config};

    fn cell() -> Cell {
        Cell {
            arm: Arm::Bare,
            config: Config::Command("any".into()),
            threads: None,
            point: None,
        }
    }

    const FAULT: &str = "locktoll fault model agx:queue: SIGABRT: dispatch by thread 4 (encoder-3) \
                         overlaps commit by thread 2";

    /// Runs a script, which finds `FAULT` as `$0`.
    fn shell(script: &str, timeout: Duration) -> Option<Outcome> {
        let command = ["/bin/sh", "-c", script, FAULT].map(str::to_owned);
        ChildProcess
            .launch(&command, &cell(), timeout, &AtomicBool::new(false))
            .unwrap()
    }

    fn crash(script: &str) -> Crash {
        match shell(script, Duration::from_mins(1)) {
            Some(Outcome::Crashed(crash)) => crash,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_signal_is_a_crash_with_its_last_words() {
        let crash = crash(
            r#"echo '{"event":"started","pid":1}'; echo '{"event":"iteration","index":0,"ops":1,"elapsed_ns":5}';
               echo "noise" >&2; echo "$0" >&2; kill -ABRT $$"#,
        );
        assert_eq!(crash.signal, "SIGABRT");
        assert_eq!(crash.iteration, Some(1));
        assert_eq!(crash.thread.as_deref(), Some("encoder-3"));
        assert_eq!(crash.message, FAULT);
    }

    #[test]
    fn a_thread_without_a_name_is_known_by_its_number() {
        let line =
            "locktoll fault model agx:queue: SIGABRT: commit by thread 4 overlaps x by thread 2";
        assert_eq!(thread_in(line).as_deref(), Some("4"));
        assert_eq!(thread_in("the user's thread '7' panicked"), None);
    }

    #[test]
    fn a_code_and_a_silent_success_are_crashes_too() {
        assert_eq!(crash("exit 3").signal, "exit 3");
        assert_eq!(crash("exit 0").signal, "exit 0");
        assert_eq!(crash("exit 0").iteration, None);
    }

    #[test]
    fn a_hang_is_killed_and_says_so() {
        match shell("sleep 1000", Duration::from_millis(200)) {
            Some(Outcome::Crashed(crash)) => assert_eq!(crash.signal, "timeout"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hang_after_the_output_was_closed_is_one_too() {
        match shell("exec >&- 2>&-; exec sleep 1000", Duration::from_millis(200)) {
            Some(Outcome::Crashed(crash)) => assert_eq!(crash.signal, "timeout"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_passed_over() {
        let crash = crash(r#"printf '\377\n{"event":"started","pid":1}\n'; exit 7"#);
        assert_eq!(
            (crash.signal.as_str(), crash.iteration),
            ("exit 7", Some(0))
        );
    }

    #[test]
    fn an_interrupt_is_no_outcome() {
        let command = ["/bin/sleep", "1000"].map(str::to_owned);
        let outcome = ChildProcess
            .launch(
                &command,
                &cell(),
                Duration::from_mins(1),
                &AtomicBool::new(true),
            )
            .unwrap();
        assert_eq!(outcome, None);
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = ChildProcess
            .launch(
                &["/no/such".to_owned()],
                &cell(),
                Duration::from_secs(1),
                &AtomicBool::new(false),
            )
            .unwrap_err();
        assert!(error.to_string().contains("/no/such"), "{error}");
    }
}
