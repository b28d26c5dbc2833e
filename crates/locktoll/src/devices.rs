//! `locktoll devices`: what can be measured here, and what is missing for the rest.

use locktoll_gpu::{Availability, devices};

use crate::output;

/// Prints the list; the exit code.
pub fn run() -> u8 {
    for device in devices() {
        output::say(&match device.availability {
            Availability::Available => {
                format!("{:<8} available   {}\n", device.name, device.summary)
            }
            Availability::Missing { what, remedy } => format!(
                "{:<8} missing     {}\n{:<8}             {what}; {remedy}\n",
                device.name, device.summary, ""
            ),
        });
    }
    0
}
