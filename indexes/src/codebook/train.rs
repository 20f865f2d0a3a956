//! Training: mini-batch spherical k-means (Sculley, 2010) with restarts of unused centroids, and
//! residual values that minimise the squared error over a sample (Lloyd, 1982; Max, 1960).
//! Everything follows from the vectors, their order and the seed.

use super::assign::{Nearest, WhenNeeded};
use super::{Bits, Codebook, MOST_CENTROIDS, USUAL_NORMS, spread};

use crate::maxsim::{ResidualValues, Tokens, quantize};
use std::borrow::Cow;

/// Residual components that the values are fitted to.
const SAMPLE: usize = 1 << 22;

/// One block of so many is kept from the centroids for fitting residual values: residuals of
/// vectors that a centroid has learnt from are smaller than those of code not seen yet.
const HELD_OUT: usize = 16;

/// Consecutive vectors that are kept together: about the chunks of a file.
const BLOCK: usize = 1024;

/// How to train a codebook.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Number of centroids, at most [`MOST_CENTROIDS`]; fewer if there are fewer vectors.
    pub centroids: usize,
    /// How often each vector is looked at.
    pub passes: usize,
    /// Chooses the first centroids and the order of the vectors.
    pub seed: u64,
    /// Residual bits per dimension.
    pub bits: Bits,
}

impl Codebook {
    /// Trains on `vectors`, `[n, dim]`, L2-normalised.
    ///
    /// # Panics
    /// If there is no vector, `dim` does not divide their length, or so many bits of `dim`
    /// dimensions are not whole bytes.
    pub fn train(vectors: &[f32], dim: usize, training: &Training) -> Codebook {
        match Codebook::train_while(vectors, dim, training, &mut |_| true) {
            Some(codebook) => codebook,
            None => unreachable!("nothing stopped it"),
        }
    }

    /// Like [`Codebook::train`]; `go_on` hears the share that is done, 0 to 1, and may end it.
    ///
    /// # Panics
    /// As [`Codebook::train`].
    pub fn train_while(
        vectors: &[f32],
        dim: usize,
        training: &Training,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Option<Codebook> {
        let bits = training.bits;
        assert!(bits.fit(dim), "rows of whole bytes");
        assert!(
            !vectors.is_empty() && vectors.len().is_multiple_of(dim),
            "vector shape"
        );
        let (learnt, held_out) = split(vectors, dim);
        let mut means = Means::new(&learnt, dim, training);
        for pass in 0..training.passes {
            let so_far = |share: f64| (pass as f64 + share) / training.passes as f64;
            if !means.pass(&learnt, &mut |share| go_on(so_far(share))) {
                return None;
            }
        }
        let (codes, scales) = quantize(&means.rows, dim);
        let mut codebook = Codebook {
            dim,
            bits,
            codes,
            scales,
            cutoffs: vec![0.0; bits.levels() - 1],
            values: ResidualValues::new(&vec![0.0; bits.levels()]),
            norms: spread(USUAL_NORMS),
            nearest: WhenNeeded::default(),
        };
        codebook.fit(&held_out);
        Some(codebook)
    }

    /// Fits residual values and the range of lengths to evenly spaced vectors.
    fn fit(&mut self, vectors: &[f32]) {
        let step = vectors.len().div_ceil(SAMPLE).max(1);
        let rows = vectors.chunks_exact(self.dim).step_by(step);
        let sample: Vec<f32> = rows.flatten().copied().collect();
        let nearest = self.nearest(&sample);
        self.fit_values(&sample, &nearest);
        self.fit_norms(&sample, &nearest);
    }

    /// Fits the values to the half of the vectors that lie farther from their centroids: code that
    /// no sample has does, and near vectors are coded well by any values.
    fn fit_values(&mut self, sample: &[f32], nearest: &[(u16, f32)]) {
        let mut products: Vec<f32> = nearest.iter().map(|&(_, product)| product).collect();
        products.sort_unstable_by(f32::total_cmp);
        let median = products[products.len() / 2];
        let mut residuals = Vec::with_capacity(sample.len());
        for (vector, &(centroid, product)) in sample.chunks_exact(self.dim).zip(nearest) {
            if product <= median {
                let parts = vector.iter().zip(self.centroid(centroid));
                residuals.extend(parts.map(|(x, base)| x - base));
            }
        }
        residuals.sort_unstable_by(f32::total_cmp);
        self.values = ResidualValues::new(&values(&residuals, self.bits.levels()));
        self.cutoffs = (0..self.bits.levels() as u16 - 1)
            .map(|at| at as u8)
            .map(|at| (self.value(at) + self.value(at + 1)) / 2.0)
            .collect();
    }

    fn fit_norms(&mut self, sample: &[f32], nearest: &[(u16, f32)]) {
        let mut levels = vec![0; self.dim];
        let (mut low, mut high) = (f32::INFINITY, 0.0_f32);
        for (vector, &(centroid, _)) in sample.chunks_exact(self.dim).zip(nearest) {
            let norm = self.levels(vector, centroid, &mut levels).recip();
            if norm.is_finite() {
                (low, high) = (low.min(norm), high.max(norm));
            }
        }
        if low <= high {
            self.norms = spread(low..=high);
        }
    }
}

/// Vectors for the centroids and vectors for the residual values; all for both if they are few.
fn split(vectors: &[f32], dim: usize) -> (Cow<'_, [f32]>, Cow<'_, [f32]>) {
    if vectors.len() < HELD_OUT * BLOCK * dim {
        return (vectors.into(), vectors.into());
    }
    let (mut learnt, mut held_out) = (Vec::new(), Vec::new());
    for (at, block) in vectors.chunks(BLOCK * dim).enumerate() {
        let part = match at % HELD_OUT {
            0 => &mut held_out,
            _ => &mut learnt,
        };
        part.extend_from_slice(block);
    }
    (learnt.into(), held_out.into())
}

/// The values that stand for sorted numbers with the least squared error nearby: each is the
/// mean of the numbers nearest to it. Starts from quantiles, far from the ends, which takes many
/// rounds to mend; they cost little.
fn values(sorted: &[f32], levels: usize) -> Vec<f32> {
    const ROUNDS: usize = 1000;
    let mut sums = vec![0.0_f64];
    for x in sorted {
        sums.push(sums[sums.len() - 1] + f64::from(*x));
    }
    let mut values: Vec<f32> = (0..levels)
        .map(|at| sorted[(2 * at + 1) * sorted.len() / (2 * levels)])
        .collect();
    for _ in 0..ROUNDS {
        let before = values.clone();
        let mut from = 0;
        for at in 0..levels {
            let to = match before.get(at + 1) {
                Some(next) => sorted.partition_point(|&x| x < (before[at] + next) / 2.0),
                None => sorted.len(),
            };
            if to > from {
                values[at] = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
            }
            from = to.max(from);
        }
        if values == before {
            break;
        }
    }
    values
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
        order.truncate(training.centroids.clamp(1, MOST_CENTROIDS));
        let row = |&at: &usize| &vectors[at * dim..][..dim];
        Means {
            dim,
            rows: order.iter().flat_map(row).copied().collect(),
            weights: vec![0.0; order.len()],
            random,
        }
    }

    /// Looks at each vector once. What earlier passes found counts half, and centroids that no
    /// vector chose start again from the vectors that are served worst. False if it was ended.
    fn pass(&mut self, vectors: &[f32], go_on: &mut dyn FnMut(f64) -> bool) -> bool {
        let count = self.weights.len();
        let batch = (4 * count).max(1 << 14);
        self.weights.iter_mut().for_each(|weight| *weight /= 2.0);
        let mut chosen = vec![false; count];
        let mut worst = Vec::new();
        let order = self.random.order(vectors.len() / self.dim);
        let batches = order.chunks(batch);
        let total = batches.len() as f64;
        for (at, batch) in batches.enumerate() {
            if !go_on(at as f64 / total) {
                return false;
            }
            let row = |&at: &usize| &vectors[at * self.dim..][..self.dim];
            let batch: Vec<f32> = batch.iter().flat_map(row).copied().collect();
            worst = self.step(&batch, &mut chosen);
        }
        let unused = (0..count).filter(|&at| !chosen[at]);
        for (at, vector) in unused.zip(worst.chunks_exact(self.dim)) {
            self.rows[at * self.dim..][..self.dim].copy_from_slice(vector);
            self.weights[at] = 0.0;
        }
        true
    }

    /// Moves centroids to the vectors that chose them; gives the vectors served worst.
    fn step(&mut self, batch: &[f32], chosen: &mut [bool]) -> Vec<f32> {
        let dim = self.dim;
        let (codes, scales) = quantize(&self.rows, dim);
        let centroids = Tokens {
            codes: &codes,
            scales: &scales,
        };
        let nearest = Nearest::new(centroids, dim).of(batch);
        let mut sums = self.rows.clone();
        for (sum, weight) in sums.chunks_exact_mut(dim).zip(&self.weights) {
            sum.iter_mut().for_each(|x| *x *= weight);
        }
        for (vector, &(at, _)) in batch.chunks_exact(dim).zip(&nearest) {
            let at = usize::from(at);
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

    fn worst(&self, batch: &[f32], nearest: &[(u16, f32)]) -> Vec<f32> {
        let mut order: Vec<usize> = (0..nearest.len()).collect();
        order.sort_unstable_by(|&a, &b| nearest[a].1.total_cmp(&nearest[b].1).then(a.cmp(&b)));
        order.truncate(self.weights.len());
        let row = |&at: &usize| &batch[at * self.dim..][..self.dim];
        order.iter().flat_map(row).copied().collect()
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ mixed >> 31) * end as u128) >> 64) as usize
    }

    /// The numbers below `count`, shuffled.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.below(at + 1));
        }
        order
    }
}
