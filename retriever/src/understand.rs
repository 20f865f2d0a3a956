//! What a query asks for: its kind, its words, the identifiers and paths it names, and its intents.

use fathom_indexes::text;

use crate::intent::{self, Intents};
use crate::words::Word;

/// The kinds of query; the ranking weighs its signals by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryKind {
    /// One identifier: `HTTPAdapter`, `foo_bar`, `Foo::bar`, `foo.bar()`.
    Symbol,
    /// A path or file name: `src/lib.rs`, `utils.py`.
    Path,
    /// Prose without identifiers.
    NaturalLanguage,
    /// Prose with identifiers in it.
    Mixed,
}

impl QueryKind {
    /// A lower-case name for output.
    pub fn as_str(self) -> &'static str {
        match self {
            QueryKind::Symbol => "symbol",
            QueryKind::Path => "path",
            QueryKind::NaturalLanguage => "natural-language",
            QueryKind::Mixed => "mixed",
        }
    }
}

/// An identifier that the query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The last segment, which is what a definition is called: `bar` of `Foo::bar()`.
    pub name: String,
    /// The segments before it, outermost first: `Foo`.
    pub scope: Vec<String>,
}

/// A query taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understanding {
    /// The query, trimmed.
    pub query: String,
    /// Its kind.
    pub kind: QueryKind,
    /// Its content words in order, each once: identifiers split, function words left out.
    pub words: Vec<Word>,
    /// The identifiers named in it.
    pub identifiers: Vec<Identifier>,
    /// The paths and file names in it, as written.
    pub paths: Vec<String>,
    /// What it asks about beside code.
    pub intents: Intents,
}

impl Understanding {
    /// Whether the definition of an identifier is what is wanted: the query is one symbol, or asks where one is defined.
    pub fn seeks_definition(&self) -> bool {
        self.kind == QueryKind::Symbol || (self.intents.definition && !self.identifiers.is_empty())
    }

    /// The words to look for in the lexical index: function words only if there is nothing else.
    pub fn lexical_words(&self) -> Vec<String> {
        let tokens = self.query.split_whitespace();
        let content: Vec<String> = tokens
            .filter(|token| !intent::is_function_word(&strip_punctuation(token).to_lowercase()))
            .flat_map(text::words)
            .collect();
        if content.is_empty() {
            text::words(&self.query)
        } else {
            content
        }
    }
}

/// Takes a query apart. Never fails; an empty query has no words.
pub fn understand(query: &str) -> Understanding {
    let query = query.trim();
    let tokens: Vec<&str> = query
        .split_whitespace()
        .map(strip_punctuation)
        .filter(|t| !t.is_empty())
        .collect();
    let kind = kind_of(&tokens);
    let paths = tokens
        .iter()
        .filter(|t| is_path(t))
        .map(|t| (*t).to_owned())
        .collect();
    let alone = matches!(kind, QueryKind::Symbol);
    let identifiers = tokens
        .iter()
        .filter(|t| {
            !is_path(t)
                && (has_code_shape(t) || is_quoted(t) || (alone && !is_definition_keyword(t)))
        })
        .filter_map(|t| identifier(t))
        .collect();
    Understanding {
        query: query.to_owned(),
        kind,
        words: content_words(&tokens),
        identifiers,
        paths,
        intents: Intents::of(query),
    }
}

fn kind_of(tokens: &[&str]) -> QueryKind {
    match tokens {
        [] => QueryKind::NaturalLanguage,
        [one] if is_path(one) => QueryKind::Path,
        [one] if identifier(one).is_some() => QueryKind::Symbol,
        [keyword, name] if is_definition_keyword(keyword) && has_code_shape(name) => {
            QueryKind::Symbol
        }
        _ if tokens
            .iter()
            .any(|t| is_path(t) || has_code_shape(t) || is_quoted(t)) =>
        {
            QueryKind::Mixed
        }
        _ => QueryKind::NaturalLanguage,
    }
}

/// Drops punctuation around a token that belongs to the sentence, keeping `()`, quotes and leading underscores.
fn strip_punctuation(token: &str) -> &str {
    let token = token.trim_end_matches(['?', '!', ',', ';', ':', '.']);
    let token = token.trim_start_matches([',', ';', '(', '[', '{']);
    let unopened = token.ends_with(')') && token.matches(')').count() > token.matches('(').count();
    if unopened {
        token.trim_end_matches(')')
    } else {
        token
    }
}

/// `fn`, `class`, … in front of a name say that its definition is wanted.
fn is_definition_keyword(token: &str) -> bool {
    const KEYWORDS: [&str; 21] = [
        "class",
        "struct",
        "enum",
        "trait",
        "interface",
        "protocol",
        "type",
        "fn",
        "func",
        "fun",
        "def",
        "function",
        "method",
        "module",
        "mod",
        "macro",
        "const",
        "impl",
        "namespace",
        "object",
        "record",
    ];
    KEYWORDS.contains(&token)
}

fn is_quoted(token: &str) -> bool {
    unquote(token).len() < token.len() && identifier(token).is_some()
}

fn unquote(token: &str) -> &str {
    token.trim_matches(['`', '"', '\''])
}

/// Whether prose would not be written like this: `camelCase`, `snake_case`, `a::b`, `a.b`, `a->b`, `call()`, `@attr`.
fn has_code_shape(token: &str) -> bool {
    let token = unquote(token);
    let bare = token.trim_start_matches(['@', '#', '$', '&', '*', '!']);
    if identifier(token).is_none() {
        return false;
    }
    let marked = bare.len() < token.len()
        || token.ends_with("()")
        || bare.contains("::")
        || bare.contains("->");
    let dotted = bare.split('.').count() > 1 && bare.split('.').all(|part| part.len() > 1);
    marked || dotted || bare.contains('_') || bare.contains('#') || has_hump(bare)
}

/// An upper-case letter after a lower-case one (`camelCase`, `HttpServer`), or a lower-case one after two upper-case
/// ones (`HTTPAdapter`), but not a plural (`URLs`).
fn has_hump(token: &str) -> bool {
    let chars: Vec<char> = token.chars().collect();
    let rising = chars
        .windows(2)
        .any(|w| w[0].is_lowercase() && w[1].is_uppercase());
    let acronym = chars.windows(4).any(|w| {
        w[0].is_uppercase() && w[1].is_uppercase() && w[2].is_lowercase() && w[3].is_lowercase()
    });
    rising || acronym
}

/// Reads a token as a (qualified) identifier: its segments separated by `::`, `.`, `->`, `#`, `/` or `\`.
fn identifier(token: &str) -> Option<Identifier> {
    let bare = unquote(token).trim_start_matches(['@', '#', '$', '&', '*', '!']);
    let bare = bare.split(['(', '<', '[']).next().unwrap_or_default();
    let dotted = bare
        .replace("::", ".")
        .replace("->", ".")
        .replace(['#', '/', '\\', ':'], ".");
    let mut segments: Vec<&str> = dotted.split('.').filter(|s| !s.is_empty()).collect();
    let name = segments.pop()?;
    let is_name = |s: &str| s.chars().any(char::is_alphabetic) && s.chars().all(is_name_char);
    if !is_name(name) || !segments.iter().all(|s| is_name(s)) {
        return None;
    }
    Some(Identifier {
        name: name.trim_end_matches(['?', '!']).to_owned(),
        scope: segments.into_iter().map(str::to_owned).collect(),
    })
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '?' | '!')
}

/// A slash between names, or a name that ends like a source file's.
fn is_path(token: &str) -> bool {
    let token = unquote(token);
    let is_path_char = |c: char| c.is_alphanumeric() || "_-./@+[]".contains(c);
    if !token.chars().all(is_path_char) || !token.chars().any(char::is_alphanumeric) {
        return false;
    }
    let slashed =
        token.contains('/') && token.split('/').filter(|part| !part.is_empty()).count() > 0;
    slashed || has_source_extension(token)
}

fn has_source_extension(token: &str) -> bool {
    const EXTENSIONS: &str = "rs py pyi js jsx mjs cjs ts tsx mts go java kt kts scala c h cc cpp cxx hpp hh cs rb php \
        swift sh bash bats zsh lua hs lhs ex exs zig ml mli jl dart sql html css scss json yaml yml toml md rst txt \
        proto gradle cmake xml vue svelte m mm pl r erl clj";
    token.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && EXTENSIONS.split_whitespace().any(|e| e == extension)
    })
}

fn content_words(tokens: &[&str]) -> Vec<Word> {
    let parts = || tokens.iter().flat_map(|token| text::parts(token));
    let content: Vec<String> = parts()
        .filter(|part| !intent::is_function_word(part))
        .collect();
    let chosen = if content.is_empty() {
        parts().collect()
    } else {
        content
    };
    let mut words: Vec<Word> = Vec::new();
    for part in chosen {
        if !words.iter().any(|known| known.text == part) {
            words.push(Word::new(&part));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use QueryKind::{Mixed, NaturalLanguage, Path, Symbol};

    #[test]
    fn kinds() {
        for (query, expected) in [
            ("HTTPAdapter", Symbol),
            ("foo_bar", Symbol),
            ("Foo::bar", Symbol),
            ("foo.bar()", Symbol),
            ("self->field", Symbol),
            ("login", Symbol),
            ("class Router", NaturalLanguage),
            ("class HTTPAdapter", Symbol),
            ("fn parse_file", Symbol),
            ("@decorator_name", Symbol),
            ("src/lib.rs", Path),
            ("utils.py", Path),
            ("retriever/", Path),
            ("how does redirect handling work?", NaturalLanguage),
            ("where are URLs parsed", NaturalLanguage),
            ("e.g. plain prose.", NaturalLanguage),
            ("how does parseFile split lines", Mixed),
            ("where is `close` called", Mixed),
            ("retry in src/http.rs", Mixed),
            ("what calls flush() twice", Mixed),
            ("std.fmt formatting", Mixed),
            ("", NaturalLanguage),
            ("???", NaturalLanguage),
        ] {
            assert_eq!(understand(query).kind, expected, "{query}");
        }
    }

    #[test]
    fn identifiers_with_their_scopes() {
        for (query, expected) in [
            ("HTTPAdapter", "HTTPAdapter"),
            ("Foo::bar", "Foo>bar"),
            ("a.b.c()", "a>b>c"),
            ("obj->field", "obj>field"),
            ("Vec<u8>", "Vec"),
            ("class HTTPAdapter", "HTTPAdapter"),
            ("where is `close` called by readFile", "close readFile"),
            ("how does routing work", ""),
            ("valid?", "valid"),
        ] {
            let found: Vec<String> = understand(query)
                .identifiers
                .iter()
                .map(|id| {
                    id.scope
                        .iter()
                        .chain([&id.name])
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(">")
                })
                .collect();
            assert_eq!(found.join(" "), expected, "{query}");
        }
    }

    #[test]
    fn words_are_split_and_function_words_dropped() {
        for (query, expected) in [
            ("how does the redirect handling work", "redirect handling"),
            ("HTTPAdapter retries", "http adapter retries"),
            ("where is it", "where is it"),
            ("read, read and write!", "read write"),
        ] {
            let words: Vec<String> = understand(query)
                .words
                .into_iter()
                .map(|w| w.text)
                .collect();
            assert_eq!(words.join(" "), expected, "{query}");
        }
    }

    #[test]
    fn paths_are_kept_as_written() {
        assert_eq!(
            understand("retry in src/http.rs and utils.py").paths,
            ["src/http.rs", "utils.py"]
        );
    }

    #[test]
    fn definitions_are_sought_by_name() {
        for (query, expected) in [
            ("HTTPAdapter", true),
            ("where is HTTPAdapter defined", true),
            ("how does HTTPAdapter retry", false),
            ("how are routes defined", false),
        ] {
            assert_eq!(understand(query).seeks_definition(), expected, "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_is_deterministic(query in "\\PC{0,60}") {
            proptest::prop_assert_eq!(understand(&query), understand(&query));
        }
    }
}
