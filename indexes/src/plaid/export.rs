//! Writing coded documents as an index of the shared layout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::PlaidError;
use super::layout::{self, ChunkFiles, ChunkMetadata, Metadata, Plan};
use super::npy::{self, NpyWriter};
use crate::codebook::Codebook;

/// Documents in one chunk, as fast-plaid has it.
const CHUNK: usize = 25_000;

/// Of so many tokens one counts for the mean residual.
const SAMPLED: usize = 16;

/// An index that is being written, next to where it will appear. Dropped before
/// [`Exporter::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct Exporter<'c> {
    target: PathBuf,
    part: PathBuf,
    codebook: &'c Codebook,
    chunk: Option<Chunk>,
    chunks: usize,
    tokens: usize,
    postings: Postings,
    residuals: MeanResidual,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Number of documents.
    pub documents: usize,
    /// Number of their tokens.
    pub tokens: usize,
}

impl<'c> Exporter<'c> {
    /// Begins an index that will appear as the folder `target`, which must be empty or not exist.
    pub fn create(target: &Path, codebook: &'c Codebook) -> Result<Exporter<'c>, PlaidError> {
        refuse_occupied(target)?;
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        fs::create_dir(&part).map_err(|e| PlaidError::io("create", &part, e))?;
        Ok(Exporter {
            target: target.to_path_buf(),
            part,
            codebook,
            chunk: None,
            chunks: 0,
            tokens: 0,
            postings: Postings::default(),
            residuals: MeanResidual::new(codebook),
        })
    }

    /// Where further files that belong to the index may be written.
    pub fn folder(&self) -> &Path {
        &self.part
    }

    /// Adds the next document: the centroid of each token, residual rows and lengths as
    /// [`Codebook::encode`] gives them.
    pub fn add(
        &mut self,
        centroids: &[u16],
        residuals: &[u8],
        norms: &[u8],
    ) -> Result<(), PlaidError> {
        let chunk = match &mut self.chunk {
            Some(chunk) => chunk,
            none => none.insert(Chunk::create(
                &self.part,
                self.chunks,
                self.tokens,
                self.codebook.row_bytes(),
            )?),
        };
        chunk.add(self.codebook, centroids, residuals, norms)?;
        let full = chunk.lengths.len() == CHUNK;
        let rows = residuals.chunks_exact(self.codebook.row_bytes());
        for (_, residual) in (self.tokens..)
            .zip(rows)
            .filter(|(token, _)| token.is_multiple_of(SAMPLED))
        {
            self.residuals.add(self.codebook, residual);
        }
        self.tokens += centroids.len();
        self.postings.add(centroids);
        if full { self.end_chunk() } else { Ok(()) }
    }

    /// Completes the index and puts it in its place.
    pub fn finish(mut self) -> Result<Exported, PlaidError> {
        self.end_chunk()?;
        self.write_codebook()?;
        self.postings.write(&self.part, self.codebook.len())?;
        self.residuals.write(&self.part)?;
        let documents = self.postings.documents();
        let plan = Plan {
            nbits: self.codebook.bits().count(),
            num_chunks: self.chunks,
        };
        layout::write_json(&self.part.join(layout::PLAN), &plan)?;
        let metadata = Metadata {
            num_chunks: self.chunks,
            nbits: self.codebook.bits().count(),
            num_partitions: self.codebook.len(),
            num_embeddings: self.tokens,
            avg_doclen: self.tokens as f64 / documents.max(1) as f64,
            num_documents: documents,
            embedding_dim: self.codebook.dim(),
            next_plaid_compatible: true,
            binary: false,
        };
        layout::write_json(&self.part.join(layout::METADATA), &metadata)?;
        fs::rename(&self.part, &self.target)
            .map_err(|e| PlaidError::io("create", &self.target, e))?;
        Ok(Exported {
            documents,
            tokens: self.tokens,
        })
    }

    fn end_chunk(&mut self) -> Result<(), PlaidError> {
        if let Some(chunk) = self.chunk.take() {
            self.chunks += 1;
            chunk.finish(self.tokens)?;
        }
        Ok(())
    }

    fn write_codebook(&self) -> Result<(), PlaidError> {
        let dim = self.codebook.dim();
        let centroids = self.codebook.centroids();
        let mut floats = Vec::with_capacity(centroids.codes.len());
        for (row, scale) in centroids.codes.chunks_exact(dim).zip(centroids.scales) {
            floats.extend(row.iter().map(|&code| f32::from(code) * scale));
        }
        npy::write(&self.part.join(layout::CENTROIDS), Some(dim), &floats)?;
        let cutoffs = self.codebook.cutoffs();
        npy::write(&self.part.join(layout::CUTOFFS), None, cutoffs)?;
        let values = values(self.codebook);
        npy::write(&self.part.join(layout::VALUES), None, &values)
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        // After `finish` it is gone; otherwise nobody wants a part of an index.
        let _ = fs::remove_dir_all(&self.part);
    }
}

fn refuse_occupied(target: &Path) -> Result<(), PlaidError> {
    let occupied = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => false,
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => true,
        Err(e) => return Err(PlaidError::io("open", target, e)),
    };
    match occupied {
        false => Ok(()),
        true => Err(PlaidError::NotEmpty {
            path: target.to_path_buf(),
        }),
    }
}

/// The value of each level.
fn values(codebook: &Codebook) -> Vec<f32> {
    let values = codebook.values();
    let bytes = values.bytes.iter();
    bytes.map(|&byte| f32::from(byte) * values.step).collect()
}

/// Files of the chunk at hand.
#[derive(Debug)]
struct Chunk {
    dir: PathBuf,
    number: usize,
    /// Tokens of the chunks before.
    offset: usize,
    lengths: Vec<usize>,
    codes: NpyWriter<i64>,
    residuals: NpyWriter<u8>,
    norms: NpyWriter<f32>,
}

impl Chunk {
    fn create(
        dir: &Path,
        number: usize,
        offset: usize,
        row_bytes: usize,
    ) -> Result<Chunk, PlaidError> {
        let files = ChunkFiles::new(dir, number);
        Ok(Chunk {
            dir: dir.to_path_buf(),
            number,
            offset,
            lengths: Vec::new(),
            codes: NpyWriter::create(&files.codes, None)?,
            residuals: NpyWriter::create(&files.residuals, Some(row_bytes))?,
            norms: NpyWriter::create(&files.norms, None)?,
        })
    }

    fn add(
        &mut self,
        codebook: &Codebook,
        centroids: &[u16],
        residuals: &[u8],
        norms: &[u8],
    ) -> Result<(), PlaidError> {
        let codes: Vec<i64> = centroids.iter().map(|&code| i64::from(code)).collect();
        let reversed: Vec<u8> = residuals.iter().map(|byte| byte.reverse_bits()).collect();
        let norms: Vec<f32> = norms
            .iter()
            .map(|&norm| codebook.norms()[usize::from(norm)])
            .collect();
        self.codes.write(&codes)?;
        self.residuals.write(&reversed)?;
        self.norms.write(&norms)?;
        self.lengths.push(centroids.len());
        Ok(())
    }

    fn finish(self, end: usize) -> Result<(), PlaidError> {
        let files = ChunkFiles::new(&self.dir, self.number);
        self.codes.finish()?;
        self.residuals.finish()?;
        self.norms.finish()?;
        layout::write_json(&files.lengths, &self.lengths)?;
        let metadata = ChunkMetadata {
            num_documents: self.lengths.len(),
            num_embeddings: end - self.offset,
            embedding_offset: self.offset,
        };
        layout::write_json(&files.metadata, &metadata)
    }
}

/// The distinct centroids of each document, to be turned round.
#[derive(Debug, Default)]
struct Postings {
    ends: Vec<usize>,
    centroids: Vec<u16>,
}

impl Postings {
    fn add(&mut self, centroids: &[u16]) {
        let mut distinct = centroids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        self.centroids.extend(distinct);
        self.ends.push(self.centroids.len());
    }

    fn documents(&self) -> usize {
        self.ends.len()
    }

    /// Writes documents by centroid, ascending, and how many each centroid has.
    fn write(&self, dir: &Path, centroids: usize) -> Result<(), PlaidError> {
        let mut lengths = vec![0_i32; centroids];
        for &centroid in &self.centroids {
            lengths[usize::from(centroid)] += 1;
        }
        let mut next: Vec<usize> = Vec::with_capacity(centroids);
        let mut end = 0;
        for &length in &lengths {
            next.push(end);
            end += length as usize;
        }
        let mut documents = vec![0_u32; end];
        let mut start = 0;
        for (document, &end) in (0..).zip(&self.ends) {
            for &centroid in &self.centroids[start..end] {
                let place = &mut next[usize::from(centroid)];
                documents[*place] = document;
                *place += 1;
            }
            start = end;
        }
        npy::write(&dir.join(layout::IVF_LENGTHS), None, &lengths)?;
        let mut ivf = NpyWriter::<i64>::create(&dir.join(layout::IVF), None)?;
        for block in documents.chunks(1 << 16) {
            let block: Vec<i64> = block.iter().map(|&document| i64::from(document)).collect();
            ivf.write(&block)?;
        }
        ivf.finish()
    }
}

/// What a writer that adds to the index later wants to know about residuals.
#[derive(Debug)]
struct MeanResidual {
    values: Vec<f32>,
    sums: Vec<f64>,
    lengths: Vec<f32>,
}

impl MeanResidual {
    fn new(codebook: &Codebook) -> MeanResidual {
        MeanResidual {
            values: values(codebook),
            sums: vec![0.0; codebook.dim()],
            lengths: Vec::new(),
        }
    }

    fn add(&mut self, codebook: &Codebook, packed: &[u8]) {
        let mut square = 0.0;
        for (sum, level) in self.sums.iter_mut().zip(codebook.unpack(packed)) {
            let value = self.values[usize::from(level)];
            *sum += f64::from(value.abs());
            square += value * value;
        }
        self.lengths.push(square.sqrt());
    }

    /// The mean residual of each dimension, and the length that a quarter of residuals exceed.
    fn write(&mut self, dir: &Path) -> Result<(), PlaidError> {
        let count = self.lengths.len().max(1) as f64;
        let means: Vec<f32> = self.sums.iter().map(|sum| (sum / count) as f32).collect();
        npy::write(&dir.join(layout::MEAN_RESIDUAL), None, &means)?;
        self.lengths.sort_unstable_by(f32::total_cmp);
        let threshold = self.lengths.get(self.lengths.len() * 3 / 4).copied();
        npy::write(
            &dir.join(layout::THRESHOLD),
            None,
            &[threshold.unwrap_or(0.0)],
        )
    }
}
