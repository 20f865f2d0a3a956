//! From an index in the shared layout to the encodings of a repository.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fathom_indexes::plaid::npy::NpyReader;
use fathom_indexes::plaid::{CodedDocuments, PlaidError, PlaidIndex};
use fathom_indexes::{CodedEncoding, ContentHash, Encoding, Writer};

use super::sidecar::{self, Origin};
use crate::workspace::{Workspace, WorkspaceError};

/// Documents that become one segment.
const BATCH: usize = 4096;

/// Why an index cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Another program wrote it, and its documents have no names.
    #[error(
        "`{}` has no `{}`, so nothing tells which code its documents are; read it and search it by number with `--check`",
        path.display(),
        sidecar::ORIGIN
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Another model made it.
    #[error(
        "`{}` was made with model profile `{found}`, not `{wanted}`; import it where that profile is used",
        path.display()
    )]
    Profile {
        /// The folder.
        path: PathBuf,
        /// The profile that made it.
        found: String,
        /// The profile of this index.
        wanted: String,
    },
    /// The parts of the index do not fit each other.
    #[error(transparent)]
    Plaid(#[from] PlaidError),
}

/// What was imported.
#[derive(Clone, Copy, Debug)]
pub struct ImportReport {
    /// Documents of the index.
    pub documents: usize,
    /// Distinct contents of the repository that it had encodings for.
    pub imported: usize,
    /// Distinct contents that are still not encoded.
    pub left: usize,
}

impl Workspace {
    /// Takes over the encodings of an exported index for all contents of this repository that
    /// have none. The repository's words must be up to date ([`Workspace::refresh`]).
    pub fn import(&self, dir: &Path, patience: Duration) -> Result<ImportReport, WorkspaceError> {
        let imported = Imported::read(dir, self)?;
        let snapshot = self.snapshot()?;
        let (before, known) = (snapshot.counts(), snapshot.codebook());
        drop(snapshot);
        let mut writer = self.store().writer(patience)?;
        for batch in (0..imported.hashes.len()).collect::<Vec<_>>().chunks(BATCH) {
            imported.add(&mut writer, known, batch)?;
        }
        writer.maintain()?;
        let after = self.snapshot()?.counts();
        Ok(ImportReport {
            documents: imported.hashes.len(),
            imported: (after.encoded - before.encoded) as usize,
            left: (after.distinct - after.encoded) as usize,
        })
    }
}

/// An exported index, read and compared with itself.
struct Imported {
    coded: CodedDocuments,
    codebook: ContentHash,
    hashes: Vec<ContentHash>,
    dense: Vec<f32>,
    dense_dim: usize,
}

impl Imported {
    fn read(dir: &Path, workspace: &Workspace) -> Result<Imported, ImportError> {
        let origin = Origin::read(dir)?.ok_or_else(|| ImportError::Foreign {
            path: dir.to_owned(),
        })?;
        let wanted = workspace.profile().id();
        if origin.profile != wanted {
            return Err(ImportError::Profile {
                path: dir.to_owned(),
                found: origin.profile,
                wanted: wanted.to_owned(),
            });
        }
        let index = PlaidIndex::open(dir)?.with_codebook(sidecar::read_codebook(dir)?)?;
        let coded = index.documents()?;
        let dense_dim = workspace.profile().dense_dim();
        let mut dense = NpyReader::open(&dir.join(sidecar::DENSE))?;
        dense.expect(Some(coded.len()), Some(dense_dim))?;
        Ok(Imported {
            hashes: hashes(dir, coded.len())?,
            codebook: coded.codebook.id(),
            dense: dense.floats(coded.len())?,
            coded,
            dense_dim,
        })
    }

    fn add(
        &self,
        writer: &mut Writer,
        known: Option<ContentHash>,
        documents: &[usize],
    ) -> Result<(), WorkspaceError> {
        if known == Some(self.codebook) {
            let batch: Vec<_> = documents.iter().map(|&at| self.coded(at)).collect();
            return Ok(writer.add_coded(self.codebook, &batch)?);
        }
        // Coded with another codebook than this index has: decoded, and coded again.
        let vectors: Vec<Vec<f32>> = documents.iter().map(|&at| self.decoded(at)).collect();
        let batch: Vec<Encoding<'_>> = documents
            .iter()
            .zip(&vectors)
            .map(|(&at, tokens)| Encoding {
                content: self.hashes[at],
                tokens,
                dense: self.dense(at),
            })
            .collect();
        Ok(writer.add_encodings(&batch)?)
    }

    fn coded(&self, at: usize) -> CodedEncoding<'_> {
        let (centroids, residuals, norms) = self.coded.get(at);
        CodedEncoding {
            content: self.hashes[at],
            centroids,
            residuals,
            norms,
            dense: self.dense(at),
        }
    }

    fn decoded(&self, at: usize) -> Vec<f32> {
        let (centroids, residuals, norms) = self.coded.get(at);
        self.coded.codebook.decode(centroids, residuals, norms)
    }

    fn dense(&self, at: usize) -> &[f32] {
        &self.dense[at * self.dense_dim..(at + 1) * self.dense_dim]
    }
}

/// The content of each document.
fn hashes(dir: &Path, documents: usize) -> Result<Vec<ContentHash>, PlaidError> {
    let path = dir.join(sidecar::DOCUMENTS);
    let lines = sidecar::read_documents(dir)?;
    if lines.len() != documents {
        let problem = format!("{} documents, {documents} in the index", lines.len());
        return Err(PlaidError::invalid(&path, problem));
    }
    let hash = |line: &sidecar::Document| {
        line.hash().ok_or_else(|| {
            let problem = format!("line {}: `content` is not a hash", line.document + 1);
            PlaidError::invalid(&path, problem)
        })
    };
    lines.iter().map(hash).collect()
}
