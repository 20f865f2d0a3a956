//! What servers are asked for, with the names that people and programs write.

use fathom_indexes::ChunkKind;
use fathom_retriever::{Content, Filter, Mode, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workspace::WorkspaceError;

/// Most results of one request.
pub const MOST_RESULTS: usize = 200;
/// Bytes of the longest query.
pub const LONGEST_QUERY: usize = 16 << 10;
/// Most names in a filter.
const MOST_NAMES: usize = 64;

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchParams {
    /// A question in plain words, a symbol's name, words, or (in mode `regex`) a pattern.
    pub query: String,
    /// `hybrid` (the default), `late`, `dense`, `lexical`, `regex` or `symbol`.
    pub mode: String,
    /// A repository, or a file or folder in one, to search below.
    pub path: String,
    /// Number of results, 1 to 200.
    pub top_k: usize,
    /// Results to leave out at the beginning: those of earlier pages.
    pub offset: usize,
    /// Only these languages.
    pub languages: Vec<String>,
    /// Only files that match; those that match with `!` in front are left out.
    pub globs: Vec<String>,
    /// Only these kinds of code: function, method, type, interface, module, impl, constant,
    /// variable, macro, test, section, data, code.
    pub kinds: Vec<String>,
    /// `code`, `docs` (Markdown and other prose), `config` (JSON, YAML, TOML and other data) or
    /// `all` (the default).
    pub content: String,
    /// At most so many results of one file; 0: no limit.
    pub per_file: usize,
    /// Results with a lower score are left out.
    pub min_score: f32,
}

/// A request that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RequestError {
    /// A mode that there is not.
    #[error("`{0}` is no mode; write `hybrid`, `late`, `dense`, `lexical`, `regex` or `symbol`")]
    Mode(String),
    /// A content that there is not.
    #[error("`{0}` is no content; write `code`, `docs`, `config` or `all`")]
    Content(String),
    /// A kind that there is not.
    #[error("`{0}` is no kind of code; write one of {1}")]
    Kind(String, String),
    /// Too many results.
    #[error("{0} results are too many; ask for at most {MOST_RESULTS}, and for more with `offset`")]
    TooMany(usize),
    /// The query is too long.
    #[error("the query has {0} bytes; ask with at most {LONGEST_QUERY}")]
    TooLong(usize),
    /// A filter is too long.
    #[error("`{0}` has {1} entries; give at most {MOST_NAMES}")]
    TooManyNames(&'static str, usize),
    /// Nothing is asked for.
    #[error("the query is empty; write a question, a name or a pattern")]
    Empty,
}

impl SearchParams {
    /// The search that is meant, with `default` results unless told otherwise. It finds those of
    /// earlier pages too.
    ///
    /// # Errors
    /// For names that there are not.
    pub fn request(&self, default: usize) -> Result<SearchRequest, RequestError> {
        let top_k = match self.top_k {
            0 => default,
            wanted => wanted,
        };
        let all = top_k.saturating_add(self.offset);
        if all > MOST_RESULTS {
            return Err(RequestError::TooMany(all));
        }
        if self.query.trim().is_empty() {
            return Err(RequestError::Empty);
        }
        if self.query.len() > LONGEST_QUERY {
            return Err(RequestError::TooLong(self.query.len()));
        }
        for (filter, names) in [
            ("languages", &self.languages),
            ("globs", &self.globs),
            ("kinds", &self.kinds),
        ] {
            if names.len() > MOST_NAMES {
                return Err(RequestError::TooManyNames(filter, names.len()));
            }
        }
        Ok(SearchRequest {
            mode: mode(&self.mode)?,
            top_k: all,
            filter: Filter {
                languages: self.languages.clone(),
                globs: self.globs.clone(),
                kinds: kinds(&self.kinds)?,
                content: content(&self.content)?,
                under: None,
            },
            per_file: (self.per_file > 0).then_some(self.per_file),
            min_score: (self.min_score > 0.0).then_some(self.min_score),
            ..SearchRequest::new(&self.query)
        })
    }
}

fn mode(name: &str) -> Result<Mode, RequestError> {
    match name {
        "" => Ok(Mode::default()),
        name => Mode::parse(name).ok_or_else(|| RequestError::Mode(name.to_owned())),
    }
}

fn content(name: &str) -> Result<Content, RequestError> {
    match name {
        "" => Ok(Content::default()),
        name => Content::parse(name).ok_or_else(|| RequestError::Content(name.to_owned())),
    }
}

fn kinds(names: &[String]) -> Result<Vec<ChunkKind>, RequestError> {
    let kind = |name: &String| {
        ChunkKind::parse(name).ok_or_else(|| {
            let all: Vec<&str> = ChunkKind::ALL.iter().map(|kind| kind.as_str()).collect();
            RequestError::Kind(name.clone(), all.join(", "))
        })
    };
    names.iter().map(kind).collect()
}

/// Whether a failure is the request's fault, and not the server's.
pub fn is_of_request(error: &WorkspaceError) -> bool {
    use fathom_retriever::RetrieveError;
    match error {
        WorkspaceError::Retrieve(error) => !matches!(error, RetrieveError::Store(_)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(change: impl FnOnce(&mut SearchParams)) -> String {
        let mut params = SearchParams {
            query: "lock".into(),
            ..SearchParams::default()
        };
        change(&mut params);
        match params.request(10) {
            Ok(request) => format!("{} {}", request.mode.as_str(), request.top_k),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn requests_are_understood_or_refused() {
        assert_eq!(asked(|_| ()), "hybrid 10");
        assert_eq!(asked(|params| params.offset = 20), "hybrid 30");
        assert_eq!(asked(|params| params.mode = "regex".into()), "regex 10");
        for wrong in [
            asked(|params| params.mode = "best".into()),
            asked(|params| params.kinds = vec!["class".into()]),
            asked(|params| params.content = "prose".into()),
            asked(|params| params.top_k = 201),
            asked(|params| params.offset = usize::MAX),
            asked(|params| params.query = " ".into()),
            asked(|params| params.query = "a".repeat(20_000)),
            asked(|params| params.globs = vec!["*.rs".into(); 65]),
        ] {
            assert!(wrong.contains(';'), "{wrong}");
        }
    }
}
