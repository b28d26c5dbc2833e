//! More classes than there are copies of a wrapper. A copy stays a class's own for as long as the process
//! lives, so this has one to itself.

mod support;

use locktoll_metal::{Options, stats};
use objc2::msg_send;
use support::empty::{self, encoder_class, make};
use support::metal::{Object, compute, end};

#[test]
fn with_too_many_classes_the_last_is_told_and_works_unguarded() {
    make(empty::classes().buffer, empty::classes().encoder);
    let guard = Options::new("global".parse().expect("a strategy"))
        .install_on(empty::create_device)
        .expect("installs");
    let names: Vec<_> = (0..12)
        .map(|index| std::ffi::CString::new(format!("ManyEncoder{index}")).expect("no zero"))
        .collect();
    // SAFETY: a class.
    let buffer = Object::owned(unsafe { msg_send![empty::classes().buffer, new] });
    let (mut seen, own_open) = (0, stats().own_encoder_open);
    for name in &names {
        let class = encoder_class(name, c"NSObject");
        make(empty::classes().buffer, class);
        let calls = stats().calls;
        let encoder = compute(&buffer);
        // SAFETY: an encoder with this method.
        let () = unsafe { msg_send![encoder.id(), dispatchWaitFlush] };
        seen += stats().calls - calls;
        end(&encoder);
    }
    assert!((1..12).contains(&seen), "{seen} of 12 are guarded");
    let text = locktoll_metal::coverage_text();
    assert!(text.contains("ManyEncoder11: not guarded: "), "{text}");
    // Ends of the others are not seen, so nothing may rest on them.
    assert_eq!(stats().own_encoder_open, own_open);
    guard.uninstall();
}
