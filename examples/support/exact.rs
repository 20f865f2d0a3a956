//! Token vectors of many documents, and exact MaxSim over them.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use fathom_encoders::TokenMatrix;
use rayon::prelude::*;

/// Token vectors of many documents.
pub struct Matrices {
    /// Of a vector.
    pub dim: usize,
    /// One after the other.
    pub rows: Vec<f32>,
    /// First row of each document, and the end of the last.
    pub offsets: Vec<usize>,
}

impl Matrices {
    pub fn of(dim: usize, matrices: &[TokenMatrix]) -> Matrices {
        let mut all = Matrices {
            dim,
            rows: Vec::new(),
            offsets: vec![0],
        };
        for matrix in matrices {
            all.rows.extend_from_slice(matrix.as_slice());
            all.offsets.push(all.rows.len() / dim);
        }
        all
    }

    pub fn read(path: &Path, dim: usize) -> Option<Matrices> {
        let rows = floats(&fs::read(path.with_extension("f32")).ok()?);
        let offsets = fs::read(path.with_extension("ends")).ok()?;
        let offsets = offsets.as_chunks().0.iter();
        Some(Matrices {
            dim,
            rows,
            offsets: offsets.map(|&at| u64::from_le_bytes(at) as usize).collect(),
        })
    }

    pub fn write(&self, path: &Path) {
        let rows: Vec<u8> = self.rows.iter().flat_map(|x| x.to_le_bytes()).collect();
        let ends = self.offsets.iter().map(|&at| (at as u64).to_le_bytes());
        fs::write(path.with_extension("f32"), rows).unwrap();
        fs::write(
            path.with_extension("ends"),
            ends.collect::<Vec<_>>().concat(),
        )
        .unwrap();
    }

    /// Only the leading dimensions, normalised again.
    pub fn leading(&self, dim: usize) -> Matrices {
        let rows = self.rows.chunks_exact(self.dim).flat_map(|row| {
            let length = row[..dim].iter().map(|x| x * x).sum::<f32>().sqrt();
            row[..dim].iter().map(move |x| x / length)
        });
        Matrices {
            dim,
            rows: rows.collect(),
            offsets: self.offsets.clone(),
        }
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|&x| f32::from_le_bytes(x)).collect()
}

/// MaxSim of each question with each document, `[questions][documents]`.
pub fn max_sim(questions: &Matrices, documents: &Matrices) -> Vec<Vec<f32>> {
    let dim = questions.dim;
    let count = questions.offsets.len() - 1;
    let by_document: Vec<Vec<f32>> = documents
        .offsets
        .par_windows(2)
        .map(|range| {
            let mut best = vec![f32::NEG_INFINITY; questions.rows.len() / dim];
            for row in documents.rows[range[0] * dim..range[1] * dim].chunks_exact(dim) {
                for (best, query) in best.iter_mut().zip(questions.rows.chunks_exact(dim)) {
                    *best = best.max(dot(query, row));
                }
            }
            let sums = questions.offsets.windows(2);
            sums.map(|at| best[at[0]..at[1]].iter().sum()).collect()
        })
        .collect();
    let of = |question: usize| by_document.iter().map(|scores| scores[question]).collect();
    (0..count).map(of).collect()
}

/// In lanes that the compiler can put into registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

/// Runs it on one thread; gives the processor time that it took, in seconds.
pub fn on_one_core<T: Send>(run: impl FnOnce() -> T + Send) -> (T, f64) {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    one.unwrap().install(|| {
        let before = processor_time();
        let result = run();
        (result, processor_time() - before)
    })
}

/// Of this thread, in seconds, as Linux counts it.
fn processor_time() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
    nanoseconds / 1e9
}
