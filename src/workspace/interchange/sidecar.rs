//! What fathom keeps beside an index in the shared layout.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use fathom_indexes::codebook::Codebook;
use fathom_indexes::plaid::PlaidError;
use fathom_indexes::{ChunkRow, ContentHash};
use serde::{Deserialize, Serialize};

/// [`Origin`].
pub const ORIGIN: &str = "fathom.json";
/// The codebook as the model profile has it; the layout has only its numbers.
pub const CODEBOOK: &str = "fathom.codebook.bin";
/// Dense vectors `[documents, dim]`, f32.
pub const DENSE: &str = "fathom.dense.npy";
/// One [`Document`] per line.
pub const DOCUMENTS: &str = "documents.jsonl";

const FORMAT: u32 = 1;

/// Where the encodings come from.
#[derive(Deserialize, Serialize)]
pub struct Origin {
    pub format: u32,
    pub profile: String,
}

impl Origin {
    pub fn new(profile: &str) -> Origin {
        Origin {
            format: FORMAT,
            profile: profile.to_owned(),
        }
    }

    pub fn write(&self, dir: &Path) -> Result<(), PlaidError> {
        let path = dir.join(ORIGIN);
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        text.and_then(|text| std::fs::write(&path, text))
            .map_err(|e| PlaidError::io("write", &path, e))
    }

    /// The origin of an index, if it is one of fathom's.
    pub fn read(dir: &Path) -> Result<Option<Origin>, PlaidError> {
        let path = dir.join(ORIGIN);
        let text = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|e| PlaidError::io("read", &path, e))?,
        };
        let origin: Origin =
            serde_json::from_slice(&text).map_err(|e| PlaidError::invalid(&path, e.to_string()))?;
        match origin.format {
            FORMAT => Ok(Some(origin)),
            other => Err(PlaidError::invalid(
                &path,
                format!("format {other}, this build reads {FORMAT}"),
            )),
        }
    }
}

/// What a document is: a content, and the chunks that have it.
#[derive(Deserialize, Serialize)]
pub struct Document {
    pub document: usize,
    pub content: String,
    pub chunks: Vec<Place>,
}

/// Where a chunk is; for people and other programs.
#[derive(Deserialize, Serialize)]
pub struct Place {
    pub path: String,
    pub start_line: u32,
    pub end_line: u32,
    pub name: String,
}

impl Place {
    pub fn new(row: &ChunkRow) -> Place {
        let (start_line, end_line) = row.record.lines;
        Place {
            path: String::from_utf8_lossy(&row.path).into_owned(),
            start_line,
            end_line,
            name: row.record.qualified_name.clone(),
        }
    }
}

impl Document {
    /// The content's hash, if it is one.
    pub fn hash(&self) -> Option<ContentHash> {
        let mut bytes = [0; 16];
        if self.content.len() != 32 || !self.content.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&self.content[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(ContentHash(bytes))
    }
}

/// Writes documents line by line.
pub fn write_documents(
    dir: &Path,
    documents: impl Iterator<Item = Document>,
) -> Result<(), PlaidError> {
    let path = dir.join(DOCUMENTS);
    let write = || {
        let mut out = BufWriter::new(File::create_new(&path)?);
        for document in documents {
            serde_json::to_writer(&mut out, &document)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        out.get_ref().sync_all()
    };
    write().map_err(|e| PlaidError::io("write", &path, e))
}

/// Reads all documents, which must be numbered in their order.
pub fn read_documents(dir: &Path) -> Result<Vec<Document>, PlaidError> {
    let path = dir.join(DOCUMENTS);
    let file = File::open(&path).map_err(|e| PlaidError::io("open", &path, e))?;
    let mut documents = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| PlaidError::io("read", &path, e))?;
        let number = documents.len();
        let invalid =
            |problem: String| PlaidError::invalid(&path, format!("line {}: {problem}", number + 1));
        let document: Document = serde_json::from_str(&line).map_err(|e| invalid(e.to_string()))?;
        if document.document != number {
            let found = document.document;
            return Err(invalid(format!("document {found} instead of {number}")));
        }
        documents.push(document);
    }
    Ok(documents)
}

pub fn write_codebook(dir: &Path, codebook: &Codebook) -> Result<(), PlaidError> {
    let path = dir.join(CODEBOOK);
    std::fs::write(&path, codebook.to_bytes()).map_err(|e| PlaidError::io("write", &path, e))
}

pub fn read_codebook(dir: &Path) -> Result<Codebook, PlaidError> {
    let path = dir.join(CODEBOOK);
    let bytes = std::fs::read(&path).map_err(|e| PlaidError::io("read", &path, e))?;
    Codebook::from_bytes(&bytes).map_err(|problem| PlaidError::invalid(&path, problem))
}
