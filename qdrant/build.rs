//! Tells the tests where the program is, as Cargo does in the package that builds it.

fn main() {
    println!("cargo::rerun-if-env-changed=FATHOM");
    println!("cargo::rerun-if-changed=build.rs");
    let program = std::env::var("FATHOM").unwrap_or_default();
    println!("cargo::rustc-env=CARGO_BIN_EXE_fathom={program}");
}
