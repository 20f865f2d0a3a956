//! Centroids and residual values for token vectors: training and coding.
//!
//! A codebook belongs to a model, not to a repository. Centroids come from mini-batch spherical
//! k-means (Sculley, 2010) with restarts of unused ones, and are int8 rows like token vectors
//! themselves: residuals are taken from the rounded centroid, so the rounding costs nothing. The
//! sixteen residual values minimise the squared error over a sample (Lloyd, 1982; Max, 1960).
//! Everything follows from the vectors, their order and the seed.

use crate::maxsim::{Query, ResidualValues, Tokens, quantize};
use rayon::prelude::*;

/// Vectors compared with the centroids at once: what fills the lanes of a kernel.
const BLOCK: usize = 32;

/// Centroids compared at once, so that their scores stay in the cache.
const CENTROIDS: usize = 256;

/// Residual components that the sixteen values are fitted to.
const SAMPLE: usize = 1 << 20;

/// How to train a codebook.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Number of centroids; fewer if there are fewer vectors.
    pub centroids: usize,
    /// How often each vector is looked at.
    pub passes: usize,
    /// Chooses the first centroids and the order of the vectors.
    pub seed: u64,
}

/// Centroids `[centroids, dim]` and residual values.
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    dim: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
    /// A residual component gets the nibble of how many cutoffs it is not below.
    cutoffs: [f32; 15],
    values: ResidualValues,
}

/// Coded vectors, as [`crate::maxsim::Residuals`] borrows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coded {
    /// Two dimensions per byte, `[vectors, dim / 2]`.
    pub packed: Vec<u8>,
    /// Nearest centroid of each vector.
    pub centroids: Vec<u32>,
    /// One over the length of centroid plus residual.
    pub scales: Vec<f32>,
}

impl Codebook {
    /// Trains on `vectors`, `[n, dim]`, L2-normalised.
    ///
    /// # Panics
    /// If there is no vector, or `dim` is odd or does not divide their length.
    pub fn train(vectors: &[f32], dim: usize, training: &Training) -> Codebook {
        assert!(
            dim > 0 && dim.is_multiple_of(2),
            "an even number of dimensions"
        );
        assert!(
            !vectors.is_empty() && vectors.len().is_multiple_of(dim),
            "vector shape"
        );
        let mut means = Means::new(vectors, dim, training);
        for _ in 0..training.passes {
            means.pass(vectors);
        }
        let (codes, scales) = quantize(&means.rows, dim);
        let mut codebook = Codebook {
            dim,
            codes,
            scales,
            cutoffs: [0.0; 15],
            values: ResidualValues::new(&[0.0; 16]),
        };
        codebook.fit_values(vectors);
        codebook
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The centroids.
    pub fn centroids(&self) -> Tokens<'_> {
        Tokens {
            codes: &self.codes,
            scales: &self.scales,
        }
    }

    /// The value of each nibble.
    pub fn values(&self) -> ResidualValues {
        self.values
    }

    /// Codes `vectors`, `[n, dim]`, L2-normalised.
    ///
    /// # Panics
    /// If they have another number of dimensions.
    pub fn encode(&self, vectors: &[f32]) -> Coded {
        let nearest = nearest(vectors, self.centroids(), self.dim);
        let mut coded = Coded::default();
        for (vector, (centroid, _)) in vectors.chunks_exact(self.dim).zip(nearest) {
            let scale = self.encode_row(vector, centroid, &mut coded.packed);
            coded.centroids.push(centroid);
            coded.scales.push(scale);
        }
        coded
    }

    /// The vectors that the codes stand for, `[n, dim]`.
    pub fn decode(&self, coded: &Coded) -> Vec<f32> {
        let mut vectors = Vec::with_capacity(coded.packed.len() * 2);
        let rows = coded.packed.chunks_exact(self.dim / 2);
        for ((packed, &centroid), scale) in rows.zip(&coded.centroids).zip(&coded.scales) {
            let nibbles = packed.iter().flat_map(|byte| [byte & 15, byte >> 4]);
            let parts = self.centroid(centroid).zip(nibbles);
            vectors.extend(parts.map(|(x, nibble)| (x + self.value(nibble)) * scale));
        }
        vectors
    }

    fn encode_row(&self, vector: &[f32], centroid: u32, packed: &mut Vec<u8>) -> f32 {
        let mut square = 0.0;
        let mut low = None;
        for (x, base) in vector.iter().zip(self.centroid(centroid)) {
            let nibble = self.nibble(x - base);
            square += (base + self.value(nibble)).powi(2);
            match low.take() {
                None => low = Some(nibble),
                Some(first) => packed.push(first | nibble << 4),
            }
        }
        if square > 0.0 {
            square.sqrt().recip()
        } else {
            0.0
        }
    }

    fn centroid(&self, centroid: u32) -> impl Iterator<Item = f32> {
        let row = &self.codes[centroid as usize * self.dim..][..self.dim];
        let scale = self.scales[centroid as usize];
        row.iter().map(move |&code| f32::from(code) * scale)
    }

    fn nibble(&self, residual: f32) -> u8 {
        self.cutoffs
            .iter()
            .map(|&cutoff| u8::from(residual >= cutoff))
            .sum()
    }

    fn value(&self, nibble: u8) -> f32 {
        f32::from(self.values.bytes[usize::from(nibble)]) * self.values.step
    }

    /// Fits cutoffs and values to the residuals of evenly spaced vectors.
    fn fit_values(&mut self, vectors: &[f32]) {
        let step = vectors.len().div_ceil(SAMPLE).max(1);
        let rows = vectors.chunks_exact(self.dim).step_by(step);
        let sample: Vec<f32> = rows.flatten().copied().collect();
        let nearest = nearest(&sample, self.centroids(), self.dim);
        let mut residuals = Vec::with_capacity(sample.len());
        for (vector, (centroid, _)) in sample.chunks_exact(self.dim).zip(nearest) {
            let parts = vector.iter().zip(self.centroid(centroid));
            residuals.extend(parts.map(|(x, base)| x - base));
        }
        residuals.sort_unstable_by(f32::total_cmp);
        self.values = ResidualValues::new(&sixteen_values(&residuals));
        self.cutoffs = std::array::from_fn(|at| {
            let at = at as u8;
            (self.value(at) + self.value(at + 1)) / 2.0
        });
    }
}

/// The values that stand for sorted numbers with the least squared error nearby: each is the
/// mean of the numbers nearest to it. Starts from quantiles.
fn sixteen_values(sorted: &[f32]) -> [f32; 16] {
    const ROUNDS: usize = 30;
    let mut sums = vec![0.0_f64];
    for x in sorted {
        sums.push(sums[sums.len() - 1] + f64::from(*x));
    }
    let mut values: [f32; 16] = std::array::from_fn(|at| sorted[(2 * at + 1) * sorted.len() / 32]);
    for _ in 0..ROUNDS {
        let mut from = 0;
        for at in 0..16 {
            let to = match values.get(at + 1) {
                Some(next) => sorted.partition_point(|&x| x < (values[at] + next) / 2.0),
                None => sorted.len(),
            };
            if to > from {
                values[at] = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
            }
            from = to.max(from);
        }
    }
    values
}

/// The nearest centroid of each vector and its dot product, both sides in int8.
fn nearest(vectors: &[f32], centroids: Tokens<'_>, dim: usize) -> Vec<(u32, f32)> {
    vectors
        .par_chunks(BLOCK * dim)
        .flat_map_iter(|block| nearest_of_block(&Query::new(block, dim), centroids))
        .collect()
}

fn nearest_of_block(block: &Query, centroids: Tokens<'_>) -> Vec<(u32, f32)> {
    let mut best = vec![(0, f32::NEG_INFINITY); block.rows()];
    let mut scores = Vec::new();
    let rows = centroids.codes.chunks(CENTROIDS * block.dim());
    for (first, (codes, scales)) in (0..)
        .step_by(CENTROIDS)
        .zip(rows.zip(centroids.scales.chunks(CENTROIDS)))
    {
        block.products(Tokens { codes, scales }, &mut scores);
        for (centroid, scores) in (first..).zip(scores.chunks_exact(block.lanes())) {
            for (best, &score) in best.iter_mut().zip(scores) {
                if score > best.1 {
                    *best = (centroid, score);
                }
            }
        }
    }
    let scales = block.scales().iter();
    best.iter()
        .zip(scales)
        .map(|(&(at, score), scale)| (at, score * scale))
        .collect()
}

/// Centroids on their way.
struct Means {
    dim: usize,
    rows: Vec<f32>,
    /// Vectors that made each centroid what it is.
    weights: Vec<f32>,
    random: Random,
}

impl Means {
    /// Starts from distinct vectors.
    fn new(vectors: &[f32], dim: usize, training: &Training) -> Means {
        let mut random = Random(training.seed);
        let mut order = random.order(vectors.len() / dim);
        order.truncate(training.centroids.max(1));
        let row = |&at: &usize| &vectors[at * dim..][..dim];
        Means {
            dim,
            rows: order.iter().flat_map(row).copied().collect(),
            weights: vec![0.0; order.len()],
            random,
        }
    }

    /// Looks at each vector once. What earlier passes found counts half, and centroids that no
    /// vector chose start again from the vectors that are served worst.
    fn pass(&mut self, vectors: &[f32]) {
        let count = self.weights.len();
        let batch = (4 * count).max(1 << 14);
        self.weights.iter_mut().for_each(|weight| *weight /= 2.0);
        let mut chosen = vec![false; count];
        let mut worst = Vec::new();
        for batch in self.random.order(vectors.len() / self.dim).chunks(batch) {
            let row = |&at: &usize| &vectors[at * self.dim..][..self.dim];
            let batch: Vec<f32> = batch.iter().flat_map(row).copied().collect();
            worst = self.step(&batch, &mut chosen);
        }
        let unused = (0..count).filter(|&at| !chosen[at]);
        for (at, vector) in unused.zip(worst.chunks_exact(self.dim)) {
            self.rows[at * self.dim..][..self.dim].copy_from_slice(vector);
            self.weights[at] = 0.0;
        }
    }

    /// Moves centroids to the vectors that chose them; gives the vectors served worst.
    fn step(&mut self, batch: &[f32], chosen: &mut [bool]) -> Vec<f32> {
        let dim = self.dim;
        let (codes, scales) = quantize(&self.rows, dim);
        let centroids = Tokens {
            codes: &codes,
            scales: &scales,
        };
        let nearest = nearest(batch, centroids, dim);
        let mut sums = self.rows.clone();
        for (sum, weight) in sums.chunks_exact_mut(dim).zip(&self.weights) {
            sum.iter_mut().for_each(|x| *x *= weight);
        }
        for (vector, &(at, _)) in batch.chunks_exact(dim).zip(&nearest) {
            let at = at as usize;
            chosen[at] = true;
            self.weights[at] += 1.0;
            let sum = &mut sums[at * dim..][..dim];
            sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
        }
        for (row, sum) in self.rows.chunks_exact_mut(dim).zip(sums.chunks_exact(dim)) {
            let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 0.0 {
                row.iter_mut()
                    .zip(sum)
                    .for_each(|(row, sum)| *row = sum / length);
            }
        }
        self.worst(batch, &nearest)
    }

    fn worst(&self, batch: &[f32], nearest: &[(u32, f32)]) -> Vec<f32> {
        let mut order: Vec<usize> = (0..nearest.len()).collect();
        order.sort_unstable_by(|&a, &b| nearest[a].1.total_cmp(&nearest[b].1).then(a.cmp(&b)));
        order.truncate(self.weights.len());
        let row = |&at: &usize| &batch[at * self.dim..][..self.dim];
        order.iter().flat_map(row).copied().collect()
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ mixed >> 31) * end as u128) >> 64) as usize
    }

    /// The numbers below `count`, shuffled.
    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.below(at + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::maxsim::{ResidualQuery, Residuals};

    const DIM: usize = 32;

    /// Unit vectors around `centres` random ones.
    fn vectors(count: usize, centres: usize, seed: u64) -> Vec<f32> {
        let mut random = Random(seed);
        let mut float = || random.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
        let middle: Vec<f32> = (0..centres * DIM).map(|_| float()).collect();
        let mut all = Vec::new();
        for at in 0..count {
            let middle = &middle[at % centres * DIM..][..DIM];
            let row: Vec<f32> = middle.iter().map(|x| x + 0.4 * float()).collect();
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            all.extend(row.iter().map(|x| x / length));
        }
        all
    }

    fn training(centroids: usize, passes: usize) -> Training {
        Training {
            centroids,
            passes,
            seed: 5,
        }
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn mean_cosine(codebook: &Codebook, vectors: &[f32]) -> f32 {
        let decoded = codebook.decode(&codebook.encode(vectors));
        let pairs = vectors.chunks_exact(DIM).zip(decoded.chunks_exact(DIM));
        pairs.map(|(a, b)| dot(a, b)).sum::<f32>() / (vectors.len() / DIM) as f32
    }

    /// Mean dot product with the nearest centroid.
    fn fit(codebook: &Codebook, vectors: &[f32]) -> f32 {
        let nearest = nearest(vectors, codebook.centroids(), DIM);
        nearest.iter().map(|(_, score)| score).sum::<f32>() / nearest.len() as f32
    }

    #[test]
    fn training_finds_the_clusters_and_codes_precisely() {
        let data = vectors(6000, 40, 1);
        let trained = Codebook::train(&data, DIM, &training(64, 8));
        let untrained = Codebook::train(&data, DIM, &training(64, 0));
        let (fitted, started) = (fit(&trained, &data), fit(&untrained, &data));
        assert!(
            fitted > 0.92 && fitted > started + 0.02,
            "{fitted} {started}"
        );
        let unseen = vectors(500, 40, 1);
        let cosine = mean_cosine(&trained, &unseen);
        assert!(cosine > 0.995, "{cosine}");
    }

    #[test]
    fn the_same_vectors_and_seed_give_the_same_codebook() {
        let data = vectors(3000, 10, 2);
        let codebook = Codebook::train(&data, DIM, &training(16, 3));
        assert_eq!(codebook, Codebook::train(&data, DIM, &training(16, 3)));
        let other = Training {
            seed: 6,
            ..training(16, 3)
        };
        assert_ne!(codebook, Codebook::train(&data, DIM, &other));
    }

    #[test]
    fn coding_does_not_depend_on_the_neighbours() {
        let data = vectors(300, 10, 3);
        let codebook = Codebook::train(&data, DIM, &training(16, 3));
        let together = codebook.encode(&data);
        let mut single = Coded::default();
        for vector in data.chunks_exact(DIM) {
            let coded = codebook.encode(vector);
            single.packed.extend(coded.packed);
            single.centroids.extend(coded.centroids);
            single.scales.extend(coded.scales);
        }
        assert_eq!(single, together);
    }

    #[test]
    fn scores_of_codes_are_near_those_of_the_vectors() {
        let data = vectors(2000, 30, 4);
        let codebook = Codebook::train(&data, DIM, &training(32, 4));
        let coded = codebook.encode(&data);
        let queries = vectors(8, 8, 9);
        let query = Query::new(&queries, DIM);
        let against = ResidualQuery::new(&query, codebook.centroids(), codebook.values());
        let mut scorer = against.scorer();
        for at in (0..2000).step_by(50) {
            let rows = at..at + 50;
            let got = scorer.score(Residuals {
                packed: &coded.packed[rows.start * DIM / 2..rows.end * DIM / 2],
                centroids: &coded.centroids[rows.clone()],
                scales: &coded.scales[rows.clone()],
            });
            let document = &data[rows.start * DIM..rows.end * DIM];
            let best = |query: &[f32]| {
                document
                    .chunks_exact(DIM)
                    .map(|row| dot(query, row))
                    .fold(f32::MIN, f32::max)
            };
            let exact: f32 = queries.chunks_exact(DIM).map(best).sum();
            assert!((got.unwrap() - exact).abs() < 0.02 * 8.0, "{got:?} {exact}");
        }
    }

    #[test]
    fn few_or_equal_vectors_are_enough() {
        let one = vectors(1, 1, 1);
        for data in [one.clone(), one.repeat(100)] {
            let codebook = Codebook::train(&data, DIM, &training(8, 2));
            assert!(mean_cosine(&codebook, &one) > 0.999);
        }
    }
}
