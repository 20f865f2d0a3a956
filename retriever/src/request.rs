//! What is asked of a search and what comes back.

use fathom_encoders::{Embedding, EncoderError, Judge};
use fathom_indexes::{ChunkKind, ChunkRow};

use crate::content::Content;
use crate::understand::Understanding;

/// Which lists a search draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Late interaction, dense and lexical, fused and ranked.
    #[default]
    Hybrid,
    /// Late interaction alone.
    Late,
    /// Dense vectors alone.
    Dense,
    /// BM25 alone.
    Lexical,
    /// A regular expression over the stored texts: exact and complete.
    Regex,
    /// Definitions by name: exact and complete.
    Symbol,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 6] = [
        Mode::Hybrid,
        Mode::Late,
        Mode::Dense,
        Mode::Lexical,
        Mode::Regex,
        Mode::Symbol,
    ];

    /// The word for the mode on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Hybrid => "hybrid",
            Mode::Late => "late",
            Mode::Dense => "dense",
            Mode::Lexical => "lexical",
            Mode::Regex => "regex",
            Mode::Symbol => "symbol",
        }
    }

    /// The mode with this word.
    pub fn parse(word: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// Which chunks may answer; empty lists allow everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Languages by name, in any case.
    pub languages: Vec<String>,
    /// Globs as on a `.gitignore` line: one without a slash matches names at any depth, `!` in front excludes.
    pub globs: Vec<String>,
    /// Kinds of chunk.
    pub kinds: Vec<ChunkKind>,
    /// Code, docs, configuration, or all.
    pub content: Content,
    /// A file or folder, relative to the root, that all answers lie in.
    pub under: Option<Vec<u8>>,
}

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// The query as typed.
    pub query: String,
    /// Which lists to draw on.
    pub mode: Mode,
    /// How many hits at most.
    pub top_k: usize,
    /// Which chunks may answer.
    pub filter: Filter,
    /// How many hits of one file at most.
    pub per_file: Option<usize>,
    /// Hits with a lower score are left out.
    pub min_score: Option<f32>,
    /// Whether names, paths and the like count beside the lists' own scores. Regex and symbol mode have no use for it.
    pub signals: bool,
}

impl SearchRequest {
    /// A hybrid search for ten hits anywhere.
    pub fn new(query: impl Into<String>) -> SearchRequest {
        SearchRequest {
            query: query.into(),
            mode: Mode::Hybrid,
            top_k: 10,
            filter: Filter::default(),
            per_file: None,
            min_score: None,
            signals: true,
        }
    }
}

/// How likely a hit is to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Weak evidence.
    Low,
    /// Some evidence.
    Medium,
    /// An exact match, or strong evidence of several kinds.
    High,
}

impl Confidence {
    /// A lower-case word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// One chunk found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The chunk.
    pub chunk: ChunkRow,
    /// Its bytes.
    pub text: Vec<u8>,
    /// 0 to 1, comparable within one search.
    pub score: f32,
    /// How likely it is to answer.
    pub confidence: Confidence,
    /// Each signal's part; they sum to the score before it is brought to 0 to 1.
    pub scores: Vec<(&'static str, f32)>,
    /// Lines that match (regex) or define (symbol), 1-based.
    pub matches: Vec<u32>,
}

/// The answer of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOutcome {
    /// Best first.
    pub hits: Vec<SearchHit>,
    /// How many hits there were before `top_k` cut them, where the mode knows (regex, symbol).
    pub total: Option<usize>,
    /// The store's generation that was searched.
    pub generation: u64,
    /// Share of the contents that are encoded, 0 to 1.
    pub semantic_coverage: f32,
    /// Whether `hits` is everything that matches (regex, symbol).
    pub complete: bool,
    /// What the query was taken for.
    pub understood: Understanding,
}

/// Turns text into vectors; the caller holds the model.
pub trait QueryEncoder {
    /// The query's token matrix and dense vector.
    fn embed(&self, query: &str) -> Result<Embedding, EncoderError>;

    /// What reads token vectors of the query and of candidates together, where the model has it.
    ///
    /// # Errors
    /// If the model's files cannot be read.
    fn judge(&self) -> Result<Option<&Judge>, EncoderError> {
        Ok(None)
    }

    /// The embeddings of chunks that the store has none of yet; `texts[i]` is the whole text of the file of `rows[i]`.
    /// They may be those of the first chunks only, at least one, where there is no time for more.
    fn embed_chunks(
        &self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError>;
}
