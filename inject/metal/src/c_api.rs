//! The C interface; `include/locktoll_metal.h` says what each function does.

use core::ffi::{c_char, c_int};
use core::ptr;

use crate::fork;
use crate::load;
use crate::stats::{self, Stats};

/// `struct locktoll_metal_stats`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
#[expect(missing_docs, reason = "documented in the header, once")]
pub struct CStats {
    pub acquisitions: u64,
    pub contentions: u64,
    pub wait_ns_total: u64,
    pub wait_ns_max: u64,
    pub calls: u64,
    pub encoders_made: u64,
    pub encoders_met: u64,
    pub encoders_ended: u64,
    pub encoders_freed: u64,
    pub commits: u64,
    pub events: u64,
    pub misuse: u64,
    pub refused: u64,
    pub own_encoder_open: u64,
    pub encoder_waits: u64,
    pub wait_circles: u64,
    pub time_outs: u64,
    pub slow_waits: u64,
    pub guarded_methods: u64,
    pub encoders_open: u64,
}

impl CStats {
    fn since(stats: &Stats, before: &Stats) -> Self {
        let sum = |of: fn(&locktoll_guard::Counts) -> u64| {
            let all = |stats: &Stats| stats.locks.iter().map(|(_, counts)| of(counts)).sum();
            let (now, then): (u64, u64) = (all(stats), all(before));
            // Where locks were reset by another way, or are new ones, all of it came since.
            now.checked_sub(then).unwrap_or(now)
        };
        CStats {
            acquisitions: sum(|counts| counts.acquisitions),
            contentions: sum(|counts| counts.contentions),
            wait_ns_total: sum(|counts| counts.wait.total_ns),
            wait_ns_max: stats
                .locks
                .iter()
                .map(|(_, counts)| counts.wait.max_ns)
                .max()
                .unwrap_or(0),
            calls: stats.calls.wrapping_sub(before.calls),
            encoders_made: stats.encoders_made.wrapping_sub(before.encoders_made),
            encoders_met: stats.encoders_met.wrapping_sub(before.encoders_met),
            encoders_ended: stats.encoders_ended.wrapping_sub(before.encoders_ended),
            encoders_freed: stats.encoders_freed.wrapping_sub(before.encoders_freed),
            commits: stats.commits.wrapping_sub(before.commits),
            events: stats.events.wrapping_sub(before.events),
            misuse: stats.misuse.wrapping_sub(before.misuse),
            refused: stats.refused.wrapping_sub(before.refused),
            own_encoder_open: stats.own_encoder_open.wrapping_sub(before.own_encoder_open),
            encoder_waits: stats.encoder_waits.wrapping_sub(before.encoder_waits),
            wait_circles: stats.wait_circles.wrapping_sub(before.wait_circles),
            time_outs: stats.time_outs.wrapping_sub(before.time_outs),
            slow_waits: stats.slow_waits.wrapping_sub(before.slow_waits),
            guarded_methods: stats.guarded_methods,
            encoders_open: stats.encoders_open,
        }
    }
}

/// What was counted at the last reset.
static BASE: parking_lot::Mutex<Option<Stats>> = parking_lot::Mutex::new(None);

/// Installs what the environment asks for, once. Returns 1 if it did or had before, 0 if the
/// environment asks for nothing, and -1, with a line on standard error, if it could not.
#[unsafe(no_mangle)]
pub extern "C" fn locktoll_metal_install() -> c_int {
    match load::install_by_environment() {
        Ok(asked) => c_int::from(asked),
        Err(failure) => {
            load::complain(&failure.to_string());
            -1
        }
    }
}

/// Writes what was counted since the process began or the last reset.
///
/// # Safety
///
/// `stats` is null or leads to a structure of the header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn locktoll_metal_stats(stats: *mut CStats) {
    let counted = if fork::is_child() {
        CStats::default()
    } else {
        let base = BASE.lock();
        CStats::since(&stats::stats(), base.as_ref().unwrap_or(&Stats::default()))
    };
    // SAFETY: as the caller promises.
    if let Some(stats) = unsafe { stats.as_mut() } {
        *stats = counted;
    }
}

/// Begins counting anew for [`locktoll_metal_stats`]; the trace goes on as it was.
#[unsafe(no_mangle)]
pub extern "C" fn locktoll_metal_reset() {
    if !fork::is_child() {
        *BASE.lock() = Some(stats::stats());
    }
}

/// Whether the guard is installed, and does more than pass calls on.
#[unsafe(no_mangle)]
pub extern "C" fn locktoll_metal_enabled() -> bool {
    crate::protection::Protection::current().is_some()
}

/// Writes what is and is not guarded as text, as `snprintf` would: cut to `size` bytes with the
/// final zero. Returns the length of the whole text.
///
/// # Safety
///
/// `text` leads to `size` bytes, or is null and `size` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn locktoll_metal_coverage(text: *mut c_char, size: usize) -> usize {
    let whole = stats::coverage_text();
    if size > 0 && !text.is_null() {
        let length = whole.len().min(size - 1);
        // SAFETY: as the caller promises; `length` is less than `size` and at most the text's own.
        unsafe {
            ptr::copy_nonoverlapping(whole.as_ptr().cast(), text, length);
            *text.add(length) = 0;
        }
    }
    whole.len()
}
