//! Several threads that encode into one encoder, as a framework's stream lets them.
//!
//! The host's own bookkeeping is right in every strategy: who is inside an encoder is counted
//! under a mutex, an encoder is ended only when nobody is inside any more, and by one thread. So
//! the driver's thread safety alone is at stake. The mutex covers the bookkeeping and the making
//! of a new encoder, never the encoding.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use locktoll_gpu::{Device, Error as DeviceError};

use crate::error::{Error, Result};

/// How often a waiter looks whether another thread has failed.
const POLL: Duration = Duration::from_millis(100);

/// A stream: at most one open session, which threads join and leave.
pub(super) struct Stream<D: Device> {
    queue: D::Queue,
    open: Mutex<Option<Arc<Session<D>>>>,
}

/// One command buffer with its one encoder.
pub(super) struct Session<D: Device> {
    buffer: D::CommandBuffer,
    encoder: D::Encoder,
    state: Mutex<State>,
    changed: Condvar,
}

/// A session's life: `closing` is set first, then `inside` falls to 0, then `committed` is set.
#[derive(Default)]
struct State {
    inside: u32,
    closing: bool,
    /// A thread has taken it upon itself to commit.
    taken: bool,
    committed: bool,
}

impl<D: Device> Session<D> {
    pub(super) fn encoder(&self) -> &D::Encoder {
        &self.encoder
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the session; with `close`, nobody enters it any more.
    ///
    /// # Safety
    /// As for `end_encoding` and `commit` of [`Device`].
    pub(super) unsafe fn leave(&self, device: &D, close: bool) -> Result<(), DeviceError> {
        {
            let mut state = self.state();
            state.inside -= 1;
            state.closing |= close;
        }
        // SAFETY: the caller upholds the contract of `Device`.
        unsafe { self.commit_if_last(device) }
    }

    /// Closes the session from outside.
    ///
    /// # Safety
    /// As for `end_encoding` and `commit` of [`Device`].
    pub(super) unsafe fn close(&self, device: &D) -> Result<(), DeviceError> {
        self.state().closing = true;
        // SAFETY: the caller upholds the contract of `Device`.
        unsafe { self.commit_if_last(device) }
    }

    /// Whether nobody enters the session any more.
    pub(super) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// # Safety
    /// As for `end_encoding` and `commit` of [`Device`].
    unsafe fn commit_if_last(&self, device: &D) -> Result<(), DeviceError> {
        {
            let mut state = self.state();
            if !state.closing || state.inside > 0 || state.taken {
                return Ok(());
            }
            state.taken = true;
        }
        // SAFETY: the caller upholds the contract of `Device`; `taken` admits one thread here, and
        // nobody enters a closing session.
        unsafe {
            device.end_encoding(&self.encoder)?;
            device.commit(&self.buffer)?;
        }
        self.state().committed = true;
        self.changed.notify_all();
        Ok(())
    }
}

impl<D: Device> Stream<D> {
    pub(super) fn new(queue: D::Queue) -> Self {
        Self {
            queue,
            open: Mutex::new(None),
        }
    }

    /// Enters the open session, opening one where there is none.
    ///
    /// # Safety
    /// As for the factories of [`Device`].
    pub(super) unsafe fn join(&self, device: &D) -> Result<Arc<Session<D>>, DeviceError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.as_ref() {
            let mut state = session.state();
            if !state.closing {
                state.inside += 1;
                return Ok(Arc::clone(session));
            }
        }
        // SAFETY: the caller upholds the contract of `Device`.
        let (buffer, encoder) = unsafe {
            let buffer = device.command_buffer(&self.queue)?;
            let encoder = device.encoder(&buffer)?;
            (buffer, encoder)
        };
        let session = Arc::new(Session {
            buffer,
            encoder,
            state: Mutex::new(State {
                inside: 1,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        *open = Some(Arc::clone(&session));
        Ok(session)
    }
}

/// Waits until a closing session is committed and the device has done it.
pub(super) fn wait<D: Device>(device: &D, session: &Session<D>, failed: &AtomicBool) -> Result<()> {
    let mut state = session.state();
    while !state.committed {
        if failed.load(Ordering::Acquire) {
            return Err(Error::Panicked(
                "another thread failed before its commit".into(),
            ));
        }
        state = session
            .changed
            .wait_timeout(state, POLL)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
    }
    drop(state);
    Ok(device.wait(&session.buffer)?)
}
