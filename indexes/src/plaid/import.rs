//! Reading an index of the shared layout, whoever wrote it.

use std::path::{Path, PathBuf};

use super::PlaidError;
use super::layout::{self, ChunkFiles, ChunkMetadata, Metadata};
use super::npy::NpyReader;
use crate::codebook::{Bits, Codebook, MOST_CENTROIDS};
use crate::late::{CodedSet, OwnedPostings, postings_of};

/// Rows that are converted at once.
const BLOCK: usize = 1 << 16;

/// An index of the shared layout whose codebook was read.
#[derive(Debug)]
pub struct PlaidIndex {
    dir: PathBuf,
    metadata: Metadata,
    codebook: Codebook,
    /// Whether the codebook knows the range of lengths.
    fitted: bool,
}

/// The documents of an index, coded as [`Codebook::encode`] does it.
#[derive(Clone, Debug)]
pub struct CodedDocuments {
    /// What they are coded with.
    pub codebook: Codebook,
    /// First token of each document and the end of the last.
    pub offsets: Vec<u32>,
    /// Centroid of each token.
    pub centroids: Vec<u16>,
    /// Residual rows.
    pub residuals: Vec<u8>,
    /// Lengths as stored.
    pub norms: Vec<u8>,
    /// Documents by centroid, made anew from the codes.
    pub postings: OwnedPostings,
}

impl PlaidIndex {
    /// Reads the metadata and the codebook of an index in `dir`.
    ///
    /// # Errors
    /// If it is not such an index, or one of signs only, or one with more centroids than 16 bits
    /// can tell apart.
    pub fn open(dir: &Path) -> Result<PlaidIndex, PlaidError> {
        let metadata: Metadata = layout::read_json(&dir.join(layout::METADATA))?;
        let unsupported = |problem: String| Err(PlaidError::unsupported(dir, problem));
        if metadata.binary {
            return unsupported(
                "it holds signs instead of residuals; create it with `nbits`".into(),
            );
        }
        let Some(bits) = Bits::from_count(metadata.nbits) else {
            return unsupported(format!("it has {} bits, not 1, 2, 4 or 8", metadata.nbits));
        };
        let mut centroids = NpyReader::open(&dir.join(layout::CENTROIDS))?;
        let dim = centroids.columns();
        centroids.expect(None, Some(dim))?;
        if centroids.rows() > MOST_CENTROIDS {
            return unsupported(format!(
                "it has {} centroids, more than {MOST_CENTROIDS}; create it with fewer partitions",
                centroids.rows()
            ));
        }
        if centroids.rows() != metadata.num_partitions {
            return Err(centroids.invalid(format!(
                "{} centroids, {} in `{}`",
                centroids.rows(),
                metadata.num_partitions,
                layout::METADATA
            )));
        }
        let codebook = Codebook::from_parts(
            dim,
            bits,
            &centroids.floats(MOST_CENTROIDS)?,
            &list(&dir.join(layout::CUTOFFS), bits.levels() - 1)?,
            &list(&dir.join(layout::VALUES), bits.levels())?,
        )
        .map_err(|problem| PlaidError::unsupported(dir, problem))?;
        Ok(PlaidIndex {
            dir: dir.to_path_buf(),
            metadata,
            codebook,
            fitted: false,
        })
    }

    /// Takes the codebook that the index was exported with: the same numbers before they were
    /// rounded to floats and back.
    ///
    /// # Errors
    /// If it has another shape.
    pub fn with_codebook(mut self, codebook: Codebook) -> Result<PlaidIndex, PlaidError> {
        let shape = |codebook: &Codebook| (codebook.len(), codebook.dim(), codebook.bits());
        if shape(&codebook) != shape(&self.codebook) {
            let problem = "its codebook is not the one that its codes are of";
            return Err(PlaidError::unsupported(&self.dir, problem));
        }
        self.codebook = codebook;
        self.fitted = true;
        Ok(self)
    }

    /// Reads all documents. Each file is compared with the others before it is believed.
    pub fn documents(&self) -> Result<CodedDocuments, PlaidError> {
        let mut all = CodedDocuments {
            codebook: self.codebook.clone(),
            offsets: vec![0],
            centroids: Vec::new(),
            residuals: Vec::new(),
            norms: Vec::new(),
            postings: OwnedPostings::default(),
        };
        for chunk in 0..self.metadata.num_chunks {
            self.read_chunk(chunk, &mut all)?;
        }
        let path = self.dir.join(layout::METADATA);
        let counts = [
            ("tokens", all.centroids.len(), self.metadata.num_embeddings),
            ("documents", all.len(), self.metadata.num_documents),
        ];
        for (what, found, told) in counts {
            // Older writers do not tell the number of documents.
            if found != told && !(what == "documents" && told == 0) {
                let problem = format!("{told} {what}, {found} in the chunks");
                return Err(PlaidError::invalid(&path, problem));
            }
        }
        all.code_norms(!self.fitted)
            .map_err(|problem| PlaidError::unsupported(&self.dir, problem))?;
        all.postings = postings_of(&all.offsets, &all.centroids);
        Ok(all)
    }

    fn read_chunk(&self, chunk: usize, all: &mut CodedDocuments) -> Result<(), PlaidError> {
        let files = ChunkFiles::new(&self.dir, chunk);
        let metadata: ChunkMetadata = layout::read_json(&files.metadata)?;
        let lengths: Vec<u32> = layout::read_json(&files.lengths)?;
        let tokens: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        if (lengths.len(), tokens) != (metadata.num_documents, metadata.num_embeddings as u64) {
            let problem = format!(
                "{} documents of {tokens} tokens, {} of {} in its metadata",
                lengths.len(),
                metadata.num_documents,
                metadata.num_embeddings
            );
            return Err(PlaidError::invalid(&files.lengths, problem));
        }
        let mut end = all.centroids.len() as u64;
        for length in lengths {
            end += u64::from(length);
            let end = u32::try_from(end).map_err(|_| {
                PlaidError::unsupported(&self.dir, "it has more than 4,294,967,295 tokens")
            })?;
            all.offsets.push(end);
        }
        self.read_codes(&files.codes, metadata.num_embeddings, all)?;
        self.read_residuals(&files.residuals, metadata.num_embeddings, all)
    }

    fn read_codes(
        &self,
        path: &Path,
        rows: usize,
        all: &mut CodedDocuments,
    ) -> Result<(), PlaidError> {
        let mut codes = NpyReader::open(path)?;
        codes.expect(Some(rows), None)?;
        all.centroids.reserve(rows);
        loop {
            let block = codes.integers(BLOCK)?;
            if block.is_empty() {
                return Ok(());
            }
            for code in block {
                let centroid = u16::try_from(code).ok();
                let centroid = centroid.filter(|&at| usize::from(at) < self.codebook.len());
                all.centroids.push(
                    centroid
                        .ok_or_else(|| codes.invalid(format!("there is no centroid {code}")))?,
                );
            }
        }
    }

    fn read_residuals(
        &self,
        path: &Path,
        rows: usize,
        all: &mut CodedDocuments,
    ) -> Result<(), PlaidError> {
        let mut residuals = NpyReader::open(path)?;
        residuals.expect(Some(rows), Some(self.codebook.row_bytes()))?;
        all.residuals.reserve(rows * self.codebook.row_bytes());
        loop {
            let block = residuals.bytes(BLOCK)?;
            if block.is_empty() {
                return Ok(());
            }
            all.residuals
                .extend(block.iter().map(|byte| byte.reverse_bits()));
        }
    }

    /// Compares the stored documents by centroid with what the codes say.
    ///
    /// # Errors
    /// [`PlaidError::Invalid`] if they differ: searches by the program that wrote them would miss
    /// documents or fail. Nothing here reads them.
    pub fn check_postings(&self, documents: &CodedDocuments) -> Result<(), PlaidError> {
        let mut lengths = NpyReader::open(&self.dir.join(layout::IVF_LENGTHS))?;
        lengths.expect(Some(self.codebook.len()), None)?;
        let mut ivf = NpyReader::open(&self.dir.join(layout::IVF))?;
        let postings = documents.postings.as_ref();
        for centroid in 0..self.codebook.len() as u32 {
            let expected = postings.of(centroid as u16);
            let length = lengths.integers(1)?[0];
            let stored = ivf.integers(expected.len())?;
            let same = stored.iter().zip(expected);
            if length != expected.len() as i64
                || stored.len() != expected.len()
                || !same
                    .into_iter()
                    .all(|(&stored, &document)| stored == i64::from(document))
            {
                let problem =
                    format!("documents of centroid {centroid} are not those of its codes");
                return Err(ivf.invalid(problem));
            }
        }
        match ivf.integers(1)?.is_empty() {
            true => Ok(()),
            false => Err(ivf.invalid("more documents than the codes have")),
        }
    }
}

impl CodedDocuments {
    /// What [`crate::late::search`] takes.
    pub fn as_set(&self) -> CodedSet<'_> {
        CodedSet {
            offsets: &self.offsets,
            centroids: &self.centroids,
            residuals: &self.residuals,
            norms: &self.norms,
            postings: self.postings.as_ref(),
        }
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Centroids, residual rows and lengths of one document.
    pub fn get(&self, document: usize) -> (&[u16], &[u8], &[u8]) {
        let rows = self.offsets[document] as usize..self.offsets[document + 1] as usize;
        let bytes = self.codebook.row_bytes();
        let residuals = rows.start * bytes..rows.end * bytes;
        (
            &self.centroids[rows.clone()],
            &self.residuals[residuals],
            &self.norms[rows],
        )
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores lengths; `fit` first fits what they stand for to these documents.
    fn code_norms(&mut self, fit: bool) -> Result<(), String> {
        let lengths = self.codebook.lengths(&self.centroids, &self.residuals);
        if fit {
            let norms = lengths.iter().map(|length| length.recip());
            // Vectors of about length 1 were coded; what is far from it codes nothing.
            let usual = norms.filter(|norm| (0.1..10.0).contains(norm));
            let (low, high) = usual.fold((f32::MAX, f32::MIN), |(low, high), norm| {
                (low.min(norm), high.max(norm))
            });
            if low < high {
                self.codebook = self.codebook.clone().with_norms(low..=high)?;
            }
        }
        self.norms = self.codebook.norm_codes(&lengths);
        Ok(())
    }
}

/// A short one-dimensional array of floats.
fn list(path: &Path, length: usize) -> Result<Vec<f32>, PlaidError> {
    let mut array = NpyReader::open(path)?;
    array.expect(Some(length), None)?;
    array.floats(length)
}
