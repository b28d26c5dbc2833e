//! What is kept for encoders does not grow with their number.

mod support;

use locktoll_metal::{Options, stats};
use locktoll_objc_driver as driver;
use support::metal::{
    Object, command_buffer, compute, device, end, pool, queue, set_buffer, wrapping_buffer,
};

/// Of each command buffer, one after another.
const OF_EACH: u64 = 4;

/// Memory of this process that is in use, in pages.
fn resident_pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    pages.expect("a number of pages")
}

/// Makes, uses and ends encoders in several threads; the memory in use after a tenth, and at the end.
fn encode(strategy: &str, encoders: u64, threads: u64, new_buffer: fn(&Object) -> Object) {
    let mut options = Options::new(strategy.parse().expect("a strategy"));
    options.classes = vec!["LTMPSCommandBuffer".into()];
    let guard = options.install().expect("installs");
    let queue = queue(&device());
    driver::reset();
    let refused = stats().refused;
    let rounds = encoders / OF_EACH / threads;
    let part = |rounds| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        pool(|| {
                            let buffer = new_buffer(&queue);
                            for _ in 0..OF_EACH {
                                let encoder = compute(&buffer);
                                set_buffer(&encoder);
                                end(&encoder);
                            }
                        });
                    }
                });
            }
        });
        resident_pages()
    };
    let at_a_tenth = part(rounds / 10);
    let at_the_end = part(rounds - rounds / 10);
    let counts = driver::counts();
    let made = rounds * OF_EACH * threads;
    assert_eq!((counts.encoders_created, counts.encoders_live), (made, 0));
    assert_eq!(stats().refused, refused);
    println!("{strategy}: {at_a_tenth} pages at a tenth, {at_the_end} at the end");
    assert!(at_the_end <= at_a_tenth + 256, "{strategy} grows");
    guard.uninstall();
}

/// The only test of this process, whose memory is measured.
#[test]
#[cfg(target_os = "linux")]
fn a_million_encoders_leave_memory_as_it_is() {
    // A page for each 3,500 encoders more would be seen.
    encode("per-encoder", 1_000_000, 1, command_buffer);
    encode("per-encoder", 100_000, 4, wrapping_buffer);
    encode("session", 100_000, 4, wrapping_buffer);
    encode("global", 100_000, 4, command_buffer);
}
