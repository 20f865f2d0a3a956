//! The catalog: a SQLite database that is the truth about the store and its one
//! commit point. Write-ahead logging lets readers go on during a commit;
//! `synchronous = FULL` makes a commit durable before it is reported.

pub(crate) mod codec;
pub(crate) mod digest;
pub(crate) mod load;
pub(crate) mod query;
mod schema;
pub(crate) mod update;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row};

use crate::StoreError;
use crate::records::ContentHash;

/// How long SQLite itself waits for another process, e.g. during a checkpoint.
const BUSY: Duration = Duration::from_secs(5);

/// What a store is built for; fixed at its creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub profile_id: String,
    pub token_dim: usize,
    pub dense_dim: usize,
}

/// The counters of the store, one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub generation: u64,
    pub next_file: u32,
    pub next_chunk: u32,
    pub next_content: u32,
    pub next_segment: u32,
    pub skipped: u64,
}

/// A connection to the catalog.
#[derive(Debug)]
pub(crate) struct Catalog {
    path: PathBuf,
    pub connection: Connection,
}

impl Catalog {
    /// Opens the catalog for writing, creating its tables in an empty file if it `may_create` them.
    pub fn open_writer(
        path: &Path,
        vfs: Option<&str>,
        identity: &Identity,
        may_create: bool,
    ) -> Result<Catalog, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let catalog = Catalog::connect(path, vfs, flags)?;
        catalog.check(|c| {
            c.pragma_update(None, "journal_mode", "wal")?;
            c.pragma_update(None, "synchronous", "full")?;
            c.pragma_update(None, "cache_size", -16_000)?;
            // A log that once grew large does not stay large.
            c.pragma_update(None, "journal_size_limit", 16 << 20)
        })?;
        if catalog.version()? == 0 {
            if !may_create {
                return Err(StoreError::damaged(
                    path,
                    "it is empty although there are segments",
                ));
            }
            catalog.create_tables(identity)?;
        }
        catalog.expect(identity)?;
        Ok(catalog)
    }

    /// Opens the catalog for reading and begins a transaction, so that everything
    /// read through it belongs to one generation.
    pub fn open_reader(
        path: &Path,
        vfs: Option<&str>,
        identity: &Identity,
    ) -> Result<Catalog, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        match Catalog::connect(path, vfs, flags).and_then(|c| c.begin_reading(identity)) {
            Err(error) if needs_write_access(&error) && log_is_empty(path) => {
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                let mut catalog = Catalog::connect(&immutable(path), None, flags)?;
                catalog.path = path.to_path_buf();
                catalog.begin_reading(identity)
            }
            other => other,
        }
    }

    /// Opens the catalog for reading without a transaction: each statement sees the newest
    /// generation. `None` in a folder where that needs the right to write.
    pub fn open_follower(
        path: &Path,
        vfs: Option<&str>,
        identity: &Identity,
    ) -> Result<Option<Catalog>, StoreError> {
        let catalog = Catalog::connect(path, vfs, OpenFlags::SQLITE_OPEN_READ_ONLY);
        match catalog.and_then(|c| c.expect(identity).map(|()| c)) {
            Ok(catalog) => Ok(Some(catalog)),
            Err(error) if needs_write_access(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn begin_reading(self, identity: &Identity) -> Result<Catalog, StoreError> {
        self.check(|c| c.execute_batch("BEGIN"))?;
        self.expect(identity)?;
        Ok(self)
    }

    fn connect(path: &Path, vfs: Option<&str>, flags: OpenFlags) -> Result<Catalog, StoreError> {
        // Each connection is used by one thread at a time.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match vfs {
            None => Connection::open_with_flags(path, flags),
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        };
        let catalog = Catalog {
            path: path.to_path_buf(),
            connection: connection.map_err(|e| catalog_error(path, e))?,
        };
        catalog.connection.set_prepared_statement_cache_capacity(64);
        catalog.check(|c| {
            c.busy_timeout(BUSY)?;
            c.pragma_update(None, "trusted_schema", false)?;
            c.pragma_update(None, "cell_size_check", true)?;
            // Otherwise a statement is planned anew for each value that it is given.
            c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
                .map(drop)
        })?;
        Ok(catalog)
    }

    /// The catalog's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` and gives its error a place.
    pub fn check<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.connection).map_err(|e| catalog_error(&self.path, e))
    }

    fn version(&self) -> Result<i64, StoreError> {
        self.check(read_version)
    }

    /// Two processes may create the same store: the second finds the tables there.
    fn create_tables(&self, identity: &Identity) -> Result<(), StoreError> {
        self.check(|c| c.execute_batch("BEGIN IMMEDIATE"))?;
        let created = match self.version() {
            Ok(0) => self.check(|c| create_tables(c, identity)),
            other => other.map(drop),
        };
        let end = if created.is_ok() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        let ended = self.check(|c| c.execute_batch(end));
        created.and(ended)
    }

    fn expect(&self, wanted: &Identity) -> Result<(), StoreError> {
        let found = self.version()?;
        if found != schema::VERSION {
            return Err(StoreError::Version {
                path: self.path.clone(),
                found,
                supported: schema::VERSION,
                next_step: match found > schema::VERSION {
                    true => "use the newer fathom that wrote it",
                    false => "rebuild it with `fathom index --force`",
                },
            });
        }
        let found = self.identity()?;
        if found != *wanted {
            return Err(StoreError::Profile {
                path: self.path.clone(),
                found: describe(&found, wanted),
                wanted: describe(wanted, &found),
            });
        }
        Ok(())
    }

    fn identity(&self) -> Result<Identity, StoreError> {
        let sql = "SELECT profile_id, token_dim, dense_dim FROM state";
        self.check(|c| {
            c.query_row(sql, [], |row| {
                Ok(Identity {
                    profile_id: row.get(0)?,
                    token_dim: unsigned(row, 1)? as usize,
                    dense_dim: unsigned(row, 2)? as usize,
                })
            })
        })
    }

    /// Runs `work` in a transaction of its own.
    pub fn transaction(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.check(|c| c.execute_batch("BEGIN IMMEDIATE"))?;
        let done = self.check(|c| {
            work(c)?;
            c.execute_batch("COMMIT")
        });
        if done.is_err() {
            // The first error says more than one of undoing it.
            let _ = self.roll_back();
        }
        done
    }

    /// Undoes the open transaction, if SQLite has not done so already.
    pub fn roll_back(&self) -> Result<(), StoreError> {
        match self.connection.is_autocommit() {
            true => Ok(()),
            false => self.check(|c| c.execute_batch("ROLLBACK")),
        }
    }

    /// The counters as of this connection's transaction.
    pub fn state(&self) -> Result<State, StoreError> {
        self.check(read_state)
    }
}

/// A reader shares a file with writers, which it cannot create in a read-only directory.
fn needs_write_access(error: &StoreError) -> bool {
    let code = match error {
        StoreError::Catalog { source, .. } => source.sqlite_error_code(),
        _ => None,
    };
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Everything is in the database itself, as the last writer leaves it.
fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |data| data.len() == 0)
}

/// The address of a database that no one can change, and that needs no shared file.
fn immutable(path: &Path) -> PathBuf {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let mut address = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match plain(byte) {
            true => address.push(byte.into()),
            false => address.push_str(&format!("%{byte:02x}")),
        }
    }
    PathBuf::from(address + "?immutable=1")
}

/// The profile's id, with the dimensions only where the ids do not tell the two apart.
fn describe(identity: &Identity, other: &Identity) -> String {
    if identity.profile_id != other.profile_id {
        return identity.profile_id.clone();
    }
    let Identity {
        profile_id,
        token_dim,
        dense_dim,
    } = identity;
    format!("{profile_id} ({token_dim} and {dense_dim} dimensions)")
}

fn read_version(c: &Connection) -> rusqlite::Result<i64> {
    c.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn create_tables(c: &Connection, identity: &Identity) -> rusqlite::Result<()> {
    c.execute_batch(schema::TABLES)?;
    c.execute(
        "INSERT INTO state VALUES (1, ?1, ?2, ?3, 0, 1, 1, 1, 1, 0)",
        (
            &identity.profile_id,
            identity.token_dim as i64,
            identity.dense_dim as i64,
        ),
    )?;
    c.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    c.pragma_update(None, "user_version", schema::VERSION)
}

fn read_state(c: &Connection) -> rusqlite::Result<State> {
    let sql = "SELECT generation, next_file, next_chunk, next_content, next_segment,
                      skipped FROM state";
    c.prepare_cached(sql)?.query_row([], |row| {
        Ok(State {
            generation: unsigned(row, 0)?,
            next_file: row.get(1)?,
            next_chunk: row.get(2)?,
            next_content: row.get(3)?,
            next_segment: row.get(4)?,
            skipped: unsigned(row, 5)?,
        })
    })
}

/// Writes the counters.
pub(crate) fn write_state(c: &Connection, state: &State) -> rusqlite::Result<()> {
    let sql =
        "UPDATE state SET generation = ?1, next_file = ?2, next_chunk = ?3, next_content = ?4,
                      next_segment = ?5, skipped = ?6";
    c.prepare_cached(sql)?.execute((
        state.generation as i64,
        state.next_file,
        state.next_chunk,
        state.next_content,
        state.next_segment,
        state.skipped as i64,
    ))?;
    Ok(())
}

/// One row of `segments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRow {
    pub id: u32,
    pub bytes: u64,
    /// Checksum of the file's header, which holds those of its sections.
    pub checksum: ContentHash,
    /// Content ids by ordinal.
    pub contents: Vec<u32>,
}

impl SegmentRow {
    /// The name of the file in the store.
    pub fn file_name(&self) -> String {
        segment_file_name(self.id)
    }
}

/// Adds and removes rows of segments.
pub(crate) fn replace_segments(
    c: &Connection,
    added: &[SegmentRow],
    removed: &[u32],
) -> rusqlite::Result<()> {
    let mut delete = c.prepare_cached("DELETE FROM segments WHERE id = ?1")?;
    for id in removed {
        delete.execute([id])?;
    }
    let mut insert = c.prepare_cached("INSERT INTO segments VALUES (?1, ?2, ?3, ?4)")?;
    for row in added {
        let contents = codec::pack_numbers(&row.contents);
        insert.execute((row.id, row.bytes as i64, row.checksum.0, contents))?;
    }
    Ok(())
}

/// All contents that the catalog knows.
pub(crate) fn content_ids(c: &Connection) -> rusqlite::Result<Vec<u32>> {
    let mut statement = c.prepare_cached("SELECT id FROM contents ORDER BY id")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

/// Removes contents that no chunk and no segment has.
pub(crate) fn forget_contents(c: &Connection, contents: &[u32]) -> rusqlite::Result<()> {
    let mut delete = c.prepare_cached("DELETE FROM contents WHERE id = ?1")?;
    contents
        .iter()
        .try_for_each(|id| delete.execute([id]).map(drop))
}

/// The name of a segment's file in the store.
pub(crate) fn segment_file_name(id: u32) -> String {
    format!("segments/{id}.seg")
}

/// SQLite's 64 bits are signed; sizes, inodes and counters keep their bits.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|n| n as u64)
}

/// A hash column.
pub(crate) fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<ContentHash> {
    row.get(column).map(ContentHash)
}

/// The error of a column that holds what no writer wrote.
pub(crate) fn invalid(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, what.into())
}

/// The id of a content, if the catalog knows it.
pub(crate) fn content_id(c: &Connection, hash: ContentHash) -> rusqlite::Result<Option<u32>> {
    c.prepare_cached("SELECT id FROM contents WHERE hash = ?1")?
        .query_row([hash.0], |row| row.get(0))
        .optional()
}

/// Tells a damaged catalog from a failed operation.
pub(crate) fn catalog_error(path: &Path, source: rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    let damaged = match &source {
        E::SqliteFailure(e, _) => {
            matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        E::FromSqlConversionFailure(..)
        | E::InvalidColumnType(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..) => true,
        // The only query that must find a row is that of the counters.
        E::QueryReturnedNoRows => true,
        _ => false,
    };
    match damaged {
        true => StoreError::damaged(path, source.to_string()),
        false => StoreError::Catalog {
            path: path.to_path_buf(),
            source,
        },
    }
}
