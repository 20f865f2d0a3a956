//! From options to a reader: files checked, model, adapters, contexts.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use super::context::{Context, ContextOptions};
use super::draft::Draft;
use super::model::Model;
use super::saved::Saved;
use super::{LlamaReader, display_name};
use crate::reader::{Drafting, LlamaOptions, ReaderError};

/// Tokens of a prompt that are computed at a time. Larger batches are hardly
/// faster on a processor, and a single operation cannot be interrupted.
const BATCH: usize = 128;

/// As above, for models so large that one operation would take too long.
const BATCH_LARGE: usize = 64;

/// Number of weights from which a model counts as large.
const LARGE: u64 = 5_000_000_000;

pub(super) fn open(options: &LlamaOptions) -> Result<LlamaReader, ReaderError> {
    let mut print = blake3::Hasher::new();
    check_file(&options.model, &mut print)?;
    let mut model = Model::load(&options.model, options.gpu_layers, &options.overrides)?;
    print.update(format!("{:?}", options.overrides).as_bytes());
    let mut adapters = Vec::new();
    for (path, scale) in &options.adapters {
        check_file(path, &mut print)?;
        print.update(&scale.to_le_bytes());
        adapters.push((model.adapter(path)?, *scale));
    }
    let lookup = decide(options, model.keeps_running_state())?;
    let mut context = new_context(Arc::new(model), options)?;
    if !adapters.is_empty() {
        context.apply(&adapters as &[(NonNull<_>, f32)])?;
    }
    let draft = options
        .draft
        .as_ref()
        .map(|path| open_draft(path, options, context.model()))
        .transpose()?;
    print.update(format!("{:?} {:?}", context.options(), options.gpu_layers).as_bytes());
    let saved = options
        .cache
        .as_ref()
        .map(|folder| Saved::new(folder, &print.finalize()));
    Ok(LlamaReader {
        name: display_name(context.model(), &options.model),
        context,
        memory: Vec::new(),
        lookup,
        draft,
        costs: None,
        saved,
    })
}

/// Whether to look up; an error if drafts are wanted and impossible.
fn decide(options: &LlamaOptions, keeps_running_state: bool) -> Result<bool, ReaderError> {
    let wanted = options.lookup == Drafting::On || options.draft.is_some();
    if keeps_running_state && wanted {
        return Err(ReaderError::NoRollback);
    }
    Ok(options.lookup != Drafting::Off && !keeps_running_state)
}

fn new_context(model: Arc<Model>, options: &LlamaOptions) -> Result<Context, ReaderError> {
    let available = || std::thread::available_parallelism().map_or(1, usize::from);
    let large = model.parameters() >= LARGE;
    let context = ContextOptions {
        length: options.context.clamp(256, model.trained_context().max(256)),
        threads: options.threads.unwrap_or_else(available).max(1),
        batch: if large { BATCH_LARGE } else { BATCH },
    };
    Context::new(model, context)
}

fn open_draft(path: &Path, options: &LlamaOptions, target: &Model) -> Result<Draft, ReaderError> {
    check_file(path, &mut blake3::Hasher::new())?;
    let model = Model::load(path, options.gpu_layers, &[])?;
    let refuse = |reason: String| {
        Err(ReaderError::DraftModel {
            path: path.to_owned(),
            reason,
        })
    };
    if model.keeps_running_state() {
        return refuse("its memory cannot be rolled back".to_owned());
    }
    if let Some(difference) = differs(&model, target) {
        return refuse(difference);
    }
    Ok(Draft::new(new_context(Arc::new(model), options)?))
}

/// How the vocabulary of a draft model differs from that of its target.
fn differs(draft: &Model, target: &Model) -> Option<String> {
    /// Models of one family are padded to different sizes.
    const PADDING: usize = 512;
    let (own, other) = (draft.vocabulary(), target.vocabulary());
    if own.abs_diff(other) > PADDING {
        return Some(format!(
            "its vocabulary has {own} tokens instead of {other}"
        ));
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    (0..own.min(other) as i32).find_map(|token| {
        draft.piece(token, true, &mut a);
        target.piece(token, true, &mut b);
        (a != b).then(|| format!("token {token} of its vocabulary is another text"))
    })
}

/// Checks that a file is a GGUF file, and adds what identifies it to `print`:
/// its length, its first and its last mebibyte. Reading all of it would take
/// longer than loading.
fn check_file(path: &Path, print: &mut blake3::Hasher) -> Result<(), ReaderError> {
    const PART: u64 = 1 << 20;
    if !path.is_file() {
        return Err(ReaderError::NotAFile {
            path: path.to_owned(),
        });
    }
    let unreadable = |source| ReaderError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    file.by_ref()
        .take(PART)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if !bytes.starts_with(b"GGUF") {
        let begins = String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
        return Err(ReaderError::NotGguf {
            path: path.to_owned(),
            begins,
        });
    }
    let last = length.saturating_sub(PART);
    file.seek(SeekFrom::Start(last)).map_err(unreadable)?;
    file.take(PART)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    print.update(&length.to_le_bytes()).update(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn drafts_are_refused_where_the_memory_cannot_roll_back() {
        let decided = |lookup, draft: Option<&str>, running| {
            let mut options = LlamaOptions::new("m.gguf");
            (options.lookup, options.draft) = (lookup, draft.map(Into::into));
            decide(&options, running).ok()
        };
        assert_eq!(decided(Drafting::Auto, None, false), Some(true));
        assert_eq!(decided(Drafting::Off, None, false), Some(false));
        assert_eq!(decided(Drafting::Auto, None, true), Some(false));
        assert_eq!(decided(Drafting::On, None, true), None);
        assert_eq!(decided(Drafting::Auto, Some("d.gguf"), true), None);
    }
}
