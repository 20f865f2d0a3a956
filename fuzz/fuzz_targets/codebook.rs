//! Arbitrary bytes as a codebook file: refused or used, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fathom_indexes::fuzzing::codebook_file(bytes);
});
