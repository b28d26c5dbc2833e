//! The program in the foreground: started with variables, ended after a while if that was asked for.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use locktoll_bench::Error as BenchError;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::signals;
use crate::error::{Error, Result};

/// Added to a signal's number, as shells do, where a signal ended the program.
const SIGNALLED: u8 = 128;
/// How a program is ended whose time is up, and how long each signal is given to work.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL];
const PATIENCE: Duration = Duration::from_secs(5);

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) wall_ns: u64,
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
}

impl Ended {
    fn new(status: ExitStatus, wall: Duration) -> Self {
        Self {
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            exit_code: status.code(),
            signal: status.signal(),
        }
    }

    /// The exit code that stands for it.
    pub(super) fn code(&self) -> u8 {
        match (self.exit_code, self.signal) {
            (Some(code), _) => u8::try_from(code).unwrap_or(1),
            (None, Some(signal)) => u8::try_from(signal).map_or(1, |number| SIGNALLED | number),
            (None, None) => 1,
        }
    }
}

/// A program that runs.
pub(super) struct Launched {
    pid: Pid,
    ended: Receiver<std::io::Result<Ended>>,
    /// When it is sent the next signal of [`ENDING`].
    next: Option<(Instant, usize)>,
}

impl Launched {
    /// Starts a program with its own input and output.
    pub(super) fn start(
        command: &[String],
        variables: &[(&'static str, String)],
        duration: Option<Duration>,
    ) -> Result<Self> {
        let mut prepared = prepare(command, variables)?;
        let began = Instant::now();
        let child = prepared
            .spawn()
            .map_err(|error| BenchError::io("start", &command[0])(explained(error)))?;
        let pid = i32::try_from(child.id())
            .map(Pid::from_raw)
            .map_err(|_| Error::Usage("the system gave a process number that is none".into()))?;
        signals::hand_on_to(Some(pid));
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(wait(child, began)));
        Ok(Self {
            pid,
            ended,
            next: duration.map(|duration| (began + duration, 0)),
        })
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end, at most for so long; meanwhile ends it when its time is up.
    pub(super) fn wait(&mut self, at_most: Option<Duration>) -> Result<Option<Ended>> {
        let until = at_most.map(|limit| Instant::now() + limit);
        loop {
            let due = self.next.map(|(due, _)| due);
            let wake = [until, due].into_iter().flatten().min();
            let received = match wake {
                Some(wake) => self
                    .ended
                    .recv_timeout(wake.saturating_duration_since(Instant::now())),
                None => self
                    .ended
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(ended) => {
                    return Ok(Some(
                        ended.map_err(BenchError::io("wait for", "the program"))?,
                    ));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::Usage("the program's end was missed".into()));
                }
            }
            let now = Instant::now();
            if let Some((due, step)) = self.next.filter(|(due, _)| *due <= now) {
                // It may have ended in this moment, which is as good.
                let _ = kill(self.pid, ENDING[step]);
                self.next = ENDING.get(step + 1).map(|_| (due + PATIENCE, step + 1));
            }
            if until.is_some_and(|until| until <= now) {
                return Ok(None);
            }
        }
    }
}

/// Says what to do where the system only has a name for it.
fn explained(error: std::io::Error) -> std::io::Error {
    let why = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOEXEC) => {
            "it is no program and does not begin with #!: if it is a script, name its interpreter before it, as in \
             `sh FILE`"
        }
        Some(Errno::EACCES) => "it may not be executed: see its permissions (chmod +x)",
        _ => return error,
    };
    std::io::Error::new(error.kind(), why)
}

fn wait(mut child: Child, began: Instant) -> std::io::Result<Ended> {
    let status = child.wait();
    signals::hand_on_to(None);
    let status = status?;
    Ok(Ended::new(status, began.elapsed()))
}

/// A command with variables.
///
/// # Errors
/// There is none.
pub(crate) fn prepare(command: &[String], variables: &[(&'static str, String)]) -> Result<Command> {
    let Some((program, words)) = command.split_first() else {
        return Err(Error::Usage("no program to run: put it after --".into()));
    };
    let mut prepared = Command::new(program);
    prepared
        .args(words)
        .envs(variables.iter().map(|(name, value)| (name, value)));
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: Option<i32>, signal: Option<i32>) -> u8 {
        Ended {
            wall_ns: 0,
            exit_code,
            signal,
        }
        .code()
    }

    #[test]
    fn exit_codes_are_those_of_shells() {
        assert_eq!(ended(Some(0), None), 0);
        assert_eq!(ended(Some(77), None), 77);
        assert_eq!(ended(None, Some(9)), 137);
        assert_eq!(ended(None, None), 1);
    }

    #[test]
    fn a_program_that_heeds_no_signal_is_killed_after_two() {
        let script = ["sh", "-c", "trap '' INT TERM; while :; do sleep 1; done"].map(str::to_owned);
        let mut launched = Launched::start(&script, &[], Some(Duration::from_millis(200))).unwrap();
        let looked = launched.wait(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(looked, None);
        let ended = launched.wait(None).unwrap().unwrap();
        assert_eq!((ended.exit_code, ended.signal), (None, Some(9)));
    }
}
