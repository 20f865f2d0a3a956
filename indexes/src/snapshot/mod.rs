//! A consistent view of one generation of a store.

mod coded;
mod collections;
mod dense;
mod encodings;
mod sample;
mod score;
mod set;
mod symbols;
mod top;
mod usage;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use crate::StoreError;
use crate::catalog::load::{self, FileHead, Heads};
use crate::catalog::{Catalog, Identity, SegmentRow, State, query};
use crate::collection::Collection;
use crate::lexical::{LexicalQuery, LexicalReader};
use crate::records::{
    ChunkHead, ChunkId, ChunkRecord, ChunkRow, Counts, FileId, FileRow, Hit, SkipReason, SkipRecord,
};
use crate::segment::Segment;
use crate::store::{CATALOG, LEXICAL, Place};
pub use coded::CodedContent;
#[cfg(feature = "faiss")]
pub(crate) use dense::worth_clusters;
use encodings::{Encodings, Item};
use score::Scan;
pub use set::ChunkSet;
pub use usage::TokenUsage;

/// One generation: everything asked of a snapshot belongs to it, whatever a
/// writer does meanwhile. It can be shared by threads.
///
/// A snapshot holds a read transaction of the catalog, and thereby keeps SQLite's
/// log from being reset: take a new one for new work rather than keeping it for hours.
pub struct Snapshot {
    place: Arc<Place>,
    catalog: Mutex<Catalog>,
    state: State,
    heads: Arc<Heads>,
    rows: Vec<SegmentRow>,
    segments: Vec<Option<Segment>>,
    problems: Vec<String>,
    encodings: OnceLock<Encodings>,
    lexical: Mutex<Option<Arc<LexicalReader>>>,
    skips: OnceLock<Vec<(SkipReason, u64)>>,
    #[cfg(feature = "faiss")]
    dense: dense::Clusters,
}

impl Snapshot {
    pub(crate) fn open(place: Arc<Place>) -> Result<Snapshot, StoreError> {
        // A segment may be merged away between reading its name and opening it:
        // then there is a newer generation without it.
        let mut snapshot = Snapshot::open_newest(place.clone())?;
        loop {
            if snapshot.problems.is_empty() {
                return Ok(snapshot);
            }
            let newer = Snapshot::open_newest(place.clone())?;
            if newer.state.generation == snapshot.state.generation {
                return Ok(newer);
            }
            snapshot = newer;
        }
    }

    fn open_newest(place: Arc<Place>) -> Result<Snapshot, StoreError> {
        let catalog = place.catalog_reader()?;
        let state = catalog.state()?;
        let heads = Arc::new(catalog.check(Heads::load)?);
        let rows = catalog.check(load::segments)?;
        let mut problems = Vec::new();
        let segments = rows
            .iter()
            .map(|row| match place.segment(row) {
                Ok(segment) => Some(segment),
                Err(error) => {
                    problems.push(error.to_string());
                    None
                }
            })
            .collect();
        Ok(Snapshot {
            place,
            catalog: Mutex::new(catalog),
            state,
            heads,
            rows,
            segments,
            problems,
            encodings: OnceLock::new(),
            lexical: Mutex::new(None),
            skips: OnceLock::new(),
            #[cfg(feature = "faiss")]
            dense: dense::Clusters::default(),
        })
    }

    /// Counts the commits that published something.
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// Segments that cannot be used, each with the reason and the next step. Their
    /// contents count as not encoded.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        Counts {
            files: self.heads.files().len() as u64,
            chunks: self.heads.chunk_ids.len() as u64,
            distinct: self.encodings().distinct as u64,
            encoded: self.encodings().items.len() as u64,
            symbols: self.heads.symbols,
            references: self.heads.references,
            text_bytes: self.heads.text_bytes,
            segments: self.rows.len() as u64,
            store_bytes: self.store_bytes(),
            skipped: self.state.skipped,
            unreadable: self.heads.unreadable,
        }
    }

    /// Size on disk; a file that vanishes meanwhile counts as nothing.
    fn store_bytes(&self) -> u64 {
        let storage = &self.place.storage;
        let size = |name: &str| storage.size(name).ok().flatten().unwrap_or(0);
        let below = |folder: &str| -> u64 {
            let names = storage.list(folder).unwrap_or_default();
            names
                .iter()
                .map(|name| size(&format!("{folder}/{name}")))
                .sum()
        };
        let catalog = size(CATALOG) + size(&format!("{CATALOG}-wal"));
        let segments: u64 = self.rows.iter().map(|row| row.bytes).sum();
        catalog + segments + below(LEXICAL) + below("dense")
    }

    /// Whether the store holds encodings of this shape.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        self.place.identity == *identity
    }

    /// The segments that can be read.
    pub(crate) fn open_segments(&self) -> impl Iterator<Item = (&SegmentRow, &Segment)> {
        let both = self.rows.iter().zip(&self.segments);
        both.filter_map(|(row, segment)| Some((row, segment.as_ref()?)))
    }

    /// Number of segments.
    pub fn segment_count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Number of files.
    pub fn file_count(&self) -> u64 {
        self.heads.files().len() as u64
    }

    /// Distinct chunks that are not encoded.
    pub fn missing(&self) -> u64 {
        let encodings = self.encodings();
        (encodings.distinct as u64).saturating_sub(encodings.items.len() as u64)
    }

    /// One chunk for each distinct content that is not encoded, ascending.
    pub fn missing_chunks(&self) -> Vec<ChunkId> {
        let missing = self.encodings().missing(&self.heads).into_iter();
        missing
            .map(|at| self.heads.chunk_ids[at as usize])
            .collect()
    }

    /// Share of the chunks that are encoded, `0.0..=1.0`; 1 for a store without chunks.
    pub fn coverage(&self) -> f32 {
        match self.heads.chunk_ids.len() {
            0 => 1.0,
            chunks => self.encodings().encoded_chunks() as f32 / chunks as f32,
        }
    }

    /// All files by path.
    pub fn files(&self) -> Result<Vec<FileRow>, StoreError> {
        self.read(query::files)
    }

    /// The file at a path.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileRow>, StoreError> {
        let found = self.read(|c| query::file_at(c, path))?;
        Ok(found.map(|(file, _)| file))
    }

    /// Path and language of a file of this generation; nothing is read for it.
    pub fn file_head(&self, file: FileId) -> Option<(&[u8], &str)> {
        let head = self.heads.file(file)?;
        Some((self.heads.path(head), self.heads.language(head)))
    }

    /// All skipped paths.
    pub fn skipped(&self) -> Result<Vec<SkipRecord>, StoreError> {
        self.read(query::skips)
    }

    /// How many paths are skipped, by reason.
    pub fn skip_counts(&self) -> Result<&[(SkipReason, u64)], StoreError> {
        if let Some(counts) = self.skips.get() {
            return Ok(counts);
        }
        let counts = self.read(query::skip_counts)?;
        Ok(self.skips.get_or_init(|| counts))
    }

    /// A value stored with [`Update::set_meta`](crate::Update::set_meta).
    pub fn meta(&self, key: &str) -> Option<String> {
        self.read(|c| query::meta(c, key)).ok().flatten()
    }

    /// All chunks, ascending.
    pub fn chunk_ids(&self) -> &[ChunkId] {
        &self.heads.chunk_ids
    }

    /// Rows of chunks in the order asked for. An id of another generation is left out.
    pub fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkRow>, StoreError> {
        let mut rows = Vec::with_capacity(ids.len());
        self.read(|c| {
            query::chunks(c, ids.iter().copied(), |id, record| {
                if let Some(position) = self.heads.position(id) {
                    rows.push(self.chunk_row(id, self.heads.file_at(position), record));
                }
            })
        })?;
        Ok(rows)
    }

    /// All chunks of a file, in the order of its text; none for a file of another generation.
    pub fn chunks_of_file(&self, file: FileId) -> Result<Vec<ChunkRow>, StoreError> {
        let Some(head) = self.heads.file(file) else {
            return Ok(Vec::new());
        };
        let ids = &self.heads.chunk_ids[head.positions.clone()];
        let Some(first) = ids.first() else {
            return Ok(Vec::new());
        };
        let records = self.read(|c| query::chunk_range(c, first.0, ids.len()))?;
        let rows = ids.iter().zip(records);
        Ok(rows
            .map(|(&id, record)| self.chunk_row(id, head, record))
            .collect())
    }

    fn chunk_row(&self, id: ChunkId, file: &FileHead, record: ChunkRecord) -> ChunkRow {
        ChunkRow {
            id,
            file: file.id,
            path: self.heads.path(file).to_vec(),
            language: self.heads.language(file).to_owned(),
            record,
            generated: file.generated,
        }
    }

    /// The bytes of a file as they were indexed.
    ///
    /// # Errors
    /// [`StoreError::Input`] for a file that is not of this generation.
    pub fn text(&self, file: FileId) -> Result<Vec<u8>, StoreError> {
        self.read(|c| query::text(c, file))?.ok_or_else(|| {
            StoreError::input(
                format!("a question about file {}", file.0),
                "there is no such file",
            )
        })
    }

    /// The chunks that `keep` accepts.
    pub fn select(&self, keep: &dyn Fn(&ChunkHead<'_>) -> bool) -> Result<ChunkSet, StoreError> {
        let heads = self.heads.clone();
        Ok(ChunkSet::select(heads, |position| {
            keep(&self.heads.chunk_head(position))
        }))
    }

    /// The chunks with the best BM25 scores.
    pub fn lexical(
        &self,
        query: &LexicalQuery,
        n: usize,
        within: Option<&ChunkSet>,
    ) -> Result<Vec<Hit>, StoreError> {
        let reader = self.lexical_reader()?;
        match within {
            None => reader.search(query, n, None),
            Some(within) => reader.search(query, n, Some(&|chunk| within.contains(chunk))),
        }
    }

    /// Opens the lexical index, which the first search by words would do.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if a newer generation took its place; nothing that is opened
    /// here is taken away later.
    pub fn open_words(&self) -> Result<(), StoreError> {
        self.lexical_reader().map(drop)
    }

    fn lexical_reader(&self) -> Result<Arc<LexicalReader>, StoreError> {
        let mut slot = self.lexical.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &*slot {
            return Ok(reader.clone());
        }
        let live = |chunk| self.heads.position(chunk).is_some();
        let reader = Arc::new(self.place.lexical().reader(&live)?);
        if reader.live_chunks() != self.heads.chunk_ids.len() as u64 {
            return Err(self.lexical_misses(reader.live_chunks()));
        }
        *slot = Some(reader.clone());
        Ok(reader)
    }

    /// Chunks of a generation leave the lexical index only after the next generation.
    fn lexical_misses(&self, found: u64) -> StoreError {
        let newest = self.place.catalog_reader().and_then(|c| c.state());
        match newest {
            Ok(newest) if newest.generation != self.state.generation => StoreError::Superseded {
                path: self.place.dir.clone(),
            },
            Err(error) => error,
            Ok(_) => StoreError::damaged(
                self.place.storage.locate(LEXICAL),
                format!("it holds {found} of {} chunks", self.heads.chunk_ids.len()),
            ),
        }
    }

    fn scan<'a>(&'a self, collection: Collection, within: Option<&'a ChunkSet>) -> Scan<'a> {
        Scan {
            heads: &self.heads,
            all: &self.segments,
            collection,
            encodings: self.encodings(),
            within,
        }
    }

    fn encodings(&self) -> &Encodings {
        self.encodings.get_or_init(|| {
            let usable = |(row, segment): (_, &Option<Segment>)| segment.as_ref().map(|_| row);
            let rows: Vec<Option<&SegmentRow>> =
                self.rows.iter().zip(&self.segments).map(usable).collect();
            Encodings::new(&self.heads, &rows)
        })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.catalog().check(work)
    }

    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = self.place.dir.display();
        write!(f, "Snapshot({dir}, generation {})", self.generation())
    }
}

fn wrong_query(problem: String) -> StoreError {
    StoreError::input("the query's vectors", problem)
}

#[cfg(test)]
impl Snapshot {
    /// The bytes that stand for a chunk's token vectors.
    pub(crate) fn stored_tokens(&self, id: ChunkId) -> Option<Vec<u8>> {
        let item = self.encodings().of(self.heads.position(id)?)?;
        let segment = self.segments[item.segment as usize].as_ref()?;
        Some(segment.tokens(item.ordinal as usize).to_bytes())
    }
}
