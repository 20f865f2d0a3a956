//! A loaded GGUF file: vocabulary, chat template, properties.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::path::Path;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::backend;
use crate::lookup::Token;
use crate::reader::{Message, Override, OverrideValue, ReaderError};

/// Weights and vocabulary. Immutable once loaded, shared by contexts.
pub(super) struct Model {
    pointer: NonNull<sys::llama_model>,
}

// SAFETY: llama.cpp only reads a model after loading, except when adapters
// are loaded and contexts created, for which `&mut Model` or the one owner of
// both is needed here (`Context::new` is called by one reader at a time).
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    /// Loads a file; `gpu_layers` of it onto a graphics processor if this
    /// build knows one (`None`: all that fit).
    pub(super) fn load(
        path: &Path,
        gpu_layers: Option<u32>,
        overrides: &[Override],
    ) -> Result<Model, ReaderError> {
        backend::start();
        let c_path = c_path(path)?;
        let overrides = c_overrides(overrides)?;
        // SAFETY: the parameters are llama.cpp's defaults with a pointer to a
        // list that ends with an empty key and outlives the call.
        let pointer = unsafe {
            let mut params = sys::llama_model_default_params();
            params.n_gpu_layers =
                gpu_layers.map_or(-1, |layers| layers.try_into().unwrap_or(i32::MAX));
            if overrides.len() > 1 {
                params.kv_overrides = overrides.as_ptr();
            }
            backend::take_messages();
            sys::llama_model_load_from_file(c_path.as_ptr(), params)
        };
        let model = NonNull::new(pointer).map(|pointer| Model { pointer });
        model.ok_or_else(|| ReaderError::Load {
            path: path.to_owned(),
            reason: reason("llama.cpp gave no reason"),
        })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.pointer.as_ptr()
    }

    fn vocab(&self) -> *const sys::llama_vocab {
        // SAFETY: the model is alive; its vocabulary lives as long.
        unsafe { sys::llama_model_get_vocab(self.as_ptr()) }
    }

    /// Tokens in the vocabulary.
    pub(super) fn vocabulary(&self) -> usize {
        // SAFETY: the vocabulary is alive.
        unsafe { sys::llama_vocab_n_tokens(self.vocab()) }.unsigned_abs() as usize
    }

    /// Context length that the model was trained for.
    pub(super) fn trained_context(&self) -> usize {
        // SAFETY: the model is alive.
        unsafe { sys::llama_model_n_ctx_train(self.as_ptr()) }.unsigned_abs() as usize
    }

    /// Number of weights.
    pub(super) fn parameters(&self) -> u64 {
        // SAFETY: the model is alive.
        unsafe { sys::llama_model_n_params(self.as_ptr()) }
    }

    /// Whether the memory holds a running state that cannot forget its end.
    pub(super) fn keeps_running_state(&self) -> bool {
        // SAFETY: the model is alive.
        unsafe {
            sys::llama_model_is_recurrent(self.as_ptr())
                || sys::llama_model_is_hybrid(self.as_ptr())
        }
    }

    /// Whether a token ends the answer.
    pub(super) fn is_end(&self, token: Token) -> bool {
        // SAFETY: the vocabulary is alive; unknown tokens are only compared.
        unsafe { sys::llama_vocab_is_eog(self.vocab(), token) }
    }

    /// A value of the file's header, as text.
    pub(super) fn metadata(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        let mut buffer = vec![0_u8; 4096];
        // SAFETY: llama.cpp writes at most the buffer's length, terminated.
        let length = unsafe {
            sys::llama_model_meta_val_str(
                self.as_ptr(),
                key.as_ptr(),
                buffer.as_mut_ptr().cast::<c_char>(),
                buffer.len(),
            )
        };
        buffer.truncate(usize::try_from(length).ok()?);
        String::from_utf8(buffer).ok()
    }

    /// The messages as the model wants to see them, ready for its answer.
    pub(super) fn render(&self, messages: &[Message]) -> Result<String, ReaderError> {
        // SAFETY: the model is alive; the string lives as long as it.
        let template = unsafe { sys::llama_model_chat_template(self.as_ptr(), std::ptr::null()) };
        // Most models without a template understand this one best.
        let fallback = c"chatml".as_ptr();
        let template = if template.is_null() {
            fallback
        } else {
            template
        };
        let texts = c_messages(messages)?;
        let chat: Vec<sys::llama_chat_message> = texts
            .iter()
            .map(|(role, content)| sys::llama_chat_message {
                role: role.as_ptr(),
                content: content.as_ptr(),
            })
            .collect();
        let length: usize = messages
            .iter()
            .map(|message| message.content.len() + 64)
            .sum();
        let mut buffer = vec![0_u8; length + 1024];
        // SAFETY: the template and the messages are terminated strings that
        // outlive the call; at most the buffer's length is written.
        let apply = |buffer: &mut Vec<u8>| unsafe {
            sys::llama_chat_apply_template(
                template,
                chat.as_ptr(),
                chat.len(),
                true,
                buffer.as_mut_ptr().cast::<c_char>(),
                i32::try_from(buffer.len()).unwrap_or(i32::MAX),
            )
        };
        let mut written = apply(&mut buffer);
        if usize::try_from(written).is_ok_and(|written| written > buffer.len()) {
            buffer.resize(written.unsigned_abs() as usize, 0);
            written = apply(&mut buffer);
        }
        let written = usize::try_from(written).map_err(|_| ReaderError::Template)?;
        buffer.truncate(written);
        String::from_utf8(buffer).map_err(|_| ReaderError::Template)
    }

    /// Token ids of a text; `special` says whether `<|…|>` in it are tokens
    /// of their own or plain text.
    pub(super) fn tokens(&self, text: &str, special: bool) -> Vec<Token> {
        let length = i32::try_from(text.len()).unwrap_or(i32::MAX);
        let mut tokens = vec![0; text.len() / 2 + 8];
        // SAFETY: the text is read up to its length, and at most the buffer's
        // length is written; a negative result is the length that is needed.
        let run = |tokens: &mut Vec<Token>| unsafe {
            sys::llama_tokenize(
                self.vocab(),
                text.as_ptr().cast::<c_char>(),
                length,
                tokens.as_mut_ptr(),
                i32::try_from(tokens.len()).unwrap_or(i32::MAX),
                false,
                special,
            )
        };
        let mut count = run(&mut tokens);
        if count < 0 {
            tokens.resize(count.unsigned_abs() as usize, 0);
            count = run(&mut tokens);
        }
        tokens.truncate(usize::try_from(count).unwrap_or(0));
        tokens
    }

    /// The bytes that a token stands for. Several may make up one character.
    pub(super) fn piece(&self, token: Token, special: bool, bytes: &mut Vec<u8>) {
        bytes.resize(64, 0);
        // SAFETY: at most the buffer's length is written; a negative result
        // is the length that is needed.
        let run = |bytes: &mut Vec<u8>| unsafe {
            sys::llama_token_to_piece(
                self.vocab(),
                token,
                bytes.as_mut_ptr().cast::<c_char>(),
                i32::try_from(bytes.len()).unwrap_or(i32::MAX),
                0,
                special,
            )
        };
        let mut count = run(bytes);
        if count < 0 {
            bytes.resize(count.unsigned_abs() as usize, 0);
            count = run(bytes);
        }
        bytes.truncate(usize::try_from(count).unwrap_or(0));
    }

    /// Loads a LoRA adapter. It lives as long as the model.
    pub(super) fn adapter(
        &mut self,
        path: &Path,
    ) -> Result<NonNull<sys::llama_adapter_lora>, ReaderError> {
        if !path.is_file() {
            return Err(ReaderError::NotAFile {
                path: path.to_owned(),
            });
        }
        let c_path = c_path(path)?;
        backend::take_messages();
        // SAFETY: the model is alive and borrowed exclusively, the path is
        // terminated. llama.cpp frees the adapter with the model.
        let adapter = unsafe { sys::llama_adapter_lora_init(self.as_ptr(), c_path.as_ptr()) };
        NonNull::new(adapter).ok_or_else(|| ReaderError::Adapter {
            path: path.to_owned(),
            reason: reason("it does not fit the model"),
        })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: no context is left: each holds the model alive.
        unsafe { sys::llama_model_free(self.as_ptr()) }
    }
}

/// What llama.cpp said last, or else.
pub(super) fn reason(otherwise: &str) -> String {
    let messages = backend::take_messages();
    if messages.is_empty() {
        otherwise.to_owned()
    } else {
        messages.join("; ")
    }
}

fn c_path(path: &Path) -> Result<CString, ReaderError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    CString::new(bytes).map_err(|_| ReaderError::NotAFile {
        path: path.to_owned(),
    })
}

/// Roles and contents as terminated strings. A text cannot hold a zero byte:
/// it is shown as the replacement character.
fn c_messages(messages: &[Message]) -> Result<Vec<(CString, CString)>, ReaderError> {
    messages
        .iter()
        .map(|message| {
            let content = message.content.replace('\0', "\u{fffd}");
            let content = CString::new(content).map_err(|_| ReaderError::Template)?;
            let role = CString::new(message.role.as_str()).map_err(|_| ReaderError::Template)?;
            Ok((role, content))
        })
        .collect()
}

/// Overrides in C's form, ended by one with an empty key.
fn c_overrides(overrides: &[Override]) -> Result<Vec<sys::llama_model_kv_override>, ReaderError> {
    // SAFETY: all bytes zero is a valid value: an integer override without a key.
    let empty: sys::llama_model_kv_override = unsafe { std::mem::zeroed() };
    let mut list = Vec::with_capacity(overrides.len() + 1);
    for given in overrides {
        let mut entry = empty;
        copy_text(&given.key, &mut entry.key)?;
        match &given.value {
            OverrideValue::Int(value) => {
                entry.tag = sys::LLAMA_KV_OVERRIDE_TYPE_INT;
                entry.__bindgen_anon_1.val_i64 = *value;
            }
            OverrideValue::Float(value) => {
                entry.tag = sys::LLAMA_KV_OVERRIDE_TYPE_FLOAT;
                entry.__bindgen_anon_1.val_f64 = *value;
            }
            OverrideValue::Bool(value) => {
                entry.tag = sys::LLAMA_KV_OVERRIDE_TYPE_BOOL;
                entry.__bindgen_anon_1.val_bool = *value;
            }
            OverrideValue::Text(value) => {
                entry.tag = sys::LLAMA_KV_OVERRIDE_TYPE_STR;
                // SAFETY: the union is zeroed, so any of its fields is initialised.
                copy_text(value, unsafe { &mut entry.__bindgen_anon_1.val_str })?;
            }
        }
        list.push(entry);
    }
    list.push(empty);
    Ok(list)
}

/// Copies a text into a zeroed field, the last byte of which stays zero.
fn copy_text(text: &str, field: &mut [c_char]) -> Result<(), ReaderError> {
    if text.len() >= field.len() || text.contains('\0') {
        return Err(ReaderError::Override(text.to_owned()));
    }
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from.cast_signed() as c_char;
    }
    Ok(())
}
