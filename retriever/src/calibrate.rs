//! Scores of collections with models of their own, on one scale.
//!
//! A MaxSim of one model and a MaxSim of another are different quantities: one model's cosines crowd
//! around .9, another's around .3, and a query has more tokens by one tokenizer than by the other. So
//! each score is told as its distance, in standard deviations, from what the same query scores with
//! an even sample of all chunks of its collection (the cohort normalisation of speaker recognition:
//! Auckenthaler, Carey and Lloyd-Thomas, 2000). Chance is what is calibrated away; how much a chunk
//! stands out of its collection stays. Both rejected alternatives lose that: ranks, and a scale from
//! worst to best, put the best of each collection at the top whether or not it answers; and the mean
//! of the candidates alone depends on how deep into a collection the list of 200 reaches, which favours
//! the smaller one.
//!
//! The scores are then told on the scale of the main collection, so that everything behind (weights,
//! confidence) sees numbers as it knows them, and code alone is ranked as it is without docs.

use std::collections::HashMap;

use fathom_encoders::Embedding;
use fathom_indexes::{ChunkId, Collection};

use crate::candidates::{Lists, Sought, has_dense, has_tokens};
use crate::error::RetrieveError;

/// Chunks of a collection that tell what chance scores.
const COHORT: usize = 256;

/// What a query scores with chunks at random.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    mean: f32,
    deviation: f32,
}

impl Scale {
    /// `None` where nothing is known.
    fn of(scores: &[f32]) -> Option<Scale> {
        if scores.is_empty() {
            return None;
        }
        let count = scores.len() as f32;
        let mean = scores.iter().sum::<f32>() / count;
        let squares: f32 = scores.iter().map(|s| (s - mean) * (s - mean)).sum();
        Some(Scale {
            mean,
            deviation: (squares / count).sqrt(),
        })
    }

    /// Standard deviations above chance; 0 in a collection whose chunks all score the same, a
    /// single one among them: nothing stands out there.
    fn distance(self, score: f32) -> f32 {
        match self.deviation > f32::EPSILON {
            true => (score - self.mean) / self.deviation,
            false => 0.0,
        }
    }

    /// The score at a distance.
    fn at(self, distance: f32) -> f32 {
        self.mean + self.deviation * distance
    }
}

/// The scales of a collection's two kinds of scores.
#[derive(Debug, Clone, Copy)]
struct Scales {
    late: Option<Scale>,
    dense: Option<Scale>,
}

impl Sought<'_> {
    /// The lists of both collections as one.
    pub(crate) fn calibrated(
        &self,
        [(main, of_main), (docs, of_docs)]: [(&Embedding, Lists); 2],
    ) -> Result<Lists, RetrieveError> {
        let main = self.scales(Collection::Main, main)?;
        let docs = self.scales(Collection::Docs, docs)?;
        let target = Scales {
            late: main.late.or(docs.late),
            dense: main.dense.or(docs.dense),
        };
        let mut joined = told(of_main, main, target);
        let of_docs = told(of_docs, docs, target);
        joined.late.extend(of_docs.late);
        joined.dense.extend(of_docs.dense);
        Ok(joined)
    }

    fn scales(&self, collection: Collection, query: &Embedding) -> Result<Scales, RetrieveError> {
        let cohort = self.snapshot.cohort(collection, COHORT);
        let scale =
            |scores: Vec<Option<f32>>| Scale::of(&scores.into_iter().flatten().collect::<Vec<_>>());
        let mut scales = Scales {
            late: None,
            dense: None,
        };
        if has_tokens(query) {
            scales.late = scale(self.vectors.late_scores(collection, query, &cohort)?);
        }
        if has_dense(query) {
            scales.dense = scale(self.vectors.dense_scores(collection, query, &cohort)?);
        }
        Ok(scales)
    }
}

/// Lists on another scale. A kind of vectors that the collection's model does not make, but the
/// other one's does, is stood in for by the kind that it makes: its chunks would else lack a whole
/// signal beside the others.
fn told(lists: Lists, own: Scales, target: Scales) -> Lists {
    let late = column(&lists.late, own.late, target.late);
    let dense = column(&lists.dense, own.dense, target.dense);
    Lists {
        late: late
            .or_else(|| column(&lists.dense, own.dense, target.late))
            .unwrap_or_default(),
        dense: dense
            .or_else(|| column(&lists.late, own.late, target.dense))
            .unwrap_or_default(),
    }
}

/// Scores on another scale; `None` if the model does not make them, or nobody has such.
fn column(
    scores: &HashMap<ChunkId, f32>,
    own: Option<Scale>,
    target: Option<Scale>,
) -> Option<HashMap<ChunkId, f32>> {
    let (own, target) = (own?, target?);
    let told = |(&chunk, &score): (&ChunkId, &f32)| {
        // What is on its scale already keeps its every bit.
        let score = match own == target {
            true => score,
            false => target.at(own.distance(score)),
        };
        (chunk, score)
    };
    Some(scores.iter().map(told).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scores(list: &[(u32, f32)]) -> HashMap<ChunkId, f32> {
        list.iter()
            .map(|&(id, score)| (ChunkId(id), score))
            .collect()
    }

    #[test]
    fn a_scale_is_mean_and_deviation_of_chance() {
        for (chance, score, expected) in [
            (&[1.0, 3.0][..], 4.0, 2.0),
            (&[10.0, 30.0], 40.0, 2.0),
            (&[0.5], 0.5, 0.0),
            (&[0.5, 0.5], 0.9, 0.0),
        ] {
            let scale = Scale::of(chance).unwrap();
            assert!(
                (scale.distance(score) - expected).abs() < 1e-5,
                "{chance:?}"
            );
        }
        assert_eq!(Scale::of(&[]), None);
    }

    /// The order of the best is that of how far they stand out, whatever a model's numbers are like.
    #[test]
    fn neither_collection_wins_by_its_numbers() {
        let chance = [0.1f32, 0.2, 0.3, 0.4];
        let main = Scale::of(&chance).unwrap();
        for (factor, shift) in [(1.0, 0.0), (40.0, 0.0), (0.01, 0.9), (5.0, -30.0)] {
            let other = |score: f32| shift + factor * score;
            let docs = Scale::of(&chance.map(other)).unwrap();
            let lists = |own: Scale, list: &[(u32, f32)]| {
                let lists = Lists {
                    late: scores(list),
                    dense: HashMap::new(),
                };
                let late = |scale| Scales {
                    late: Some(scale),
                    dense: None,
                };
                told(lists, late(own), late(main)).late
            };
            let mut joined: Vec<(ChunkId, f32)> = lists(main, &[(1, 0.9), (2, 0.5)])
                .into_iter()
                .chain(lists(docs, &[(3, other(0.7)), (4, other(0.3))]))
                .collect();
            joined.sort_by(|a, b| b.1.total_cmp(&a.1));
            let order: Vec<u32> = joined.iter().map(|(chunk, _)| chunk.0).collect();
            assert_eq!(order, [1, 3, 2, 4], "{factor} {shift}");
        }
    }

    #[test]
    fn one_kind_of_vectors_stands_in_for_the_other() {
        let scale = |mean| {
            Some(Scale {
                mean,
                deviation: 1.0,
            })
        };
        let both = Scales {
            late: scale(10.0),
            dense: scale(0.0),
        };
        let dense_only = Scales {
            late: None,
            dense: scale(5.0),
        };
        let lists = Lists {
            late: HashMap::new(),
            dense: scores(&[(1, 7.0)]),
        };
        let told = told(lists, dense_only, both);
        assert_eq!(told.late, scores(&[(1, 12.0)]));
        assert_eq!(told.dense, scores(&[(1, 2.0)]));
    }
}
