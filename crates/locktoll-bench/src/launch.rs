//! Starts a trial as a child process and tells what became of it.
//!
//! The child is in a process group of its own, so that Ctrl-C in the terminal reaches the parent
//! alone: a trial cut off by the user must not look like a crash.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use locktoll_gpu::FAULT_PREFIX;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::error::{Error, Result};
use crate::protocol::{Line, PARENT_VARIABLE};
use crate::samples::{Crash, Measurement, Outcome};

/// How often a waiting parent looks whether the user wants to stop.
const POLL: Duration = Duration::from_millis(50);

/// How a trial says that its device computed something else than the reference.
pub(crate) const WRONG_RESULT: &str = "wrong result";

/// Text kept of a child's standard error: its end, where an assertion stands.
const STDERR_KEPT: usize = 8 * 1024;

/// Starts trials. A seam: tests put simulated trials here.
pub trait Launch {
    /// Runs a trial to its end; `None` when the user interrupted it.
    ///
    /// # Errors
    /// The child could not be started. What it does once started is an [`Outcome`].
    fn launch(
        &self,
        command: &[String],
        timeout: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Option<Outcome>>;
}

/// Starts trials as child processes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChildProcess;

impl Launch for ChildProcess {
    fn launch(
        &self,
        command: &[String],
        timeout: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Option<Outcome>> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| Error::Plan("an empty command line".into()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .env(PARENT_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(Error::io("start", program))?;
        let (send, lines) = channel();
        let stdout = child.stdout.take();
        let reader = thread::spawn(move || {
            let Some(pipe) = stdout else { return };
            // Bytes, not text: a driver may print anything between our lines.
            for line in BufReader::new(pipe).split(b'\n') {
                let Ok(line) = line else { break };
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = child.stderr.take();
        let errors = thread::spawn(move || stderr.map(tail).unwrap_or_default());

        let deadline = Instant::now() + timeout;
        let mut seen = follow(&lines, deadline, interrupted);
        let status = finish(&mut child, &mut seen.end, deadline, interrupted, program)?;
        let message = errors.join().unwrap_or_default();
        // The reader ends with the pipe; a panic in it would only lose lines already counted.
        let _ = reader.join();
        Ok(match (seen.end, seen.measurement) {
            (End::Interrupted, _) => None,
            (End::Closed, Some(measurement)) if status.success() => {
                Some(Outcome::Completed(Box::new(measurement)))
            }
            (end, _) => {
                let iteration = seen.started.then_some(seen.iterations);
                Some(Outcome::Crashed(describe(
                    end, status, &message, iteration, timeout,
                )))
            }
        })
    }
}

/// How following a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    TimedOut,
    Interrupted,
}

struct Seen {
    end: End,
    started: bool,
    iterations: u32,
    measurement: Option<Measurement>,
}

fn follow(lines: &Receiver<Vec<u8>>, deadline: Instant, interrupted: &AtomicBool) -> Seen {
    let mut seen = Seen {
        end: End::Closed,
        started: false,
        iterations: 0,
        measurement: None,
    };
    loop {
        if interrupted.load(Ordering::Relaxed) {
            seen.end = End::Interrupted;
            return seen;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            seen.end = End::TimedOut;
            return seen;
        }
        match lines.recv_timeout(left.min(POLL)) {
            Ok(line) => match serde_json::from_slice(&line) {
                Ok(Line::Started { .. }) => seen.started = true,
                Ok(Line::Iteration { .. }) => seen.iterations += 1,
                Ok(Line::Done { measurement }) => seen.measurement = Some(*measurement),
                // A driver may print to standard output; only our own lines count.
                Err(_) => {}
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return seen,
        }
    }
}

/// Waits for the child, killing it where it would not end by itself: one that has closed its
/// output may still hang.
fn finish(
    child: &mut Child,
    end: &mut End,
    deadline: Instant,
    interrupted: &AtomicBool,
    program: &str,
) -> Result<ExitStatus> {
    while *end == End::Closed {
        if let Some(status) = child.try_wait().map_err(Error::io("wait for", program))? {
            return Ok(status);
        }
        if interrupted.load(Ordering::Relaxed) {
            *end = End::Interrupted;
        } else if Instant::now() >= deadline {
            *end = End::TimedOut;
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
    // The whole group: whatever the trial started would keep its pipes open. It may have ended in
    // this moment, which is as good.
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let _ = group.map(|group| killpg(group, Signal::SIGKILL));
    let _ = child.kill();
    child.wait().map_err(Error::io("wait for", program))
}

/// The last `STDERR_KEPT` bytes of a stream.
fn tail(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        kept.extend_from_slice(&chunk[..count]);
        let excess = kept.len().saturating_sub(STDERR_KEPT);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn describe(
    end: End,
    status: ExitStatus,
    stderr: &str,
    iteration: Option<u32>,
    timeout: Duration,
) -> Crash {
    let signal = match (end, status.signal(), status.code()) {
        (End::TimedOut, ..) => "timeout".to_owned(),
        (_, Some(number), _) => {
            Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |s| s.to_string())
        }
        (_, None, Some(_)) if stderr.contains(WRONG_RESULT) => WRONG_RESULT.to_owned(),
        (_, None, Some(code)) => format!("exit {code}"),
        (_, None, None) => "unknown".to_owned(),
    };
    let last_line = stderr.lines().rfind(|line| !line.trim().is_empty());
    let message = match (end, last_line) {
        (End::TimedOut, _) => format!("no end after {}", humantime::format_duration(timeout)),
        (_, Some(line)) => line.trim().to_owned(),
        (_, None) => "said nothing on standard error".to_owned(),
    };
    Crash {
        signal,
        iteration,
        thread: thread_in(&message),
        message,
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

    const FAULT: &str = "locktoll fault model agx:queue: SIGABRT: dispatch by thread 4 (encoder-3) \
                         overlaps commit by thread 2";

    /// Runs a script, which finds `FAULT` as `$0`.
    fn shell(script: &str, timeout: Duration) -> Option<Outcome> {
        let command = ["/bin/sh", "-c", script, FAULT].map(str::to_owned);
        ChildProcess
            .launch(&command, timeout, &AtomicBool::new(false))
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
            .launch(&command, Duration::from_mins(1), &AtomicBool::new(true))
            .unwrap();
        assert_eq!(outcome, None);
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = ChildProcess
            .launch(
                &["/no/such".to_owned()],
                Duration::from_secs(1),
                &AtomicBool::new(false),
            )
            .unwrap_err();
        assert!(error.to_string().contains("/no/such"), "{error}");
    }

    #[test]
    fn only_the_end_of_a_long_stderr_is_kept() {
        let text = tail("x".repeat(3 * STDERR_KEPT).as_bytes());
        assert_eq!(text.len(), STDERR_KEPT);
    }
}
