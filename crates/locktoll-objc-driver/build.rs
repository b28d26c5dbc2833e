//! Compiles the driver.
//!
//! Every object file is linked whole: nothing refers to a class but the runtime, and the interposing
//! library finds the driver by `dlsym`, so the linker would drop it all.

use std::env;
use std::path::Path;
use std::process::Command;

const SOURCES: [&str; 9] = [
    "LTCall.m",
    "LTEngine.m",
    "LTContext.m",
    "LTComputeContext.m",
    "LTBlitContext.m",
    "LTRenderContext.m",
    "LTOtherContexts.m",
    "LTCommandBuffer.m",
    "LTMPSCommandBuffer.m",
];

/// What `gnustep-config --objc-flags` says of the interface, on GCC's runtime.
const GNUSTEP_FLAGS: [&str; 5] = [
    "-DGNUSTEP",
    "-DGNUSTEP_BASE_LIBRARY=1",
    "-DGNU_RUNTIME=1",
    "-D_NATIVE_OBJC_EXCEPTIONS",
    "-fconstant-string-class=NSConstantString",
];
const GNUSTEP_HEADERS: &str = "/usr/include/GNUstep";

fn main() {
    println!("cargo::rerun-if-changed=objc");
    let apple = env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor == "apple");
    let mut build = cc::Build::new();
    cc::Build::new()
        .file("objc/gcc_runtime.c")
        .link_lib_modifier("+whole-archive")
        .compile("locktoll_gcc_runtime");
    build
        .files(SOURCES.map(|name| format!("objc/{name}")))
        .files(["objc/LTDevice.m", "objc/LTTime.m"])
        .include("objc")
        // A driver is not built for debugging, and its times are part of what is measured.
        .opt_level(2)
        .flag("-std=gnu11")
        .flag("-fobjc-exceptions")
        .warnings(true)
        .extra_warnings(true)
        .flag("-Wno-unused-parameter")
        .flag("-Wno-missing-field-initializers")
        .link_lib_modifier("+whole-archive");
    if apple {
        println!("cargo::rustc-link-lib=framework=Foundation");
    } else {
        require_gnustep(&build.get_compiler());
        for flag in GNUSTEP_FLAGS {
            build.flag(flag);
        }
        // As the system's: their warnings are not ours.
        build.flag("-isystem").flag(GNUSTEP_HEADERS);
        println!("cargo::rustc-link-lib=gnustep-base");
        println!("cargo::rustc-link-lib=objc");
    }
    println!("cargo::rustc-link-lib=pthread");
    build.compile("locktoll_objc_driver");
    // Metal's entry is found by `dlsym`, in an executable only if it exports it. Packages that link the
    // driver into a program of their own need this line too.
    println!(
        "cargo::rustc-link-arg-tests=-Wl,--export-dynamic-symbol=MTLCreateSystemDefaultDevice"
    );
}

/// Names what is missing, which the compiler would not.
fn require_gnustep(compiler: &cc::Tool) {
    let found = Command::new(compiler.path())
        .arg("-print-prog-name=cc1obj")
        .output()
        .is_ok_and(|said| Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_absolute());
    let headers = Path::new(GNUSTEP_HEADERS).join("Foundation");
    assert!(
        (found || compiler.is_like_clang()) && headers.is_dir(),
        "the Objective-C driver needs an Objective-C compiler and GNUstep: \
         apt-get install gobjc libgnustep-base-dev (or build without the feature `objc`)"
    );
}
