//! llama.cpp as a library: started once, its messages kept instead of printed.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, Once, PoisonError};

use llama_cpp_sys_2 as sys;

/// Messages that are kept for error reports.
const KEPT: usize = 8;

static MESSAGES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Starts llama.cpp, once per process.
pub(super) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // SAFETY: the callback is a plain function that lives as long as the
        // process and needs no data; both calls may be made at any time.
        unsafe {
            sys::llama_log_set(Some(keep_message), std::ptr::null_mut());
            sys::llama_backend_init();
        }
    });
}

/// What llama.cpp said about problems since the last call, for an error's text.
pub(super) fn take_messages() -> Vec<String> {
    let mut messages = MESSAGES.lock().unwrap_or_else(PoisonError::into_inner);
    messages.drain(..).collect()
}

/// Processor features and accelerators that this build uses on this machine,
/// in llama.cpp's own words.
#[must_use]
pub(super) fn system_info() -> String {
    start();
    // SAFETY: returns a pointer to a static, terminated string.
    let text = unsafe { CStr::from_ptr(sys::llama_print_system_info()) };
    text.to_string_lossy().into_owned()
}

unsafe extern "C" fn keep_message(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if level != sys::GGML_LOG_LEVEL_ERROR && level != sys::GGML_LOG_LEVEL_WARN {
        return;
    }
    // SAFETY: llama.cpp passes a terminated string that lives during the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let mut messages = MESSAGES.lock().unwrap_or_else(PoisonError::into_inner);
    if messages.len() == KEPT {
        messages.pop_front();
    }
    messages.push_back(text.trim().to_owned());
}

/// llama.cpp's own version.
pub(super) fn version() -> String {
    // SAFETY: returns a pointer to a static, terminated string.
    let text = unsafe { CStr::from_ptr(sys::llama_version()) };
    text.to_string_lossy().into_owned()
}
