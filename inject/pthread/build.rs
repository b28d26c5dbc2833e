//! Keeps the library in the process: its functions are on other threads' stacks until the end.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // Initialised before all others, so that the locks of their initialisers are seen.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,initfirst");
        // Nothing is left to be bound at the first call.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
    }
}
