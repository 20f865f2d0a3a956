//! What a search puts on stdout: text for people, JSON for programs.
//!
//! Nothing but results goes to stdout. Text from a repository is never
//! trusted: control and bidirectional characters are shown escaped.

pub mod answer;
pub mod budget;
pub mod card;
pub mod escape;
pub mod excerpt;
pub mod highlight;
pub mod json;
pub mod map;
pub mod style;
pub mod syntax;
pub mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use fathom_indexer::current::State;

/// An answer, ready to be shown in any format.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The words asked for.
    pub query: String,
    /// Name of the mode.
    pub mode: &'static str,
    /// Generation of the index that answered.
    pub generation: u64,
    /// Share of the chunks that are encoded, 0 to 1.
    pub semantic_coverage: f32,
    /// Time spent, process start excluded.
    pub took: Duration,
    /// Best first.
    pub results: Vec<Item>,
    /// Files not indexed, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
}

/// One result: a chunk of a file.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, included.
    pub end_line: u32,
    /// Comparable within one answer only.
    pub score: f32,
    /// `high`, `medium` or `low`.
    pub confidence: &'static str,
    /// Name of the language.
    pub language: String,
    /// Kind of chunk.
    pub kind: &'static str,
    /// Qualified name, or empty.
    pub name: String,
    /// Signature, or empty.
    pub signature: String,
    /// The chunk's bytes.
    pub text: Vec<u8>,
    /// Parts of the score.
    pub scores: Vec<(&'static str, f32)>,
    /// Lines that match (regex and symbol modes).
    pub matches: Vec<u32>,
    /// How it compares with the file as it is now.
    pub state: State,
    /// The whole file, when lines around the chunk were asked for.
    pub file_text: Option<Vec<u8>>,
}
