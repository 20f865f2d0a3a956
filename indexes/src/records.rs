//! The records that go into the store and the rows that come out of it.

use std::fmt;
use std::ops::Range;

/// One chunk of one file, for the life of the store: ids are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u32);

/// One path, for the life of the store: ids are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// The first 128 bits of a BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 16]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash::from(blake3::hash(bytes))
    }
}

impl From<blake3::Hash> for ContentHash {
    fn from(hash: blake3::Hash) -> ContentHash {
        let mut first = [0; 16];
        first.copy_from_slice(&hash.as_bytes()[..16]);
        ContentHash(first)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// Declares a fieldless enum stored as a small number and shown as a word.
macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// Every variant, in the order of the stored numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word shown to users and accepted by [`Self::parse`].
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The variant with this word.
            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }

            /// The variant stored as this number.
            pub fn from_number(number: u8) -> Option<$name> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

stored_enum! {
    /// What a chunk or a symbol is.
    ChunkKind {
        /// A free function.
        Function = 0 "function",
        /// A function that belongs to a type.
        Method = 1 "method",
        /// A class, struct, enum, union or alias.
        Type = 2 "type",
        /// A trait, protocol or interface.
        Interface = 3 "interface",
        /// A module, namespace or package.
        Module = 4 "module",
        /// An implementation block or extension.
        Impl = 5 "impl",
        /// A constant.
        Constant = 6 "constant",
        /// A variable, field or property.
        Variable = 7 "variable",
        /// A macro.
        Macro = 8 "macro",
        /// A test.
        Test = 9 "test",
        /// A section of a document.
        Section = 10 "section",
        /// JSON, YAML, TOML, CSS, HTML and the like.
        Data = 11 "data",
        /// Anything else.
        Code = 12 "code",
    }
}

stored_enum! {
    /// Why a path is not indexed.
    SkipReason {
        /// A NUL byte near the beginning.
        Binary = 0 "binary",
        /// Larger than the size limit.
        TooLarge = 1 "too-large",
        /// Minified: lines too long for a reader.
        Minified = 2 "minified",
        /// Written by a program.
        Generated = 3 "generated",
        /// A name or content that holds credentials.
        Secret = 4 "secret",
        /// It could not be read; tried again each time.
        Unreadable = 5 "unreadable",
        /// A FIFO, socket or device.
        NotRegular = 6 "not-regular",
        /// A link that leads out of the root.
        OutsideRoot = 7 "outside-root",
        /// A link that leads back to itself.
        SymlinkLoop = 8 "symlink-loop",
        /// More chunks than one file may have.
        TooManyChunks = 9 "too-many-chunks",
        /// Named by an ignore rule.
        Ignored = 10 "ignored",
        /// A link to something that is indexed under its real path, or is not followed.
        Symlink = 11 "symlink",
        /// Folders nested deeper than the limit.
        TooDeep = 12 "too-deep",
        /// Any other reason; the detail says which.
        Other = 13 "other",
    }
}

/// What `stat` said of a file, compared for equality only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970, negative before.
    pub mtime_ns: i64,
    /// Status change time in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Inode number, 0 where there is none.
    pub inode: u64,
}

/// One indexed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Path relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// Taken before the bytes were read.
    pub stat: FileStat,
    /// Hash of the bytes read.
    pub hash: ContentHash,
    /// Modified so recently that an equal stat proves nothing.
    pub racy: bool,
    /// Name of the language.
    pub language: String,
    /// Not valid UTF-8.
    pub lossy: bool,
    /// What happened on the way, e.g. `parse-timeout: split by lines`.
    pub note: Option<String>,
    /// Written by a program.
    pub generated: bool,
    /// Number of lines.
    pub lines: u32,
}

/// One chunk of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Hash of the model profile's id and the text that is encoded.
    pub content: ContentHash,
    /// What it is.
    pub kind: ChunkKind,
    /// Name of the definition, may be empty.
    pub name: String,
    /// Name with its scopes.
    pub qualified_name: String,
    /// Signature, may be empty.
    pub signature: String,
    /// Doc comment, may be empty.
    pub doc: String,
    /// Qualified name of the enclosing scope, may be empty.
    pub scope: String,
    /// Byte range in the file's text.
    pub bytes: Range<u32>,
    /// First and last line, 1-based.
    pub lines: (u32, u32),
}

/// The definition of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRecord {
    /// The bare name.
    pub name: String,
    /// Name with its scopes.
    pub qualified_name: String,
    /// What it is.
    pub kind: ChunkKind,
    /// First line, 1-based.
    pub line: u32,
    /// Last line, 1-based.
    pub end_line: u32,
    /// Signature, may be empty.
    pub signature: String,
}

/// A mention of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferenceRecord {
    /// The bare name.
    pub name: String,
    /// Line, 1-based.
    pub line: u32,
}

/// A path that is not indexed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipRecord {
    /// Path relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// The reason.
    pub reason: SkipReason,
    /// The particulars, for people.
    pub detail: String,
    /// What `stat` said, where it said something.
    pub stat: Option<FileStat>,
}

/// A file on its way into the store.
#[derive(Clone, Debug)]
pub struct NewFile<'a> {
    /// The file itself.
    pub record: FileRecord,
    /// The bytes that were hashed and chunked.
    pub text: &'a [u8],
    /// Its chunks, in the order of their byte ranges.
    pub chunks: Vec<ChunkRecord>,
    /// Definitions.
    pub symbols: Vec<SymbolRecord>,
    /// Mentions of names.
    pub references: Vec<ReferenceRecord>,
}

/// One encoded content on its way into a segment.
#[derive(Clone, Copy, Debug)]
pub struct Encoding<'a> {
    /// Which content.
    pub content: ContentHash,
    /// Token matrix, `[tokens, token_dim]` row-major, L2-normalised rows; may be empty.
    pub tokens: &'a [f32],
    /// Dense vector, `[dense_dim]`, L2-normalised.
    pub dense: &'a [f32],
}

/// A file as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Its id.
    pub id: FileId,
    /// What was put in.
    pub record: FileRecord,
    /// Why the last attempt to read it failed; the entry is then the last good one.
    pub unreadable: Option<String>,
}

/// A chunk as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its id.
    pub id: ChunkId,
    /// The file it is part of.
    pub file: FileId,
    /// That file's path.
    pub path: Vec<u8>,
    /// That file's language.
    pub language: String,
    /// What was put in.
    pub record: ChunkRecord,
    /// The file was written by a program.
    pub generated: bool,
}

/// The little that a filter may ask of every chunk.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHead<'a> {
    /// The chunk.
    pub id: ChunkId,
    /// Its file.
    pub file: FileId,
    /// That file's path.
    pub path: &'a [u8],
    /// That file's language.
    pub language: &'a str,
    /// What the chunk is.
    pub kind: ChunkKind,
}

/// A definition as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRow {
    /// The file that defines it.
    pub file: FileId,
    /// That file's path.
    pub path: Vec<u8>,
    /// What was put in.
    pub record: SymbolRecord,
    /// The chunk that holds its first line.
    pub chunk: Option<ChunkId>,
}

/// One search result of one index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk: ChunkId,
    /// Higher is better; the scale is the index's own.
    pub score: f32,
}

impl Hit {
    /// The order of all result lists: best score first, ties by chunk id.
    pub fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
        b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk))
    }
}

/// How much a generation holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Indexed files.
    pub files: u64,
    /// Chunks of those files.
    pub chunks: u64,
    /// Distinct contents of those chunks.
    pub distinct: u64,
    /// Distinct contents that are encoded.
    pub encoded: u64,
    /// Definitions.
    pub symbols: u64,
    /// Mentions of names.
    pub references: u64,
    /// Bytes of the files' text.
    pub text_bytes: u64,
    /// Live segments.
    pub segments: u64,
    /// Bytes of all files of the store.
    pub store_bytes: u64,
    /// Skipped paths.
    pub skipped: u64,
    /// Files kept although the last attempt to read them failed.
    pub unreadable: u64,
}
