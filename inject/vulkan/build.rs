//! Keeps the layer in the process once it is loaded.
//!
//! The loader unloads a layer with the last instance. Threads of the program may still be on their
//! way out of a hook then, and the figures of one instance would be lost to the next.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
