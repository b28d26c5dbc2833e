//! What the program did, whatever the locks were.

use locktoll_inject::Tally;

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    /// A recorded command that is none of the next two.
    Command,
    Dispatch,
    Draw,
    /// A call that submits.
    Submission,
    /// A batch in such a call.
    Batch,
    /// A command buffer that was allocated.
    Buffer,
}

static TALLY: Tally<6> = Tally::new();

/// Counts `number` events in the calling thread.
#[inline]
pub(crate) fn add(event: Event, number: u64) {
    TALLY.add(event as usize, number);
}

/// The counters of the trace. `commands` holds dispatches and draws too.
pub(crate) fn counters() -> Vec<(&'static str, u64)> {
    let [others, dispatches, draws, submissions, batches, buffers] = TALLY.sums();
    vec![
        (
            "commands",
            others.wrapping_add(dispatches).wrapping_add(draws),
        ),
        ("dispatches", dispatches),
        ("draws", draws),
        ("submissions", submissions),
        ("batches", batches),
        ("command_buffers", buffers),
    ]
}
