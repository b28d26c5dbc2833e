//! Runs a command as a child process to its end, and tells how it ended.
//!
//! The child is in a process group of its own, so that Ctrl-C in the terminal reaches the parent
//! alone: a trial cut off by the user must not look like a crash.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::duration;
use crate::error::{Error, Result};
use crate::protocol::PARENT_VARIABLE;

/// How often a waiting parent looks whether the user wants to stop.
const POLL: Duration = Duration::from_millis(50);

/// How long the output of a child that has ended is waited for: a process that it left behind may
/// hold the pipe open for ever.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Text kept of a child's standard error: its end, where an assertion stands.
const STDERR_KEPT: usize = 8 * 1024;

/// How waiting for a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut,
    Interrupted,
}

/// A child that is no more.
pub(crate) struct Ended {
    pub(crate) end: End,
    /// From before its start to after its end.
    pub(crate) wall_ns: u64,
    /// The last of what it wrote to standard error.
    pub(crate) stderr: String,
}

/// Runs a command to its end, giving each line of its standard output to `on_line`. Whatever it
/// started in its process group and left behind is killed.
///
/// # Errors
/// It could not be started.
pub(crate) fn run(
    command: &[String],
    folder: Option<&Path>,
    timeout: Duration,
    interrupted: &AtomicBool,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<Ended> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Error::Plan("an empty command line".into()))?;
    let started = Instant::now();
    let mut prepared = Command::new(program);
    if let Some(folder) = folder {
        prepared.current_dir(folder);
    }
    let mut child = prepared
        .args(arguments)
        .env(PARENT_VARIABLE, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Error::io("start", program))?;
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let (send_line, lines) = channel();
    let stdout = child.stdout.take();
    thread::spawn(move || {
        let Some(pipe) = stdout else { return };
        // Bytes, not text: a driver may print anything between our lines.
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            if send_line.send(line).is_err() {
                break;
            }
        }
    });
    let errors = Tail::follow(child.stderr.take());
    // A thread that sleeps until the end knows its moment to microseconds; looking now and then
    // would round every wall time up.
    let (send_status, statuses) = channel();
    thread::spawn(move || {
        let status = child.wait();
        let _ = send_status.send((status, Instant::now()));
    });

    let deadline = started + timeout;
    let mut exited = None;
    let mut open = true;
    let end = loop {
        if exited.is_none() {
            match statuses.try_recv() {
                Ok((status, at)) => {
                    exited = Some((status.map_err(Error::io("wait for", program))?, at));
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
        }
        let now = Instant::now();
        match exited {
            Some((status, at)) if !open || now > at + AFTERWARDS => break End::Exited(status),
            None if interrupted.load(Ordering::Relaxed) => break End::Interrupted,
            None if now >= deadline => break End::TimedOut,
            _ => {}
        }
        if open {
            match lines.recv_timeout(POLL) {
                Ok(line) => on_line(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
        } else if let Ok((status, at)) = statuses.recv_timeout(POLL) {
            exited = Some((status.map_err(Error::io("wait for", program))?, at));
        }
    };
    // The whole group: whatever the child started would keep its pipes open. It may have ended in
    // this moment, which is as good.
    let _ = group.map(|group| killpg(group, Signal::SIGKILL));
    if exited.is_none() {
        // It is gone before the next one begins.
        let _ = statuses.recv_timeout(AFTERWARDS);
    }
    let ended_at = exited.map_or_else(Instant::now, |(_, at)| at);
    // A process outside the group may hold the pipes for ever: what was said by then counts, and
    // the threads that read are left to end with the pipes.
    let stderr = errors.read_until(Instant::now() + AFTERWARDS);
    Ok(Ended {
        end,
        wall_ns: duration::ns(ended_at - started),
        stderr,
    })
}

/// The last `STDERR_KEPT` bytes of a stream, while it is read by a thread.
struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    fn follow(stream: Option<impl Read + Send + 'static>) -> Self {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let shared = Arc::clone(&kept);
        let reader = thread::spawn(move || {
            let Some(mut stream) = stream else { return };
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..count]);
                let excess = kept.len().saturating_sub(STDERR_KEPT);
                kept.drain(..excess);
            }
        });
        Self { kept, reader }
    }

    /// What was said until the stream's end, or until a moment.
    fn read_until(&self, deadline: Instant) -> String {
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

/// How a child ended that did not succeed: `SIGSEGV`, `exit 3`, `timeout`.
pub(crate) fn name_of(end: End) -> String {
    match end {
        End::TimedOut => "timeout".to_owned(),
        End::Interrupted => "interrupted".to_owned(),
        End::Exited(status) => match (status.signal(), status.code()) {
            (Some(number), _) => Signal::try_from(number)
                .map_or_else(|_| format!("signal {number}"), |signal| signal.to_string()),
            (None, Some(code)) => format!("exit {code}"),
            (None, None) => "unknown".to_owned(),
        },
    }
}

/// The last line that says anything, for people.
pub(crate) fn last_words(end: End, stderr: &str, timeout: Duration) -> String {
    if end == End::TimedOut {
        return format!("no end after {}", humantime::format_duration(timeout));
    }
    let last = stderr.lines().rfind(|line| !line.trim().is_empty());
    last.map_or_else(
        || "said nothing on standard error".to_owned(),
        |line| line.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_stderr_is_kept() {
        let said = std::io::Cursor::new("x".repeat(3 * STDERR_KEPT));
        let tail = Tail::follow(Some(said));
        let text = tail.read_until(Instant::now() + Duration::from_mins(1));
        assert_eq!(text.len(), STDERR_KEPT);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_the_trial_up() {
        let script = "sleep 1000 & setsid sleep 20 & echo why >&2; echo done";
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        let mut lines = Vec::new();
        let ended = run(
            &command,
            None,
            Duration::from_mins(2),
            &AtomicBool::new(false),
            &mut |line| lines.push(line.to_vec()),
        )
        .unwrap();
        assert!(matches!(ended.end, End::Exited(status) if status.success()));
        assert_eq!(
            (lines, ended.stderr.trim()),
            (vec![b"done".to_vec()], "why")
        );
    }
}
