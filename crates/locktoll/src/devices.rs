//! `locktoll devices`: what can be measured here, and what is missing for the rest.

use locktoll_gpu::{Availability, devices};

/// Prints the list; the exit code.
pub fn run() -> u8 {
    for device in devices() {
        match device.availability {
            Availability::Available => {
                anstream::println!("{:<8} available   {}", device.name, device.summary);
            }
            Availability::Missing { what, remedy } => {
                anstream::println!("{:<8} missing     {}", device.name, device.summary);
                anstream::println!("{:<8}             {what}; {remedy}", "");
            }
        }
    }
    0
}
