//! What the program does that no lock can put right.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::protection::Protection;
use crate::signatures::types::Sel;
use crate::strategy::OnMisuse;
use crate::tally::{self, Event};

/// How many of each kind are told one by one; all are counted.
const TOLD: u32 = 10;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The driver gets it.
    Pass,
    /// The driver does not get it.
    Refuse,
}

/// A call on an encoder that has ended, by a thread in no section.
pub(crate) fn of_ended(protection: &Protection, selector: Sel) -> Verdict {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    tally::add(Event::Misuse);
    let on_misuse = protection.options.on_misuse;
    let done = match on_misuse {
        OnMisuse::Pass => return Verdict::Pass,
        OnMisuse::Warn => "passed on",
        OnMisuse::Refuse => "the driver was not called",
        OnMisuse::Abort => "the process ends, as was asked for",
    };
    tell(
        protection,
        &TIMES,
        on_misuse == OnMisuse::Abort,
        selector,
        &format!("was called on an encoder that has ended; {done}"),
    );
    if on_misuse == OnMisuse::Warn {
        return Verdict::Pass;
    }
    tally::add(Event::Refused);
    Verdict::Refuse
}

/// A factory, a commit or an event, by a thread in no section, while the calling thread has an encoder open in the command
/// buffer. The driver gets it in any case: refused, a commit would leave whoever waits for it waiting
/// for ever.
#[cold]
pub(crate) fn own_open(protection: &Protection, selector: Sel) {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    tally::add(Event::OwnOpen);
    if protection.options.on_misuse == OnMisuse::Pass {
        return;
    }
    let ends = protection.options.on_misuse == OnMisuse::Abort;
    tell(
        protection,
        &TIMES,
        ends,
        selector,
        "was called with an encoder of the same thread open in the command buffer",
    );
}

fn tell(protection: &Protection, times: &AtomicU32, ends: bool, selector: Sel, what: &str) {
    let before = times.fetch_add(1, Ordering::Relaxed);
    if before < TOLD || ends {
        let last = if before + 1 == TOLD {
            "; no more of these are told"
        } else {
            ""
        };
        let name = selector.name().to_string_lossy();
        protection.report(&format!("{name} {what}{last}"), ends);
    }
}
