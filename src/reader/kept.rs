//! Answers that are kept: a reader's raw words, and where what it was shown stands. An answer is
//! taken again only while exactly the same text stands there, and it is checked anew.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fathom_answerer::card::Place;
use fathom_answerer::context::Context;
use serde::{Deserialize, Serialize};

/// Answers kept, the latest first.
const KEPT: usize = 1000;
/// Larger files are not answers.
const LARGEST: u64 = 1 << 20;

/// A folder of answers.
#[derive(Clone, Debug)]
pub struct KeptAnswers {
    folder: PathBuf,
}

/// What identifies an answer: everything that it depends on, but for the text that is shown.
#[derive(Clone, Debug)]
pub struct AnswerKey(blake3::Hasher);

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// What the reader calls itself.
    pub model: String,
    /// What it said.
    pub raw: String,
    /// Mean natural logarithm of the probability of its tokens, if known.
    pub mean_logprob: Option<f32>,
    /// Where the pieces stand that it was shown: path, first and last line.
    places: Vec<(Vec<u8>, u32, u32)>,
    /// Hash of the pieces.
    shown: String,
}

impl AnswerKey {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> AnswerKey {
        AnswerKey(blake3::Hasher::new())
    }

    /// With one more part.
    #[must_use]
    pub fn with(mut self, part: &[u8]) -> AnswerKey {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }
}

impl Default for AnswerKey {
    fn default() -> AnswerKey {
        AnswerKey::new()
    }
}

impl KeptAnswer {
    /// An answer to what was shown.
    #[must_use]
    pub fn new(model: &str, raw: &str, mean_logprob: Option<f32>, context: &Context) -> KeptAnswer {
        let places = context.pieces.iter();
        let places = places.map(|piece| (piece.path.clone(), piece.lines.0, piece.lines.1));
        KeptAnswer {
            model: model.to_owned(),
            raw: raw.to_owned(),
            mean_logprob,
            places: places.collect(),
            shown: hash(context),
        }
    }

    /// Where the pieces stood.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.places.iter().map(|(path, start, end)| Place {
            path: path.clone(),
            start_line: *start,
            end_line: *end,
        })
    }

    /// Whether this is what the reader was shown.
    #[must_use]
    pub fn is_of(&self, context: &Context) -> bool {
        self.shown == hash(context)
    }
}

fn hash(context: &Context) -> String {
    blake3::hash(context.render().as_bytes())
        .to_hex()
        .to_string()
}

impl KeptAnswers {
    /// In a folder of fathom's own, made when the first answer is kept.
    #[must_use]
    pub fn new(folder: PathBuf) -> KeptAnswers {
        KeptAnswers { folder }
    }

    /// The answer of a key. A file that is missing or damaged is as good as none.
    #[must_use]
    pub fn find(&self, key: &AnswerKey) -> Option<KeptAnswer> {
        let path = self.path(key);
        let size = fs::symlink_metadata(&path).ok()?.len();
        let bytes = (size <= LARGEST).then(|| fs::read(&path).ok())??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps an answer; the oldest ones make room.
    pub fn keep(&self, key: &AnswerKey, answer: &KeptAnswer) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(answer)?)?;
        file.persist(self.path(key))?;
        prune(&self.folder)
    }

    fn path(&self, key: &AnswerKey) -> PathBuf {
        let name: String = key.0.finalize().to_hex().chars().take(32).collect();
        self.folder.join(format!("{name}.json"))
    }
}

fn prune(folder: &Path) -> std::io::Result<()> {
    let entries: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    if entries.len() <= KEPT {
        return Ok(());
    }
    let time = |path: &PathBuf| Some((fs::metadata(path).ok()?.modified().ok()?, path.clone()));
    let mut files: Vec<(SystemTime, PathBuf)> = entries.iter().filter_map(time).collect();
    files.sort_unstable();
    for (_, path) in files.iter().rev().skip(KEPT) {
        // Another process may have been faster.
        let _gone = fs::remove_file(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use fathom_answerer::context::Piece;

    fn context(text: &str) -> Context {
        Context::of(vec![Piece::new(b"a.rs", "rust", (3, 4), text)])
    }

    #[test]
    fn an_answer_is_found_by_its_key_and_belongs_to_what_was_shown() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptAnswers::new(folder.path().join("answers"));
        let key = |part: &str| AnswerKey::new().with(part.as_bytes());
        let answer = KeptAnswer::new("m", "It is [1].", Some(-0.1), &context("let a;\n"));
        assert_eq!(kept.find(&key("a")), None);
        kept.keep(&key("a"), &answer).unwrap();
        assert_eq!(kept.find(&key("a")), Some(answer.clone()));
        assert_eq!(kept.find(&key("b")), None);
        assert!(answer.is_of(&context("let a;\n")));
        assert!(!answer.is_of(&context("let b;\n")));
        fs::write(kept.path(&key("a")), "{").unwrap();
        assert_eq!(kept.find(&key("a")), None);
    }

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        let hash = |parts: &[&str]| {
            let key = parts
                .iter()
                .fold(AnswerKey::new(), |key, part| key.with(part.as_bytes()));
            key.0.finalize()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
    }
}
