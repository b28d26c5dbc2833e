//! Keeps the library in the process once it is loaded, links Metal where there is one, and lets tests
//! and benches find the stand-in driver by its C function as they would find Metal.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let vendor = env::var("CARGO_CFG_TARGET_VENDOR").unwrap_or_default();
    if vendor == "apple" {
        // Linked, so that the loader has initialised it before this library begins.
        println!("cargo::rustc-link-lib=framework=Metal");
        // Without this library in the process, Metal has no default device on macOS.
        println!("cargo::rustc-link-lib=framework=CoreGraphics");
        return;
    }
    // Its functions stay in method tables.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let export = "-Wl,--export-dynamic-symbol=MTLCreateSystemDefaultDevice";
    println!("cargo::rustc-link-arg-tests={export}");
    println!("cargo::rustc-link-arg-benches={export}");
    println!("cargo::rustc-link-arg-examples={export}");
}
