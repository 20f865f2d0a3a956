//! The deterministic explanation of one place in the code.
