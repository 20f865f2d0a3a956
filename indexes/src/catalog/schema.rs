//! The catalog's tables. Format numbers are in `user_version`.

/// The format this build reads and writes.
pub(crate) const VERSION: i64 = 1;

/// `fthm`, so that `file` and other tools tell the catalog from other databases.
pub(crate) const APPLICATION_ID: i64 = 0x6674_686d;

/// Facts kept once per file (counts, the heads of its chunks) make opening a
/// snapshot one scan of a small table. A file's chunk ids are contiguous from
/// `first_chunk`. Names of references are interned, and a row holds all lines of
/// one name in one file, clustered by name: that is the lookup that must be fast.
/// A segment row lists the contents it encodes, by ordinal.
pub(crate) const TABLES: &str = "
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  profile_id TEXT NOT NULL, token_dim INTEGER NOT NULL, dense_dim INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  next_file INTEGER NOT NULL, next_chunk INTEGER NOT NULL,
  next_content INTEGER NOT NULL, next_segment INTEGER NOT NULL,
  skipped INTEGER NOT NULL
) STRICT;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE files(
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE,
  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
  hash BLOB NOT NULL, racy INTEGER NOT NULL, language TEXT NOT NULL, lossy INTEGER NOT NULL,
  note TEXT, generated INTEGER NOT NULL, lines INTEGER NOT NULL, unreadable TEXT,
  symbols INTEGER NOT NULL, refs INTEGER NOT NULL, text_bytes INTEGER NOT NULL,
  first_chunk INTEGER NOT NULL, heads BLOB NOT NULL, digest BLOB NOT NULL
) STRICT;
CREATE TABLE texts(file INTEGER PRIMARY KEY, length INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE chunks(
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, content INTEGER NOT NULL, kind INTEGER NOT NULL,
  byte_start INTEGER NOT NULL, byte_end INTEGER NOT NULL,
  line_start INTEGER NOT NULL, line_end INTEGER NOT NULL,
  name TEXT NOT NULL, qualified_name TEXT NOT NULL, signature TEXT NOT NULL,
  doc TEXT NOT NULL, scope TEXT NOT NULL
) STRICT;
CREATE TABLE contents(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE symbols(
  file INTEGER NOT NULL, n INTEGER NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE, qualified_name TEXT NOT NULL, kind INTEGER NOT NULL,
  line INTEGER NOT NULL, end_line INTEGER NOT NULL, signature TEXT NOT NULL,
  chunk INTEGER,
  PRIMARY KEY (file, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX symbols_name ON symbols(name);
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE refs(
  name INTEGER NOT NULL, file INTEGER NOT NULL, mentions INTEGER NOT NULL, lines BLOB NOT NULL,
  PRIMARY KEY (name, file)
) STRICT, WITHOUT ROWID;
CREATE TABLE file_names(file INTEGER PRIMARY KEY, names BLOB NOT NULL) STRICT;
CREATE TABLE skips(
  n INTEGER PRIMARY KEY, path BLOB NOT NULL, reason INTEGER NOT NULL, detail TEXT NOT NULL,
  size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER
) STRICT;
CREATE TABLE segments(
  id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, checksum BLOB NOT NULL, contents BLOB NOT NULL
) STRICT;
";
