//! A store: the directory that everything of one repository is in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::StoreError;
use crate::catalog::{Catalog, Identity, SegmentRow};
use crate::check::{self, CheckReport};
use crate::codebook::Codebook;
use crate::collection::Collection;
use crate::follower::Follower;
use crate::lexical::LexicalIndex;
use crate::lock::WriterLock;
use crate::records::Encoding;
use crate::segment::{self, Layout, NamedCodebook, Prepared, Segment};
use crate::snapshot::Snapshot;
use crate::storage::{OsStorage, Storage};
use crate::writer::Writer;

/// What a store is built for. All but the codebook is fixed at the store's creation.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Id of the model profile.
    pub profile_id: String,
    /// Dimensions of a token vector.
    pub token_dim: usize,
    /// Dimensions of a dense vector.
    pub dense_dim: usize,
    /// The codebook of the model profile. With one, token vectors are stored as
    /// centroids and residuals, and [`Writer::maintain`] codes those that were
    /// stored before; without one they are stored in int8.
    pub codebook: Option<Arc<Codebook>>,
}

/// A directory with the catalog, the segments and the indexes of one repository.
#[derive(Clone, Debug)]
pub struct Store {
    place: Arc<Place>,
}

/// Where the parts of a store are.
#[derive(Debug)]
pub(crate) struct Place {
    pub dir: PathBuf,
    pub storage: Arc<dyn Storage>,
    /// What the catalog is made for.
    pub identity: Identity,
    /// What vectors are made for: those of the main collection, then those of docs if they have
    /// vectors of their own.
    sides: Vec<Side>,
    /// The virtual file system that SQLite goes through, for tests.
    vfs: Option<&'static str>,
}

/// The vectors of one collection.
#[derive(Debug)]
struct Side {
    identity: Identity,
    codebook: Option<NamedCodebook>,
}

pub(crate) const CATALOG: &str = "catalog.db";
pub(crate) const LEXICAL: &str = "lexical";
pub(crate) const SEGMENTS: &str = "segments";
const LOCK: &str = "writer.lock";
const ENCODING: &str = "encoding.lock";

/// The right to encode what is missing, until dropped.
#[derive(Debug)]
pub struct EncodingClaim {
    _lock: WriterLock,
}

impl Store {
    /// Opens the store in `dir`, creating it if there is none. Nothing that is
    /// there is changed, whatever its state.
    ///
    /// # Errors
    /// If the directory cannot be created, holds a store without its catalog, or the
    /// codebook has other dimensions than the token vectors.
    pub fn open(dir: &Path, options: &StoreOptions) -> Result<Store, StoreError> {
        let storage = OsStorage::create(dir).map_err(|e| StoreError::io("create", dir, e))?;
        Store::open_on(dir, &[options], Arc::new(storage), None)
    }

    /// [`Store::open`] for a store whose docs have vectors by another model: one catalog and one
    /// lexical index, segments of each model.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn open_both(
        dir: &Path,
        main: &StoreOptions,
        docs: &StoreOptions,
    ) -> Result<Store, StoreError> {
        let storage = OsStorage::create(dir).map_err(|e| StoreError::io("create", dir, e))?;
        Store::open_on(dir, &[main, docs], Arc::new(storage), None)
    }

    /// [`Store::open`] on another storage and SQLite file system.
    pub(crate) fn open_on(
        dir: &Path,
        sides: &[&StoreOptions],
        storage: Arc<dyn Storage>,
        vfs: Option<&'static str>,
    ) -> Result<Store, StoreError> {
        let sides: Vec<Side> = sides
            .iter()
            .map(|options| Side::new(options))
            .collect::<Result<_, _>>()?;
        let ids = sides.iter().map(|side| side.identity.profile_id.as_str());
        let place = Place {
            dir: dir.to_path_buf(),
            storage,
            identity: Identity {
                profile_id: ids.collect::<Vec<_>>().join(" docs="),
                ..sides[0].identity.clone()
            },
            sides,
            vfs,
        };
        if place.is_new()? {
            place.catalog_writer()?;
        }
        Ok(Store {
            place: Arc::new(place),
        })
    }

    /// Removes the store in `dir`, whatever state it is in, once no one writes to it.
    pub fn remove(dir: &Path, wait: Duration) -> Result<(), StoreError> {
        if !dir.is_dir() {
            return Ok(());
        }
        let _lock = WriterLock::acquire(&dir.join(LOCK), wait)?;
        std::fs::remove_dir_all(dir).map_err(|e| StoreError::io("remove", dir, e))
    }

    /// Empties the store in `dir`, whatever state it is in, once no one writes to it. What else is there and named in
    /// `keep` stays.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the process that is writing.
    pub fn empty(dir: &Path, keep: &[&str], wait: Duration) -> Result<(), StoreError> {
        let _lock = WriterLock::acquire(&dir.join(LOCK), wait)?;
        let entries = std::fs::read_dir(dir).and_then(|all| all.collect::<Result<Vec<_>, _>>());
        let entries = entries.map_err(|e| StoreError::io("list", dir, e))?;
        let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        // A log without its database means nothing; a database without its log is an older state.
        paths.sort_by(|a, b| b.cmp(a));
        let stays = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name == LOCK || keep.iter().any(|kept| name == *kept)
        };
        for path in paths.iter().filter(|path| !stays(path)) {
            let gone = match path.is_dir() {
                true => std::fs::remove_dir_all(path),
                false => std::fs::remove_file(path),
            };
            gone.map_err(|e| StoreError::io("remove", path, e))?;
        }
        Ok(())
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Becomes the one writer, waiting up to `wait` for another. Clears what an
    /// interrupted writer left and repairs parts that can be rebuilt.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the process that is writing.
    pub fn writer(&self, wait: Duration) -> Result<Writer, StoreError> {
        let lock = WriterLock::acquire(&self.place.dir.join(LOCK), wait)?;
        Writer::open(self.place.clone(), lock)
    }

    /// Becomes the one that encodes what is missing, waiting up to `wait` for another. That is a
    /// courtesy, so that the same is not encoded twice, and keeps nobody from writing.
    ///
    /// # Errors
    /// [`StoreError::Busy`] names the process that encodes.
    pub fn claim_encoding(&self, wait: Duration) -> Result<EncodingClaim, StoreError> {
        let lock = WriterLock::acquire(&self.place.dir.join(ENCODING), wait)?;
        Ok(EncodingClaim { _lock: lock })
    }

    /// Makes of encodings what is stored of them, before the lock is taken: coding takes longer
    /// than writing.
    ///
    /// # Errors
    /// [`StoreError::Input`] for wrong shapes or values that are not finite.
    pub fn prepare(
        &self,
        collection: Collection,
        batch: &[Encoding<'_>],
    ) -> Result<Prepared, StoreError> {
        self.place.prepare(collection, batch)
    }

    /// A view of the newest generation. Takes no lock and changes nothing.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(self.place.clone())
    }

    /// Number of the current generation.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn generation(&self) -> Result<u64, StoreError> {
        Ok(self.place.catalog_reader()?.state()?.generation)
    }

    /// A connection to ask for the generation often; `None` where none can be kept.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn follow(&self) -> Result<Option<Follower>, StoreError> {
        Follower::open(&self.place)
    }

    /// Reads every byte and compares the parts with each other.
    ///
    /// # Errors
    /// Only if the store cannot be looked at; damage is what the report is for.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        check::check(&self.place)
    }
}

impl Side {
    fn new(options: &StoreOptions) -> Result<Side, StoreError> {
        let codebook_dim = options.codebook.as_ref().map(|codebook| codebook.dim());
        if let Some(dim) = codebook_dim.filter(|&dim| dim != options.token_dim) {
            return Err(StoreError::input(
                format!("token vectors of {}", options.profile_id),
                format!(
                    "the codebook has {dim} dimensions, not {}",
                    options.token_dim
                ),
            ));
        }
        Ok(Side {
            identity: Identity {
                profile_id: options.profile_id.clone(),
                token_dim: options.token_dim.max(1),
                dense_dim: options.dense_dim,
            },
            codebook: options.codebook.clone().map(NamedCodebook::new),
        })
    }

    fn layout(&self) -> Layout<'_> {
        Layout {
            identity: &self.identity,
            codebook: self.codebook.as_ref(),
        }
    }
}

impl Place {
    pub fn catalog_path(&self) -> PathBuf {
        self.dir.join(CATALOG)
    }

    /// Opens the catalog for writing. An empty one is filled, unless segments show
    /// that there was another.
    pub fn catalog_writer(&self) -> Result<Catalog, StoreError> {
        let segments = self.storage("list", SEGMENTS, |s| s.list(SEGMENTS))?;
        let may_create = segments.is_empty();
        Catalog::open_writer(&self.catalog_path(), self.vfs, &self.identity, may_create)
    }

    /// Opens the catalog for reading. One whose creation was interrupted is filled first.
    pub fn catalog_reader(&self) -> Result<Catalog, StoreError> {
        let open = || Catalog::open_reader(&self.catalog_path(), self.vfs, &self.identity);
        match open() {
            Err(StoreError::Version { found: 0, .. }) => {
                self.catalog_writer()?;
                open()
            }
            other => other,
        }
    }

    /// Opens the catalog to be asked for its counters again and again; `None` where only a copy
    /// that does not change can be read.
    pub fn catalog_follower(&self) -> Result<Option<Catalog>, StoreError> {
        Catalog::open_follower(&self.catalog_path(), self.vfs, &self.identity)
    }

    /// What segments of a collection are made for and coded with.
    pub fn layout(&self, collection: Collection) -> Layout<'_> {
        // Without vectors of their own, docs have those of the main collection.
        let side = self.sides.get(collection as usize);
        side.unwrap_or(&self.sides[0]).layout()
    }

    /// What tokens of the main collection are coded with.
    pub fn codebook(&self) -> Option<&NamedCodebook> {
        self.layout(Collection::Main).codebook
    }

    /// Whether docs have vectors of their own.
    pub fn has_docs(&self) -> bool {
        self.sides.len() > 1
    }

    /// Opens a segment for the collection that it was made for.
    pub fn segment(&self, row: &SegmentRow) -> Result<Segment, StoreError> {
        let layouts = Collection::ALL.map(|collection| self.layout(collection));
        Segment::open(&*self.storage, row, &layouts[..self.sides.len()])
    }

    /// Checks encodings and makes of them what is stored.
    pub fn prepare(
        &self,
        collection: Collection,
        batch: &[Encoding<'_>],
    ) -> Result<Prepared, StoreError> {
        let layout = self.layout(collection);
        for encoding in batch {
            segment::validate(layout.identity, encoding)?;
        }
        Ok(Prepared::new(collection, layout, batch))
    }

    pub fn lexical(&self) -> LexicalIndex {
        LexicalIndex::new(self.storage.clone(), LEXICAL)
    }

    /// Names the failed file of a storage operation.
    pub fn storage<T>(
        &self,
        action: &'static str,
        name: &str,
        run: impl FnOnce(&dyn Storage) -> io::Result<T>,
    ) -> Result<T, StoreError> {
        run(&*self.storage).map_err(|e| StoreError::io(action, self.storage.locate(name), e))
    }

    /// Whether the catalog is yet to be filled; a missing file is created for
    /// SQLite, private to the owner.
    fn is_new(&self) -> Result<bool, StoreError> {
        let size = self.storage("examine", CATALOG, |s| s.size(CATALOG))?;
        if size.is_none() {
            self.storage("create", CATALOG, |s| match s.create(CATALOG) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
                _ => s.sync_dir(""),
            })?;
        }
        Ok(size.unwrap_or(0) == 0)
    }
}
