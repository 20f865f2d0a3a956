//! Which centroid is nearest: through groups of centroids, so that most need no look.
//!
//! Centroids are put into groups by a short k-means of their own. A vector is compared with the
//! middles of all groups, then with the centroids of the nearest few groups. Vectors that go to
//! the same group are compared together, but what is found for one never depends on others.

use super::train::Random;
use crate::maxsim::{Query, Tokens, quantize};
use rayon::prelude::*;
use std::fmt;
use std::sync::OnceLock;

/// Up to so many centroids are one group: all are compared.
const ONE_GROUP: usize = 512;

/// Groups that are looked into.
const PROBES: usize = 8;

/// Rounds of the k-means that makes the groups.
const ROUNDS: usize = 4;

/// One of so many centroids has a say in where the middles are.
const SAMPLED: usize = 4;

/// Vectors that are sorted by their groups at once.
const SPAN: usize = 8192;

/// Vectors compared at once, so that their scores stay in the cache.
const BLOCK: usize = 16;

/// The centroids of a codebook, grouped.
#[derive(Debug)]
pub(super) struct Nearest {
    dim: usize,
    /// Middles of the groups; none if there is one group.
    middles: Option<Rows>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    rows: Rows,
    /// Numbers of the centroids, ascending.
    members: Vec<u16>,
}

/// Rows that vectors are compared with, as a kernel wants them.
#[derive(Debug)]
struct Rows(Query);

impl Rows {
    fn new(rows: &[f32], dim: usize) -> Rows {
        Rows(Query::new(rows, dim))
    }

    /// Dot products of each vector with all rows, handed over vector by vector.
    fn compare(
        &self,
        vectors: Tokens<'_>,
        work: &mut Vec<f32>,
        mut hear: impl FnMut(usize, &[f32]),
    ) {
        let dim = self.0.dim();
        let blocks = vectors
            .codes
            .chunks(BLOCK * dim)
            .zip(vectors.scales.chunks(BLOCK));
        for (first, (codes, scales)) in (0..).step_by(BLOCK).zip(blocks) {
            self.0.products(Tokens { codes, scales }, work);
            for (at, products) in (first..).zip(work.chunks_exact_mut(self.0.lanes())) {
                let products = &mut products[..self.0.rows()];
                for (product, scale) in products.iter_mut().zip(self.0.scales()) {
                    *product *= scale;
                }
                hear(at, products);
            }
        }
    }
}

/// A centroid and its dot product.
type Found = (u16, f32);

impl Nearest {
    /// Groups `centroids`.
    pub fn new(centroids: Tokens<'_>, dim: usize) -> Nearest {
        if centroids.scales.len() <= ONE_GROUP {
            return Nearest::exhaustive(centroids, dim);
        }
        let rows = decoded(centroids, dim);
        let (middles, members) = grouped(&rows, dim);
        Nearest::of_groups(&rows, dim, Some(&middles), members)
    }

    /// One group, so that the nearest is found for certain.
    pub fn exhaustive(centroids: Tokens<'_>, dim: usize) -> Nearest {
        Nearest::one_group(&decoded(centroids, dim), dim)
    }

    fn one_group(rows: &[f32], dim: usize) -> Nearest {
        let members = (0..rows.len() / dim).map(|at| at as u16).collect();
        Nearest::of_groups(rows, dim, None, vec![members])
    }

    fn of_groups(
        rows: &[f32],
        dim: usize,
        middles: Option<&[f32]>,
        groups: Vec<Vec<u16>>,
    ) -> Nearest {
        let group = |members: Vec<u16>| {
            let row = |&at: &u16| &rows[usize::from(at) * dim..][..dim];
            let own: Vec<f32> = members.iter().flat_map(row).copied().collect();
            Group {
                rows: Rows::new(&own, dim),
                members,
            }
        };
        Nearest {
            dim,
            middles: middles.map(|middles| Rows::new(middles, dim)),
            groups: groups.into_par_iter().map(group).collect(),
        }
    }

    /// The nearest centroid of each of `vectors`, `[n, dim]`, and its dot product, both sides
    /// in int8. Of centroids equally near the one in the first group is taken, there the first.
    pub fn of(&self, vectors: &[f32]) -> Vec<Found> {
        let spans = vectors.par_chunks(SPAN * self.dim);
        spans.flat_map_iter(|span| self.of_span(span)).collect()
    }

    fn of_span(&self, vectors: &[f32]) -> Vec<Found> {
        let (codes, scales) = quantize(vectors, self.dim);
        let vectors = Tokens {
            codes: &codes,
            scales: &scales,
        };
        let mut best = vec![(0, f32::NEG_INFINITY); scales.len()];
        let mut work = Work::default();
        for (group, asked) in self.groups.iter().zip(self.probes(vectors)) {
            group.raise(vectors, &asked, self.dim, &mut best, &mut work);
        }
        best
    }

    /// For each group the vectors that look into it, ascending.
    fn probes(&self, vectors: Tokens<'_>) -> Vec<Vec<u32>> {
        let all = || (0..vectors.scales.len() as u32).collect();
        let Some(middles) = &self.middles else {
            return vec![all()];
        };
        let mut asked = vec![Vec::new(); self.groups.len()];
        middles.compare(vectors, &mut Vec::new(), |at, products| {
            for (_, group) in highest(products) {
                asked[group as usize].push(at as u32);
            }
        });
        asked
    }
}

/// What comparing needs, kept from group to group.
#[derive(Default)]
struct Work {
    codes: Vec<i8>,
    scales: Vec<f32>,
    products: Vec<f32>,
}

impl Group {
    /// Compares the vectors at `asked` with this group.
    fn raise(
        &self,
        vectors: Tokens<'_>,
        asked: &[u32],
        dim: usize,
        best: &mut [Found],
        work: &mut Work,
    ) {
        work.codes.clear();
        work.scales.clear();
        for &at in asked {
            let at = at as usize;
            work.codes
                .extend_from_slice(&vectors.codes[at * dim..][..dim]);
            work.scales.push(vectors.scales[at]);
        }
        let asking = Tokens {
            codes: &work.codes,
            scales: &work.scales,
        };
        self.rows
            .compare(asking, &mut work.products, |at, products| {
                let best = &mut best[asked[at] as usize];
                let highest = maximum(products);
                if highest > best.1 {
                    let place = products.iter().position(|&product| product == highest);
                    *best = (self.members[place.unwrap_or_default()], highest);
                }
            });
    }
}

/// The largest number, in lanes that the compiler can put into registers.
fn maximum(numbers: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = numbers.chunks_exact(16);
    let rest = chunks.remainder().iter();
    for chunk in chunks {
        for (lane, &number) in lanes.iter_mut().zip(chunk) {
            *lane = if number > *lane { number } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |a, &b| a.max(b))
}

/// The highest of `products` with their places, highest first, of equal ones the first.
fn highest(products: &[f32]) -> impl Iterator<Item = (f32, u32)> {
    let mut top = [(f32::NEG_INFINITY, u32::MAX); PROBES];
    for (place, &product) in (0..).zip(products) {
        if product > top[PROBES - 1].0 {
            let at = top.partition_point(|&(other, _)| other >= product);
            top[at..].rotate_right(1);
            top[at] = (product, place);
        }
    }
    top.into_iter().filter(|&(_, place)| place != u32::MAX)
}

fn decoded(rows: Tokens<'_>, dim: usize) -> Vec<f32> {
    let mut decoded = vec![0.0; rows.codes.len()];
    let scaled = rows.codes.par_chunks(dim).zip(rows.scales);
    let pairs = decoded.par_chunks_mut(dim).zip(scaled);
    pairs
        .with_min_len(SPAN / 8)
        .for_each(|(row, (codes, scale))| {
            let pairs = row.iter_mut().zip(codes);
            pairs.for_each(|(x, &code)| *x = f32::from(code) * scale);
        });
    decoded
}

/// Middles `[groups, dim]` and members of √K groups. Follows from the rows alone.
fn grouped(rows: &[f32], dim: usize) -> (Vec<f32>, Vec<Vec<u16>>) {
    let count = rows.len() / dim;
    let groups = (count as f64).sqrt() as usize;
    let order = Random(count as u64).order(count);
    let row = |&at: &usize| &rows[at * dim..][..dim];
    let of = |some: &[usize]| -> Vec<f32> { some.iter().flat_map(row).copied().collect() };
    let sample = of(&order[..groups.max(count / SAMPLED)]);
    let mut middles = sample[..groups * dim].to_vec();
    for _ in 0..ROUNDS {
        centre(&mut middles, &sample, dim);
    }
    let mut members = vec![Vec::new(); groups];
    for (at, group) in (0..).zip(chosen(rows, &middles, dim)) {
        members[usize::from(group)].push(at);
    }
    (middles, members)
}

/// Moves each middle to where the rows are that are nearest to it.
fn centre(middles: &mut [f32], rows: &[f32], dim: usize) {
    let mut sums = vec![0.0; middles.len()];
    for (row, at) in rows.chunks_exact(dim).zip(chosen(rows, middles, dim)) {
        let sum = &mut sums[usize::from(at) * dim..][..dim];
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for (middle, sum) in middles.chunks_exact_mut(dim).zip(sums.chunks_exact(dim)) {
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 0.0 {
            let pairs = middle.iter_mut().zip(sum);
            pairs.for_each(|(x, sum)| *x = sum / length);
        }
    }
}

/// The nearest middle of each row.
fn chosen(rows: &[f32], middles: &[f32], dim: usize) -> Vec<u16> {
    let nearest = Nearest::one_group(middles, dim);
    nearest.of(rows).into_iter().map(|(at, _)| at).collect()
}

/// Grouped when first needed. Groups follow from the centroids, so a copy makes its own, and
/// whether they are there yet makes no difference.
#[derive(Default)]
pub(super) struct WhenNeeded(OnceLock<Nearest>);

impl WhenNeeded {
    /// The groups of `centroids`, always the same ones.
    pub fn of(&self, centroids: Tokens<'_>, dim: usize) -> &Nearest {
        self.0.get_or_init(|| Nearest::new(centroids, dim))
    }
}

impl Clone for WhenNeeded {
    fn clone(&self) -> WhenNeeded {
        WhenNeeded::default()
    }
}

impl PartialEq for WhenNeeded {
    fn eq(&self, _: &WhenNeeded) -> bool {
        true
    }
}

impl fmt::Debug for WhenNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
