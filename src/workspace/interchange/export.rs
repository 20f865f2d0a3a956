//! From a generation to an index in the shared layout.

use std::path::Path;

use fathom_indexes::plaid::npy::NpyWriter;
use fathom_indexes::plaid::{Exported, Exporter};
use fathom_indexes::{ChunkRow, CodedContent, Snapshot, StoreError};

use super::sidecar::{self, Document, Origin, Place};
use crate::workspace::{Workspace, WorkspaceError};

/// What was exported.
#[derive(Clone, Copy, Debug)]
pub struct ExportReport {
    /// Distinct contents; each is a document.
    pub documents: usize,
    /// Their token vectors.
    pub tokens: usize,
    /// Distinct contents that are not encoded yet, and therefore left out.
    pub left_out: usize,
}

impl Workspace {
    /// Writes the encodings of the current generation as an index that PyLate, fast-plaid and
    /// next-plaid can open, into a folder that is empty or does not exist.
    pub fn export(&self, target: &Path) -> Result<ExportReport, WorkspaceError> {
        let snapshot = self.snapshot()?;
        let contents = snapshot.coded_contents()?;
        let codebook = snapshot.coded_with().ok_or_else(|| StoreError::NotCoded {
            path: self.store_dir().to_owned(),
        })?;
        let mut exporter = Exporter::create(target, codebook)?;
        for content in &contents {
            exporter.add(content.centroids, content.residuals, content.norms)?;
        }
        let dir = exporter.folder();
        Origin::new(self.profile().id()).write(dir)?;
        sidecar::write_codebook(dir, codebook)?;
        write_dense(dir, self.profile().dense_dim(), &contents)?;
        sidecar::write_documents(dir, documents(&snapshot, &contents)?.into_iter())?;
        let Exported { documents, tokens } = exporter.finish()?;
        Ok(ExportReport {
            documents,
            tokens,
            left_out: snapshot.counts().distinct as usize - documents,
        })
    }
}

fn write_dense(
    dir: &Path,
    dim: usize,
    contents: &[CodedContent<'_>],
) -> Result<(), WorkspaceError> {
    let mut vectors = NpyWriter::<f32>::create(&dir.join(sidecar::DENSE), Some(dim))?;
    for content in contents {
        vectors.write(&content.dense)?;
    }
    Ok(vectors.finish()?)
}

fn documents(
    snapshot: &Snapshot,
    contents: &[CodedContent<'_>],
) -> Result<Vec<Document>, WorkspaceError> {
    let mut documents = Vec::with_capacity(contents.len());
    for (document, content) in contents.iter().enumerate() {
        let rows: Vec<ChunkRow> = snapshot.chunks(&content.chunks)?;
        documents.push(Document {
            document,
            content: content.content.to_string(),
            chunks: rows.iter().map(Place::new).collect(),
        });
    }
    Ok(documents)
}
