//! What the program did and what was made of it, whatever the locks were.

use locktoll_inject::Tally;

macro_rules! events {
    ($( $(#[$doc:meta])* $name:ident $text:literal; )*) => {
        /// What is counted.
        #[derive(Clone, Copy)]
        pub(crate) enum Event {
            $( $(#[$doc])* $name, )*
        }

        /// As they stand in the trace, in the order of [`Event`].
        const NAMES: &[&str] = &[ $( $text ),* ];
    };
}

events! {
    /// Guarded calls of encoders, nested ones too, ends left out.
    Call "calls";
    /// Encoders that factories have made.
    Made "encoders_made";
    /// Encoders from before the guard was there, or of a factory that is not guarded.
    Met "encoders_met";
    Ended "encoders_ended";
    /// Encoders whose memory was freed.
    Freed "encoders_freed";
    Commit "submissions";
    Signal "events";
    /// Calls on encoders that had ended.
    Misuse "misuse";
    /// Of these, calls that the driver did not get.
    Refused "refused";
    /// Factories, commits and events with an encoder of the calling thread open.
    OwnOpen "own_encoder_open";
    /// Waits for another thread's encoder.
    Waited "encoder_waits";
    /// Waits that would have closed a circle and were left out.
    Circle "wait_circles";
    /// Waits, for an encoder or for a lock, that took too long.
    TimeOut "time_outs";
    /// Waits for a lock that were warned of.
    Slow "slow_waits";
}

const EVENTS: usize = Event::Slow as usize + 1;

static TALLY: Tally<EVENTS> = Tally::new();

/// Counts one event in the calling thread.
#[inline]
pub(crate) fn add(event: Event) {
    TALLY.add(event as usize, 1);
}

/// How often each thing happened, by its name.
pub(crate) fn counters() -> Vec<(&'static str, u64)> {
    NAMES.iter().copied().zip(TALLY.sums()).collect()
}

/// The sums in the order of [`Event`].
pub(crate) fn sums() -> [u64; EVENTS] {
    TALLY.sums()
}
