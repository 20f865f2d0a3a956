//! Keeps ONNX Runtime from writing a device id and from sending events.
//!
//! Official builds from 1.29 on open an event database under the user's cache
//! folder and upload to their maker while the environment is being created,
//! before its own switch can be used. The only full opt-out is an environment
//! variable that has to be there when the library starts.
#![allow(unsafe_code)]

const SWITCH: &str = "ORT_DISABLE_TELEMETRY";

/// Sets the opt-out for this process and its children.
pub(crate) fn switch_off() {
    // SAFETY: threads that go through `std::env` are kept apart by its lock.
    // A C library could read the environment at the same moment without it;
    // those in this program (SQLite, BLAS, OpenMP) read it when they start,
    // and this runs once, before the runtime's library is loaded.
    unsafe { std::env::set_var(SWITCH, "1") };
}
