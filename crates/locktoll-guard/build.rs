//! Tells the compiler that `cfg(loom)` is a name this crate knows, so that a misspelt one warns.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(loom)");
}
