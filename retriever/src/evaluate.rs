//! Retrieval quality: NDCG@10, MRR and recall@10 of ranked results against labelled targets. Pure functions.
//!
//! A target is a path with an optional line span, and counts with gain 1. Its rank is that of the first of the top 10
//! results whose path matches and whose lines overlap the span. Two targets at one rank count once.

use std::collections::{BTreeMap, BTreeSet};

use crate::bootstrap::{self, Interval};

/// How many results are looked at.
pub const DEPTH: usize = 10;

/// A labelled answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Path, relative to the repository or to the folder that is indexed.
    pub path: String,
    /// First and last line, 1-based; without it any part of the file answers.
    pub lines: Option<(u32, u32)>,
}

/// One result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Path relative to the indexed folder.
    pub path: String,
    /// First and last line, 1-based.
    pub lines: (u32, u32),
}

/// The quality of one question's results, or a mean of such.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quality {
    /// Normalised discounted cumulative gain at 10, 0 to 1.
    pub ndcg: f64,
    /// 1 / rank of the first target found, 0 when none is among the ten.
    pub mrr: f64,
    /// Share of the targets that the first result shows.
    pub recall_1: f64,
    /// Share of the targets that are among the ten.
    pub recall: f64,
}

/// One question's quality with what it is aggregated by.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The repository asked.
    pub repository: String,
    /// Its language.
    pub language: String,
    /// The question's category.
    pub category: String,
    /// The quality of its results.
    pub quality: Quality,
}

/// A mean over repositories with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Unweighted mean over repositories of the mean over each one's questions.
    pub mean: Quality,
    /// 95 % bootstrap interval of the NDCG, resampling repositories.
    pub ndcg_interval: Interval,
    /// Number of repositories.
    pub repositories: usize,
    /// Number of questions.
    pub questions: usize,
}

/// Scores one question's results, best first.
pub fn score(results: &[Ranked], targets: &[Target]) -> Quality {
    if targets.is_empty() {
        return Quality::default();
    }
    let found: Vec<usize> = targets
        .iter()
        .filter_map(|target| rank_of(target, results))
        .collect();
    let ranks: BTreeSet<usize> = found.iter().copied().collect();
    let gain: f64 = ranks.iter().map(|&rank| discount(rank)).sum();
    let ideal: f64 = (1..=targets.len().min(DEPTH)).map(discount).sum();
    Quality {
        ndcg: gain / ideal,
        mrr: ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64),
        recall_1: found.iter().filter(|&&rank| rank == 1).count() as f64 / targets.len() as f64,
        recall: found.len() as f64 / targets.len() as f64,
    }
}

/// Keeps the first result of each file.
pub fn merged_by_file(results: &[Ranked]) -> Vec<Ranked> {
    let mut seen = BTreeSet::new();
    results
        .iter()
        .filter(|result| seen.insert(&result.path))
        .cloned()
        .collect()
}

/// The rank (from 1) of the first of the ten results that shows `target`.
fn rank_of(target: &Target, results: &[Ranked]) -> Option<usize> {
    let shows = |result: &Ranked| matches(result, target);
    results.iter().take(DEPTH).position(shows).map(|i| i + 1)
}

/// Whether a result shows a target.
pub fn matches(result: &Ranked, target: &Target) -> bool {
    paths_match(&result.path, &target.path) && overlaps(result.lines, target.lines)
}

fn overlaps(lines: (u32, u32), span: Option<(u32, u32)>) -> bool {
    span.is_none_or(|(start, end)| lines.0 <= end && start <= lines.1)
}

/// Equal, or one a suffix of the other in whole components.
fn paths_match(a: &str, b: &str) -> bool {
    let ends_with = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends_with(a, b) || ends_with(b, a)
}

fn discount(rank: usize) -> f64 {
    1.0 / ((rank + 1) as f64).log2()
}

/// The headline: the mean over repositories.
pub fn summarise(scored: &[Scored]) -> Summary {
    let means: Vec<Quality> = group(scored, |s| s.repository.clone())
        .into_values()
        .map(|of| mean(&of))
        .collect();
    let ndcgs: Vec<f64> = means.iter().map(|mean| mean.ndcg).collect();
    Summary {
        mean: mean(&means),
        ndcg_interval: bootstrap::interval_of_mean(&ndcgs),
        repositories: means.len(),
        questions: scored.len(),
    }
}

/// One summary per category, in alphabetical order.
pub fn by_category(scored: &[Scored]) -> Vec<(String, Summary)> {
    summaries_by(scored, |s| s.category.clone())
}

/// One summary per language, in alphabetical order.
pub fn by_language(scored: &[Scored]) -> Vec<(String, Summary)> {
    summaries_by(scored, |s| s.language.clone())
}

/// One summary per repository, in alphabetical order.
pub fn by_repository(scored: &[Scored]) -> Vec<(String, Summary)> {
    summaries_by(scored, |s| s.repository.clone())
}

fn summaries_by(scored: &[Scored], key: impl Fn(&Scored) -> String) -> Vec<(String, Summary)> {
    let mut groups: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for one in scored {
        groups.entry(key(one)).or_default().push(one.clone());
    }
    groups
        .into_iter()
        .map(|(name, of)| (name, summarise(&of)))
        .collect()
}

fn group(scored: &[Scored], key: impl Fn(&Scored) -> String) -> BTreeMap<String, Vec<Quality>> {
    let mut groups: BTreeMap<String, Vec<Quality>> = BTreeMap::new();
    for one in scored {
        groups.entry(key(one)).or_default().push(one.quality);
    }
    groups
}

fn mean(of: &[Quality]) -> Quality {
    let share = 1.0 / of.len().max(1) as f64;
    of.iter().fold(Quality::default(), |sum, one| Quality {
        ndcg: sum.ndcg + one.ndcg * share,
        mrr: sum.mrr + one.mrr * share,
        recall_1: sum.recall_1 + one.recall_1 * share,
        recall: sum.recall + one.recall * share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path` or `path:start-end`.
    fn parse(text: &str) -> (String, Option<(u32, u32)>) {
        let Some((path, lines)) = text.split_once(':') else {
            return (text.to_owned(), None);
        };
        let numbers: Vec<u32> = lines.split('-').filter_map(|n| n.parse().ok()).collect();
        (path.to_owned(), Some((numbers[0], numbers[1])))
    }

    fn results(list: &str) -> Vec<Ranked> {
        let ranked = |(path, lines): (String, Option<(u32, u32)>)| Ranked {
            path,
            lines: lines.unwrap_or((1, 9)),
        };
        list.split_whitespace()
            .map(|text| ranked(parse(text)))
            .collect()
    }

    fn targets(list: &str) -> Vec<Target> {
        let target = |(path, lines)| Target { path, lines };
        list.split_whitespace()
            .map(|text| target(parse(text)))
            .collect()
    }

    #[test]
    fn hand_computed_questions() {
        let log3 = 1.0 / 3f64.log2(); // discount of rank 2, .6309
        let half = 0.5; // discount of rank 3
        for (found, wanted, ndcg, mrr, recall) in [
            ("a b c", "a", 1.0, 1.0, 1.0),
            ("a b c", "b", log3, 0.5, 1.0),
            ("a b c", "c", half, 1.0 / 3.0, 1.0),
            ("a b c", "z", 0.0, 0.0, 0.0),
            ("a b c", "a c", (1.0 + half) / (1.0 + log3), 1.0, 1.0),
            ("a b c", "b z", log3 / (1.0 + log3), 0.5, 0.5),
            // Ten results are looked at.
            ("x x x x x x x x x x a", "a", 0.0, 0.0, 0.0),
            ("x x x x x x x x x a", "a", 1.0 / 11f64.log2(), 0.1, 1.0),
            // Two targets at one rank count once.
            ("a:1-30", "a:1-5 a:20-25", 1.0 / (1.0 + log3), 1.0, 1.0),
            // A span needs an overlap, touching lines suffice.
            ("a:1-9 a:10-20", "a:20-25", log3, 0.5, 1.0),
            ("a:1-9", "a:10-20", 0.0, 0.0, 0.0),
            // Whole-component suffixes, both ways round.
            ("lib/a.rs", "repo/lib/a.rs", 1.0, 1.0, 1.0),
            ("repo/lib/a.rs", "lib/a.rs", 1.0, 1.0, 1.0),
            ("b/xa.rs", "a.rs", 0.0, 0.0, 0.0),
            // Chunks of one file are not merged.
            ("x:1-2 x:3-4 a", "a", half, 1.0 / 3.0, 1.0),
            ("", "a", 0.0, 0.0, 0.0),
            ("a", "", 0.0, 0.0, 0.0),
        ] {
            let quality = score(&results(found), &targets(wanted));
            let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert_eq!(
                quality.recall_1 > 0.0,
                quality.mrr == 1.0,
                "{found} | {wanted}"
            );
            assert!(
                close(quality.ndcg, ndcg)
                    && close(quality.mrr, mrr)
                    && close(quality.recall, recall),
                "{found} | {wanted}: {quality:?}"
            );
        }
    }

    #[test]
    fn merging_keeps_the_first_chunk_of_each_file() {
        assert_eq!(
            merged_by_file(&results("x:1-2 x:3-4 a x:5-6")),
            results("x:1-2 a")
        );
    }

    fn scored(repository: &str, language: &str, category: &str, ndcg: f64) -> Scored {
        let quality = Quality {
            ndcg,
            mrr: ndcg,
            recall_1: ndcg,
            recall: 1.0,
        };
        Scored {
            repository: repository.into(),
            language: language.into(),
            category: category.into(),
            quality,
        }
    }

    #[test]
    fn the_mean_is_over_repositories_not_questions() {
        let all = [
            scored("one", "go", "symbol", 1.0),
            scored("one", "go", "symbol", 1.0),
            scored("one", "go", "semantic", 0.4),
            scored("two", "rust", "semantic", 0.0),
        ];
        let headline = summarise(&all);
        assert!((headline.mean.ndcg - 0.4).abs() < 1e-12, "{headline:?}");
        assert_eq!((headline.repositories, headline.questions), (2, 4));
        let means = |groups: Vec<(String, Summary)>| -> Vec<String> {
            groups
                .iter()
                .map(|(name, s)| format!("{name} {:.2}", s.mean.ndcg))
                .collect()
        };
        assert_eq!(means(by_category(&all)), ["semantic 0.20", "symbol 1.00"]);
        assert_eq!(means(by_language(&all)), ["go 0.80", "rust 0.00"]);
        assert_eq!(means(by_repository(&all)), ["one 0.80", "two 0.00"]);
    }

    proptest::proptest! {
        #[test]
        fn qualities_stay_between_0_and_1(found in "[ab]{0,12}", wanted in "[abc]{0,4}") {
            let spaced = |s: &str| s.chars().map(|c| format!("{c} ")).collect::<String>();
            let quality = score(&results(&spaced(&found)), &targets(&spaced(&wanted)));
            for value in [quality.ndcg, quality.mrr, quality.recall_1, quality.recall] {
                proptest::prop_assert!((0.0..=1.0).contains(&value), "{quality:?}");
            }
        }
    }
}
