//! A guard slipped under an unchanged caller.

use std::fmt;
use std::sync::Arc;

use locktoll_guard::Guard;

use super::SoftDevice;
use super::methods::{Methods, Replacement};
use super::objects::Core;
use crate::Error;

/// Puts `guard` round every driver call of `device`, from now until the returned handle is dropped.
///
/// The calls are the `unsafe` ones of [`Device`](crate::Device), the factories and `commit`
/// included: a guard that leaves those out does not keep a commit from an open encoder's calls.
/// Each enters the guard at its receiver's [address](crate::Located::address). That makes
/// `command_buffer` the one call that under
/// [`Strategy::PerEncoder`](locktoll_guard::Strategy::PerEncoder) locks its queue: an interposed
/// entry knows its receiver only, and there is no encoder yet. When a command buffer with its
/// encoders is gone, the guard [forgets](Guard::forget) it.
///
/// Objects that exist already are guarded too. But a call that began before keeps to the
/// table that it found: only calls that begin after this are kept apart from one another. So
/// interpose before the threads start, unless the moment itself is what you study.
///
/// The table of a dropped handle stays in memory, with its guard, while the device lives, since a
/// caller may still be inside.
///
/// # Errors
/// [`Error::AlreadyInterposed`] while another interposition is installed.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use locktoll_gpu::{Device, SoftDevice, SoftSettings, interpose};
/// use locktoll_guard::{Guard, Instrument, Strategy};
///
/// # fn main() -> Result<(), locktoll_gpu::Error> {
/// let device = SoftDevice::new(SoftSettings::default(), None);
/// let guard = Arc::new(Guard::new(Strategy::Global, Instrument::Counted));
/// let interposition = interpose(&device, Arc::clone(&guard))?;
///
/// let queue = device.queue(0)?;
/// // SAFETY: one thread, so no two calls overlap.
/// let commands = unsafe { device.command_buffer(&queue)? };
/// // SAFETY: as above.
/// let encoder = unsafe { device.encoder(&commands)? };
/// assert_eq!(guard.counts().acquisitions, 2);
///
/// interposition.uninstall();
/// // SAFETY: as above.
/// unsafe { device.end_encoding(&encoder)? };
/// assert_eq!(guard.counts().acquisitions, 2);
/// # Ok(())
/// # }
/// ```
pub fn interpose(device: &SoftDevice, guard: Arc<Guard>) -> Result<Interposition, Error> {
    let core = device.core();
    let table = core.methods.keep(Methods::guarded(guard));
    let interposition = Interposition { core, table };
    interposition.install()?;
    Ok(interposition)
}

/// A guard under the callers of a [`SoftDevice`]; see [`interpose`].
///
/// Installing and uninstalling are each one atomic exchange, from any thread, and may be repeated.
#[must_use = "dropping it uninstalls the guard"]
pub struct Interposition {
    core: Arc<Core>,
    table: Replacement,
}

impl Interposition {
    /// Puts the guard under the callers again; does nothing if it is there.
    ///
    /// # Errors
    /// [`Error::AlreadyInterposed`] while another interposition is installed.
    pub fn install(&self) -> Result<(), Error> {
        if self.core.methods.replace(self.table) {
            Ok(())
        } else {
            Err(Error::AlreadyInterposed)
        }
    }

    /// Takes the guard away; does nothing if it is not there. Callers inside finish under it.
    pub fn uninstall(&self) {
        self.core.methods.restore(self.table);
    }

    /// Whether the guard is under the callers now.
    pub fn is_installed(&self) -> bool {
        self.core.methods.is_current(self.table)
    }
}

impl Drop for Interposition {
    fn drop(&mut self) {
        self.uninstall();
    }
}

impl fmt::Debug for Interposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interposition")
            .field("is_installed", &self.is_installed())
            .finish()
    }
}
