//! Documents that are open in the editor, saved or not, parsed as the indexer parses files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use fathom_answerer::edited::Edited;
use fathom_indexer::chunk::{ChunkOptions, parse_file};
use fathom_indexes::ContentHash;
use gen_lsp_types::TextDocumentContentChangeEvent;

use super::text::Encoding;
use super::uri;
use super::world::real;

/// All of them, as they are at one moment; cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    open: Arc<HashMap<String, Arc<Document>>>,
}

/// One of them at one version.
#[derive(Debug)]
pub struct Document {
    /// Where its file is, or will be; if it is one.
    pub path: Option<PathBuf>,
    /// What the editor holds.
    pub text: String,
    hash: OnceLock<ContentHash>,
    parsed: OnceLock<Edited>,
}

impl Documents {
    /// The editor has opened one.
    pub fn open(&mut self, uri: &str, text: String) {
        let path = uri::path(uri).and_then(|path| real(&path));
        let document = Arc::new(Document::new(path, text));
        Arc::make_mut(&mut self.open).insert(uri.to_owned(), document);
    }

    /// The editor has closed one.
    pub fn close(&mut self, uri: &str) {
        Arc::make_mut(&mut self.open).remove(uri);
    }

    /// Somebody types. False if the document is not open.
    pub fn change(
        &mut self,
        uri: &str,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> bool {
        let Some(document) = self.open.get(uri) else {
            return false;
        };
        let mut text = document.text.clone();
        for change in changes {
            apply(&mut text, change, encoding);
        }
        let changed = Arc::new(Document::new(document.path.clone(), text));
        Arc::make_mut(&mut self.open).insert(uri.to_owned(), changed);
        true
    }

    /// One of them.
    pub fn get(&self, uri: &str) -> Option<&Arc<Document>> {
        self.open.get(uri)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.open.values()
    }
}

fn apply(text: &mut String, change: TextDocumentContentChangeEvent, encoding: Encoding) {
    match change {
        TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
            *text = whole.text;
        }
        TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
            let start = encoding.offset(text, part.range.start);
            let end = encoding.offset(text, part.range.end);
            text.replace_range(start.min(end)..start.max(end), &part.text);
        }
    }
}

impl Document {
    /// With this text.
    pub fn new(path: Option<PathBuf>, text: String) -> Document {
        Document {
            path,
            text,
            hash: OnceLock::new(),
            parsed: OnceLock::new(),
        }
    }

    /// To compare it with what is indexed.
    pub fn hash(&self) -> ContentHash {
        let hash = || ContentHash::of(self.text.as_bytes());
        *self.hash.get_or_init(hash)
    }

    /// Its definitions and mentions, under a path below the root.
    pub fn parsed(&self, path: &[u8]) -> &Edited {
        self.parsed.get_or_init(|| {
            // Only the sizes of chunks are counted, and nobody here needs chunks.
            let count = |text: &str| text.split_whitespace().count();
            let bytes = self.text.as_bytes();
            let file = parse_file(path, bytes, &count, &ChunkOptions::default());
            Edited {
                path: path.to_vec(),
                language: file.language.name.to_owned(),
                text: bytes.to_vec(),
                symbols: file.symbols,
                references: file.references,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::{Value, json};

    /// A document after some changes.
    fn typed(text: &str, changes: Value) -> String {
        let mut documents = Documents::default();
        documents.open("file:///a.rs", text.to_owned());
        let changes = serde_json::from_value(changes).unwrap();
        assert!(documents.change("file:///a.rs", changes, Encoding::Utf16));
        documents.get("file:///a.rs").unwrap().text.clone()
    }

    fn edit(start: (u32, u32), end: (u32, u32), text: &str) -> Value {
        let at = |(line, character)| json!({"line": line, "character": character});
        json!({"range": {"start": at(start), "end": at(end)}, "text": text})
    }

    #[test]
    fn changes_are_applied_in_their_order() {
        for (text, changes, expected) in [
            ("abc", json!([{"text": "new"}]), "new"),
            ("abc", json!([edit((0, 1), (0, 2), "X")]), "aXc"),
            ("𝄞b", json!([edit((0, 2), (0, 3), "c")]), "𝄞c"),
            ("a\nb\n", json!([edit((1, 0), (2, 0), "")]), "a\n"),
            (
                "a",
                json!([edit((0, 1), (0, 1), "b"), edit((0, 2), (0, 2), "c")]),
                "abc",
            ),
            ("a", json!([edit((9, 9), (9, 9), "b")]), "ab"),
            ("abc", json!([edit((0, 2), (0, 1), "X")]), "aXc"),
            ("a\r\nb", json!([edit((0, 9), (1, 0), "-")]), "a-b"),
        ] {
            assert_eq!(typed(text, changes), expected, "{text}");
        }
    }

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut documents = Documents::default();
        documents.open("untitled:1", "a".into());
        let before = documents.clone();
        documents.open("untitled:1", "b".into());
        assert_eq!(before.get("untitled:1").unwrap().text, "a");
        documents.close("untitled:1");
        assert!(documents.get("untitled:1").is_none() && before.get("untitled:1").is_some());
        assert!(!documents.change("untitled:1", Vec::new(), Encoding::Utf8));
    }
}
