//! The program in the foreground: started with variables, ended after a while if that was asked for.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use locktoll_bench::{Error as BenchError, duration};
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
pub(crate) struct Ended {
    pub(crate) wall_ns: u64,
    pub(crate) status: ExitStatus,
}

impl Ended {
    /// The exit code that stands for it.
    pub(super) fn code(&self) -> u8 {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => u8::try_from(code).unwrap_or(1),
            (None, Some(signal)) => u8::try_from(signal).map_or(1, |number| SIGNALLED | number),
            (None, None) => 1,
        }
    }
}

/// A program that runs.
pub(crate) struct Launched {
    pid: Pid,
    began: Instant,
    ended: Receiver<std::io::Result<Ended>>,
    /// When it is sent the next signal of [`ENDING`].
    next: Option<(Instant, usize)>,
    told: Option<Duration>,
    /// Its output, where the command has a pipe for it.
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Launched {
    /// Starts a program, which is ended after `duration`.
    pub(crate) fn start(mut prepared: Command, duration: Option<Duration>) -> Result<Self> {
        let began = Instant::now();
        let mut child = prepared
            .spawn()
            .map_err(|error| BenchError::io("start", prepared.get_program())(explained(error)))?;
        let pid = i32::try_from(child.id())
            .map(Pid::from_raw)
            .map_err(|_| Error::Usage("the system gave a process number that is none".into()))?;
        signals::hand_on_to(Some(pid));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(wait(child, began)));
        Ok(Self {
            pid,
            began,
            ended,
            next: duration.map(|duration| (began + duration, 0)),
            told: None,
            stdout,
            stderr,
        })
    }

    /// How long after its start it was sent the first signal that is to end it.
    pub(crate) fn told(&self) -> Option<Duration> {
        self.told
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end, at most for so long; meanwhile ends it when its time is up.
    pub(crate) fn wait(&mut self, at_most: Option<Duration>) -> Result<Option<Ended>> {
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
                self.told.get_or_insert(self.began.elapsed());
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
    Ok(Ended {
        wall_ns: duration::ns(began.elapsed()),
        status: status?,
    })
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

    /// The exit code for what the system says of a process.
    fn code_of(raw: i32) -> u8 {
        Ended {
            wall_ns: 0,
            status: ExitStatus::from_raw(raw),
        }
        .code()
    }

    #[test]
    fn exit_codes_are_those_of_shells() {
        // The exit code is the second byte, the signal the first.
        assert_eq!(code_of(0), 0);
        assert_eq!(code_of(77 << 8), 77);
        assert_eq!(code_of(9), 137);
    }

    #[test]
    fn a_program_that_heeds_no_signal_is_killed_after_two() {
        let script = ["sh", "-c", "trap '' INT TERM; while :; do sleep 1; done"].map(str::to_owned);
        let prepared = prepare(&script, &[]).unwrap();
        let time = Duration::from_millis(200);
        let mut launched = Launched::start(prepared, Some(time)).unwrap();
        let looked = launched.wait(Some(Duration::from_millis(1))).unwrap();
        assert_eq!((looked, launched.told()), (None, None));
        let ended = launched.wait(None).unwrap().unwrap();
        assert_eq!(ended.status.signal(), Some(9));
        let told = launched.told().unwrap();
        assert!(
            told >= time && duration::ns(told) < ended.wall_ns,
            "{told:?}"
        );
    }
}
