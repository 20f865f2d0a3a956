//! The one process that may change a store.

mod borrow;
mod coded;
#[cfg(feature = "faiss")]
mod dense;
mod encoded;
mod maintain;
mod recover;
mod update;

use std::collections::HashSet;
use std::sync::Arc;

use crate::StoreError;
use crate::catalog::load::{self, Heads};
use crate::catalog::{self, Catalog, SegmentRow, State};
use crate::collection::Collection;
use crate::lexical::LexicalWriter;
use crate::lock::WriterLock;
use crate::records::{ChunkId, ContentHash, Encoding};
use crate::segment::{self, Prepared};
use crate::snapshot::Snapshot;
use crate::store::Place;
pub use coded::CodedEncoding;
use encoded::ContentSet;
pub use maintain::MaintainReport;
pub use update::Update;

/// The right to change a store, until dropped.
///
/// After a failed commit the writer refuses all further work: what the system
/// made of the failed operation is known only after the store is opened again.
pub struct Writer {
    place: Arc<Place>,
    lexical: Option<LexicalWriter>,
    catalog: Catalog,
    /// As committed, but ids that were handed out are never handed out again.
    state: State,
    /// Segments that another build or another codebook could read, by id. They stay
    /// until their contents are encoded again.
    foreign: HashSet<u32>,
    /// Contents of all other segments.
    encoded: ContentSet,
    failed: Option<String>,
    repairs: Vec<String>,
    /// Released last.
    _lock: WriterLock,
}

impl Writer {
    pub(crate) fn open(place: Arc<Place>, lock: WriterLock) -> Result<Writer, StoreError> {
        let catalog = place.catalog_writer()?;
        let state = catalog.state()?;
        let mut writer = Writer {
            place,
            lexical: None,
            catalog,
            state,
            foreign: HashSet::new(),
            encoded: ContentSet::default(),
            failed: None,
            repairs: Vec::new(),
            _lock: lock,
        };
        writer.recover()?;
        Ok(writer)
    }

    /// What was found damaged and set aside or rebuilt when this writer opened.
    pub fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// The newest generation; nobody else can make another while this writer lives.
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// A view of the newest generation.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(self.place.clone())
    }

    /// Begins a change of files. Nothing of it is seen by readers before
    /// [`Update::commit`]; dropping it undoes it.
    pub fn begin(&mut self) -> Result<Update<'_>, StoreError> {
        self.ensure_sound()?;
        Update::begin(self)
    }

    /// One chunk for each distinct content that is not encoded, ascending.
    pub fn missing(&self) -> Result<Vec<ChunkId>, StoreError> {
        let heads = self.catalog.check(Heads::load)?;
        let mut known = self.encoded.clone();
        let chunks = heads.chunk_ids.iter().zip(&heads.heads);
        let missing = chunks.filter(|(_, head)| known.insert(head.content));
        Ok(missing.map(|(&id, _)| id).collect())
    }

    /// Stores encodings as one segment and publishes it. Contents that no chunk
    /// has, or that are encoded already, are left out.
    ///
    /// # Errors
    /// [`StoreError::Input`] for wrong shapes or values that are not finite; then
    /// nothing of the batch is stored.
    pub fn add_encodings(&mut self, batch: &[Encoding<'_>]) -> Result<(), StoreError> {
        self.add_prepared(&self.place.prepare(Collection::Main, batch)?)
    }

    /// [`Writer::add_encodings`] for what [`Store::prepare`](crate::Store::prepare) made of them.
    ///
    /// # Errors
    /// [`StoreError::Input`] if the store has another codebook now.
    pub fn add_prepared(&mut self, prepared: &Prepared) -> Result<(), StoreError> {
        self.ensure_sound()?;
        let place = self.place.clone();
        let layout = place.layout(prepared.collection);
        if prepared.codebook != layout.codebook.map(|known| known.id) {
            return Err(StoreError::input(
                "prepared encodings",
                "the store has another codebook than they were made for",
            ));
        }
        let wanted = self.wanted(prepared.contents.iter().copied())?;
        if wanted.is_empty() {
            return Ok(());
        }
        let id = self.state.next_segment;
        let row = segment::write(&*self.place.storage, id, layout, &prepared.parts(&wanted));
        let published = row.and_then(|row| self.publish_segments(&[row], &[], &[]));
        self.poison_on_error(published)
    }

    /// Which of `contents` are known and not encoded: each once, ids with places, by id.
    fn wanted(
        &self,
        contents: impl ExactSizeIterator<Item = ContentHash>,
    ) -> Result<Vec<(u32, usize)>, StoreError> {
        let mut taken = HashSet::with_capacity(contents.len());
        let mut wanted = Vec::with_capacity(contents.len());
        self.catalog.check(|c| {
            for (at, content) in contents.enumerate() {
                if let Some(id) = catalog::content_id(c, content)?
                    && !self.encoded.contains(id)
                    && taken.insert(id)
                {
                    wanted.push((id, at));
                }
            }
            Ok(())
        })?;
        wanted.sort_by_key(|(id, _)| *id);
        Ok(wanted)
    }

    /// One transaction that adds segments and forgets segments and contents.
    fn publish_segments(
        &mut self,
        added: &[SegmentRow],
        removed: &[u32],
        forgotten: &[u32],
    ) -> Result<(), StoreError> {
        let mut state = self.state;
        state.generation += 1;
        if let Some(last) = added.iter().map(|row| row.id).max() {
            state.next_segment = last + 1;
        }
        self.catalog.transaction(|c| {
            catalog::replace_segments(c, added, removed)?;
            catalog::forget_contents(c, forgotten)?;
            catalog::write_state(c, &state)
        })?;
        self.state = state;
        match removed.is_empty() {
            true => added.iter().for_each(|row| self.encoded.extend(row)),
            false => self.encoded = self.usable_segments()?.iter().collect(),
        }
        Ok(())
    }

    /// Segments that can be read, as far as their footers tell.
    fn usable_segments(&self) -> Result<Vec<SegmentRow>, StoreError> {
        let mut rows = self.catalog.check(load::segments)?;
        rows.retain(|row| !self.foreign.contains(&row.id));
        Ok(rows)
    }

    fn ensure_sound(&self) -> Result<(), StoreError> {
        match &self.failed {
            None => Ok(()),
            Some(cause) => Err(StoreError::Poisoned {
                path: self.place.dir.clone(),
                cause: cause.clone(),
            }),
        }
    }

    /// Remembers a failure of something that may be half done.
    fn poison_on_error<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.failed.get_or_insert_with(|| error.to_string());
        }
        result
    }
}
