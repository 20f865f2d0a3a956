//! Changing the lexical index: adds and deletes gathered in a commit, and merging.

use super::schema::{self, Fields};
use super::{LexicalDoc, LexicalIndex};
use crate::{ChunkId, StoreError};
use std::fmt;
use tantivy::index::SegmentMeta;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};

/// Bytes of postings gathered before a segment is written.
const HEAP: usize = 40_000_000;

/// Segments that a search bears without being slowed down.
const SEGMENTS: usize = 8;

/// Adds and deletes become durable together at [`LexicalWriter::commit`]; what was not
/// committed is gone when the writer is dropped. After an error, drop it and open another.
pub struct LexicalWriter {
    home: LexicalIndex,
    index: Index,
    writer: IndexWriter,
    fields: Fields,
}

impl fmt::Debug for LexicalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalWriter")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl LexicalWriter {
    pub(super) fn open(home: &LexicalIndex) -> Result<LexicalWriter, StoreError> {
        home.run(|| {
            let (schema, fields) = schema::schema();
            let index = match home.open()? {
                Some(index) => index,
                None => Index::create(home.directory.clone(), schema, Default::default())?,
            };
            schema::register(&index);
            let options = IndexWriterOptions::builder()
                .memory_budget_per_thread(HEAP)
                .num_worker_threads(1)
                .num_merge_threads(1)
                .build();
            let writer: IndexWriter = index.writer_with_options(options)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            Ok(LexicalWriter {
                home: home.clone(),
                index,
                writer,
                fields,
            })
        })
    }

    /// Adds a chunk; its words are counted on the writer's own thread.
    pub fn add(&mut self, doc: &LexicalDoc<'_>) -> Result<(), StoreError> {
        let mut document = TantivyDocument::new();
        document.add_u64(self.fields.chunk, u64::from(doc.chunk.0));
        let texts = [doc.path, doc.name, doc.doc, doc.body];
        for (field, text) in self.fields.texts.into_iter().zip(texts) {
            document.add_text(field, text);
        }
        self.home
            .run(|| self.writer.add_document(document).map(drop))
    }

    /// Removes chunks that were added before, in this commit or an earlier one.
    pub fn delete(&mut self, chunks: &[ChunkId]) {
        for chunk in chunks {
            let key = Term::from_field_u64(self.fields.chunk, u64::from(chunk.0));
            self.writer.delete_term(key);
        }
    }

    /// Makes all adds and deletes durable, together with `payload`.
    pub fn commit(&mut self, payload: u64) -> Result<(), StoreError> {
        self.home.run(|| {
            let mut commit = self.writer.prepare_commit()?;
            commit.set_payload(&payload.to_string());
            commit.commit().map(drop)
        })
    }

    /// The payload of the last commit, `None` before the first.
    pub fn payload(&self) -> Result<Option<u64>, StoreError> {
        self.home
            .run(|| Ok(payload(self.index.load_metas()?.payload)))
    }

    /// How many segments there are.
    pub fn segments(&self) -> Result<usize, StoreError> {
        self.home
            .run(|| Ok(self.index.searchable_segment_metas()?.len()))
    }

    /// Merges small segments and those with many deleted chunks, and waits for it. Scores do
    /// not change. False if there was nothing to do. Everything must be committed.
    pub fn compact(&mut self) -> Result<bool, StoreError> {
        let mut done = false;
        loop {
            let segments = self.home.run(|| self.index.searchable_segment_metas())?;
            let Some(group) = mergeable(segments) else {
                return Ok(done);
            };
            let ids: Vec<_> = group.iter().map(SegmentMeta::id).collect();
            drop(group);
            self.home.run(|| self.writer.merge(&ids).wait().map(drop))?;
            done = true;
        }
    }

    /// Waits for tantivy's threads to end. Dropping does the same but hides errors.
    pub fn close(self) -> Result<(), StoreError> {
        let LexicalWriter { home, writer, .. } = self;
        home.run(|| writer.wait_merging_threads())
    }
}

pub(super) fn payload(stored: Option<String>) -> Option<u64> {
    stored?.parse().ok()
}

/// What to merge next: a segment with a fifth of its chunks deleted, or, when there are too
/// many segments, the smallest ones as long as the next is not much larger than all before it
/// together, so that a chunk is rewritten a logarithmic number of times.
fn mergeable(mut segments: Vec<SegmentMeta>) -> Option<Vec<SegmentMeta>> {
    let wasteful = |segment: &SegmentMeta| segment.num_deleted_docs() * 5 >= segment.max_doc();
    if let Some(at) = segments.iter().position(wasteful) {
        return Some(vec![segments.swap_remove(at)]);
    }
    if segments.len() <= SEGMENTS {
        return None;
    }
    segments.sort_by_key(SegmentMeta::num_docs);
    let mut docs = 0;
    let joins = segments.iter().enumerate().take_while(|(at, segment)| {
        let fits = *at < 2 || segment.num_docs() <= 2 * docs;
        docs += segment.num_docs();
        fits
    });
    let count = joins.count();
    segments.truncate(count);
    Some(segments)
}
