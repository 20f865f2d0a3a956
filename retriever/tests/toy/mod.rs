//! A small store made of text: chunks begin at lines of the form `fn name`, `type Name`, `test name` or `# title`.
//! Its encoder hashes words, so texts with the same words are near.

use std::time::Duration;

use fathom_encoders::{Embedding, EncoderError, TokenMatrix};
use fathom_indexes::{
    ChunkId, ChunkKind, ChunkRecord, ChunkRow, ContentHash, Encoding, FileRecord, FileStat,
    NewFile, Snapshot, Store, StoreOptions, SymbolRecord, text,
};
use fathom_retriever::QueryEncoder;
use tempfile::TempDir;

const DIM: usize = 32;

/// Files as (path, text), in a store of their own.
pub struct Toy {
    pub snapshot: Snapshot,
    pub files: Vec<(String, String)>,
    _dir: TempDir,
}

impl Toy {
    /// All chunks encoded.
    pub fn new(files: &[(&str, &str)]) -> Toy {
        Toy::encoded(files, usize::MAX)
    }

    /// Only the first `encoded` chunks encoded.
    pub fn encoded(files: &[(&str, &str)], encoded: usize) -> Toy {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            profile_id: "toy".into(),
            token_dim: DIM,
            dense_dim: DIM,
            codebook: None,
        };
        let store = Store::open(dir.path(), &options).unwrap();
        let mut writer = store.writer(Duration::ZERO).unwrap();
        let mut update = writer.begin().unwrap();
        for (path, text) in files {
            update.put_file(&new_file(path, text)).unwrap();
        }
        update.commit().unwrap();
        let mut missing = writer.missing().unwrap();
        missing.truncate(encoded);
        let snapshot = store.snapshot().unwrap();
        let rows = snapshot.chunks(&missing).unwrap();
        let embeddings: Vec<Embedding> = rows
            .iter()
            .map(|row| embed(&chunk_text(&snapshot, row)))
            .collect();
        let batch: Vec<Encoding<'_>> = rows
            .iter()
            .zip(&embeddings)
            .map(|(row, e)| Encoding {
                content: row.record.content,
                tokens: e.tokens.as_slice(),
                dense: &e.dense,
            })
            .collect();
        writer.add_encodings(&batch).unwrap();
        let owned = files
            .iter()
            .map(|(p, t)| ((*p).to_owned(), (*t).to_owned()))
            .collect();
        Toy {
            snapshot: store.snapshot().unwrap(),
            files: owned,
            _dir: dir,
        }
    }

    /// The chunk whose name is `name`.
    pub fn chunk(&self, name: &str) -> ChunkId {
        let rows = self.snapshot.chunks(self.snapshot.chunk_ids()).unwrap();
        rows.iter().find(|row| row.record.name == name).unwrap().id
    }
}

fn chunk_text(snapshot: &Snapshot, row: &ChunkRow) -> String {
    let text = snapshot.text(row.file).unwrap();
    String::from_utf8(text[row.record.bytes.start as usize..row.record.bytes.end as usize].to_vec())
        .unwrap()
}

fn new_file<'a>(path: &str, text: &'a str) -> NewFile<'a> {
    let chunks = chunks(path, text);
    let symbols = chunks
        .iter()
        .filter(|c| !c.name.is_empty())
        .map(symbol)
        .collect();
    NewFile {
        record: FileRecord {
            path: path.into(),
            stat: FileStat::default(),
            hash: ContentHash::of(text.as_bytes()),
            racy: false,
            language: language(path).into(),
            lossy: false,
            note: None,
            generated: false,
            lines: text.lines().count() as u32,
        },
        text: text.as_bytes(),
        chunks,
        symbols,
        references: Vec::new(),
    }
}

fn language(path: &str) -> &str {
    match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some("py") => "python",
        Some("md") => "markdown",
        _ => "text",
    }
}

/// One chunk from each heading line to the next; blank lines at its end are left out.
fn chunks(path: &str, text: &str) -> Vec<ChunkRecord> {
    let mut chunks: Vec<ChunkRecord> = Vec::new();
    let mut offset = 0;
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        let end = offset + line.len() as u32;
        let heading = heading(line.trim());
        match chunks.last_mut() {
            Some(last) if heading.is_none() && !line.trim().is_empty() => {
                (last.bytes.end, last.lines.1) = (end, number)
            }
            Some(_) if line.trim().is_empty() => {}
            _ => {
                let (kind, name) = heading.unwrap_or((ChunkKind::Code, ""));
                chunks.push(record(kind, name, offset..end, number));
            }
        }
        offset = end;
    }
    for chunk in &mut chunks {
        let body = &text[chunk.bytes.start as usize..chunk.bytes.end as usize];
        chunk.content = ContentHash::of(format!("{path}\n{body}").as_bytes());
    }
    chunks
}

fn heading(line: &str) -> Option<(ChunkKind, &str)> {
    let (word, name) = line.split_once(' ')?;
    let kind = match word {
        "fn" => ChunkKind::Function,
        "type" => ChunkKind::Type,
        "test" => ChunkKind::Test,
        "#" => ChunkKind::Section,
        _ => return None,
    };
    Some((kind, name))
}

fn record(kind: ChunkKind, name: &str, bytes: std::ops::Range<u32>, line: u32) -> ChunkRecord {
    ChunkRecord {
        content: ContentHash::of(b""),
        kind,
        name: name.into(),
        qualified_name: name.into(),
        signature: String::new(),
        doc: String::new(),
        scope: String::new(),
        bytes,
        lines: (line, line),
    }
}

fn symbol(chunk: &ChunkRecord) -> SymbolRecord {
    SymbolRecord {
        name: chunk.name.clone(),
        qualified_name: chunk.qualified_name.clone(),
        kind: chunk.kind,
        line: chunk.lines.0,
        end_line: chunk.lines.1,
        signature: String::new(),
    }
}

/// Hashes words to directions.
pub struct ToyEncoder;

impl QueryEncoder for ToyEncoder {
    fn embed(&self, query: &str) -> Result<Embedding, EncoderError> {
        Ok(embed(query))
    }

    fn embed_chunks(
        &self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        let body = |(row, text): (&ChunkRow, &&[u8])| {
            let bytes = &text[row.record.bytes.start as usize..row.record.bytes.end as usize];
            embed(&String::from_utf8_lossy(bytes))
        };
        Ok(rows.iter().zip(texts).map(body).collect())
    }
}

fn embed(text: &str) -> Embedding {
    let tokens: Vec<Vec<f32>> = text::words(text)
        .iter()
        .map(|word| direction(word))
        .collect();
    let mut dense = vec![0.0; DIM];
    for token in &tokens {
        dense
            .iter_mut()
            .zip(token)
            .for_each(|(sum, value)| *sum += value);
    }
    Embedding::new(TokenMatrix::new(DIM, tokens.concat()), normalised(dense))
}

/// A pseudo-random unit vector.
fn direction(word: &str) -> Vec<f32> {
    let hash = ContentHash::of(word.as_bytes()).0;
    normalised(
        (0..DIM)
            .map(|i| f32::from(hash[i % 16]) * if i < 16 { 1.0 } else { 0.7 } - 110.0)
            .collect(),
    )
}

fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|v| *v /= norm);
    } else {
        vector[0] = 1.0;
    }
    vector
}
