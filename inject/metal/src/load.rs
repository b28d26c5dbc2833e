//! What happens when the library is loaded into a program that knows nothing of it.
//!
//! On macOS the loader calls [`begin`] before the program's own code, and has loaded and initialised
//! Metal by then, since the library is linked with it. Elsewhere there is no Metal, and a preloaded
//! library would begin before the program's own classes are there; a program that has the library
//! calls `locktoll_metal_install`, which is all that `begin` does.

use std::io::Write as _;

use parking_lot::Mutex;

use crate::error::Error;
use crate::fork;
use crate::guarding;
use crate::settings;

#[cfg(target_vendor = "apple")]
#[used]
#[unsafe(link_section = "__DATA,__mod_init_func")]
static BEGIN: extern "C" fn() = begin;

/// Installs what the environment asks for, if the library was slipped under the program: the same
/// code is in programs that are linked with it and install it themselves.
#[cfg(target_vendor = "apple")]
extern "C" fn begin() {
    let is_inserted = std::env::var_os("DYLD_INSERT_LIBRARIES")
        .is_some_and(|value| value.to_string_lossy().contains("liblocktoll_metal"));
    if is_inserted && let Err(failure) = install_by_environment() {
        complain(&failure.to_string());
    }
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Setting(String),
    #[error("{0}")]
    Trace(#[from] locktoll_trace::Error),
    #[error("{0}")]
    Install(#[from] Error),
}

/// Whether what the environment asks for is installed.
static IS_DONE: Mutex<bool> = Mutex::new(false);

/// Installs what the environment asks for, once, for as long as the process lives. Returns whether it
/// asks for anything.
pub(crate) fn install_by_environment() -> Result<bool, Failure> {
    if fork::is_child() {
        return Err(Error::Forked.into());
    }
    let mut is_done = IS_DONE.lock();
    // A second record would take the place of the first one's file, which goes on being written.
    if *is_done {
        return Ok(true);
    }
    let options = settings::options(&|name| std::env::var_os(name)).map_err(Failure::Setting)?;
    let Some(options) = options else {
        return Ok(false);
    };
    let create = guarding::create_device().ok_or(Error::NoMetal)?;
    let record = settings::trace_dir()
        .map(|folder| guarding::record_in(&folder, &options.strategy.to_string()))
        .transpose()?;
    match options.install_with(create, record) {
        Ok(installed) => core::mem::forget(installed),
        Err(error) => {
            if let Some(record) = record {
                record.refuse(&error.to_string());
            }
            return Err(error.into());
        }
    }
    if let (Some(record), Some(protection)) = (record, guarding::installed()) {
        record.flush(protection);
        // SAFETY: the function lives as long as the library, which is never unloaded (`build.rs`). A
        // failure means that only the regular writes are kept, which is what a crash leaves too.
        let _ = unsafe { libc::atexit(at_exit) };
    }
    *is_done = true;
    Ok(true)
}

extern "C" fn at_exit() {
    if let Some(protection) = guarding::installed()
        && let Some(record) = protection.record
    {
        record.end(protection);
    }
}

/// A program must not run unprotected unseen.
pub(crate) fn complain(line: &str) {
    // Nobody can be told that this fails.
    let _ = writeln!(std::io::stderr(), "locktoll: {line}");
}
