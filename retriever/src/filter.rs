//! Filters compiled: which chunks and files may answer.

use fathom_indexes::{ChunkHead, ChunkKind};
use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::content::Content;
use crate::error::RetrieveError;
use crate::request::Filter;

/// A [`Filter`] ready for use.
#[derive(Debug, Clone)]
pub struct Matcher {
    languages: Vec<String>,
    kinds: Vec<ChunkKind>,
    content: Content,
    under: Option<Vec<u8>>,
    included: GlobSet,
    excluded: GlobSet,
}

impl Matcher {
    /// Compiles the filter's globs.
    pub fn new(filter: &Filter) -> Result<Matcher, RetrieveError> {
        let (excluded, included): (Vec<&String>, Vec<&String>) =
            filter.globs.iter().partition(|g| g.starts_with('!'));
        Ok(Matcher {
            languages: filter.languages.clone(),
            kinds: filter.kinds.clone(),
            content: filter.content,
            under: filter
                .under
                .as_deref()
                .map(trim_slashes)
                .filter(|under| !under.is_empty()),
            included: compile(&included)?,
            excluded: compile(&excluded)?,
        })
    }

    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        self.languages.is_empty()
            && self.kinds.is_empty()
            && self.content == Content::All
            && self.under.is_none()
            && self.included.is_empty()
            && self.excluded.is_empty()
    }

    /// Whether a chunk may answer.
    pub fn keeps(&self, chunk: &ChunkHead<'_>) -> bool {
        self.keeps_kind(chunk.kind, chunk.language) && self.keeps_file(chunk.path, chunk.language)
    }

    /// Whether chunks of this kind, in a file of this language, may answer.
    pub fn keeps_kind(&self, kind: ChunkKind, language: &str) -> bool {
        let is_wanted = self.kinds.is_empty() || self.kinds.contains(&kind);
        is_wanted && self.content.holds(kind, language)
    }

    /// Whether chunks of this file may answer.
    pub fn keeps_file(&self, path: &[u8], language: &str) -> bool {
        self.keeps_language(language) && self.keeps_place(path) && self.keeps_glob(path)
    }

    fn keeps_language(&self, language: &str) -> bool {
        self.languages.is_empty()
            || self
                .languages
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(language))
    }

    fn keeps_place(&self, path: &[u8]) -> bool {
        let inside = |rest: &[u8]| rest.is_empty() || rest.starts_with(b"/");
        self.under
            .as_deref()
            .is_none_or(|under| path.strip_prefix(under).is_some_and(inside))
    }

    fn keeps_glob(&self, path: &[u8]) -> bool {
        let candidate = Candidate::from_bytes(path);
        (self.included.is_empty() || self.included.is_match_candidate(&candidate))
            && !self.excluded.is_match_candidate(&candidate)
    }
}

fn trim_slashes(path: &[u8]) -> Vec<u8> {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let end = path.iter().rposition(|&b| b != b'/').map_or(0, |i| i + 1);
    let trimmed = &path[..end];
    if trimmed == b"." {
        Vec::new()
    } else {
        trimmed.to_vec()
    }
}

fn compile(globs: &[&String]) -> Result<GlobSet, RetrieveError> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let refused = |e: globset::Error| RetrieveError::Glob {
            glob: (*glob).clone(),
            reason: e.kind().to_string(),
        };
        for pattern in patterns(glob.strip_prefix('!').unwrap_or(glob)) {
            set.add(
                GlobBuilder::new(&pattern)
                    .literal_separator(true)
                    .build()
                    .map_err(refused)?,
            );
        }
    }
    set.build().map_err(|e| RetrieveError::Glob {
        glob: globs
            .iter()
            .map(|g| g.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        reason: e.to_string(),
    })
}

/// One line of .gitignore syntax as full-path globs: the thing itself and all that is inside it.
fn patterns(glob: &str) -> [String; 2] {
    let anchored = glob.trim_end_matches('/').contains('/');
    let bare = glob.trim_matches('/');
    let from_root = if anchored {
        bare.to_owned()
    } else {
        format!("**/{bare}")
    };
    let inside = format!("{from_root}/**");
    if glob.ends_with('/') {
        [inside.clone(), inside]
    } else {
        [from_root, inside]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fathom_indexes::{ChunkId, FileId};

    fn globs(list: &str) -> Filter {
        Filter {
            globs: list.split_whitespace().map(str::to_owned).collect(),
            ..Filter::default()
        }
    }

    #[test]
    fn globs_follow_gitignore() {
        for (list, path, expected) in [
            ("", "src/a.rs", true),
            ("*.rs", "src/deep/a.rs", true),
            ("*.rs", "a.py", false),
            ("*.rs *.py", "a.py", true),
            ("src/*.rs", "src/a.rs", true),
            ("src/*.rs", "src/deep/a.rs", false),
            ("src/**/*.rs", "src/deep/a.rs", true),
            ("/a.rs", "a.rs", true),
            ("/a.rs", "src/a.rs", false),
            ("src", "src/deep/a.rs", true),
            ("src/", "src/a.rs", true),
            ("src/", "src", false),
            ("deep/", "src/deep/a.rs", true),
            ("src/deep", "src/deep/a.rs", true),
            ("!tests", "tests/a.rs", false),
            ("!tests", "src/a.rs", true),
            ("*.rs !*_test.rs", "src/a_test.rs", false),
            ("*.{ts,tsx}", "a.tsx", true),
        ] {
            let matcher = Matcher::new(&globs(list)).unwrap();
            assert_eq!(
                matcher.keeps_file(path.as_bytes(), "rust"),
                expected,
                "{list} {path}"
            );
        }
    }

    #[test]
    fn paths_that_are_not_utf_8_match_too() {
        assert!(
            Matcher::new(&globs("*.rs"))
                .unwrap()
                .keeps_file(b"src/\xff.rs", "rust")
        );
    }

    #[test]
    fn places_are_whole_components() {
        for (under, path, expected) in [
            ("src", "src/a.rs", true),
            ("src/", "src/a.rs", true),
            ("./src", "src/a.rs", true),
            ("src/a.rs", "src/a.rs", true),
            ("src", "src2/a.rs", false),
            (".", "src/a.rs", true),
            ("", "src/a.rs", true),
        ] {
            let filter = Filter {
                under: Some(under.into()),
                ..Filter::default()
            };
            assert_eq!(
                Matcher::new(&filter)
                    .unwrap()
                    .keeps_file(path.as_bytes(), "rust"),
                expected,
                "{under} {path}"
            );
        }
    }

    #[test]
    fn languages_and_kinds() {
        let filter = Filter {
            languages: vec!["Rust".into()],
            kinds: vec![ChunkKind::Type],
            ..Filter::default()
        };
        let matcher = Matcher::new(&filter).unwrap();
        for (language, kind, expected) in [
            ("rust", ChunkKind::Type, true),
            ("rust", ChunkKind::Function, false),
            ("python", ChunkKind::Type, false),
        ] {
            let head = ChunkHead {
                id: ChunkId(1),
                file: FileId(1),
                path: b"a",
                language,
                kind,
            };
            assert_eq!(matcher.keeps(&head), expected, "{language} {kind}");
        }
    }

    #[test]
    fn an_open_filter_is_known_as_one() {
        assert!(Matcher::new(&Filter::default()).unwrap().is_open());
        assert!(!Matcher::new(&globs("*.rs")).unwrap().is_open());
    }

    #[test]
    fn a_broken_glob_is_named() {
        let error = Matcher::new(&globs("*.rs a[")).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"`a[` is not a usable glob: unclosed character class; missing ']'; see the rules of .gitignore");
    }
}
