//! Pairs to train models on: what may be asked, and the chunk that answers it, cut and prepared
//! exactly as it is when it is indexed, but without the comment that the question comes from.

use std::fs;
use std::io::Write;
use std::path::Path;

use fathom_encoders::TextEncoder;
use fathom_indexer::chunk::{Chunk, ChunkOptions, parse_file};
use fathom_indexer::pipeline::document_of;
use fathom_indexer::walk::{WalkOptions, walk};
use fathom_indexes::ChunkKind;
use serde::Serialize;

use crate::docstrings::{sentence, without_comments};
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
/// Of so many chunks one is asked for by its name.
const BY_NAME: usize = 6;

/// One line of the file.
#[derive(Serialize)]
struct Pair<'a> {
    repository: &'a str,
    language: &'a str,
    path: &'a str,
    /// `doc` or `symbol`.
    kind: &'a str,
    query: &'a str,
    /// Token ids of the query as it is encoded.
    query_ids: Vec<u32>,
    /// Token ids of the chunk as it is encoded.
    ids: Vec<u32>,
}

/// Writes the pairs of the code below `source`, one JSON object on a line. Returns how many.
///
/// # Errors
/// If `source` cannot be walked or `out` cannot be written.
pub fn write(
    repository: &str,
    source: &Path,
    text: &TextEncoder,
    out: &mut dyn Write,
) -> Result<usize, EvalError> {
    let entries = walk(source, &WalkOptions::default()).map_err(io("walk", source))?;
    let mut count = 0;
    for entry in entries.entries {
        let Ok(path) = String::from_utf8(entry.path) else {
            continue;
        };
        let Ok(bytes) = fs::read(source.join(&path)) else {
            continue;
        };
        for pair in of_file(repository, &path, bytes, text) {
            serde_json::to_writer(&mut *out, &pair)
                .map_err(std::io::Error::from)
                .and_then(|()| out.write_all(b"\n"))
                .map_err(io("write the pairs of", source))?;
            count += 1;
        }
    }
    Ok(count)
}

/// The lines of one file, as values.
fn of_file(
    repository: &str,
    path: &str,
    bytes: Vec<u8>,
    text: &TextEncoder,
) -> Vec<serde_json::Value> {
    let (bytes, found) = without_comments(path, bytes, &KINDS);
    let count = |line: &str| text.ids(line).len();
    let parsed = parse_file(path.as_bytes(), &bytes, &count, &ChunkOptions::default());
    if parsed.generated || parsed.language.loose != ChunkKind::Code {
        return Vec::new();
    }
    let pair = |kind, query: &str, chunk: &Chunk| {
        let pair = Pair {
            repository,
            language: parsed.language.name,
            path,
            kind,
            query,
            query_ids: text.query(query).ids,
            ids: document_of(text, path.as_bytes(), chunk, &bytes).ids,
        };
        serde_json::json!(pair)
    };
    let mut pairs = Vec::new();
    for one in &found {
        let answer = answer(&parsed.chunks, one.lines);
        if let (Some(query), Some(chunk)) = (sentence(&one.doc, &one.name), answer) {
            pairs.push(pair("doc", &query, chunk));
        }
    }
    let named = parsed
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
            pairs.push(pair("symbol", query, chunk));
        }
    }
    pairs
}

/// The chunk that shows most of the definition's lines, if it is worth asking for.
fn answer(chunks: &[Chunk], lines: (u32, u32)) -> Option<&Chunk> {
    let shown = |chunk: &Chunk| {
        let last = chunk.lines.1.min(lines.1);
        (last + 1).saturating_sub(chunk.lines.0.max(lines.0))
    };
    let best = chunks.iter().max_by_key(|chunk| shown(chunk))?;
    (shown(best) > 0 && best.tokens >= LEAST).then_some(best)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fathom_encoders::Profile;

    #[test]
    fn a_comment_asks_for_the_code_that_it_stood_at() {
        let source = tempfile::tempdir().unwrap();
        let code = "/// Takes the lock of the only writer.\npub fn acquire(path: &Path) -> Lock {\n    let file = std::fs::File::options().create(true).open(path.join(\"writer.lock\"));\n    file.try_lock().map(|()| Lock { file, path: path.to_owned() })\n}\n";
        fs::write(source.path().join("lock.rs"), code).unwrap();
        let text = TextEncoder::open(&Profile::bundled()).unwrap();
        let mut out = Vec::new();
        let count = write("r", source.path(), &text, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let pairs: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(pairs.len(), count);
        let doc = pairs.iter().find(|pair| pair["kind"] == "doc").unwrap();
        assert_eq!(doc["query"], "Takes the lock of the only writer");
        let ids: Vec<u32> = serde_json::from_value(doc["ids"].clone()).unwrap();
        let has = |word: &str| ids.contains(&text.ids(word)[0]);
        assert!(has("acquire") && has("lock") && !has("only"));
    }
}
