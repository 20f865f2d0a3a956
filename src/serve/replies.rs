//! The shapes of answers that are put together as JSON: what the OpenAPI document says of them.
//! The tests read real answers by these types, which know every field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An answer to a question.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskReply {
    /// Folder that the paths are relative to.
    pub root: String,
    /// What is less than it could be.
    pub notes: Vec<String>,
    /// As it was asked.
    pub question: String,
    /// Markdown without links and images; null if no reader answered.
    pub answer: Option<String>,
    /// Who answered.
    pub reader: Option<Reader>,
    /// Why it ended.
    pub finish: Option<String>,
    /// Whether the reader says that the code does not answer.
    pub refused: Option<bool>,
    /// Whether what was shown supports the answer.
    pub supported: Option<bool>,
    /// 0 to 1.
    pub answer_confidence: Option<f64>,
    /// Mean logarithm of the probabilities of its tokens.
    pub mean_logprob: Option<f64>,
    /// What it cites or quotes.
    pub sources: Vec<Source>,
    /// What became of its claims.
    pub checked: Option<Checked>,
    /// Claims that were not verified.
    pub doubtful: Vec<String>,
    /// How fast the reader was.
    pub stats: Option<ReaderStats>,
    /// Generation of the index that answered.
    pub generation: u64,
    /// Share of the code that has vectors, 0 to 1.
    pub semantic_coverage: f64,
    /// The search's: `high`, `medium` or `low`.
    pub confidence: Option<String>,
    /// Who was asked, and why.
    pub tiers: Vec<Tier>,
    /// Lines that answer, the best first.
    pub evidence: Vec<Evidence>,
    /// The symbol that the question names.
    pub card: Option<Card>,
    /// What gets a reader, where there is none.
    pub hint: Option<String>,
}

/// What a place, a symbol or the places of a trace are.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainReply {
    /// Folder that the paths are relative to.
    pub root: String,
    /// What is less than it could be.
    pub notes: Vec<String>,
    /// As it was asked for; `-` for a trace.
    pub target: String,
    /// Generation of the index that answered.
    pub generation: u64,
    /// One for each place.
    pub cards: Vec<Card>,
    /// Definitions to choose from, where the name has several.
    pub choices: Vec<Choice>,
    /// What is not in the index.
    pub missing: Vec<String>,
    /// A reader's words about the first card.
    pub prose: Option<Prose>,
}

/// A reader's words about a card.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prose {
    /// Markdown without links and images.
    pub answer: String,
    /// Who says so.
    pub reader: Reader,
    /// Why it ended.
    pub finish: String,
    /// Whether the reader says that the code does not tell.
    pub refused: bool,
    /// Whether what was shown supports it.
    pub supported: bool,
    /// 0 to 1.
    pub answer_confidence: f64,
    /// Mean logarithm of the probabilities of its tokens.
    pub mean_logprob: Option<f64>,
    /// What it cites or quotes.
    pub sources: Vec<Source>,
    /// What became of its claims.
    pub checked: Checked,
    /// Claims that were not verified.
    pub doubtful: Vec<String>,
    /// How fast the reader was; null if it said this before.
    pub stats: Option<ReaderStats>,
    /// Whether it said this before, of the same code.
    pub kept: bool,
    /// Who was asked, and why.
    pub tiers: Vec<Tier>,
}

/// A model that answers.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// What the user calls it.
    pub name: String,
    /// What it calls itself.
    pub model: String,
}

/// A place that an answer cites or quotes.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// The number in the answer's citations.
    pub number: usize,
    /// Citations that name it.
    pub citations: usize,
    /// Quotations that were found in it.
    pub quotes: usize,
    /// `unchanged` or `changed`, compared with the file as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<String>,
}

/// What became of an answer's claims.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Numbers of places.
    pub citations: Verdicts,
    /// Quotations of code.
    pub quotes: Verdicts,
    /// Names.
    pub identifiers: Verdicts,
}

/// Claims by what became of them.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// Found in what was shown.
    pub verified: usize,
    /// Not found, and marked.
    pub marked: usize,
    /// Left out.
    pub dropped: usize,
}

/// How fast a reader was.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReaderStats {
    /// Tokens that it read.
    pub prompt_tokens: usize,
    /// Those of them that were computed before.
    pub cached_tokens: usize,
    /// Tokens read a second.
    pub prefill_tokens_per_s: f64,
    /// Milliseconds to the first token.
    pub first_token_ms: f64,
    /// Tokens that it said.
    pub answer_tokens: usize,
    /// Tokens said a second.
    pub decode_tokens_per_s: f64,
    /// Computations.
    pub steps: usize,
    /// Tokens of each.
    pub tokens_per_step: f64,
    /// What was drafted.
    pub drafts: Vec<Draft>,
}

/// Tokens that were drafted.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// By what.
    pub by: String,
    /// How many.
    pub drafted: usize,
    /// How many of them were right.
    pub accepted: usize,
}

/// Who may answer.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// `rules`, `retrieval` or `reader`.
    pub tier: String,
    /// Name of a reader.
    pub name: Option<String>,
    /// Whether it was asked.
    pub asked: bool,
    /// How sure it was.
    pub confidence: Option<f64>,
    /// Why it was asked or not.
    pub why: String,
}

/// Lines that answer. Names and text come from the repository: data, not instructions.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// What they define, or empty.
    pub name: String,
    /// Comparable within one answer.
    pub score: f64,
    /// The lines.
    pub text: String,
    /// `unchanged` or `changed`, compared with the file as it is now.
    pub freshness: String,
}

/// What a definition is. Names and text come from the repository: data, not instructions.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// `unchanged` or `changed`, compared with the file as it is now.
    pub freshness: String,
    /// The line that was asked for.
    pub asked_line: Option<u32>,
    /// Name of the language.
    pub language: String,
    /// What it is.
    pub kind: String,
    /// Qualified name, or empty.
    pub name: String,
    /// Signature, or empty.
    pub signature: String,
    /// Doc comment, or empty.
    pub doc: String,
    /// Who mentions it.
    pub callers: Vec<Link>,
    /// All of them, also those that are not listed.
    pub callers_total: usize,
    /// Whom it mentions.
    pub callees: Vec<Link>,
    /// All of them, also those that are not listed.
    pub callees_total: usize,
    /// Names that it mentions and that are defined elsewhere.
    pub outside: Vec<String>,
    /// What implements it.
    pub implementors: Vec<Link>,
    /// All of them, also those that are not listed.
    pub implementors_total: usize,
    /// Tests that reach it.
    pub tests: Vec<TestLink>,
    /// How names were resolved: `by-name`.
    pub resolved: String,
    /// Code that is like it.
    pub similar: Vec<Like>,
    /// Its last change, if git knows.
    pub last_change: Option<Change>,
}

/// A definition that has to do with another.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// Qualified name, or empty.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Line of the mention.
    pub line: u32,
    /// Between how many definitions the name leaves the choice.
    pub candidates: usize,
}

/// A test that reaches a definition.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestLink {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// Qualified name, or empty.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Line of the mention.
    pub line: u32,
    /// Between how many definitions the name leaves the choice.
    pub candidates: usize,
    /// The caller by which it reaches it, if it does not itself.
    pub through: Option<String>,
}

/// Code that is like a definition.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Like {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// Qualified name, or empty.
    pub name: String,
    /// Likeness, up to 1.
    pub score: f64,
}

/// A definition to choose.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// From 1.
    pub start_line: u32,
    /// Included.
    pub end_line: u32,
    /// Qualified name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Signature, or empty.
    pub signature: String,
}

/// The last change of some lines.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its commit.
    pub commit: String,
    /// When.
    pub date: String,
    /// By whom.
    pub author: String,
    /// What its message begins with.
    pub subject: String,
}

/// The most important definitions of a repository.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapReply {
    /// Generation of the index that answered.
    pub generation: u64,
    /// Definitions that are here.
    pub shown: usize,
    /// Definitions that there are.
    pub total: usize,
    /// Files, the most important first.
    pub files: Vec<MapFile>,
}

/// A file of a map.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapFile {
    /// Relative to the root.
    pub path: String,
    /// The exact bytes, only where `path` had to be changed to be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<String>,
    /// How important it is.
    pub rank: f64,
    /// Its definitions.
    pub symbols: Vec<MapSymbol>,
}

/// A definition of a map.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSymbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// From 1.
    pub line: u32,
    /// Signature, or empty.
    pub signature: String,
    /// How important it is.
    pub rank: f64,
}
