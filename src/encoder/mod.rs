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

/// What names of models that encode docs begin with, in a selection.
pub const DOCS: &str = "docs=";

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

/// The models of these names together: of code, and of docs where some are marked by [`DOCS`].
///
/// # Errors
/// [`ChoiceError`] if one is not here, or they do not give what is needed.
pub fn together(names: &[String], settings: &Settings) -> Result<Profile, ChoiceError> {
    let of_code: Vec<String> = names
        .iter()
        .filter(|name| !name.starts_with(DOCS))
        .cloned()
        .collect();
    let of_docs: Vec<String> = names
        .iter()
        .filter_map(|name| name.strip_prefix(DOCS).map(str::to_owned))
        .collect();
    let code = of_collection(&of_code, settings)?;
    match of_docs.is_empty() {
        true => Ok(code),
        false => {
            let docs = of_collection(&of_docs, settings)?;
            Ok(Profile::collections(&code, &docs)?)
        }
    }
}

/// One model, or one for each kind of vectors.
fn of_collection(names: &[String], settings: &Settings) -> Result<Profile, ChoiceError> {
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

/// How sessions that encode a profile's documents are opened.
pub fn options_of(profile: &Profile, settings: &Settings) -> EncoderOptions {
    EncoderOptions {
        one_at_a_time: sessions(profile, settings.threads).one_at_a_time,
        ..options(settings, 1)
    }
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

/// What encodes documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How many at once.
    pub count: usize,
    /// Bytes of memory of all of them.
    pub memory: u64,
    /// Of several models each session has but one loaded, one after the other.
    pub one_at_a_time: bool,
}

/// How many of `threads` sessions may be open at once: half of the machine's memory is for others.
/// Several models are loaded one at a time where more sessions have room that way.
pub fn sessions(profile: &Profile, threads: usize) -> Sessions {
    let each: Vec<u64> = profile.members().into_iter().map(memory).collect();
    fitting(threads, &each, crate::reader::memory())
}

fn fitting(threads: usize, models: &[u64], memory: Option<u64>) -> Sessions {
    let count = |each: u64| match (memory, each) {
        (None, _) | (_, 0) => threads,
        (Some(memory), each) => threads.min((memory / 2 / each) as usize).max(1),
    };
    let (all, largest) = (models.iter().sum(), models.iter().copied().max());
    let largest = largest.unwrap_or(0);
    let room = memory.map_or(u64::MAX, |memory| memory / 2);
    let one_at_a_time = count(largest) > count(all) || (all > room && models.len() > 1);
    let each = if one_at_a_time { largest } else { all };
    Sessions {
        count: count(each),
        memory: count(each) as u64 * each,
        one_at_a_time,
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
        for (threads, models, total, expected) in [
            (8, &[GB][..], Some(32 * GB), (8, 8 * GB, false)),
            (8, &[GB], Some(8 * GB), (4, 4 * GB, false)),
            (8, &[6 * GB], Some(8 * GB), (1, 6 * GB, false)),
            (8, &[GB], None, (8, 8 * GB, false)),
            (8, &[0], Some(GB), (8, 0, false)),
            (2, &[GB, GB], Some(8 * GB), (2, 4 * GB, false)),
            (2, &[2 * GB, GB], Some(8 * GB), (2, 4 * GB, true)),
            (1, &[3 * GB, 2 * GB], Some(8 * GB), (1, 3 * GB, true)),
        ] {
            let (count, memory, one_at_a_time) = expected;
            let expected = Sessions {
                count,
                memory,
                one_at_a_time,
            };
            assert_eq!(fitting(threads, models, total), expected);
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
