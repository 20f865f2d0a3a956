//! A digest over everything the catalog holds of one file, so that a changed
//! byte in any of its rows is noticed by `check`.
//!
//! Path, stat and chunk ids are left out, because they change while the rest
//! stays; the database's own indexes cover paths and names.

use crate::records::{ChunkRecord, ContentHash, FileRecord, SymbolRecord};

/// Gathers fields, each after its length where it has one.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn range(&mut self, start: u32, end: u32) {
        self.number(u64::from(start) << 32 | u64::from(end));
    }

    fn file(&mut self, file: &FileRecord) {
        self.0.extend_from_slice(&file.hash.0);
        self.text(&file.language);
        self.text(file.note.as_deref().unwrap_or_default());
        let flags = [file.lossy, file.generated, file.note.is_some()];
        self.0.extend(flags.map(u8::from));
        self.number(file.lines.into());
    }

    fn chunk(&mut self, chunk: &ChunkRecord) {
        self.0.extend_from_slice(&chunk.content.0);
        self.0.push(chunk.kind as u8);
        self.range(chunk.bytes.start, chunk.bytes.end);
        self.range(chunk.lines.0, chunk.lines.1);
        let ChunkRecord {
            name,
            qualified_name,
            signature,
            doc,
            scope,
            ..
        } = chunk;
        for text in [name, qualified_name, signature, doc, scope] {
            self.text(text);
        }
    }

    fn symbol(&mut self, symbol: &SymbolRecord) {
        self.0.push(symbol.kind as u8);
        self.range(symbol.line, symbol.end_line);
        for text in [&symbol.name, &symbol.qualified_name, &symbol.signature] {
            self.text(text);
        }
    }
}

/// The digest of a file's rows. `mentions` are ids of names, ascending, with their lines.
pub(crate) fn digest<'a>(
    file: &FileRecord,
    chunks: &[ChunkRecord],
    symbols: &[SymbolRecord],
    mentions: impl Iterator<Item = (u32, &'a [u32])>,
) -> ContentHash {
    let mut fields = Fields::default();
    fields.file(file);
    fields.number(chunks.len() as u64);
    chunks.iter().for_each(|chunk| fields.chunk(chunk));
    fields.number(symbols.len() as u64);
    symbols.iter().for_each(|symbol| fields.symbol(symbol));
    for (name, lines) in mentions {
        fields.range(name, lines.len() as u32);
        lines
            .iter()
            .for_each(|line| fields.0.extend_from_slice(&line.to_le_bytes()));
    }
    ContentHash::of(&fields.0)
}
