//! Docstring → function: the first sentence of a doc comment is the question, the function without
//! its comment is the answer, all other code of the repository, functions without comments, distracts.
//! Types are asked for in the same way, by the file that they are in.
//!
//! After CodeSearchNet (Husain et al., 2019, arXiv 1909.09436): comments of fewer than three words and
//! functions of fewer than three lines are left out, as are tests and constructors. The name of the
//! function is taken away where a sentence begins with it, as it does in Go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fathom_indexer::chunk::{Documented, documented};
use fathom_indexer::language;
use fathom_indexer::walk::{WalkOptions, walk};
use fathom_indexes::ChunkKind;
use fathom_retriever::evaluate::Target;

use crate::labels::{Question, Repository};
use crate::{EvalError, io};

/// Words that a sentence has at least and at most.
const WORDS: std::ops::RangeInclusive<usize> = 3..=40;
/// Lines that a function has at least, its comment not counted.
const LINES: u32 = 3;
/// Largest file that is looked at.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Functions and methods, by their lines.
    Functions,
    /// The files of types, interfaces and modules.
    Types,
}

impl Asked {
    fn kinds(self) -> &'static [ChunkKind] {
        match self {
            Asked::Functions => &[ChunkKind::Function, ChunkKind::Method],
            Asked::Types => &[
                ChunkKind::Type,
                ChunkKind::Interface,
                ChunkKind::Module,
                ChunkKind::Impl,
            ],
        }
    }

    fn category(self) -> &'static str {
        match self {
            Asked::Functions => "docstring",
            Asked::Types => "type",
        }
    }
}

/// Copies the code of `source` to `target` with the comments of what is asked for blanked, and makes
/// at most `most` questions about it, chosen by a hash so that they are spread and always the same.
///
/// # Errors
/// If `source` cannot be walked or `target` cannot be written.
pub fn build(
    name: &str,
    source: &Path,
    target: &Path,
    most: usize,
    asked: Asked,
) -> Result<Repository, EvalError> {
    let options = WalkOptions {
        max_file_bytes: MAX_FILE_BYTES,
        exclude: Vec::new(),
        never: Vec::new(),
    };
    let mut questions = Vec::new();
    let mut languages: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in walk(source, &options).map_err(io("walk", source))?.entries {
        let Ok(path) = String::from_utf8(entry.path) else {
            continue;
        };
        let Ok(bytes) = fs::read(source.join(&path)) else {
            continue;
        };
        let head = &bytes[..bytes.len().min(8192)];
        let language = language::detect(path.as_bytes(), head);
        let Some(language) = language.filter(|language| language.loose == ChunkKind::Code) else {
            continue;
        };
        let (blanked, found) = without_comments(&path, bytes, asked.kinds());
        write(&target.join(&path), &blanked)?;
        *languages.entry(language.name).or_default() += found.len();
        questions.extend(found.iter().filter_map(|one| question(&path, one, asked)));
    }
    let main = languages.iter().max_by_key(|(_, count)| **count);
    Ok(Repository {
        name: name.to_owned(),
        language: main.map_or("", |(name, _)| name).to_owned(),
        root: String::new(),
        questions: chosen(questions, most),
    })
}

/// The file with the comments of its definitions of some kinds blanked, and these definitions. Lines
/// keep their numbers. A definition whose comment does not go away is not among them.
pub(crate) fn without_comments(
    path: &str,
    bytes: Vec<u8>,
    kinds: &[ChunkKind],
) -> (Vec<u8>, Vec<Documented>) {
    let found = definitions(path, &bytes, kinds);
    let mut blanked = bytes;
    for comment in found.iter().flat_map(|one| one.comment.iter()) {
        for byte in &mut blanked[comment.clone()] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    let left = definitions(path, &blanked, kinds);
    let names: BTreeSet<(&str, u32)> = left.iter().map(|one| (&*one.name, one.lines.1)).collect();
    let gone = |one: &Documented| !names.contains(&(&one.name, one.lines.1));
    let found = found.into_iter().filter(gone).collect();
    (blanked, found)
}

fn definitions(path: &str, bytes: &[u8], kinds: &[ChunkKind]) -> Vec<Documented> {
    let mut found = documented(path.as_bytes(), bytes);
    found.retain(|one| kinds.contains(&one.kind));
    found
}

fn question(path: &str, one: &Documented, asked: Asked) -> Option<Question> {
    let lines = one.comment.len() as u32;
    let is_constructor = matches!(one.name.as_str(), "__init__" | "constructor" | "initialize");
    let is_test = path.to_lowercase().contains("test") || one.name.to_lowercase().contains("test");
    if one.lines.1 + 1 < one.lines.0 + lines + LINES || is_constructor || is_test {
        return None;
    }
    Some(Question {
        query: sentence(&one.doc, &one.name)?,
        category: asked.category().to_owned(),
        targets: vec![Target {
            path: path.to_owned(),
            lines: (asked == Asked::Functions).then_some(one.lines),
        }],
        at: None,
    })
}

/// The first sentence, without the function's name at its beginning.
pub(crate) fn sentence(doc: &str, name: &str) -> Option<String> {
    let paragraph = doc.split("\n\n").next().unwrap_or(doc);
    let lines = paragraph
        .lines()
        .take_while(|line| !line.trim_start().starts_with(['@', ':', '\\', '-', '#']));
    let text = lines.collect::<Vec<_>>().join(" ");
    let end = text
        .match_indices(['.', '!', '?'])
        .find(|(at, mark)| text[at + mark.len()..].starts_with(' '));
    let sentence = end.map_or(text.as_str(), |(at, _)| &text[..at]);
    let sentence = sentence.trim().trim_end_matches('.');
    let sentence = match sentence.split_once(' ') {
        Some((first, rest)) if first == name => rest,
        _ => sentence,
    };
    let words = sentence.split_whitespace().count();
    let is_prose = sentence.is_ascii() && !sentence.contains(['{', '}', '<', '>', '=', ';']);
    (is_prose && WORDS.contains(&words)).then(|| sentence.to_owned())
}

/// At most `most` questions, none asked twice, in the order of their places.
fn chosen(questions: Vec<Question>, most: usize) -> Vec<Question> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for question in &questions {
        *times.entry(question.query.clone()).or_default() += 1;
    }
    let once = questions
        .into_iter()
        .filter(|question| times[&question.query] == 1);
    let mut hashed: Vec<(blake3::Hash, usize, Question)> = once
        .enumerate()
        .map(|(place, question)| {
            let key = format!("{}\n{}", question.targets[0].path, question.query);
            (blake3::hash(key.as_bytes()), place, question)
        })
        .collect();
    hashed.sort_by_key(|(hash, ..)| *hash.as_bytes());
    hashed.truncate(most);
    hashed.sort_by_key(|(_, place, _)| *place);
    hashed
        .into_iter()
        .map(|(_, _, question)| question)
        .collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), EvalError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io("make", folder))?;
    }
    fs::write(path, bytes).map_err(io("write", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_sentence_asks() {
        let asked = |doc, name| sentence(doc, name).unwrap_or_default();
        assert_eq!(
            asked("Adds two numbers. Slowly.", "add"),
            "Adds two numbers"
        );
        assert_eq!(
            asked("Add adds two\nnumbers.\n\nMore.", "Add"),
            "adds two numbers"
        );
        assert_eq!(
            asked("Adds two numbers\n@param a one", "add"),
            "Adds two numbers"
        );
        for none in ["Adds.", "", "a = b + c;", "Zählt alles zusammen hier"] {
            assert_eq!(asked(none, "add"), "", "{none}");
        }
    }

    #[test]
    fn types_are_asked_for_by_their_file() {
        let source = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir().unwrap();
        let python = "class Cache:\n    \"\"\"Keeps what was read last.\"\"\"\n\n    def get(self, key):\n        \"\"\"Looks a key up here.\"\"\"\n        return self.kept[key]\n";
        fs::write(source.path().join("a.py"), python).unwrap();
        let built = build("x", source.path(), target.path(), 10, Asked::Types).unwrap();
        let expected = Question {
            query: "Keeps what was read last".to_owned(),
            category: "type".to_owned(),
            targets: vec![Target {
                path: "a.py".to_owned(),
                lines: None,
            }],
            at: None,
        };
        assert_eq!(built.questions, [expected]);
        let blanked = fs::read_to_string(target.path().join("a.py")).unwrap();
        assert!(!blanked.contains("Keeps") && blanked.contains("Looks"));
    }

    #[test]
    fn functions_lose_their_comments_and_keep_their_lines() {
        let source = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir().unwrap();
        let python = "def add(a, b):\n    \"\"\"Adds two numbers slowly.\"\"\"\n    c = a + b\n    return c\n\n\nclass A:\n    \"\"\"Stays as it is.\"\"\"\n\n    def __init__(self):\n        \"\"\"Makes a new one here.\"\"\"\n        self.a = 1\n        self.b = 2\n";
        let rust = "/// Takes the writer lock.\n#[inline]\nfn lock() {\n    a();\n    b();\n}\n\n/// Too short to count.\nfn x() {}\n";
        fs::write(source.path().join("a.py"), python).unwrap();
        fs::write(source.path().join("b.rs"), rust).unwrap();
        let built = build("x", source.path(), target.path(), 10, Asked::Functions).unwrap();
        let asked: Vec<_> = built
            .questions
            .iter()
            .map(|one| (one.query.as_str(), one.targets[0].lines.unwrap()))
            .collect();
        assert_eq!(
            asked,
            [
                ("Adds two numbers slowly", (1, 4)),
                ("Takes the writer lock", (1, 6))
            ]
        );
        let blanked = fs::read_to_string(target.path().join("a.py")).unwrap();
        assert_eq!(blanked.lines().count(), python.lines().count());
        assert!(
            !blanked.contains("Adds") && !blanked.contains("Makes") && blanked.contains("Stays")
        );
        let blanked = fs::read_to_string(target.path().join("b.rs")).unwrap();
        let left: Vec<&str> = blanked.lines().map(str::trim_end).collect();
        assert_eq!(
            left,
            [
                "",
                "#[inline]",
                "fn lock() {",
                "    a();",
                "    b();",
                "}",
                "",
                "",
                "fn x() {}"
            ]
        );
        assert_eq!(
            build("x", source.path(), target.path(), 1, Asked::Functions)
                .unwrap()
                .questions
                .len(),
            1
        );
    }
}
