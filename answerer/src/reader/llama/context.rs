//! A model at work: its memory, batches, interruption, saved states.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use llama_cpp_sys_2 as sys;

use super::model::{Model, reason};
use crate::lookup::{Target, Token};
use crate::reader::ReaderError;

/// Tokens scored in one pass at most: the longest draft and the token before it.
pub(super) const LONGEST_PASS: usize = 64;

/// The one sequence that is used.
const SEQUENCE: sys::llama_seq_id = 0;

/// What stops a computation.
#[derive(Default)]
struct Stop {
    cancel: AtomicPtr<AtomicBool>,
    /// Set before a computation and read during it.
    deadline: Mutex<Option<Instant>>,
}

impl Stop {
    fn set(&self, cancel: *mut AtomicBool, deadline: Option<Instant>) {
        self.cancel.store(cancel, Ordering::SeqCst);
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }
}

struct Reset(Arc<Stop>);

impl Drop for Reset {
    fn drop(&mut self) {
        self.0.set(std::ptr::null_mut(), None);
    }
}

/// How a context is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContextOptions {
    /// Tokens that the memory holds.
    pub(super) length: usize,
    pub(super) threads: usize,
    /// Tokens of a prompt that are computed at a time: between two such
    /// batches, and between two operations of one, it can be interrupted.
    pub(super) batch: usize,
}

/// The memory of one conversation, and the scores of the last pass.
pub(super) struct Context {
    pointer: NonNull<sys::llama_context>,
    // Freed after the context: fields are dropped in order, and the context
    // itself in `drop`.
    model: Arc<Model>,
    stop: Arc<Stop>,
    options: ContextOptions,
    len: usize,
    vocabulary: usize,
}

// SAFETY: a context is not bound to a thread; `&mut self` is needed for
// everything that changes it.
unsafe impl Send for Context {}

impl Context {
    pub(super) fn new(model: Arc<Model>, options: ContextOptions) -> Result<Context, ReaderError> {
        let stop = Arc::new(Stop::default());
        let int = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let unsigned = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let batch = options.batch.max(LONGEST_PASS);
        // SAFETY: the parameters are llama.cpp's defaults with plain numbers
        // and a callback whose data, kept alive here, outlives the context.
        let pointer = unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = unsigned(options.length);
            params.n_batch = unsigned(batch);
            params.n_ubatch = unsigned(batch);
            params.n_seq_max = 1;
            // Room for scores is kept per output: 0.6 MB each for Qwen2.5.
            params.n_outputs_max = unsigned(LONGEST_PASS);
            params.n_threads = int(options.threads);
            params.n_threads_batch = int(options.threads);
            params.abort_callback = Some(should_stop);
            params.abort_callback_data = Arc::as_ptr(&stop).cast_mut().cast::<c_void>();
            params.no_perf = true;
            // On a processor it sums in half precision, in an order that
            // depends on the batch: drafts would change the answer.
            params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_DISABLED;
            sys::llama_init_from_model(model.as_ptr(), params)
        };
        let Some(pointer) = NonNull::new(pointer) else {
            return Err(ReaderError::Context {
                length: options.length,
                reason: reason("too little memory"),
            });
        };
        let vocabulary = model.vocabulary();
        Ok(Context {
            pointer,
            model,
            stop,
            options,
            len: 0,
            vocabulary,
        })
    }

    pub(super) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    pub(super) fn options(&self) -> ContextOptions {
        self.options
    }

    /// Applies LoRA adapters, all at once.
    pub(super) fn apply(
        &mut self,
        adapters: &[(NonNull<sys::llama_adapter_lora>, f32)],
    ) -> Result<(), ReaderError> {
        let (mut pointers, mut scales): (Vec<_>, Vec<_>) = adapters
            .iter()
            .map(|&(adapter, scale)| (adapter.as_ptr(), scale))
            .unzip();
        // SAFETY: adapters live as long as the model, which this context
        // keeps alive; both lists have the given length.
        let result = unsafe {
            sys::llama_set_adapters_lora(
                self.pointer.as_ptr(),
                pointers.as_mut_ptr(),
                pointers.len(),
                scales.as_mut_ptr(),
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(ReaderError::Run(reason(
                "the adapters could not be applied",
            )))
        }
    }

    /// Runs `work`, which stops soon after `cancel` is set or the deadline passes.
    pub(super) fn interruptible<R>(
        &mut self,
        cancel: &AtomicBool,
        deadline: Option<Instant>,
        work: impl FnOnce(&mut Context) -> R,
    ) -> R {
        // Also reset when `work` panics: the flag is borrowed only this long.
        let _reset = Reset(Arc::clone(&self.stop));
        self.stop
            .set(std::ptr::from_ref(cancel).cast_mut(), deadline);
        work(self)
    }

    /// Computes a batch; scores are kept for the last `outputs` tokens.
    fn compute(&mut self, tokens: &[Token], outputs: usize) -> Result<(), ReaderError> {
        let mut tokens = tokens.to_vec();
        let mut positions: Vec<sys::llama_pos> = (self.len..)
            .take(tokens.len())
            .map(|at| at as sys::llama_pos)
            .collect();
        let mut wanted: Vec<i8> = (1..=tokens.len())
            .rev()
            .map(|left| i8::from(left <= outputs))
            .collect();
        let batch = sys::llama_batch {
            n_tokens: tokens.len() as i32,
            token: tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: positions.as_mut_ptr(),
            // All tokens belong to sequence 0.
            n_seq_id: std::ptr::null_mut(),
            seq_id: std::ptr::null_mut(),
            logits: wanted.as_mut_ptr(),
        };
        // SAFETY: the lists have `n_tokens` entries and outlive the call,
        // which does not keep them.
        let result = unsafe { sys::llama_decode(self.pointer.as_ptr(), batch) };
        if result == 0 {
            self.len += tokens.len();
            return Ok(());
        }
        // Parts of the batch may be in the memory.
        let len = self.len;
        self.remove_from(len);
        Err(match result {
            1 => ReaderError::Full {
                length: self.options.length,
            },
            2 => ReaderError::Interrupted,
            other => ReaderError::Run(reason(&format!("llama.cpp reported {other}"))),
        })
    }

    /// Removes what stands at `len` and after it; whether that was possible.
    fn remove_from(&mut self, len: usize) -> bool {
        // SAFETY: the context is alive and borrowed exclusively.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            sys::llama_memory_seq_rm(memory, SEQUENCE, len as sys::llama_pos, -1)
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        // SAFETY: the context is alive and borrowed exclusively.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            sys::llama_memory_clear(memory, false);
        }
        self.len = 0;
    }

    /// The memory as bytes.
    pub(super) fn state(&mut self) -> Vec<u8> {
        // SAFETY: the context is alive and borrowed exclusively; at most the
        // buffer's length is written.
        unsafe {
            let size = sys::llama_state_seq_get_size(self.pointer.as_ptr(), SEQUENCE);
            let mut bytes = vec![0_u8; size];
            let pointer = bytes.as_mut_ptr();
            let written =
                sys::llama_state_seq_get_data(self.pointer.as_ptr(), pointer, size, SEQUENCE);
            bytes.truncate(written);
            bytes
        }
    }

    /// Takes a memory of `len` tokens back from bytes that `state` gave for
    /// the same model and options; whether it fitted. If not, it is empty.
    pub(super) fn restore(&mut self, bytes: &[u8], len: usize) -> bool {
        self.clear();
        // SAFETY: the context is alive and borrowed exclusively; the bytes
        // are read up to their length.
        let (read, last) = unsafe {
            let context = self.pointer.as_ptr();
            let read =
                sys::llama_state_seq_set_data(context, bytes.as_ptr(), bytes.len(), SEQUENCE);
            let memory = sys::llama_get_memory(context);
            (read, sys::llama_memory_seq_pos_max(memory, SEQUENCE))
        };
        if read == bytes.len() && last + 1 == len as i32 {
            self.len = len;
            return true;
        }
        self.clear();
        false
    }
}

impl Target for Context {
    type Error = ReaderError;

    fn len(&self) -> usize {
        self.len
    }

    fn room(&self) -> usize {
        self.options.length - self.len
    }

    fn feed(&mut self, tokens: &[Token]) -> Result<(), ReaderError> {
        if tokens.len() > self.room() {
            return Err(ReaderError::Full {
                length: self.options.length,
            });
        }
        let mut batches = tokens.chunks(self.options.batch).peekable();
        while let Some(batch) = batches.next() {
            self.compute(batch, usize::from(batches.peek().is_none()))?;
        }
        Ok(())
    }

    fn score(&mut self, tokens: &[Token]) -> Result<(), ReaderError> {
        self.compute(tokens, tokens.len())
    }

    fn logits(&self, row: usize) -> &[f32] {
        // Rows count the outputs from the first; llama.cpp's from the end for
        // negative numbers, and tokens without output have no row.
        // SAFETY: llama.cpp waits for the computation and gives a pointer to
        // as many scores as the vocabulary has tokens, or null; they stay
        // until the next computation, which needs `&mut self`.
        unsafe {
            let first = sys::llama_get_logits(self.pointer.as_ptr());
            if first.is_null() {
                return &[];
            }
            std::slice::from_raw_parts(first.add(row * self.vocabulary), self.vocabulary)
        }
    }

    fn keep(&mut self, len: usize) -> Result<(), ReaderError> {
        if !self.remove_from(len) {
            return Err(ReaderError::NoRollback);
        }
        self.len = len;
        Ok(())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: created by `llama_init_from_model`, freed once.
        unsafe { sys::llama_free(self.pointer.as_ptr()) }
    }
}

/// Called between operations of a computation.
unsafe extern "C" fn should_stop(data: *mut c_void) -> bool {
    // SAFETY: the data is the context's `Stop`, which outlives it.
    let stop = unsafe { &*data.cast::<Stop>() };
    let cancel = stop.cancel.load(Ordering::SeqCst);
    // SAFETY: `interruptible` sets the pointer only while the flag is borrowed.
    if !cancel.is_null() && unsafe { &*cancel }.load(Ordering::Relaxed) {
        return true;
    }
    let deadline = stop.deadline.lock().unwrap_or_else(PoisonError::into_inner);
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
