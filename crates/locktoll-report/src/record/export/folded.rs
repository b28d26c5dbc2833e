//! Folded stacks, as `flamegraph.pl`, inferno and speedscope read them.

use std::fmt::Write as _;

use crate::record::model::Record;
use crate::text::plain;

/// One line a stack: functions from the outermost on and the lock, with `;` between them, then the
/// nanoseconds waited there.
#[must_use]
pub fn to_folded(record: &Record) -> String {
    let mut text = String::new();
    for stack in &record.stacks {
        let wait_ns = stack.wait_ns.round();
        if wait_ns < 1.0 {
            continue;
        }
        for frame in &stack.frames {
            text += &part(frame);
            text.push(';');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "[{}] {wait_ns}", part(&stack.lock));
    }
    text
}

/// A name without the character that parts names.
fn part(name: &str) -> String {
    plain(name).replace(';', ":")
}
