//! Profiles of fathom's own making: one TOML file beside the files that it names, for a graph
//! that gives token vectors and a dense vector in one pass.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::EncoderError;

const BUNDLED_TOML: &str = include_str!("../../models/default/profile.toml");
const BUNDLED_MODEL: &[u8] = include_bytes!("../../models/default/model.onnx");
const BUNDLED_TOKENIZER: &[u8] = include_bytes!("../../models/default/tokenizer.json");
const BUNDLED_CODEBOOK: &[u8] = include_bytes!("../../models/default/codebook.bin");
const BUNDLED_JUDGE: &[u8] = include_bytes!("../../models/default/judge.safetensors");

/// Name of the file that describes a folder.
pub(super) const FILE: &str = "profile.toml";

/// A model with a description.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    described: Description,
    id: String,
    /// Where the files are; `None` for the files in the binary.
    folder: Option<PathBuf>,
}

/// Whether a profile file describes a model of both kinds; such files name no `kind`.
pub(super) fn is_joint(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table: Result<toml::Table, _> = toml::from_str(&text);
    table.is_ok_and(|table| table.contains_key("model"))
}

/// The profile file, field by field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    licence: String,
    source: String,
    token_dim: usize,
    dense_dim: usize,
    document_length: usize,
    query_length: usize,
    /// Documents keep one token vector of so many.
    #[serde(default = "one")]
    token_pooling: NonZeroUsize,
    model: FileEntry,
    tokenizer: FileEntry,
    codebook: Option<FileEntry>,
    judge: Option<FileEntry>,
    text: TextRules,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    file: String,
    blake3: String,
}

/// How text becomes model input; part of a profile's identity, because other
/// rules give other vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRules {
    /// Token that every input begins with.
    pub first_token: String,
    /// Token that every input ends with.
    pub last_token: String,
    /// Cut identifiers where the case changes and between letters and digits.
    pub split_identifiers: bool,
    /// Leave out words without a letter or digit before the model sees them.
    pub drop_punctuation: bool,
    /// Keep the vectors of the first and last token in token matrices.
    pub keep_special_rows: bool,
}

impl Described {
    /// The profile that is part of the binary: token vectors and a dense
    /// vector from one small model.
    #[allow(clippy::expect_used)] // the text is a constant, checked by a test
    pub(crate) fn bundled() -> Described {
        Self::parse(BUNDLED_TOML, None).expect("the bundled profile is valid")
    }

    /// The profile described by `folder/profile.toml`.
    ///
    /// # Errors
    /// If the file cannot be read or is not a profile.
    pub(crate) fn open(folder: &Path) -> Result<Described, EncoderError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| EncoderError::File {
            profile: folder.display().to_string(),
            path: path.clone(),
            source,
        })?;
        Self::parse(&text, Some(folder.to_owned())).map_err(|reason| EncoderError::Profile {
            path,
            reason: reason.to_string(),
        })
    }

    fn parse(text: &str, folder: Option<PathBuf>) -> Result<Described, toml::de::Error> {
        let described: Description = toml::from_str(text)?;
        Ok(Described {
            id: described.identity(),
            described,
            folder,
        })
    }

    /// `name@` and 12 hex digits over weights, tokenizer, text rules and pooling:
    /// equal ids mean equal vectors.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The profile's short name.
    pub(crate) fn name(&self) -> &str {
        &self.described.name
    }

    /// SPDX identifier of the licence of the weights.
    pub(crate) fn licence(&self) -> &str {
        &self.described.licence
    }

    /// Where the weights come from.
    pub(crate) fn source(&self) -> &str {
        &self.described.source
    }

    /// Length of a token vector.
    pub(crate) fn token_dim(&self) -> usize {
        self.described.token_dim
    }

    /// Length of the dense vector.
    pub(crate) fn dense_dim(&self) -> usize {
        self.described.dense_dim
    }

    /// Longest document in tokens, special tokens included.
    pub(crate) fn document_length(&self) -> usize {
        self.described.document_length
    }

    /// Longest query in tokens, special tokens included.
    pub(crate) fn query_length(&self) -> usize {
        self.described.query_length
    }

    /// Documents keep one token vector of so many: 1 keeps all. What that costs and saves is in
    /// BENCHMARKS.md.
    pub(crate) fn token_pooling(&self) -> usize {
        self.described.token_pooling.get()
    }

    /// How text becomes model input.
    pub(crate) fn text_rules(&self) -> &TextRules {
        &self.described.text
    }

    pub(crate) fn model_bytes(&self) -> Result<Cow<'static, [u8]>, EncoderError> {
        self.bytes(&self.described.model, BUNDLED_MODEL)
    }

    pub(crate) fn tokenizer_bytes(&self) -> Result<Cow<'static, [u8]>, EncoderError> {
        self.bytes(&self.described.tokenizer, BUNDLED_TOKENIZER)
    }

    /// The codebook that belongs to the model's token vectors, if it has one. No part of the
    /// identity: it changes how vectors are stored, not what they are.
    ///
    /// # Errors
    /// If its file cannot be read or is not the one that the profile describes.
    pub(crate) fn codebook_bytes(&self) -> Result<Option<Cow<'static, [u8]>>, EncoderError> {
        let entry = self.described.codebook.as_ref();
        entry
            .map(|entry| self.bytes(entry, BUNDLED_CODEBOOK))
            .transpose()
    }

    /// The judge that reads the model's token vectors, if it has one. No part of the identity either.
    ///
    /// # Errors
    /// If its file cannot be read or is not the one that the profile describes.
    pub(crate) fn judge_bytes(&self) -> Result<Option<Cow<'static, [u8]>>, EncoderError> {
        let entry = self.described.judge.as_ref();
        entry
            .map(|entry| self.bytes(entry, BUNDLED_JUDGE))
            .transpose()
    }

    /// Where the files are that are not in the binary, else the bundled profile.
    pub(crate) fn path_of_judge(&self) -> PathBuf {
        let file = self.described.judge.as_ref().map(|entry| &entry.file);
        match (&self.folder, file) {
            (Some(folder), Some(file)) => folder.join(file),
            _ => PathBuf::from("bundled profile"),
        }
    }

    /// The bytes of one file, checked when they come from disk. Those in the
    /// binary are checked by a test, not at every start.
    fn bytes(
        &self,
        entry: &FileEntry,
        bundled: &'static [u8],
    ) -> Result<Cow<'static, [u8]>, EncoderError> {
        let Some(folder) = &self.folder else {
            return Ok(Cow::Borrowed(bundled));
        };
        let path = folder.join(&entry.file);
        let bytes = std::fs::read(&path).map_err(|source| EncoderError::File {
            profile: self.name().to_owned(),
            path: path.clone(),
            source,
        })?;
        let found = blake3::hash(&bytes).to_hex().to_string();
        if found != entry.blake3 {
            return Err(EncoderError::Mismatch {
                profile: self.name().to_owned(),
                path,
                found,
                expected: entry.blake3.clone(),
            });
        }
        Ok(Cow::Owned(bytes))
    }
}

/// What profiles without `token_pooling` have.
fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

impl Description {
    fn identity(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.model.blake3.as_bytes());
        hasher.update(self.tokenizer.blake3.as_bytes());
        hasher.update(format!("{:?}", self.text).as_bytes());
        if self.token_pooling != one() {
            hasher.update(format!("pooled by {}", self.token_pooling).as_bytes());
        }
        format!("{}@{}", self.name, &hasher.finalize().to_hex()[..12])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_bundled_files_are_those_that_the_profile_describes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/default");
        let on_disk = Described::open(&folder).unwrap();
        let bundled = Described::bundled();
        assert_eq!(on_disk.id(), bundled.id());
        assert!(on_disk.model_bytes().unwrap() == bundled.model_bytes().unwrap());
        assert!(on_disk.tokenizer_bytes().unwrap() == bundled.tokenizer_bytes().unwrap());
        assert!(on_disk.codebook_bytes().unwrap() == bundled.codebook_bytes().unwrap());
        assert!(on_disk.judge_bytes().unwrap() == bundled.judge_bytes().unwrap());
    }

    #[test]
    fn a_codebook_is_optional_checked_and_no_part_of_the_identity() {
        let dir = tempfile::tempdir().unwrap();
        let bundled = Described::bundled();
        let (before, rest) = BUNDLED_TOML.split_once("[codebook]").unwrap();
        let (entry, text) = rest.split_once("[text]").unwrap();
        let open = |entry: &str| {
            let toml = format!("{before}{entry}[text]{text}");
            std::fs::write(dir.path().join("profile.toml"), toml).unwrap();
            Described::open(dir.path()).unwrap()
        };
        let without = open("");
        assert_eq!(without.codebook_bytes().unwrap(), None);
        let with = open(&format!("[codebook]{entry}"));
        assert_eq!((with.id(), without.id()), (bundled.id(), bundled.id()));
        assert!(matches!(
            with.codebook_bytes(),
            Err(EncoderError::File { .. })
        ));
        std::fs::write(dir.path().join("codebook.bin"), b"another").unwrap();
        assert!(matches!(
            with.codebook_bytes(),
            Err(EncoderError::Mismatch { .. })
        ));
        std::fs::write(dir.path().join("codebook.bin"), BUNDLED_CODEBOOK).unwrap();
        assert_eq!(
            with.codebook_bytes().unwrap(),
            bundled.codebook_bytes().unwrap()
        );
    }
}
