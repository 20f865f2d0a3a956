//! What requests say.

use fathom_retriever::SearchRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::Problem;
use crate::engine::question::AnswerLimits;
use crate::engine::requests::SearchParams;

/// Most tokens of an answer.
const MOST_ANSWER: usize = 4096;
/// Most tokens of code that a reader is shown, and of a map.
const MOST_TOKENS: usize = 32_768;

/// Code like the code at a place.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SimilarParams {
    /// The file.
    pub path: String,
    /// A line of it, from 1.
    pub line: u32,
    /// Number of results, 1 to 200.
    pub top_k: usize,
    /// Only these languages.
    pub languages: Vec<String>,
    /// Only files that match; those that match with `!` in front are left out.
    pub globs: Vec<String>,
    /// Only these kinds of code.
    pub kinds: Vec<String>,
    /// `code`, `docs`, `config` or `all` (the default).
    pub content: String,
    /// At most so many results of one file; 0: no limit.
    pub per_file: usize,
    /// Results with a lower score are left out.
    pub min_score: f32,
}

impl SimilarParams {
    /// The search that is meant.
    pub fn request(&self, default: usize) -> Result<SearchRequest, Problem> {
        if self.path.is_empty() || self.line == 0 {
            return Err(Problem::bad(
                "the place is missing; give `path` and `line`, the first line being 1",
            ));
        }
        let search = SearchParams {
            query: format!("{}:{}", self.path, self.line),
            top_k: self.top_k,
            languages: self.languages.clone(),
            globs: self.globs.clone(),
            kinds: self.kinds.clone(),
            content: self.content.clone(),
            per_file: self.per_file,
            min_score: self.min_score,
            ..SearchParams::default()
        };
        Ok(search.request(default)?)
    }
}

/// A question.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AskParams {
    /// About the code, in plain words.
    pub question: String,
    /// A repository, or a file or folder in one, that the question is about.
    pub path: String,
    /// Results of the search that the answer may come from.
    pub top_k: usize,
    /// Only these languages.
    pub languages: Vec<String>,
    /// Only files that match; those that match with `!` in front are left out.
    pub globs: Vec<String>,
    /// Only these kinds of code.
    pub kinds: Vec<String>,
    /// `code`, `docs`, `config` or `all` (the default).
    pub content: String,
    /// Tokens of the answer at most, up to 4096; 0: 600.
    pub max_tokens: usize,
    /// Tokens of code that the reader is shown, up to 32768; 0: 3000.
    pub context_tokens: usize,
}

impl AskParams {
    /// The search for what may be read.
    pub fn request(&self, default: usize) -> Result<SearchRequest, Problem> {
        let search = SearchParams {
            query: self.question.clone(),
            top_k: self.top_k,
            languages: self.languages.clone(),
            globs: self.globs.clone(),
            kinds: self.kinds.clone(),
            content: self.content.clone(),
            ..SearchParams::default()
        };
        Ok(search.request(default)?)
    }
}

/// What is to be explained.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExplainParams {
    /// A place such as `src/main.rs:12` or `src/main.rs:12-30`, or a symbol such as
    /// `Writer::commit`.
    pub target: String,
    /// Instead: a stack trace, or the output of a compiler.
    pub trace: String,
    /// A repository, or a file or folder in one, in which symbols are looked for.
    pub path: String,
    /// Only the card; no reader is asked.
    pub card_only: bool,
    /// Ask the reader anew, also where its answer of before is kept.
    pub refresh: bool,
    /// Tokens of the answer at most, up to 4096; 0: 600.
    pub max_tokens: usize,
    /// Tokens of code that the reader is shown, up to 32768; 0: 3000.
    pub context_tokens: usize,
}

/// A map.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MapParams {
    /// A repository, or a file or folder in one.
    pub path: String,
    /// Tokens that it may have (of about four bytes), up to 32768; 0: 2000.
    pub max_tokens: usize,
}

/// Lines of a file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextParams {
    /// The file.
    pub path: String,
    /// First line, from 1; 0: 1.
    pub start_line: u32,
    /// Last line; 0: 400 lines.
    pub end_line: u32,
}

/// How much is read and said; 0 stands for the usual.
pub fn answer_limits(max_tokens: usize, context_tokens: usize) -> Result<AnswerLimits, Problem> {
    let usual = AnswerLimits::default();
    let or = |asked: usize, usual: usize, most: usize, name: &str| match asked {
        0 => Ok(usual),
        asked if asked > most => Err(Problem::bad(format!(
            "`{name}` is {asked}; ask for at most {most}"
        ))),
        asked => Ok(asked),
    };
    Ok(AnswerLimits {
        max_tokens: or(max_tokens, usual.max_tokens, MOST_ANSWER, "max_tokens")?,
        context_tokens: or(
            context_tokens,
            usual.context_tokens,
            MOST_TOKENS,
            "context_tokens",
        )?,
        ..usual
    })
}

/// Tokens of a map; 0 stands for the usual.
pub fn map_tokens(asked: usize) -> Result<usize, Problem> {
    match asked {
        0 => Ok(2000),
        asked if asked > MOST_TOKENS => Err(Problem::bad(format!(
            "`max_tokens` is {asked}; ask for at most {MOST_TOKENS}"
        ))),
        asked => Ok(asked),
    }
}
