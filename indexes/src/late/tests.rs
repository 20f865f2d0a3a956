//! A search finds what scoring everything finds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::codebook::{Bits, Codebook, Training};
use proptest::prelude::*;
use std::ops::Range;

const DIM: usize = 16;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Unit vectors around `centres` random ones.
    fn vectors(&mut self, count: usize, centres: u64) -> Vec<f32> {
        self.around(count, 0..centres)
    }

    /// Unit vectors around some of many random ones.
    fn around(&mut self, count: usize, centres: Range<u64>) -> Vec<f32> {
        let mut all = Vec::new();
        for _ in 0..count {
            let number = self.next() % (centres.end - centres.start);
            let mut middle = Random(centres.start + number);
            let mut row: Vec<f32> = (0..DIM)
                .map(|_| middle.float() + 0.5 * self.float())
                .collect();
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
            all.extend(row);
        }
        all
    }

    /// From -1 to 1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// A set that owns its parts.
#[derive(Default)]
struct Owned {
    offsets: Vec<u32>,
    centroids: Vec<u16>,
    residuals: Vec<u8>,
    norms: Vec<u8>,
    postings: OwnedPostings,
}

impl Owned {
    /// Contents with so many tokens each.
    fn new(codebook: &Codebook, vectors: &[f32], lengths: &[usize]) -> Owned {
        let coded = codebook.encode(vectors);
        let mut offsets = vec![0];
        for length in lengths {
            offsets.push(offsets.last().unwrap() + *length as u32);
        }
        Owned {
            postings: postings_of(&offsets, &coded.centroids),
            offsets,
            centroids: coded.centroids,
            residuals: coded.residuals,
            norms: coded.norms,
        }
    }

    /// The vectors that one content's codes stand for.
    fn decoded(&self, codebook: &Codebook, ordinal: usize) -> Vec<f32> {
        let rows = self.offsets[ordinal] as usize..self.offsets[ordinal + 1] as usize;
        let bytes = rows.start * codebook.row_bytes()..rows.end * codebook.row_bytes();
        codebook.decode(
            &self.centroids[rows.clone()],
            &self.residuals[bytes],
            &self.norms[rows],
        )
    }

    fn set(&self) -> CodedSet<'_> {
        CodedSet {
            offsets: &self.offsets,
            centroids: &self.centroids,
            residuals: &self.residuals,
            norms: &self.norms,
            postings: self.postings.as_ref(),
        }
    }
}

fn codebook(centroids: usize, bits: Bits) -> Codebook {
    let training = Training {
        centroids,
        passes: 3,
        seed: 1,
        bits,
    };
    Codebook::train(&Random(7).vectors(2000, 40), DIM, &training)
}

/// MaxSim of decoded vectors.
fn plain(query: &[f32], decoded: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let best = |query: &[f32]| {
        let rows = decoded.chunks_exact(DIM);
        rows.map(|row| dot(query, row)).fold(f32::MIN, f32::max)
    };
    query.chunks_exact(DIM).map(best).sum()
}

fn everything(_: usize, _: usize) -> bool {
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_scan_ranks_by_the_scores_of_decoded_vectors(
        lengths in proptest::collection::vec(0_usize..12, 0..40),
        tokens in 0_usize..9, n in 1_usize..50, seed: u64,
        bits in prop::sample::select(Bits::ALL.to_vec()),
    ) {
        let codebook = codebook(32, bits);
        let mut random = Random(seed);
        let owned = Owned::new(&codebook, &random.vectors(lengths.iter().sum(), 40), &lengths);
        let query = random.vectors(tokens, 40);
        let keep = |_: usize, ordinal: usize| ordinal % 3 != 1;
        let against = LateQuery::new(&query, &codebook);
        let found = search(&against, &[owned.set()], n, &keep, &SearchOptions::default());
        let scorable = |&at: &usize| tokens > 0 && lengths[at] > 0 && keep(0, at);
        prop_assert_eq!(found.len(), n.min((0..lengths.len()).filter(scorable).count()));
        prop_assert!(found.is_sorted_by(|a, b| a.best_first(b).is_lt()));
        for found in &found {
            let decoded = owned.decoded(&codebook, found.ordinal as usize);
            prop_assert!(keep(0, found.ordinal as usize));
            prop_assert!((found.score - plain(&query, &decoded)).abs() < 0.02 * tokens as f32);
        }
        let worst = found.last().map_or(f32::MIN, |found| found.score);
        for at in (0..lengths.len()).filter(scorable) {
            let score = against.scorer().score(&owned.set(), at).unwrap();
            prop_assert!(score <= worst || found.iter().any(|found| found.ordinal as usize == at));
        }
    }

    #[test]
    fn postings_list_each_content_once(lengths in proptest::collection::vec(0_usize..9, 0..30), seed: u64) {
        let mut random = Random(seed);
        let owned = Owned::new(&codebook(32, Bits::One), &random.vectors(lengths.iter().sum(), 40), &lengths);
        let set = owned.set();
        prop_assert!(set.postings.centroids.is_sorted_by(|a, b| a < b));
        for centroid in 0..40 {
            let expected: Vec<u32> = (0..set.contents() as u32)
                .filter(|&at| set.centroids_of(at as usize).unwrap().contains(&centroid))
                .collect();
            prop_assert_eq!(set.postings.of(centroid), expected);
        }
    }
}

/// Options that take candidates from the postings, however small the sets.
fn approximate(probes: usize, candidates: usize) -> SearchOptions {
    SearchOptions {
        scan_tokens: 0,
        probes,
        candidates,
    }
}

/// The contents of `lengths` in sets that end where `cuts` say.
fn cut(codebook: &Codebook, vectors: &[f32], lengths: &[usize], cuts: &[usize]) -> Vec<Owned> {
    let mut sets = Vec::new();
    let (mut first, mut begin) = (0, 0);
    for &end in cuts.iter().chain([&lengths.len()]) {
        let lengths = &lengths[first..end.max(first)];
        let tokens: usize = lengths.iter().sum();
        sets.push(Owned::new(
            codebook,
            &vectors[begin..][..tokens * DIM],
            lengths,
        ));
        (first, begin) = (end.max(first), begin + tokens * DIM);
    }
    sets
}

/// What a search finds, contents numbered over all sets.
fn found(
    query: &LateQuery<'_>,
    sets: &[Owned],
    n: usize,
    keep: &(dyn Fn(usize) -> bool + Sync),
    options: &SearchOptions,
) -> Vec<(usize, f32)> {
    let begins: Vec<usize> = sets
        .iter()
        .scan(0, |end, set| {
            Some(std::mem::replace(end, *end + set.set().contents()))
        })
        .collect();
    let sets: Vec<CodedSet> = sets.iter().map(Owned::set).collect();
    let keep = |set: usize, ordinal: usize| keep(begins[set] + ordinal);
    let found = search(query, &sets, n, &keep, options);
    found
        .iter()
        .map(|found| {
            (
                begins[found.set as usize] + found.ordinal as usize,
                found.score,
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_sets_differently_changes_nothing(
        lengths in proptest::collection::vec(0_usize..6, 1..60),
        cuts in (0_usize..60, 0_usize..60), n in 1_usize..20, seed: u64,
        options in prop::sample::select(vec![SearchOptions::default(), approximate(3, 8), approximate(40, 2)]),
    ) {
        let codebook = codebook(32, Bits::Four);
        let mut random = Random(seed);
        let vectors = random.vectors(lengths.iter().sum(), 40);
        let rows = random.vectors(5, 40);
        let query = LateQuery::new(&rows, &codebook);
        let keep = |at: usize| at % 4 != 2;
        let one = found(&query, &cut(&codebook, &vectors, &lengths, &[]), n, &keep, &options);
        let cuts = [cuts.0.min(lengths.len()), cuts.1.min(lengths.len())];
        let three = found(&query, &cut(&codebook, &vectors, &lengths, &cuts), n, &keep, &options);
        prop_assert!(one.iter().all(|&(at, _)| keep(at)));
        prop_assert_eq!(one, three);
    }

    #[test]
    fn enough_candidates_find_what_a_scan_finds(
        lengths in proptest::collection::vec(1_usize..6, 1..60), n in 1_usize..20, seed: u64,
    ) {
        let codebook = codebook(32, Bits::Four);
        let mut random = Random(seed);
        let vectors = random.vectors(lengths.iter().sum(), 40);
        let rows = random.vectors(40, 40);
        let query = LateQuery::new(&rows, &codebook);
        let sets = cut(&codebook, &vectors, &lengths, &[]);
        let keep = |at: usize| at % 4 != 2;
        let scanned = found(&query, &sets, n, &keep, &SearchOptions::default());
        prop_assert_eq!(found(&query, &sets, n, &keep, &approximate(31, 60)), scanned);
    }
}

#[test]
fn few_candidates_find_nearly_all_that_a_scan_finds() {
    let codebook = codebook(200, Bits::Four);
    let mut random = Random(3);
    // Ten neighbours share most of what they are about.
    let topic = |at: u64| at / 10 % 36..at / 10 % 36 + 5;
    let lengths: Vec<usize> = (0..3000).map(|at| 5 + at % 20).collect();
    let documents = (0..).zip(&lengths);
    let vectors = documents.flat_map(|(at, &length)| random.around(length, topic(at)));
    let vectors: Vec<f32> = vectors.collect();
    let sets = cut(&codebook, &vectors, &lengths, &[1000, 1010]);
    let mut hits = 0;
    for at in 0..20 {
        let rows = random.around(12, topic(at * 17));
        let query = LateQuery::new(&rows, &codebook);
        let exact = found(&query, &sets, 10, &|_| true, &SearchOptions::default());
        let about = found(&query, &sets, 10, &|_| true, &approximate(16, 150));
        hits += about.iter().filter(|hit| exact.contains(hit)).count();
    }
    assert!(hits >= 190, "{hits} of 200");
}

#[test]
fn sets_without_postings_are_scored_whole() {
    let codebook = codebook(32, Bits::Four);
    let mut random = Random(4);
    let lengths = [3; 40];
    let vectors = random.vectors(120, 40);
    let rows = random.vectors(4, 40);
    let query = LateQuery::new(&rows, &codebook);
    let mut sets = cut(&codebook, &vectors, &lengths, &[20]);
    sets[1].postings = OwnedPostings::default();
    let scanned = found(&query, &sets, 40, &|at| at >= 20, &SearchOptions::default());
    assert_eq!(scanned.len(), 20);
    assert_eq!(
        found(&query, &sets, 40, &|at| at >= 20, &approximate(2, 1)),
        scanned
    );
}

#[test]
fn damaged_postings_do_no_harm() {
    let codebook = codebook(8, Bits::Four);
    let mut random = Random(1);
    let owned = Owned::new(&codebook, &random.vectors(12, 5), &[4, 4, 4]);
    let rows = random.vectors(2, 5);
    let query = LateQuery::new(&rows, &codebook);
    let whole = owned.set();
    let damaged = [
        Postings {
            ends: &[],
            ..whole.postings
        },
        Postings {
            ends: &[9, 1, 7, 2, 0, u32::MAX, 3, 3],
            ..whole.postings
        },
        Postings {
            ordinals: &[u32::MAX, 0, 5],
            ..whole.postings
        },
        Postings {
            centroids: &[9, 3, u16::MAX],
            ..whole.postings
        },
    ];
    for postings in damaged {
        let set = CodedSet { postings, ..whole };
        let found = search(&query, &[set], 9, &everything, &approximate(7, 9));
        assert!(found.iter().all(|found| found.ordinal < 3));
    }
}

#[test]
fn a_token_sees_its_nearest_centroids() {
    let codebook = codebook(200, Bits::One);
    let rows = Random(9).vectors(70, 40);
    let query = LateQuery::new(&rows, &codebook);
    let cosine = |centroid: usize, token: usize| {
        query.products(centroid as u16)[token] * query.scales()[token]
    };
    for (token, nearest) in query.nearest(7).into_iter().enumerate() {
        let mut all: Vec<f32> = (0..codebook.len())
            .map(|centroid| cosine(centroid, token))
            .collect();
        all.sort_by(|a, b| b.total_cmp(a));
        let scores: Vec<f32> = nearest.iter().map(|&(_, score)| score).collect();
        assert_eq!(scores, all[..7]);
        assert!(
            nearest
                .iter()
                .all(|&(centroid, score)| cosine(centroid.into(), token) == score)
        );
    }
}

#[test]
fn parts_that_do_not_fit_are_not_found() {
    let codebook = codebook(8, Bits::Four);
    let mut random = Random(1);
    let owned = Owned::new(&codebook, &random.vectors(12, 5), &[4, 4, 4]);
    let query = random.vectors(2, 5);
    let against = LateQuery::new(&query, &codebook);
    let whole = owned.set();
    let cases = [
        (3, whole),
        (
            2,
            CodedSet {
                norms: &whole.norms[..11],
                ..whole
            },
        ),
        (
            1,
            CodedSet {
                residuals: &whole.residuals[..60],
                ..whole
            },
        ),
        (
            0,
            CodedSet {
                centroids: &[],
                ..whole
            },
        ),
        (
            2,
            CodedSet {
                offsets: &[0, 9, 4, 12],
                ..whole
            },
        ),
        (
            1,
            CodedSet {
                offsets: &[0, u32::MAX, 4, 12],
                ..whole
            },
        ),
        (
            0,
            CodedSet {
                offsets: &[],
                ..whole
            },
        ),
    ];
    for (expected, set) in cases {
        let found = search(&against, &[set], 9, &everything, &SearchOptions::default());
        assert_eq!(found.len(), expected, "{set:?}");
    }
}
