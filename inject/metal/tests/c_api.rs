//! The C interface, by a file in C that includes the header.

mod support;

use core::ffi::{CStr, c_char, c_int};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::Command;

use locktoll_trace::Trace;
use support::child;
use support::metal::{command_buffer, commit, compute, device, encode, end, pool, queue};

/// The library as programs get it, which cargo has built for this test.
fn library() -> PathBuf {
    let here = std::env::current_exe().expect("this binary");
    here.with_file_name("liblocktoll_metal.so")
}

/// Compiles `host.c` into a library of its own.
fn compile(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join("host.so");
    let output = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-shared",
            "-fPIC",
        ])
        .arg("-I")
        .arg(root.join("include"))
        .arg(root.join("tests/host.c"))
        .arg("-o")
        .arg(&library)
        .output()
        .expect("a C compiler");
    assert!(output.status.success(), "{}", child::said(&output));
    library
}

extern "C" fn encode_one() {
    pool(|| {
        let buffer = command_buffer(&queue(&device()));
        let encoder = compute(&buffer);
        encode(&encoder);
        end(&encoder);
        drop(encoder);
        commit(&buffer);
    });
}

#[test]
fn a_program_in_c_can_ask_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    std::fs::create_dir(&traces).expect("a folder");
    let library = compile(folder.path());
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["as_a_child", "--exact", "--nocapture", "--include-ignored"])
        .env("LOCKTOLL_TEST_HOST", &library)
        .env("LOCKTOLL_STRATEGY", "global")
        .env("LOCKTOLL_TRACE_DIR", &traces)
        .env("LOCKTOLL_METAL_CLASSES", "LTOddBuffer")
        .env("LOCKTOLL_METAL_VERBOSE", "1")
        .output()
        .expect("a child process");
    let said = child::said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("methods replaced"), "{said}");
    let class = "locktoll: LTComputeContext (compute encoder): ";
    let line = said.lines().find(|line| line.starts_with(class));
    assert!(
        line.is_some_and(|line| line.ends_with("methods guarded")),
        "{said}"
    );
    // And what it did is in the trace.
    let traces = Trace::read_dir(&traces).expect("can be read");
    let [trace] = &traces[..] else {
        panic!("{} traces", traces.len())
    };
    assert_eq!(
        (trace.producer.as_str(), trace.strategy.as_str()),
        ("metal swizzle", "global")
    );
    assert!(trace.ended);
    assert_eq!(trace.counters["encoders_made"], 1);
    assert_eq!(trace.counters["submissions"], 1);
    assert!(trace.counters["guarded_methods"] > 100);
    assert_eq!(trace.classes[0].name, "global");
    // The program's resets are its own.
    assert!(trace.classes[0].acquisitions >= 5, "{trace:?}");
    let told = "-[LTOddBuffer encodeSignalEvent:value:] has the type encoding";
    assert!(trace.notes.contains(told), "{}", trace.notes);
    assert!(said.contains(told), "{said}");
}

unsafe extern "C-unwind" fn take_one(
    _this: support::metal::Id,
    _selector: objc2::runtime::Sel,
    _event: u32,
    _value: u64,
) {
}

/// What runs in the child.
#[test]
#[ignore = "is run by the test above"]
fn as_a_child() {
    let Some(library) = std::env::var_os("LOCKTOLL_TEST_HOST") else {
        return;
    };
    support::empty::class(c"LTOddBuffer", c"NSObject", |builder| {
        // SAFETY: the function has some types; that they are not the table's is the point.
        unsafe {
            builder.add_method(
                objc2::sel!(encodeSignalEvent:value:),
                take_one as unsafe extern "C-unwind" fn(_, _, _, _),
            );
        }
    });
    // SAFETY: two libraries whose loading does nothing; the function has this type.
    let status = unsafe {
        load(&self::library());
        let handle = load(Path::new(&library));
        let name: *const c_char = c"locktoll_test_host".as_ptr();
        let host = libc::dlsym(handle, name);
        assert!(!host.is_null());
        let host = core::mem::transmute::<
            *mut core::ffi::c_void,
            extern "C" fn(extern "C" fn()) -> c_int,
        >(host);
        host(encode_one)
    };
    assert_eq!(status, 0);
}

/// Loads a library, for those that are loaded after it to use.
///
/// # Safety
///
/// Its initialisation is harmless.
unsafe fn load(library: &Path) -> *mut core::ffi::c_void {
    let name = CString::new(library.as_os_str().as_encoded_bytes()).expect("no zero");
    // SAFETY: as the caller promises.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if handle.is_null() {
        // SAFETY: after a failure this is a text.
        let why = unsafe { CStr::from_ptr(libc::dlerror()) };
        panic!("{}: {}", library.display(), why.to_string_lossy());
    }
    handle
}
