//! What the environment asks for. Read once, when the library is loaded.

use core::ffi::{CStr, c_char};

use locktoll_trace::recording::Mode;
use locktoll_trace::recording::layout::Shape;

use crate::delay::Wanted;
use crate::kept;

/// What is to be recorded, and where.
pub(crate) struct Settings {
    pub(crate) folder: &'static CStr,
    pub(crate) mode: Mode,
    pub(crate) hold_every: u32,
    pub(crate) events: usize,
    pub(crate) ns_per_tick: Option<f64>,
    pub(crate) delay: Wanted,
}

/// Settings of an environment; `None` if it does not ask for a recording.
///
/// # Safety
///
/// `environment` is the process's, as its start-up code was given it.
pub(crate) unsafe fn read(environment: *const *const c_char) -> Option<Settings> {
    let mut settings = Settings {
        folder: c"",
        mode: Mode::AGGREGATE,
        hold_every: 256,
        events: 65_536,
        ns_per_tick: None,
        delay: Wanted::NONE,
    };
    let mut variable = environment;
    if variable.is_null() {
        return None;
    }
    // SAFETY: the caller's: an array of strings that ends with a null.
    while let Some(text) = unsafe { (*variable).as_ref() } {
        // SAFETY: as above; the program has not run yet.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        if let Some(text) = text.strip_prefix(b"LOCKTOLL_") {
            settings.take(text);
        }
        // SAFETY: as above: this was not the last.
        variable = unsafe { variable.add(1) };
    }
    (!settings.folder.is_empty()).then_some(settings)
}

impl Settings {
    fn take(&mut self, text: &[u8]) {
        let kept = |text| kept::copy(text).unwrap_or_default();
        if let Some(folder) = text.strip_prefix(b"TRACE_DIR=") {
            self.folder = kept(folder);
        } else if let Some(mode) = text.strip_prefix(b"MODE=") {
            self.mode = match mode {
                b"contentions" => Mode::CONTENTIONS,
                b"events" => Mode::EVENTS,
                _ => Mode::AGGREGATE,
            };
        } else if let Some(number) = value::<u32>(text, b"HOLD_EVERY=") {
            self.hold_every = number.clamp(1, 1 << 20);
        } else if let Some(number) = value::<u32>(text, b"EVENTS=") {
            let most = u32::try_from(Shape::MAX.events).unwrap_or(u32::MAX);
            // Places in a ring are found by a mask.
            self.events = 1 << number.clamp(1, most).ilog2();
        } else if let Some(scale) = value(text, b"NS_PER_TICK=") {
            self.ns_per_tick = Some(scale);
        } else if let Some(lock) = text.strip_prefix(b"DELAY_LOCK=") {
            self.delay.lock = kept(lock).to_bytes();
        } else if let Some(sites) = text.strip_prefix(b"DELAY_SITES=") {
            self.delay.sites = kept(sites).to_bytes();
        } else if let Some(ns) = value(text, b"DELAY_INSIDE_NS=") {
            self.delay.inside_ns = ns;
        } else if let Some(ns) = value(text, b"DELAY_OUTSIDE_NS=") {
            self.delay.outside_ns = ns;
        }
    }

    /// Events that each thread has room for.
    pub(crate) fn ring(&self) -> usize {
        if self.mode == Mode::EVENTS {
            self.events
        } else {
            0
        }
    }
}

fn value<T: core::str::FromStr>(text: &[u8], name: &[u8]) -> Option<T> {
    str::from_utf8(text.strip_prefix(name)?).ok()?.parse().ok()
}
