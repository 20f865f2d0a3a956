//! Arbitrary bytes as a segment file: refused or used, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fathom_indexes::fuzzing::segment(bytes);
});
