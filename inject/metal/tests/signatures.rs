//! Classes that are not as the table has them, or that come late.

mod support;

use std::sync::{Mutex, MutexGuard};

use locktoll_metal::{Error, Options, Strategy, Why, coverage, stats};
use objc2::msg_send;
use objc2::runtime::{AnyClass, AnyObject, Sel};
use objc2::sel;
use support::child;
use support::empty::{self, class, encoder_class, make, nothing};
use support::metal::{Id, Object, compute, end};

/// The guard is the process's, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn options() -> Options {
    Options::new("global".parse().expect("a strategy"))
}

unsafe extern "C-unwind" fn take_number(_this: Id, _selector: Sel, _number: u32) {}
unsafe extern "C-unwind" fn give(_this: Id, _selector: Sel) -> usize {
    7
}

fn of(class: &AnyClass, selector: Sel) -> usize {
    let method = class.instance_method(selector).expect("has it");
    method.implementation() as usize
}

fn call(encoder: &Object) {
    // SAFETY: an encoder with this method.
    unsafe { msg_send![encoder.id(), dispatchWaitFlush] }
}

#[test]
fn a_method_with_another_encoding_is_left_alone_and_told() {
    let _turn = turn();
    let encoder = class(c"OddEncoder", c"NSObject", |builder| {
        // SAFETY: the functions have some types; that they are not the table's is the point.
        unsafe {
            builder.add_method(
                sel!(endEncoding),
                nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(dispatchWaitFlush),
                nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(setComputePipelineState:),
                take_number as unsafe extern "C-unwind" fn(_, _, _),
            );
        }
    });
    let before = of(encoder, sel!(setComputePipelineState:));
    make(empty::classes().buffer, encoder);
    let guard = options()
        .install_on(empty::create_device)
        .expect("installs");
    assert_eq!(of(encoder, sel!(setComputePipelineState:)), before);
    let coverage = coverage();
    let class = coverage.iter().find(|class| class.class == "OddEncoder");
    let class = class.expect("was probed");
    assert!(class.guarded.contains(&"dispatchWaitFlush".into()));
    let [refusal] = &class.refused[..] else {
        panic!("{class:#?}")
    };
    let Why::Encoding { found, expected } = &refusal.why else {
        panic!("{refusal}")
    };
    assert_eq!(
        (refusal.selector.as_str(), expected.as_str()),
        ("setComputePipelineState:", "v@:@")
    );
    assert!(found.contains('I'), "{found}");
    let text = locktoll_metal::coverage_text();
    assert!(
        text.contains("-[OddEncoder setComputePipelineState:] has the type encoding"),
        "{text}"
    );
    guard.uninstall();
}

#[test]
fn off_replaces_no_method() {
    let _turn = turn();
    let methods = stats().guarded_methods;
    let (buffer, encoder) = (empty::classes().buffer, empty::classes().encoder);
    make(buffer, encoder);
    let now = || {
        (
            of(buffer, sel!(commit)),
            of(encoder, sel!(dispatchWaitFlush)),
        )
    };
    let before = now();
    let guard = Options::new(Strategy::Off)
        .install_on(empty::create_device)
        .expect("installs");
    assert_eq!(now(), before);
    assert_eq!(stats().guarded_methods, methods);
    assert_eq!(coverage(), []);
    guard.uninstall();
    let guard = options()
        .install_on(empty::create_device)
        .expect("installs after it");
    let under = now();
    assert!(under.0 != before.0 && under.1 != before.1);
    guard.uninstall();
    assert_eq!(now(), before);
}

#[test]
fn a_needed_method_with_another_encoding_refuses_all() {
    let _turn = turn();
    let methods = stats().guarded_methods;
    let encoder = class(c"HopelessEncoder", c"NSObject", |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(
                sel!(dispatchWaitFlush),
                nothing as unsafe extern "C-unwind" fn(_, _),
            );
            builder.add_method(
                sel!(endEncoding),
                give as unsafe extern "C-unwind" fn(_, _) -> _,
            );
        }
    });
    make(empty::classes().buffer, encoder);
    let buffer = empty::classes().buffer;
    let before = (
        of(buffer, sel!(commit)),
        of(encoder, sel!(dispatchWaitFlush)),
    );
    // `off` says so, too: it looks at the same.
    let off = Options::new(Strategy::Off).install_on(empty::create_device);
    assert!(matches!(off, Err(Error::Refused(_))), "{off:?}");
    let error = options()
        .install_on(empty::create_device)
        .expect_err("cannot follow it");
    assert!(matches!(error, Error::Refused(_)));
    assert!(
        error.to_string().contains("-[HopelessEncoder endEncoding]"),
        "{error}"
    );
    // The command buffer's class came first, and was put back.
    let after = (
        of(buffer, sel!(commit)),
        of(encoder, sel!(dispatchWaitFlush)),
    );
    assert_eq!(after, before);
    assert_eq!(stats().guarded_methods, methods);
}

unsafe extern "C-unwind" fn make_numbered(_this: Id, _selector: Sel, _number: u32) -> Id {
    core::ptr::null_mut()
}

/// A command buffer with a factory that is not as the table has it, beside the other one or alone.
fn odd_buffer(name: &core::ffi::CStr, parent: &core::ffi::CStr) -> &'static AnyClass {
    class(name, parent, |builder| {
        // SAFETY: as above.
        unsafe {
            builder.add_method(sel!(commit), nothing as unsafe extern "C-unwind" fn(_, _));
            builder.add_method(
                sel!(blitCommandEncoderWithDescriptor:),
                make_numbered as unsafe extern "C-unwind" fn(_, _, _) -> _,
            );
        }
    })
}

#[test]
fn one_odd_factory_is_told_and_does_without_and_no_other_one_refuses_all() {
    let _turn = turn();
    let classes = empty::classes();
    child::run(
        "one_odd_factory_is_told_and_does_without_and_no_other_one_refuses_all",
        "beside another",
        || {
            make(odd_buffer(c"OddBuffer", c"EmptyBuffer"), classes.encoder);
            let guard = options()
                .install_on(empty::create_device)
                .expect("is left alone");
            assert!(covers("OddBuffer", "commit"));
            assert!(!covers("OddBuffer", "blitCommandEncoderWithDescriptor:"));
            let text = locktoll_metal::coverage_text();
            for line in [
                "  guarded: commit",
                "  absent: encodeSignalEvent:value:",
                "  left alone: -[OddBuffer blitCommandEncoderWithDescriptor:] has",
            ] {
                assert!(text.contains(line), "{line}: {text}");
            }
            guard.uninstall();
        },
        |output| {
            child::succeeds(output);
            let said = child::said(output);
            let told =
                "locktoll: -[OddBuffer blitCommandEncoderWithDescriptor:] has the type encoding";
            assert!(said.contains(told), "{said}");
        },
    );
    make(
        odd_buffer(c"FactorylessBuffer", c"NSObject"),
        classes.encoder,
    );
    let error = options()
        .install_on(empty::create_device)
        .expect_err("no encoder would be known");
    assert!(
        error
            .to_string()
            .contains("blitCommandEncoderWithDescriptor:"),
        "{error}"
    );
}

#[test]
fn without_metal_or_a_device_nothing_is_guarded() {
    let _turn = turn();
    let methods = stats().guarded_methods;
    let error = options()
        .install_on(empty::create_nothing)
        .expect_err("no device");
    assert!(matches!(error, Error::NoDevice(_)), "{error}");
    assert_eq!(stats().guarded_methods, methods);
}

#[test]
fn a_class_is_guarded_before_its_first_object_is_handed_out() {
    let _turn = turn();
    let first = encoder_class(c"FirstEncoder", c"NSObject");
    let late = encoder_class(c"LateEncoder", c"FirstEncoder");
    make(empty::classes().buffer, first);
    let guard = options()
        .install_on(empty::create_device)
        .expect("installs");
    let (before, methods) = (of(late, sel!(dispatchWaitFlush)), stats().guarded_methods);
    make(empty::classes().buffer, late);
    // SAFETY: a class.
    let buffer = Object::owned(unsafe { msg_send![empty::classes().buffer, new] });
    let encoder = compute(&buffer);
    assert_ne!(of(late, sel!(dispatchWaitFlush)), before);
    assert!(stats().guarded_methods > methods);
    let calls = stats().calls;
    call(&encoder);
    assert_eq!(stats().calls, calls + 1);
    end(&encoder);
    guard.uninstall();
    assert_eq!(of(late, sel!(dispatchWaitFlush)), before);
}

#[test]
fn installing_and_taking_away_again_and_again_changes_nothing() {
    let _turn = turn();
    let encoder = encoder_class(c"AgainEncoder", c"NSObject");
    make(empty::classes().buffer, encoder);
    let before = of(encoder, sel!(dispatchWaitFlush));
    for _ in 0..20 {
        let guard = options()
            .install_on(empty::create_device)
            .expect("installs");
        assert_ne!(of(encoder, sel!(dispatchWaitFlush)), before);
        guard.uninstall();
        assert_eq!(of(encoder, sel!(dispatchWaitFlush)), before);
    }
}

/// Another library that replaces a method after us, and calls what it found.
#[test]
fn what_another_library_has_put_over_ours_stays() {
    static UNDER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

    unsafe extern "C-unwind" fn over(this: *mut AnyObject, selector: Sel) {
        use std::sync::atomic::Ordering;
        CALLS.fetch_add(1, Ordering::Relaxed);
        let under = UNDER.load(Ordering::Relaxed) as *const ();
        // SAFETY: the method that was there before, of these types.
        unsafe {
            let under = core::mem::transmute::<*const (), unsafe extern "C-unwind" fn(_, _)>(under);
            under(this, selector);
        }
    }

    let _turn = turn();
    let encoder = encoder_class(c"ContestedEncoder", c"NSObject");
    make(empty::classes().buffer, encoder);
    let guard = options()
        .install_on(empty::create_device)
        .expect("installs");
    let ours = of(encoder, sel!(dispatchWaitFlush));
    UNDER.store(ours, std::sync::atomic::Ordering::Relaxed);
    let method = encoder
        .instance_method(sel!(dispatchWaitFlush))
        .expect("has it");
    // SAFETY: of the same types.
    unsafe {
        method.set_implementation(core::mem::transmute::<
            unsafe extern "C-unwind" fn(*mut AnyObject, Sel),
            objc2::runtime::Imp,
        >(over));
    }
    guard.uninstall();
    assert_ne!(of(encoder, sel!(dispatchWaitFlush)), ours);
    // Through theirs and ours, guarded or not, installed again or not, to the original.
    for is_installed in [false, true, false] {
        let guard = is_installed.then(|| {
            options()
                .install_on(empty::create_device)
                .expect("installs")
        });
        let (calls, theirs) = (
            stats().calls,
            CALLS.load(std::sync::atomic::Ordering::Relaxed),
        );
        // SAFETY: a class.
        let buffer = Object::owned(unsafe { msg_send![empty::classes().buffer, new] });
        let object = compute(&buffer);
        call(&object);
        end(&object);
        assert_eq!(stats().calls - calls, u64::from(is_installed));
        assert_eq!(CALLS.load(std::sync::atomic::Ordering::Relaxed), theirs + 1);
        drop(guard);
    }
}

/// As a command buffer that wraps one of the driver's.
unsafe extern "C-unwind" fn make_in_another(_this: Id, _selector: Sel) -> Id {
    // SAFETY: a class, and a method that was given to it.
    unsafe {
        let inner: Id = msg_send![empty::classes().buffer, new];
        let inner: Id = msg_send![inner, autorelease];
        msg_send![inner, computeCommandEncoder]
    }
}

/// A class that wraps command buffers and is loaded after the guard was installed.
#[test]
fn a_named_class_that_comes_later_is_guarded_from_the_next_command_buffer_on() {
    let _turn = turn();
    make(empty::classes().buffer, empty::classes().encoder);
    let mut options = options();
    options.classes = vec!["LateWrapper".into()];
    let guard = options.install_on(empty::create_device).expect("installs");
    assert!(!covers("LateWrapper", "commit"));
    let late = class(c"LateWrapper", c"NSObject", |builder| {
        // SAFETY: the functions have the types of their selectors.
        unsafe {
            builder.add_method(
                sel!(computeCommandEncoder),
                make_in_another as unsafe extern "C-unwind" fn(_, _) -> _,
            );
            builder.add_method(sel!(commit), nothing as unsafe extern "C-unwind" fn(_, _));
        }
    });
    // SAFETY: classes, and the methods that were given to them.
    let buffer = Object::owned(unsafe { msg_send![late, new] });
    let commits = stats().commits;
    support::metal::commit(&buffer);
    assert_eq!(stats().commits, commits, "nobody has looked yet");
    // SAFETY: a class.
    let queue = Object::owned(unsafe { msg_send![empty::classes().queue, new] });
    drop(support::metal::command_buffer(&queue));
    assert!(covers("LateWrapper", "commit"));
    let made = stats().encoders_made;
    end(&compute(&buffer));
    support::metal::commit(&buffer);
    assert_eq!(stats().commits, commits + 1);
    assert_eq!(stats().encoders_made, made + 1);
    guard.uninstall();
}

/// Whether a method of a class is guarded now.
fn covers(class: &str, selector: &str) -> bool {
    let coverage = coverage();
    let class = coverage.iter().find(|each| each.class == class);
    class.is_some_and(|class| class.guarded.iter().any(|each| each == selector))
}
