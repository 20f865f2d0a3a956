//! Pairs to train models on: what may be asked, and the chunk that answers it, cut and prepared
//! exactly as it is when it is indexed, but without the comment that the question comes from.

use std::fs;
use std::io::Write;
use std::path::Path;

use fathom_encoders::TextEncoder;
use fathom_indexer::chunk::{Chunk, ChunkOptions, ParsedFile, parse_file};
use fathom_indexer::pipeline::document_of;
use fathom_indexer::walk::{WalkOptions, walk};
use fathom_indexes::ChunkKind;
use serde::Serialize;

use crate::commits::{self, Commit};
use crate::docstrings::{sentence, without_comments};
use crate::git::git;
use crate::{EvalError, io};

/// What has comments that may be asked for.
const KINDS: [ChunkKind; 6] = [
    ChunkKind::Function,
    ChunkKind::Method,
    ChunkKind::Type,
    ChunkKind::Interface,
    ChunkKind::Macro,
    ChunkKind::Constant,
];
/// Tokens that a chunk has at least, to be worth asking for.
const LEAST: usize = 24;
/// Files of a commit that it asks for.
const FILES: usize = 3;
/// Of so many chunks one is asked for by its name.
const BY_NAME: usize = 6;

/// One line of the file.
#[derive(Serialize)]
struct Pair<'a> {
    repository: &'a str,
    language: &'a str,
    path: &'a str,
    /// `doc`, `symbol` or `commit`.
    kind: &'a str,
    query: &'a str,
    /// Token ids of the query as it is encoded.
    query_ids: Vec<u32>,
    /// Token ids of the chunk as it is encoded.
    ids: Vec<u32>,
}

/// What [`write()`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Pairs.
    pub pairs: usize,
    /// Commits that were left out because git could not read them.
    pub unread: usize,
}

/// Writes the pairs of the code below `source`, one JSON object on a line; where it is a git
/// repository, those of its latest `most` commits too.
///
/// # Errors
/// If `source` cannot be walked, `out` cannot be written, or git fails.
pub fn write(
    repository: &str,
    source: &Path,
    most: usize,
    text: &TextEncoder,
    out: &mut dyn Write,
) -> Result<Written, EvalError> {
    let entries = walk(source, &WalkOptions::default()).map_err(io("walk", source))?;
    let mut count = 0;
    let mut put = |pair: serde_json::Value| {
        count += 1;
        serde_json::to_writer(&mut *out, &pair)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(io("write the pairs of", source))
    };
    for entry in entries.entries {
        let Ok(path) = String::from_utf8(entry.path) else {
            continue;
        };
        let Ok(bytes) = fs::read(source.join(&path)) else {
            continue;
        };
        of_file(repository, &path, bytes, text)
            .into_iter()
            .try_for_each(&mut put)?;
    }
    let mut unread = 0;
    // Without its history it has no commits to ask about.
    if source.join(".git").exists() {
        let latest = commits::latest(source, most)?;
        unread = latest.unread;
        for commit in latest.commits {
            of_commit(repository, source, &commit, text)
                .into_iter()
                .try_for_each(&mut put)?;
        }
    }
    Ok(Written {
        pairs: count,
        unread,
    })
}

/// The lines of one file, as values.
fn of_file(
    repository: &str,
    path: &str,
    bytes: Vec<u8>,
    text: &TextEncoder,
) -> Vec<serde_json::Value> {
    let (bytes, found) = without_comments(path, bytes, &KINDS);
    let Some(file) = File::cut(repository, path, &bytes, text) else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for one in &found {
        let answer = answer(&file.parsed.chunks, one.lines);
        if let (Some(query), Some(chunk)) = (sentence(&one.doc, &one.name), answer) {
            pairs.push(file.pair("doc", &query, chunk));
        }
    }
    let named = file
        .parsed
        .chunks
        .iter()
        .filter(|chunk| KINDS.contains(&chunk.kind) && chunk.tokens >= LEAST && !chunk.part);
    for chunk in named {
        let hash = blake3::hash(format!("{repository}/{path} {}", chunk.qualified_name).as_bytes());
        let chance = usize::from(hash.as_bytes()[0]);
        if chance % BY_NAME == 0 && chunk.name.len() > 3 {
            let query = match chance % 4 {
                0 => &chunk.qualified_name,
                _ => &chunk.name,
            };
            pairs.push(file.pair("symbol", query, chunk));
        }
    }
    pairs
}

/// A file of code that nobody generated, in chunks.
struct File<'a> {
    repository: &'a str,
    path: &'a str,
    bytes: &'a [u8],
    text: &'a TextEncoder,
    parsed: ParsedFile,
}

impl<'a> File<'a> {
    fn cut(
        repository: &'a str,
        path: &'a str,
        bytes: &'a [u8],
        text: &'a TextEncoder,
    ) -> Option<File<'a>> {
        let count = |line: &str| text.ids(line).len();
        let parsed = parse_file(path.as_bytes(), bytes, &count, &ChunkOptions::default());
        let is_code = !parsed.generated && parsed.language.loose == ChunkKind::Code;
        is_code.then_some(File {
            repository,
            path,
            bytes,
            text,
            parsed,
        })
    }

    /// The line that asks for one of its chunks.
    fn pair(&self, kind: &str, query: &str, chunk: &Chunk) -> serde_json::Value {
        let path = self.path;
        serde_json::json!(Pair {
            repository: self.repository,
            language: self.parsed.language.name,
            path,
            kind,
            query,
            query_ids: self.text.query(query).ids,
            ids: document_of(self.text, path.as_bytes(), chunk, self.bytes).ids,
        })
    }
}

/// What a commit says, with the chunk of each file before it in which it changes the most lines.
fn of_commit(
    repository: &str,
    source: &Path,
    commit: &Commit,
    text: &TextEncoder,
) -> Vec<serde_json::Value> {
    let mut pairs = Vec::new();
    for (path, _) in commit.files.iter().take(FILES) {
        let (from, to) = (&commit.parent, &commit.id);
        let before = git(source, &["show", &format!("{from}:{path}")]);
        let patch = git(source, &["diff", "-U0", from, to, "--", path]);
        // A partial clone may lack a file of long ago.
        let (Ok(bytes), Ok(patch)) = (before.map(String::into_bytes), patch) else {
            continue;
        };
        let changed: Vec<(u32, u32)> = patch.lines().filter_map(changed_lines).collect();
        let Some(file) = File::cut(repository, path, &bytes, text) else {
            continue;
        };
        let touched = |chunk: &Chunk| changed.iter().map(|lines| shown(chunk, *lines)).sum();
        let most_touched = file
            .parsed
            .chunks
            .iter()
            .max_by_key(|chunk| -> u32 { touched(chunk) });
        let worth = |chunk: &&Chunk| touched(chunk) > 0 && chunk.tokens >= LEAST;
        if let Some(chunk) = most_touched.filter(worth) {
            pairs.push(file.pair("commit", &commit.query, chunk));
        }
    }
    pairs
}

/// The lines that the head of a hunk names in the older file, as in `@@ -7,2 +9 @@`; the line before, where it only adds.
fn changed_lines(line: &str) -> Option<(u32, u32)> {
    let (old, _) = line.strip_prefix("@@ -")?.split_once(' ')?;
    let (first, count) = old.split_once(',').unwrap_or((old, "1"));
    let (first, count): (u32, u32) = (first.parse().ok()?, count.parse().ok()?);
    Some((first, first + count.max(1) - 1))
}

/// How many of the lines a chunk shows.
fn shown(chunk: &Chunk, lines: (u32, u32)) -> u32 {
    let last = chunk.lines.1.min(lines.1);
    (last + 1).saturating_sub(chunk.lines.0.max(lines.0))
}

/// The chunk that shows most of the definition's lines, if it is worth asking for.
fn answer(chunks: &[Chunk], lines: (u32, u32)) -> Option<&Chunk> {
    let best = chunks.iter().max_by_key(|chunk| shown(chunk, lines))?;
    (shown(best, lines) > 0 && best.tokens >= LEAST).then_some(best)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::commits::tests::commit;
    use fathom_encoders::Profile;

    #[test]
    fn a_comment_asks_for_the_code_that_it_stood_at() {
        let source = tempfile::tempdir().unwrap();
        let code = "/// Takes the lock of the only writer.\npub fn acquire(path: &Path) -> Lock {\n    let file = std::fs::File::options().create(true).open(path.join(\"writer.lock\"));\n    file.try_lock().map(|()| Lock { file, path: path.to_owned() })\n}\n";
        fs::write(source.path().join("lock.rs"), code).unwrap();
        let text = TextEncoder::open(&Profile::bundled()).unwrap();
        let mut out = Vec::new();
        let written = write("r", source.path(), 9, &text, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let pairs: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let expected = Written {
            pairs: pairs.len(),
            unread: 0,
        };
        assert_eq!(written, expected);
        let doc = pairs.iter().find(|pair| pair["kind"] == "doc").unwrap();
        assert_eq!(doc["query"], "Takes the lock of the only writer");
        let ids: Vec<u32> = serde_json::from_value(doc["ids"].clone()).unwrap();
        let has = |word: &str| ids.contains(&text.ids(word)[0]);
        assert!(has("acquire") && has("lock") && !has("only"));
    }

    #[test]
    fn a_commit_asks_for_the_code_that_it_changed() {
        let source = tempfile::tempdir().unwrap();
        let body = "    let file = std::fs::File::options().create(true).open(path);\n".repeat(20);
        let code = |wait: &str| {
            format!(
                "fn acquire(path: &Path) -> Lock {{\n{body}}}\n\nfn release(path: &Path) -> Lock {{\n{wait}{body}}}\n"
            )
        };
        git(source.path(), &["init", "-q", "-b", "main"]).unwrap();
        let say = |wait, message| commit(source.path(), &[("lock.rs", &code(wait))], message);
        say("", "Begin with locks of one writer");
        say("    wait();\n", "Wait for the readers before the lock goes");
        let text = TextEncoder::open(&Profile::bundled()).unwrap();
        let mut out = Vec::new();
        write("r", source.path(), 9, &text, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let pairs = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let found: Vec<serde_json::Value> = pairs
            .filter(|pair: &serde_json::Value| pair["kind"] == "commit")
            .collect();
        assert_eq!(found.len(), 1, "{lines}");
        assert_eq!(
            found[0]["query"],
            "Wait for the readers before the lock goes"
        );
        let ids: Vec<u32> = serde_json::from_value(found[0]["ids"].clone()).unwrap();
        let has = |word: &str| ids.contains(&text.ids(word)[0]);
        assert!(has("release") && !has("acquire") && !has("wait"), "{lines}");
    }

    #[test]
    fn heads_of_hunks_name_lines() {
        for (line, expected) in [
            ("@@ -7,2 +9 @@ fn a()", Some((7, 8))),
            ("@@ -7 +7,3 @@", Some((7, 7))),
            ("@@ -7,0 +8,3 @@", Some((7, 7))),
            ("@@ -0,0 +1,3 @@", Some((0, 0))),
            ("-@@ x", None),
        ] {
            assert_eq!(changed_lines(line), expected, "{line}");
        }
    }
}
