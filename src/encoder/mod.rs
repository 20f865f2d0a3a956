//! Which models encode: those that the user selected, wherever their files are.

pub mod installed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fathom_encoders::{EncoderError, EncoderOptions, Kind, Named, PairEncoder, Profile};

use crate::config::Settings;
use installed::EncoderModel;

/// Name of the model that is part of the program.
pub const BUNDLED: &str = "default";

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// It is not on this machine.
    #[error(
        "the encoder `{name}` is not on this machine; run `fathom model {}`, or `fathom model use default`",
        fetch(.name)
    )]
    NotHere {
        /// As the user wrote it.
        name: String,
    },
    /// Its files or its kind are at fault.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A text after the colon that is no length.
    #[error("`{0}` names no length; write it as `embeddinggemma:256`")]
    Length(String),
    /// More than two.
    #[error(
        "{0} models are selected; one makes token vectors, a second dense vectors: select one or two with `fathom model use`"
    )]
    TooMany(usize),
}

/// What brings a model here.
fn fetch(name: &str) -> String {
    let base = name.split(':').next().unwrap_or(name);
    match Named::find(base).is_some() || base.split('/').count() == 2 {
        true => format!("pull {base}"),
        false => "import DIR".to_owned(),
    }
}

/// The model of a name, hub id or folder: `NAME`, `NAME:256`.
///
/// # Errors
/// [`ChoiceError`] if it is not here or cannot be used.
pub fn open(name: &str, settings: &Settings) -> Result<Profile, ChoiceError> {
    if name == BUNDLED {
        return Ok(Profile::bundled());
    }
    let (base, length) = match name.rsplit_once(':') {
        Some((base, length)) => (base, Some(length)),
        None => (name, None),
    };
    let model = EncoderModel::find(base, settings).ok_or_else(|| ChoiceError::NotHere {
        name: name.to_owned(),
    })?;
    let profile = model.profile()?;
    match length {
        None => Ok(profile),
        Some(length) => {
            let length = length.parse();
            let length = length.map_err(|_| ChoiceError::Length(name.to_owned()))?;
            Ok(profile.truncated(length)?)
        }
    }
}

/// The models of these names together: one, or one for each kind of vectors.
///
/// # Errors
/// [`ChoiceError`] if one is not here, or they do not give what is needed.
pub fn together(names: &[String], settings: &Settings) -> Result<Profile, ChoiceError> {
    match names {
        [] => Ok(Profile::bundled()),
        [name] => {
            let profile = open(name, settings)?;
            match profile.kind() {
                Kind::CrossEncoder => Err(ChoiceError::Encoder(EncoderError::Kind {
                    profile: profile.name().to_owned(),
                    kind: profile.kind().as_str(),
                    wanted: "vectors",
                })),
                _ => Ok(profile),
            }
        }
        [late, dense] => Ok(Profile::pair(
            &open(late, settings)?,
            &open(dense, settings)?,
        )?),
        more => Err(ChoiceError::TooMany(more.len())),
    }
}

/// Selections that were opened in this process.
static OPENED: Mutex<BTreeMap<(PathBuf, Vec<String>), Profile>> = Mutex::new(BTreeMap::new());

/// The profile that the user selected; opened once in a process.
///
/// # Errors
/// [`ChoiceError`] if it is not here or cannot be used.
pub fn selected(settings: &Settings) -> Result<Profile, ChoiceError> {
    named(&settings.encoder.names, settings)
}

/// [`together`], opened once in a process.
pub(crate) fn named(names: &[String], settings: &Settings) -> Result<Profile, ChoiceError> {
    if names.is_empty() {
        return Ok(Profile::bundled());
    }
    let key = (settings.data_dir.clone(), names.to_vec());
    let opened = || OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(profile) = opened().get(&key) {
        return Ok(profile.clone());
    }
    let profile = together(names, settings)?;
    opened().insert(key, profile.clone());
    Ok(profile)
}

/// How sessions are opened by these settings, with so many threads each.
pub fn options(settings: &Settings, threads: usize) -> EncoderOptions {
    EncoderOptions {
        intra_threads: threads,
        provider: settings.encoder.provider,
        ..EncoderOptions::default()
    }
}

/// Bytes of memory that a session takes.
pub fn memory(profile: &Profile) -> u64 {
    profile.weights().unwrap_or(0) / 4 * 5
}

/// How many of `threads` sessions may be open at once: half of the machine's memory is for others.
pub fn sessions(profile: &Profile, threads: usize) -> usize {
    fitting(threads, memory(profile), crate::reader::memory())
}

fn fitting(threads: usize, each: u64, memory: Option<u64>) -> usize {
    match (memory, each) {
        (None, _) | (_, 0) => threads,
        (Some(memory), each) => threads.min((memory / 2 / each) as usize).max(1),
    }
}

/// The cross-encoder that the user selected, if one is.
///
/// # Errors
/// [`ChoiceError`] if it is not here or cannot be used.
pub fn reranker(settings: &Settings) -> Result<Option<PairEncoder>, ChoiceError> {
    let Some(name) = &settings.encoder.reranker else {
        return Ok(None);
    };
    let profile = open(name, settings)?;
    let options = options(settings, settings.threads);
    Ok(Some(PairEncoder::open(&profile, &options)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_leave_memory_for_others() {
        const GB: u64 = 1 << 30;
        for (threads, each, memory, expected) in [
            (8, GB, Some(32 * GB), 8),
            (8, GB, Some(8 * GB), 4),
            (8, 6 * GB, Some(8 * GB), 1),
            (8, GB, None, 8),
            (8, 0, Some(GB), 8),
        ] {
            assert_eq!(fitting(threads, each, memory), expected);
        }
    }

    #[test]
    fn what_is_missing_is_told_how_to_get() {
        for (name, expected) in [
            ("lateon-code", "pull lateon-code"),
            ("embeddinggemma:256", "pull embeddinggemma"),
            ("owner/name", "pull owner/name"),
            ("mine", "import DIR"),
        ] {
            assert_eq!(fetch(name), expected);
        }
    }
}
