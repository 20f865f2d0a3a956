//! Names and JSON files of the layout.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::PlaidError;

pub(super) const METADATA: &str = "metadata.json";
pub(super) const PLAN: &str = "plan.json";
pub(super) const CENTROIDS: &str = "centroids.npy";
pub(super) const CUTOFFS: &str = "bucket_cutoffs.npy";
pub(super) const VALUES: &str = "bucket_weights.npy";
pub(super) const MEAN_RESIDUAL: &str = "avg_residual.npy";
pub(super) const THRESHOLD: &str = "cluster_threshold.npy";
pub(super) const IVF: &str = "ivf.npy";
pub(super) const IVF_LENGTHS: &str = "ivf_lengths.npy";

/// `metadata.json`. Older writers leave out what has a default here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Metadata {
    pub num_chunks: usize,
    pub nbits: usize,
    pub num_partitions: usize,
    pub num_embeddings: usize,
    #[serde(default)]
    pub avg_doclen: f64,
    #[serde(default)]
    pub num_documents: usize,
    #[serde(default)]
    pub embedding_dim: usize,
    #[serde(default)]
    pub next_plaid_compatible: bool,
    #[serde(default)]
    pub binary: bool,
}

/// `plan.json`.
#[derive(Serialize)]
pub(super) struct Plan {
    pub nbits: usize,
    pub num_chunks: usize,
}

/// `<chunk>.metadata.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct ChunkMetadata {
    pub num_documents: usize,
    pub num_embeddings: usize,
    #[serde(default)]
    pub embedding_offset: usize,
}

/// The files of one chunk: some documents with all their tokens.
pub(super) struct ChunkFiles {
    pub metadata: PathBuf,
    pub lengths: PathBuf,
    pub codes: PathBuf,
    pub residuals: PathBuf,
    pub norms: PathBuf,
}

impl ChunkFiles {
    pub fn new(dir: &Path, chunk: usize) -> ChunkFiles {
        ChunkFiles {
            metadata: dir.join(format!("{chunk}.metadata.json")),
            lengths: dir.join(format!("doclens.{chunk}.json")),
            codes: dir.join(format!("{chunk}.codes.npy")),
            residuals: dir.join(format!("{chunk}.residuals.npy")),
            norms: dir.join(format!("{chunk}.inv_norms.npy")),
        }
    }
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, PlaidError> {
    let file = File::open(path).map_err(|e| PlaidError::io("open", path, e))?;
    serde_json::from_reader(BufReader::new(file))
        .map_err(|e| PlaidError::invalid(path, e.to_string()))
}

pub(super) fn write_json<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<(), PlaidError> {
    let write = || {
        let mut out = BufWriter::new(File::create_new(path)?);
        serde_json::to_writer(&mut out, value)?;
        out.write_all(b"\n")?;
        out.flush()?;
        out.get_ref().sync_all()
    };
    write().map_err(|e| PlaidError::io("write", path, e))
}
