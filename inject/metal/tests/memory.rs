//! What is kept for encoders does not grow with their number.

mod support;

use locktoll_metal::{install, stats};
use locktoll_objc_driver as driver;
use support::metal::{command_buffer, compute, device, end, pool, queue, set_buffer};

const ENCODERS: u64 = 1_000_000;
/// Of each command buffer, one after another.
const OF_EACH: u64 = 4;

/// Memory of this process that is in use, in pages.
fn resident_pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    pages.expect("a number of pages")
}

/// The only test of this process, whose memory is measured.
#[test]
#[cfg(target_os = "linux")]
fn a_million_encoders_leave_memory_as_it_is() {
    let guard = install("per-encoder".parse().expect("a strategy")).expect("installs");
    let queue = queue(&device());
    driver::reset();
    let mut at_a_tenth = 0;
    for round in 0..ENCODERS / OF_EACH {
        pool(|| {
            let buffer = command_buffer(&queue);
            for _ in 0..OF_EACH {
                let encoder = compute(&buffer);
                set_buffer(&encoder);
                end(&encoder);
            }
        });
        if round == ENCODERS / OF_EACH / 10 {
            at_a_tenth = resident_pages();
        }
    }
    let at_the_end = resident_pages();
    let counts = driver::counts();
    assert_eq!(
        (counts.encoders_created, counts.encoders_live),
        (ENCODERS, 0)
    );
    assert_eq!(stats().refused, 0);
    // A page for each 3,500 encoders more would be seen.
    assert!(
        at_the_end <= at_a_tenth + 256,
        "{at_a_tenth} pages at a tenth, {at_the_end} at the end"
    );
    println!("{at_a_tenth} pages at a tenth, {at_the_end} at the end");
    guard.uninstall();
}
