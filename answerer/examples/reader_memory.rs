//! Memory of a reader beside llama.cpp's own for the same model and context: each in a process of
//! its own, after the same number of prompt and answer tokens.
//!
//! ```text
//! cargo run --release -p fathom-answerer --features llama --example reader_memory -- MODEL.gguf [CONTEXT] [PROMPT_TOKENS]
//! ```
#![allow(clippy::print_stdout, unsafe_code)]

use std::error::Error;
use std::ffi::CString;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use fathom_answerer::lookup::Sampling;
use fathom_answerer::reader::{
    Drafting, LlamaOptions, LlamaReader, Message, Reader, Request, Role,
};
use llama_cpp_sys_2 as sys;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Tokens of the answer.
const ANSWER: usize = 32;
/// Tokens that llama.cpp computes at a time unless told otherwise.
const BATCH: usize = 512;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("name a GGUF file")?;
    let context: usize = arguments.next().map_or(Ok(8192), |text| text.parse())?;
    let prompt: usize = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    match arguments.next().as_deref() {
        Some("reader") => reader(&model, context, prompt),
        Some(_) => plain(&model, context, prompt),
        None => {
            for kind in ["llama.cpp", "reader"] {
                let sizes = [context.to_string(), prompt.to_string()];
                let own = std::env::current_exe()?;
                Command::new(own)
                    .arg(&model)
                    .args(sizes)
                    .arg(kind)
                    .status()?;
            }
            Ok(())
        }
    }
}

/// What the system says of this process's memory.
fn report(name: &str) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let megabytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or(f64::NAN) / 1e3 * 1.024
    };
    println!(
        "{name}: peak {:.0} MB, at the end {:.0} MB, of that {:.0} MB not of files",
        megabytes("VmHWM:"),
        megabytes("VmRSS:"),
        megabytes("RssAnon:")
    );
    Ok(())
}

/// fathom's reader as `fathom ask` opens it, with lookup and kept beginnings.
fn reader(model: &str, context: usize, prompt: usize) -> Result<()> {
    let cache = std::env::temp_dir().join(format!("reader-memory-{}", std::process::id()));
    let mut reader = LlamaReader::open(&LlamaOptions {
        context,
        lookup: Drafting::On,
        cache: Some(cache.clone()),
        ..LlamaOptions::new(model)
    })?;
    let mut text = String::new();
    for number in 0_u64.. {
        if number % 16 == 0 && reader.count(&text) + 40 > prompt {
            break;
        }
        text.push_str(&format!("{:x} ", number.wrapping_mul(0x9e37_79b9) >> 16));
    }
    let message = |role, content: &str| Message {
        role,
        content: content.to_owned(),
    };
    let rules = "Answer from the sources. ".repeat(8);
    let messages = [message(Role::System, &rules), message(Role::User, &text)];
    let cancel = AtomicBool::new(false);
    let request = Request {
        messages: &messages,
        quotable: &[],
        sampling: Sampling::GREEDY,
        max_tokens: ANSWER,
        stop: &[],
        deadline: None,
        cancel: &cancel,
    };
    let stats = reader
        .read(&request, &mut |_| ControlFlow::Continue(()))?
        .stats;
    let tokens = stats.prompt_tokens + stats.tokens;
    std::fs::remove_dir_all(cache)?;
    report(&format!("reader, {tokens} tokens"))
}

/// llama.cpp with its own defaults.
fn plain(model: &str, context: usize, prompt: usize) -> Result<()> {
    let path = CString::new(model)?;
    // SAFETY: the calls are made in llama.cpp's order; the pointers are checked before they are
    // used, the batch outlives the call, and everything lives to the end of the process.
    unsafe {
        sys::llama_log_set(Some(silent), std::ptr::null_mut());
        sys::llama_backend_init();
        let model =
            sys::llama_model_load_from_file(path.as_ptr(), sys::llama_model_default_params());
        if model.is_null() {
            return Err("the model cannot be loaded".into());
        }
        let mut params = sys::llama_context_default_params();
        params.n_ctx = u32::try_from(context)?;
        let state = sys::llama_init_from_model(model, params);
        if state.is_null() {
            return Err("the context cannot be set up".into());
        }
        let vocabulary = sys::llama_vocab_n_tokens(sys::llama_model_get_vocab(model));
        let token = |at: usize| (at as i32 * 7919 + 100) % vocabulary;
        let mut done = 0;
        while done < prompt + ANSWER {
            let count = if done < prompt {
                BATCH.min(prompt - done)
            } else {
                1
            };
            let mut tokens: Vec<i32> = (done..done + count).map(token).collect();
            let batch = sys::llama_batch_get_one(tokens.as_mut_ptr(), i32::try_from(count)?);
            if sys::llama_decode(state, batch) != 0 {
                return Err("the model failed".into());
            }
            done += count;
        }
        report(&format!("llama.cpp, {done} tokens"))
    }
}

unsafe extern "C" fn silent(
    _: sys::ggml_log_level,
    _: *const std::ffi::c_char,
    _: *mut std::ffi::c_void,
) {
}
