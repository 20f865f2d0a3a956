//! Realistic token matrices in any number, for measurements at scale.
//!
//! Use it from a bench, an example or another crate, it needs nothing but `std`:
//!
//! ```ignore
//! #[path = "../benches/support/matrices.rs"]
//! mod matrices;
//! let real = matrices::Matrices::open(path)?;         // or Matrices::made_up(128) without a file
//! let generator = matrices::Generator::new(&real, 1); // 1: the seed
//! let mut vectors = Vec::new();
//! generator.document(41, &mut vectors);               // f32 [tokens, dim], L2-normalised
//! let query = generator.query(7);                     // f32 [tokens, dim]
//! ```
//!
//! `examples/token_matrices.rs` writes the file of real matrices. A document or query follows from
//! the seed and its number alone, so any of them can be made at any time and on any thread, and
//! nothing need be kept.
//!
//! A generated document has the length of a real one, stretched to 150 tokens on average, and consists of runs of tokens of real ones,
//! mostly of two. Each run is moved by the difference of two real tokens, each token by another
//! such difference: noise with the directions that real tokens vary in. So the clusters have the
//! sizes and the spread of those of real code, no two documents are alike, and a query finds some
//! that are near and many that are less near. Queries are real ones.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"fathomTM";

/// How far a run, and a token in it, is moved: part of the difference of two tokens.
const RUN_NOISE: f32 = 0.10;
const TOKEN_NOISE: f32 = 0.10;

/// Mean tokens of a generated document.
const MEAN_LENGTH: usize = 150;

/// Tokens of a run, at least and at most.
const RUN: (usize, usize) = (8, 64);

/// Matrices one after another.
pub struct Rows {
    dim: usize,
    /// First row of each matrix, and the end of the last.
    offsets: Vec<usize>,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl Rows {
    fn new(dim: usize) -> Rows {
        Rows {
            dim,
            offsets: vec![0],
            codes: Vec::new(),
            scales: Vec::new(),
        }
    }

    /// Number of matrices.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of rows of all matrices.
    pub fn tokens(&self) -> usize {
        self.scales.len()
    }

    /// Adds a matrix, `[tokens, dim]`, rounded to bytes.
    pub fn push(&mut self, matrix: &[f32]) {
        for row in matrix.chunks_exact(self.dim) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |a, b| a.max(b.abs()));
            self.scales.push(largest / 127.0);
            let codes = row.iter().map(|x| (x / largest * 127.0).round() as i8);
            self.codes.extend(codes);
        }
        self.offsets.push(self.scales.len());
    }

    /// The rows of one matrix.
    pub fn range(&self, matrix: usize) -> std::ops::Range<usize> {
        self.offsets[matrix]..self.offsets[matrix + 1]
    }

    /// One row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let codes = &self.codes[row * self.dim..][..self.dim];
        codes
            .iter()
            .map(move |&code| f32::from(code) * self.scales[row])
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&(self.len() as u32).to_le_bytes())?;
        for matrix in 0..self.len() {
            out.write_all(&(self.range(matrix).len() as u32).to_le_bytes())?;
        }
        for scale in &self.scales {
            out.write_all(&scale.to_le_bytes())?;
        }
        let codes: Vec<u8> = self.codes.iter().map(|&code| code as u8).collect();
        out.write_all(&codes)
    }

    fn read(dim: usize, from: &mut impl Read) -> io::Result<Rows> {
        let mut rows = Rows::new(dim);
        let mut end = 0;
        for _ in 0..u32::from_le_bytes(bytes(from)?) {
            end += u32::from_le_bytes(bytes(from)?) as usize;
            rows.offsets.push(end);
        }
        for _ in 0..end {
            rows.scales.push(f32::from_le_bytes(bytes(from)?));
        }
        let mut codes = vec![0; end * dim];
        from.read_exact(&mut codes)?;
        rows.codes = codes.into_iter().map(|byte| byte as i8).collect();
        Ok(rows)
    }
}

fn bytes(from: &mut impl Read) -> io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// What a generator draws from.
pub struct Matrices {
    /// Numbers of a row.
    pub dim: usize,
    /// Matrices of chunks.
    pub documents: Rows,
    /// Matrices of questions.
    pub queries: Rows,
}

impl Matrices {
    /// None yet.
    pub fn new(dim: usize) -> Matrices {
        Matrices {
            dim,
            documents: Rows::new(dim),
            queries: Rows::new(dim),
        }
    }

    /// Reads what [`Matrices::write`] wrote.
    pub fn open(path: &Path) -> io::Result<Matrices> {
        let mut file = BufReader::new(File::open(path)?);
        let mut magic = [0; 8];
        file.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(io::Error::other("not a file of token matrices"));
        }
        let dim = u32::from_le_bytes(bytes(&mut file)?) as usize;
        Ok(Matrices {
            dim,
            documents: Rows::read(dim, &mut file)?,
            queries: Rows::read(dim, &mut file)?,
        })
    }

    /// Writes everything to one file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(MAGIC)?;
        file.write_all(&(self.dim as u32).to_le_bytes())?;
        self.documents.write(&mut file)?;
        self.queries.write(&mut file)?;
        file.flush()
    }

    /// Matrices without a model: words of a made-up language, a few of them in every document,
    /// most of them rare, moved a little by what stands around them.
    pub fn made_up(dim: usize) -> Matrices {
        const WORDS: usize = 4000;
        const DOCUMENTS: usize = 1000;
        let mut random = Random::new(11, 0);
        let words: Vec<f32> = (0..WORDS * dim).map(|_| random.normal()).collect();
        let mut matrices = Matrices::new(dim);
        for at in 0..DOCUMENTS + 100 {
            let length = match at < DOCUMENTS {
                true => 40 + random.below(220),
                false => 24,
            };
            let topic: Vec<f32> = (0..dim).map(|_| 0.35 * random.normal()).collect();
            let mut matrix = Vec::with_capacity(length * dim);
            for _ in 0..length {
                // About as many words of each power of two: Zipf's law.
                let word = (WORDS as f32).powf(random.unit()) as usize - 1;
                let word = &words[word.min(WORDS - 1) * dim..][..dim];
                let row = word.iter().zip(&topic);
                matrix.extend(row.map(|(word, topic)| word + topic + 0.25 * random.normal()));
            }
            matrix.chunks_exact_mut(dim).for_each(normalize);
            match at < DOCUMENTS {
                true => matrices.documents.push(&matrix),
                false => matrices.queries.push(&matrix),
            }
        }
        matrices
    }
}

/// Draws documents and queries from real ones.
pub struct Generator<'m> {
    real: &'m Matrices,
    seed: u64,
}

impl<'m> Generator<'m> {
    /// Another seed gives other documents.
    pub fn new(real: &'m Matrices, seed: u64) -> Generator<'m> {
        Generator { real, seed }
    }

    /// Numbers of a row.
    pub fn dim(&self) -> usize {
        self.real.dim
    }

    /// Appends document `number`, `[tokens, dim]`, to `out`; gives its number of tokens.
    pub fn document(&self, number: u64, out: &mut Vec<f32>) -> usize {
        let rows = &self.real.documents;
        let mut random = Random::new(self.seed, number);
        let length = rows.range(random.below(rows.len())).len();
        let length = length * MEAN_LENGTH * rows.len() / rows.tokens();
        let sources = [0; 2].map(|_| random.below(rows.len()));
        let mut made = 0;
        while made < length {
            // Mostly from the first, sometimes from anywhere.
            let source = match random.below(8) {
                0..5 => sources[0],
                5..7 => sources[1],
                _ => random.below(rows.len()),
            };
            let from = rows.range(source);
            if from.is_empty() {
                continue;
            }
            let run = RUN.0 + random.below(RUN.1 - RUN.0);
            let first = from.start + random.below(from.len());
            let run = run.min(from.end - first).min(length - made);
            self.run(first, run, &mut random, out);
            made += run;
        }
        length
    }

    /// Real query `number`, counted round. Numbers are moved within the steps that the file
    /// rounds them to: else rounding a query once more would cost nothing.
    pub fn query(&self, number: usize) -> Vec<f32> {
        let rows = &self.real.queries;
        let mut random = Random::new(self.seed, number as u64);
        let mut matrix = Vec::new();
        for row in rows.range(number % rows.len()) {
            let begin = matrix.len();
            let step = rows.scales[row];
            matrix.extend(rows.row(row).map(|x| x + step * (random.unit() - 0.5)));
            normalize(&mut matrix[begin..]);
        }
        matrix
    }

    /// Appends `count` rows from `first` on, moved.
    fn run(&self, first: usize, count: usize, random: &mut Random, out: &mut Vec<f32>) {
        let rows = &self.real.documents;
        let mut pair = || [0; 2].map(|_| random.below(rows.tokens()));
        let [a, b] = pair();
        let shift: Vec<f32> = rows.row(a).zip(rows.row(b)).map(|(a, b)| a - b).collect();
        for row in first..first + count {
            let [a, b] = pair();
            let begin = out.len();
            let noise = rows.row(a).zip(rows.row(b)).zip(&shift);
            let moved = rows
                .row(row)
                .zip(noise)
                .map(|(x, ((a, b), shift))| x + TOKEN_NOISE * (a - b) + RUN_NOISE * shift);
            out.extend(moved);
            normalize(&mut out[begin..]);
        }
    }
}

fn normalize(row: &mut [f32]) {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter_mut().for_each(|x| *x /= length);
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn new(seed: u64, number: u64) -> Random {
        let mut random = Random(seed);
        random.0 = random.next() ^ number;
        random.0 = random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// About normal: the sum of four, with variance 1.
    fn normal(&mut self) -> f32 {
        ((0..4).map(|_| self.unit()).sum::<f32>() - 2.0) * 3_f32.sqrt()
    }
}
