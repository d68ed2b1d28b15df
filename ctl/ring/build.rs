//! Declares the `loom` configuration, under which the atomics are exchanged (`src/atomics.rs`).

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rerun-if-changed=build.rs");
}
