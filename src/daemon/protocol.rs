//! What a command and the daemon say to each other: one request, one reply, as JSON lines.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fathom_encoders::{Document, Embedding, TokenMatrix};
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::encoder;

/// Longest request.
pub const REQUEST_LIMIT: usize = 1 << 20;
/// Longest reply: the embeddings of a request's documents.
pub const REPLY_LIMIT: usize = 64 << 20;

/// Who one talks to. Different programs do not talk to each other: what they would do may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the program, and of these messages.
    pub version: String,
    /// Model profile.
    pub profile: String,
}

impl Identity {
    /// Of this program, with the model that is selected; a model that is not here is nobody's.
    pub fn ours(settings: &Settings) -> Identity {
        let profile = encoder::selected(settings);
        Identity {
            version: format!("{} protocol 3", env!("CARGO_PKG_VERSION")),
            profile: profile.map_or_else(|_| String::new(), |profile| profile.id().to_owned()),
        }
    }
}

/// A folder, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder(String);

impl From<&Path> for Folder {
    fn from(path: &Path) -> Folder {
        Folder(STANDARD.encode(path.as_os_str().as_bytes()))
    }
}

impl Folder {
    /// As a path; what is no base64 is no folder.
    pub fn path(&self) -> Option<PathBuf> {
        let bytes = STANDARD.decode(&self.0).ok()?;
        Some(OsString::from_vec(bytes).into())
    }
}

/// What may be asked. A connection begins with [`Request::Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Who asks.
    Hello {
        /// The asking program.
        identity: Identity,
    },
    /// Encode a query.
    Embed {
        /// Its text.
        query: String,
    },
    /// Encode documents, as many as there is time for.
    Encode {
        /// Model inputs.
        documents: Vec<WireDocument>,
    },
    /// Bring a repository that is watched up to date with its files as they are now.
    CatchUp {
        /// Its root.
        root: Folder,
        /// The rules it is to be indexed by, from [`rules`].
        rules: String,
        /// Wait for vectors too, as far as they are quickly made.
        encoded: bool,
        /// Wait for all of them.
        wait: bool,
    },
    /// Watch a repository from now on.
    Watch {
        /// Its root.
        root: Folder,
    },
    /// Tell how everything is.
    Status,
    /// End.
    Stop,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Hello`].
    Hello {
        /// The daemon's program.
        identity: Identity,
        /// Its process.
        pid: u32,
    },
    /// Of the first texts, at least one: as many as there was time for.
    Embeddings {
        /// In the order of the request.
        embeddings: Vec<WireEmbedding>,
    },
    /// The repository's words are those of its files.
    CaughtUp,
    /// The daemon does not do that: the command does it itself.
    NotHere,
    /// Done.
    Done,
    /// How everything is.
    Status {
        /// All of it.
        status: DaemonStatus,
    },
    /// It did not work.
    Failed {
        /// What, where, why and what to do.
        message: String,
    },
}

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its process.
    pub pid: u32,
    /// Seconds since it began.
    pub up_seconds: u64,
    /// Memory that it takes, in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Open connections, this one included.
    pub connections: usize,
    /// Requests answered.
    pub requests: u64,
    /// Repositories by root.
    pub repositories: Vec<RepositoryStatus>,
}

/// How a repository that is watched is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryStatus {
    /// Its root.
    pub root: String,
    /// `starting`, `fresh`, `changing`, `encoding`, `waiting` or `failing`.
    pub state: String,
    /// How changes are noticed.
    pub watching: String,
    /// Generation of its index.
    pub generation: u64,
    /// Files in it.
    pub files: u64,
    /// Chunks that are not encoded yet.
    pub queue: u64,
    /// Share of the chunks that are encoded.
    pub coverage: f32,
    /// Seconds since the index was last compared with the files.
    pub looked_seconds_ago: Option<u64>,
    /// Times that the files were looked at.
    pub looks: u64,
    /// Times that something failed.
    pub errors: u64,
    /// The last failure.
    pub last_error: Option<String>,
}

/// A model input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireDocument {
    ids: Vec<u32>,
    /// Those for a second model; empty if there is none.
    dense_ids: Vec<u32>,
    /// For the model of docs.
    docs: bool,
}

impl From<&Document> for WireDocument {
    fn from(document: &Document) -> WireDocument {
        WireDocument {
            ids: document.ids.clone(),
            dense_ids: document.dense_ids.clone(),
            docs: document.docs,
        }
    }
}

impl From<WireDocument> for Document {
    fn from(wire: WireDocument) -> Document {
        Document {
            ids: wire.ids,
            dense_ids: wire.dense_ids,
            cut: 0,
            docs: wire.docs,
        }
    }
}

/// An embedding, exactly: little-endian `f32` in base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireEmbedding {
    dim: usize,
    tokens: String,
    dense: String,
    docs: Option<Box<WireEmbedding>>,
}

impl From<&Embedding> for WireEmbedding {
    fn from(embedding: &Embedding) -> WireEmbedding {
        WireEmbedding {
            dim: embedding.tokens.dim(),
            tokens: encode(embedding.tokens.as_slice()),
            dense: encode(&embedding.dense),
            docs: embedding.docs.as_deref().map(|docs| Box::new(docs.into())),
        }
    }
}

impl WireEmbedding {
    /// As it was; `None` if that is not what was sent.
    pub fn embedding(&self) -> Option<Embedding> {
        Some(Embedding {
            tokens: TokenMatrix::new(self.dim, decode(&self.tokens)?),
            dense: decode(&self.dense)?,
            docs: match &self.docs {
                Some(docs) => Some(Box::new(docs.embedding()?)),
                None => None,
            },
        })
    }
}

fn encode(values: &[f32]) -> String {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (values, []) = bytes.as_chunks::<4>() else {
        return None;
    };
    Some(
        values
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect(),
    )
}

/// A name for the rules that say what of a repository is indexed.
pub fn rules(settings: &Settings) -> String {
    let rules = format!("{} {:?}", settings.max_file_bytes, settings.ignore);
    blake3::hash(rules.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn embeddings_and_folders_travel_exactly() {
        let values = vec![0.1, -0.0, f32::MIN_POSITIVE, 1.0 / 3.0, 1e-42, -1.5];
        let of_code = Embedding::new(TokenMatrix::new(2, values.clone()), values.clone());
        let of_docs = Embedding::new(TokenMatrix::new(3, values), Vec::new());
        let embedding = Embedding {
            docs: Some(Box::new(of_docs)),
            ..of_code
        };
        let json = serde_json::to_string(&WireEmbedding::from(&embedding)).unwrap();
        let back: WireEmbedding = serde_json::from_str(&json).unwrap();
        assert_eq!(back.embedding(), Some(embedding));
        let path = PathBuf::from(OsString::from_vec(b"/not\xffutf8\n".to_vec()));
        assert_eq!(Folder::from(path.as_path()).path(), Some(path));
        let broken = WireEmbedding {
            tokens: "AAA=".into(),
            ..back
        };
        assert_eq!(broken.embedding(), None);
    }
}
