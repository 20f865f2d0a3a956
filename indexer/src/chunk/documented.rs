//! Definitions with their doc comments, and where these stand: to measure whether a definition
//! is found by what its comment says of it.

use std::ops::Range;

use fathom_indexes::ChunkKind;

use super::rows::Rows;
use super::{ChunkOptions, MAX_BYTES, decode, read_syntax};
use crate::language;

/// A definition that has a doc comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documented {
    /// What it is.
    pub kind: ChunkKind,
    /// Its name, without scopes.
    pub name: String,
    /// Its doc comment without markers, at most 600 bytes.
    pub doc: String,
    /// First and last line, 1-based, comments in front of it included.
    pub lines: (u32, u32),
    /// Bytes of the comment.
    pub comment: Vec<Range<usize>>,
}

/// The definitions with a doc comment in a UTF-8 file; none where it is not UTF-8 or not parsed.
pub fn documented(path: &[u8], bytes: &[u8]) -> Vec<Documented> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= MAX_BYTES && decode::decode(bytes) == text => text,
        _ => return Vec::new(),
    };
    let Some(language) = language::detect(path, &bytes[..bytes.len().min(8192)]) else {
        return Vec::new();
    };
    let options = ChunkOptions::default();
    let rows = Rows::new(text, options.max_tokens, &|line| line.len() / 4);
    let Ok(syntax) = read_syntax(language, text, &rows, &options) else {
        return Vec::new();
    };
    let starts: Vec<usize> = std::iter::once(0)
        .chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1))
        .chain([text.len()])
        .collect();
    let line = |line: usize| starts[line]..starts[line + 1];
    let with_doc = syntax.units.into_iter().filter(|unit| !unit.doc.is_empty());
    let found = with_doc.map(|unit| {
        let above = unit.lines.start..unit.line;
        let comment: Vec<Range<usize>> = above
            .filter(|&above| syntax.comments.get(above) == Some(&true))
            .map(line)
            .collect();
        let comment = match comment.is_empty() {
            true => unit.docstring.into_iter().collect(),
            false => comment,
        };
        Documented {
            kind: unit.kind,
            name: unit.name,
            doc: unit.doc,
            lines: (unit.lines.start as u32 + 1, unit.lines.end as u32),
            comment,
        }
    });
    found.filter(|one| !one.comment.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, doc and commented text of what is documented in `text`.
    fn found(path: &str, text: &str) -> Vec<(String, String, String)> {
        let found = documented(path.as_bytes(), text.as_bytes()).into_iter();
        let of = |one: Documented| {
            let comment = one.comment.iter().map(|bytes| &text[bytes.clone()]);
            (one.name, one.doc, comment.collect())
        };
        found.map(of).collect()
    }

    #[test]
    fn comments_are_found_with_their_places() {
        let rust = "/// Adds.\n#[inline]\nfn add(a: u8) -> u8 {\n    // inside\n    a\n}\n\nfn bare() {}\n";
        assert_eq!(
            found("a.rs", rust),
            [("add".into(), "Adds.".into(), "/// Adds.\n".into())]
        );
        let python = "def add(a):\n    \"\"\"Adds.\n\n    Twice.\n    \"\"\"\n    return a\n";
        assert_eq!(
            found("a.py", python),
            [(
                "add".into(),
                "Adds.\nTwice.".into(),
                "\"\"\"Adds.\n\n    Twice.\n    \"\"\"".into()
            )]
        );
        let java =
            "class A {\n  /**\n   * Adds.\n   */\n  int add(int a) {\n    return a;\n  }\n}\n";
        assert_eq!(
            found("A.java", java),
            [(
                "add".into(),
                "Adds.".into(),
                "  /**\n   * Adds.\n   */\n".into()
            )]
        );
        assert_eq!(found("a.txt", "Adds.\n"), []);
    }
}
