//! A store with files in it, parsed as the program parses them.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use fathom_indexer::chunk::{ChunkOptions, parse_file};
use fathom_indexes::{
    ChunkRecord, ContentHash, FileRecord, FileStat, NewFile, Snapshot, Store, StoreOptions,
};
use tempfile::TempDir;

/// A store with these files; it vanishes with the folder.
pub(crate) fn store(files: &[(&str, &str)]) -> (TempDir, Snapshot) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        profile_id: "test@0".into(),
        token_dim: 8,
        dense_dim: 16,
        codebook: None,
    };
    let store = Store::open(dir.path(), &options).unwrap();
    let mut writer = store.writer(Duration::ZERO).unwrap();
    let mut update = writer.begin().unwrap();
    for (path, text) in files {
        update.put_file(&parsed(path, text)).unwrap();
    }
    update.commit().unwrap();
    let snapshot = store.snapshot().unwrap();
    (dir, snapshot)
}

fn parsed<'a>(path: &str, text: &'a str) -> NewFile<'a> {
    let count = |text: &str| text.split_whitespace().count();
    let file = parse_file(
        path.as_bytes(),
        text.as_bytes(),
        &count,
        &ChunkOptions::default(),
    );
    let chunks = file.chunks.into_iter().map(|chunk| ChunkRecord {
        content: ContentHash::of(
            &text.as_bytes()[chunk.bytes.start as usize..chunk.bytes.end as usize],
        ),
        kind: chunk.kind,
        name: chunk.name,
        qualified_name: chunk.qualified_name,
        signature: chunk.signature,
        doc: chunk.doc,
        scope: chunk.scope,
        bytes: chunk.bytes,
        lines: chunk.lines,
    });
    NewFile {
        record: FileRecord {
            path: path.into(),
            stat: FileStat::default(),
            hash: ContentHash::of(text.as_bytes()),
            racy: false,
            language: file.language.name.to_owned(),
            lossy: file.lossy,
            note: file.note,
            generated: file.generated,
            lines: file.lines,
        },
        text: text.as_bytes(),
        chunks: chunks.collect(),
        symbols: file.symbols,
        references: file.references,
    }
}
