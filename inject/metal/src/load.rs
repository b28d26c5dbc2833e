//! What happens when the library is loaded into a program that knows nothing of it.
//!
//! The loader calls [`begin`] before the program's own code. On macOS the library is linked with
//! Metal, so Metal's classes are there by then. Elsewhere it depends on who else was loaded first; what
//! is not there yet can be guarded later, by a call of `locktoll_metal_install`.

use std::io::Write as _;

use crate::error::Error;
use crate::guarding;
use crate::settings;

/// The library's name in the variables by which it is slipped under programs.
const LIBRARY: &str = "liblocktoll_metal";

/// Those variables.
const INSERTING: [&str; 2] = ["DYLD_INSERT_LIBRARIES", "LD_PRELOAD"];

#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // The same code is in programs that are linked with it and call it themselves.
    let is_inserted = INSERTING.iter().any(|name| {
        std::env::var_os(name).is_some_and(|value| value.to_string_lossy().contains(LIBRARY))
    });
    if is_inserted {
        match install_by_environment() {
            // Metal may be loaded later, or never.
            Ok(_) | Err(Failure::Install(Error::NoMetal)) => {}
            Err(failure) => complain(&failure.to_string()),
        }
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

/// Installs what the environment asks for, for as long as the process lives. Returns whether it
/// asks for anything.
pub(crate) fn install_by_environment() -> Result<bool, Failure> {
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
