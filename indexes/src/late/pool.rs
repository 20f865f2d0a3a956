//! Token pooling: fewer vectors for a document, each the mean of vectors that are alike.
//!
//! Hierarchical clustering by Ward's criterion (1963): the two clusters whose union adds the
//! least squared distance to their mean are merged next, found by chains of nearest neighbours
//! (Murtagh, 1983). As a step before coding it is due to Clavié, Chaffin and Adams (2024).

use crate::maxsim::{Query, Tokens, quantize};

/// Pools `rows`, `[tokens, dim]`, L2-normalised, to a `factor`-th as many. The first row, which
/// stands for the whole, stays as it is: there are `max(1, (tokens - 1) / factor) + 1` rows,
/// L2-normalised, in the order of their first members.
///
/// # Panics
/// If `dim` is zero or does not divide the length of `rows`, or `factor` is zero.
pub fn pool(rows: &[f32], dim: usize, factor: usize) -> Vec<f32> {
    let tokens = rows.len() / dim;
    if tokens <= 2 || factor == 1 {
        return rows.to_vec();
    }
    let (first, others) = rows.split_at(dim);
    let clusters = ((tokens - 1) / factor).max(1);
    let of = clusters_of(others, dim, clusters);
    let mut pooled = vec![0.0; (clusters + 1) * dim];
    pooled[..dim].copy_from_slice(first);
    for (row, cluster) in others.chunks_exact(dim).zip(of) {
        let sum = &mut pooled[(cluster + 1) * dim..][..dim];
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    pooled[dim..].chunks_exact_mut(dim).for_each(normalize);
    pooled
}

fn normalize(row: &mut [f32]) {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x /= length);
    }
}

/// The cluster of each row; clusters are numbered by their first members.
fn clusters_of(rows: &[f32], dim: usize, clusters: usize) -> Vec<usize> {
    let tokens = rows.len() / dim;
    let mut merges = Distances::new(rows, dim).merges();
    merges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let mut parents: Vec<usize> = (0..tokens).collect();
    for merge in &merges[..tokens - clusters] {
        let (a, b) = (root(&mut parents, merge.a), root(&mut parents, merge.b));
        parents[a.max(b)] = a.min(b);
    }
    let mut names = vec![usize::MAX; tokens];
    let mut count = 0;
    let mut name = |root: usize| {
        if names[root] == usize::MAX {
            names[root] = count;
            count += 1;
        }
        names[root]
    };
    (0..tokens).map(|at| name(root(&mut parents, at))).collect()
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// Two clusters, each named by one of its rows, that become one.
struct Merge {
    a: usize,
    b: usize,
    distance: f32,
}

/// Squared distances between clusters, as Ward counts them.
struct Distances {
    /// `[tokens, tokens]`, symmetric.
    all: Vec<f32>,
    /// Rows of each cluster, 0 for one that went into another.
    sizes: Vec<f32>,
}

impl Distances {
    fn new(rows: &[f32], dim: usize) -> Distances {
        let (codes, scales) = quantize(rows, dim);
        let query = Query::new(rows, dim);
        let mut products = Vec::new();
        let tokens = Tokens {
            codes: &codes,
            scales: &scales,
        };
        query.products(tokens, &mut products);
        let mut all = Vec::with_capacity(scales.len() * scales.len());
        for products in products.chunks_exact(query.lanes()) {
            let cosines = products.iter().zip(query.scales());
            all.extend(cosines.map(|(product, scale)| 2.0 - 2.0 * product * scale));
        }
        Distances {
            all,
            sizes: vec![1.0; scales.len()],
        }
    }

    fn get(&self, a: usize, b: usize) -> f32 {
        self.all[a * self.sizes.len() + b]
    }

    /// All merges down to one cluster; not in the order of their distances.
    fn merges(mut self) -> Vec<Merge> {
        let mut merges = Vec::with_capacity(self.sizes.len() - 1);
        let mut chain: Vec<usize> = Vec::new();
        while merges.len() + 1 < self.sizes.len() {
            let last = match chain.last() {
                Some(&last) => last,
                None => {
                    let left = self.sizes.iter().position(|&size| size > 0.0);
                    chain.extend(left);
                    continue;
                }
            };
            let before = chain.len().checked_sub(2).map(|at| chain[at]);
            let (nearest, distance) = self.nearest(last, before);
            if before == Some(nearest) {
                chain.truncate(chain.len() - 2);
                let (a, b) = (last.min(nearest), last.max(nearest));
                self.merge(a, b);
                merges.push(Merge { a, b, distance });
            } else {
                chain.push(nearest);
            }
        }
        merges
    }

    /// The cluster nearest to `of`; among equals `before`, so that chains end, else the first.
    fn nearest(&self, of: usize, before: Option<usize>) -> (usize, f32) {
        let distance = |at: usize| self.get(of, at);
        let mut best = before.map_or((usize::MAX, f32::INFINITY), |at| (at, distance(at)));
        for (at, &size) in self.sizes.iter().enumerate() {
            if at != of && size > 0.0 && distance(at) < best.1 {
                best = (at, distance(at));
            }
        }
        best
    }

    /// Puts `b` into `a` (the formula of Lance and Williams, 1967).
    fn merge(&mut self, a: usize, b: usize) {
        let (in_a, in_b, between) = (self.sizes[a], self.sizes[b], self.get(a, b));
        for at in 0..self.sizes.len() {
            let size = self.sizes[at];
            if size == 0.0 || at == a || at == b {
                continue;
            }
            let sum = (in_a + size) * self.get(a, at) + (in_b + size) * self.get(b, at);
            let distance = (sum - size * between) / (in_a + in_b + size);
            let tokens = self.sizes.len();
            self.all[a * tokens + at] = distance;
            self.all[at * tokens + a] = distance;
        }
        self.sizes[a] = in_a + in_b;
        self.sizes[b] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Unit vectors in a plane.
    fn at_degrees(degrees: &[f32]) -> Vec<f32> {
        let points = degrees.iter().map(|at| at.to_radians());
        points.flat_map(|at| [at.cos(), at.sin()]).collect()
    }

    #[test]
    fn what_is_alike_becomes_one() {
        let cases: [(&[f32], usize, &[f32]); 5] = [
            (&[0.0, 10.0, 90.0, 20.0, 100.0], 2, &[0.0, 15.0, 95.0]),
            (&[0.0, 0.0, 0.0], 2, &[0.0, 0.0]),
            (
                &[50.0, 10.0, 90.0, 20.0, 100.0],
                1,
                &[50.0, 10.0, 90.0, 20.0, 100.0],
            ),
            (&[50.0, 10.0, 30.0], 9, &[50.0, 20.0]),
            (&[50.0, 10.0], 2, &[50.0, 10.0]),
        ];
        for (rows, factor, expected) in cases {
            let pooled = pool(&at_degrees(rows), 2, factor);
            let expected = at_degrees(expected);
            assert_eq!(pooled.len(), expected.len(), "{rows:?}");
            let pairs = pooled.iter().zip(&expected);
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 1e-3),
                "{rows:?} {pooled:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn rows_are_as_many_as_promised(
            degrees in proptest::collection::vec(0.0..360.0_f32, 0..40), factor in 1..5_usize,
        ) {
            let rows = at_degrees(&degrees);
            let pooled = pool(&rows, 2, factor);
            let tokens = degrees.len();
            let expected = match tokens > 2 && factor > 1 {
                true => ((tokens - 1) / factor).max(1) + 1,
                false => tokens,
            };
            prop_assert_eq!(pooled.len(), 2 * expected);
            prop_assert!(tokens == 0 || pooled[..2] == rows[..2]);
        }

        #[test]
        fn each_merge_is_the_cheapest(degrees in proptest::collection::vec(0.0..360.0_f32, 2..25)) {
            let rows = at_degrees(&degrees);
            let mut merges = Distances::new(&rows, 2).merges();
            merges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            let mut plain = Distances::new(&rows, 2);
            for merge in merges {
                let left: Vec<usize> = (0..degrees.len()).filter(|&at| plain.sizes[at] > 0.0).collect();
                let pairs = left.iter().flat_map(|&a| left.iter().filter(move |&&b| a < b).map(move |&b| (a, b)));
                let (a, b) = pairs.min_by(|x, y| plain.get(x.0, x.1).total_cmp(&plain.get(y.0, y.1))).unwrap();
                prop_assert!((plain.get(a, b) - merge.distance).abs() <= 1e-3 * (1.0 + merge.distance));
                plain.merge(a, b);
            }
        }
    }
}
