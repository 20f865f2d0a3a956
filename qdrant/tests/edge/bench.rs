//! A store of made-up vectors, and its copy.

use std::time::Duration;

use fathom::qdrant::{Remote, SyncReport};
use fathom_encoders::{Embedding, Profile, TokenMatrix};
use fathom_indexes::codebook::Codebook;
use fathom_indexes::{
    ChunkKind, ChunkRecord, Collection, ContentHash, Encoding, FileRecord, FileStat, NewFile,
    Store, StoreOptions,
};
use fathom_qdrant_tests::Server;
use fathom_retriever::{Filter, VectorQuery};

use crate::alike::alike;
use crate::servers::{Scratch, key, server};

/// Chunks of a file.
pub const CHUNKS: usize = 3;
/// Text of every file; nothing here reads it.
const TEXT: &[u8] = b"abc";

pub struct Bench {
    pub store: Store,
    pub remote: Remote,
    pub profile: Profile,
    _collection: Scratch,
    _dir: tempfile::TempDir,
    _server: Option<Server>,
}

pub fn fixture(name: &str) -> Profile {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    Profile::open(&folder.join("../encoders/tests/fixtures").join(name)).unwrap()
}

pub fn options(profile: &Profile) -> StoreOptions {
    let codebook = profile.codebook_bytes().unwrap();
    StoreOptions {
        profile_id: profile.id().to_owned(),
        token_dim: profile.token_dim(),
        dense_dim: profile.dense_dim(),
        codebook: codebook.map(|bytes| Codebook::from_bytes(&bytes).unwrap().into()),
    }
}

impl Bench {
    pub fn new(profile: Profile) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let main = options(profile.code());
        let store = match profile.docs() {
            None => Store::open(dir.path(), &main),
            Some(docs) => Store::open_both(dir.path(), &main, &options(docs)),
        };
        let (address, _server) = server();
        let collection = Scratch::new(&address);
        Bench {
            store: store.unwrap(),
            remote: Remote::new(&collection.url(), key(), &profile).unwrap(),
            profile,
            _collection: collection,
            _dir: dir,
            _server,
        }
    }

    /// Puts files, encodes what is new.
    pub fn put(&self, paths: &[String]) {
        let mut writer = self.store.writer(Duration::ZERO).unwrap();
        let mut update = writer.begin().unwrap();
        for path in paths {
            update.put_file(&file(path)).unwrap();
        }
        update.commit().unwrap();
        let missing = writer.missing().unwrap();
        let rows = writer.snapshot().unwrap().chunks(&missing).unwrap();
        for collection in Collection::ALL {
            let is_of = |kind| match self.profile.docs() {
                None => collection == Collection::Main,
                Some(_) => Collection::of(kind) == collection,
            };
            let of = rows.iter().filter(|row| is_of(row.record.kind));
            let made: Vec<(ContentHash, Embedding)> = of
                .map(|row| {
                    let content = row.record.content;
                    (content, self.vectors(collection, &content.0, 12))
                })
                .collect();
            let batch: Vec<Encoding<'_>> = made
                .iter()
                .map(|(content, embedding)| Encoding {
                    content: *content,
                    tokens: embedding.tokens.as_slice(),
                    dense: &embedding.dense,
                })
                .collect();
            if !batch.is_empty() {
                let prepared = self.store.prepare(collection, &batch).unwrap();
                writer.add_prepared(&prepared).unwrap();
            }
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut fathom_indexes::Update<'_>)) {
        let mut writer = self.store.writer(Duration::ZERO).unwrap();
        let mut update = writer.begin().unwrap();
        change(&mut update);
        update.commit().unwrap();
    }

    /// Made-up vectors that follow from a seed.
    pub fn vectors(&self, collection: Collection, seed: &[u8], tokens: usize) -> Embedding {
        let profile = match collection {
            Collection::Main => self.profile.code(),
            Collection::Docs => self.profile.docs().unwrap_or(&self.profile),
        };
        let (dim, dense) = (profile.token_dim(), profile.dense_dim());
        let rows = (0..tokens).flat_map(|row| unit(seed, row, dim));
        Embedding::new(TokenMatrix::new(dim, rows.collect()), unit(seed, 99, dense))
    }

    pub fn sync(&self) -> SyncReport {
        let snapshot = self.store.snapshot().unwrap();
        self.remote.sync(&snapshot, &|_, _| ()).unwrap()
    }

    /// Both sides find the same, with and without filters.
    #[track_caller]
    pub fn assert_alike(&self) {
        let snapshot = self.store.snapshot().unwrap();
        let remote = self.remote.vectors(&snapshot).unwrap();
        let filters = [
            Filter::default(),
            Filter {
                languages: vec!["Rust".into()],
                ..Filter::default()
            },
            Filter {
                kinds: vec![ChunkKind::Type, ChunkKind::Section],
                ..Filter::default()
            },
            Filter {
                under: Some(b"src/deep".to_vec()),
                ..Filter::default()
            },
            Filter {
                globs: vec!["*7.*".into()],
                ..Filter::default()
            },
            Filter {
                languages: vec!["python".into(), "markdown".into()],
                under: Some(b"tools".to_vec()),
                ..Filter::default()
            },
            Filter {
                under: Some(b"nowhere".to_vec()),
                ..Filter::default()
            },
        ];
        for (at, filter) in filters.iter().enumerate() {
            let matcher = fathom_retriever::filter::Matcher::new(filter).unwrap();
            let within =
                (!matcher.is_open()).then(|| snapshot.select(&|head| matcher.keeps(head)).unwrap());
            for seed in 0..4u8 {
                for collection in Collection::ALL {
                    if collection == Collection::Docs && !snapshot.has_docs() {
                        continue;
                    }
                    let embedding = self.vectors(collection, &[seed, 77], 6);
                    let query = VectorQuery {
                        collection,
                        embedding: &embedding,
                        within: within.as_ref(),
                        filter,
                    };
                    let what = format!("filter {at}, seed {seed}, {collection:?}");
                    alike(&snapshot, &remote, &query, &what);
                }
            }
        }
    }
}

pub fn rand(seed: impl std::hash::Hash) -> usize {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    hasher.finish() as usize
}

pub fn unit(seed: &[u8], row: usize, dim: usize) -> Vec<f32> {
    let value = |at: usize| (rand((seed, row, at)) % 2001) as f32 / 1000.0 - 1.0;
    let mut vector: Vec<f32> = (0..dim).map(value).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

/// A file of three chunks that follow from its name alone, wherever it is.
pub fn file(path: &str) -> NewFile<'static> {
    let name = path.rsplit('/').next().unwrap();
    let is_docs = name.ends_with(".md");
    let kinds = match is_docs {
        true => [ChunkKind::Section; CHUNKS],
        false => [ChunkKind::Function, ChunkKind::Type, ChunkKind::Test],
    };
    let chunks = kinds.iter().zip(0u32..).map(|(&kind, at)| ChunkRecord {
        content: ContentHash::of(format!("{name} {at}").as_bytes()),
        kind,
        name: String::new(),
        qualified_name: String::new(),
        signature: String::new(),
        doc: String::new(),
        scope: String::new(),
        bytes: at..at + 1,
        lines: (at + 1, at + 1),
    });
    NewFile {
        record: FileRecord {
            path: path.as_bytes().to_vec(),
            stat: FileStat::default(),
            hash: ContentHash::of(TEXT),
            racy: false,
            language: match name.rsplit('.').next() {
                Some("rs") => "rust",
                Some("py") => "python",
                _ => "markdown",
            }
            .into(),
            lossy: false,
            note: None,
            generated: false,
            lines: CHUNKS as u32,
        },
        text: TEXT,
        chunks: chunks.collect(),
        symbols: Vec::new(),
        references: Vec::new(),
    }
}

pub fn paths(range: std::ops::Range<usize>) -> Vec<String> {
    let path = |n: usize| match n % 4 {
        0 => format!("src/a{n}.rs"),
        1 => format!("src/deep/b{n}.rs"),
        2 => format!("tools/c{n}.py"),
        _ => format!("docs/d{n}.md"),
    };
    range.map(path).collect()
}
