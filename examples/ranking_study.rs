//! Fits the weights of the ranking on labelled questions, and says what they are worth on
//! repositories that they were not fitted on.
//!
//! `cargo run --release --example ranking_study -- LABELS SOURCES DATA [LABELS SOURCES DATA …]`
//!
//! Each triple is a yardstick, indexed in its own data folder; the first counts as much as four of
//! the others. The weights are changed one after the other as long as the mean NDCG@10 grows; of
//! equal ones the first is kept.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fathom::config::{Flags, Settings};
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_encoders::Profile;
use fathom_eval::labels::{Labels, Question, Repository};
use fathom_indexes::Snapshot;
use fathom_retriever::candidates::{self, Sought};
use fathom_retriever::evaluate::{self, DEPTH, Ranked, Target};
use fathom_retriever::rank::features::{self, Values};
use fathom_retriever::rank::{Candidate, Signal, Weights, order};
use fathom_retriever::understand::{Understanding, understand};
use fathom_retriever::{Filter, Mode};
use rayon::prelude::*;

/// The best so many by the weights of this build take part.
const CONTENDERS: usize = 150;
/// What the first yardstick counts; the others count 1.
const FIRST: f64 = 4.0;
/// Repositories are held out in so many groups.
const FOLDS: usize = 6;
/// Times that all weights are tried.
const ROUNDS: usize = 3;
/// What a weight is changed by.
const STEPS: [f32; 6] = [-0.2, -0.1, -0.05, 0.05, 0.1, 0.2];
/// A gain of the mean that is worth a change.
const GAIN: f64 = 2e-4;

type Failure = Box<dyn Error>;

/// A question with its candidates.
struct Asked {
    yardstick: usize,
    repository: usize,
    understood: Understanding,
    pool: Vec<Candidate>,
    values: Vec<Values>,
    shown: Vec<Ranked>,
    targets: Vec<Target>,
}

/// The two columns: queries of words, and those that seek a definition.
#[derive(Clone)]
struct Columns([Weights; 2]);

impl Columns {
    /// With a part of one signal's weight.
    fn scaled(&self, signal: Signal, part: f32) -> Columns {
        let scale = |weights: &Weights| weights.clone().with(signal, part * weights.get(signal));
        Columns([scale(&self.0[0]), scale(&self.0[1])])
    }

    fn of(&self, understood: &Understanding) -> &Weights {
        &self.0[usize::from(understood.seeks_definition())]
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut asked = Vec::new();
    let mut repositories = 0;
    for (yardstick, triple) in arguments.chunks(3).enumerate() {
        let [labels, sources, data] = triple else {
            return Err("give LABELS SOURCES DATA, once or more often".into());
        };
        let flags = Flags {
            data_dir: Some(data.into()),
            ..Flags::default()
        };
        let settings = Settings::load(&flags)?.0;
        let model = QueryModel::start(&Profile::bundled(), &settings, None);
        for repository in &Labels::read(Path::new(labels), &[])?.repositories {
            collect(
                &settings,
                repository,
                Path::new(sources),
                &mut |question, snapshot| {
                    let place = (yardstick, repositories);
                    asked.push(gather(place, repository, question, snapshot, &model)?);
                    Ok(())
                },
            )?;
            repositories += 1;
        }
        println!("{labels}: {} questions so far", asked.len());
    }
    let all: Vec<&Asked> = asked.iter().collect();
    let now = current();
    report("as they are", &all, &now);
    for signal in [
        Signal::Repeat,
        Signal::Coherence,
        Signal::Stem,
        Signal::Lexical,
    ] {
        for part in [0.0, 0.25, 0.5, 0.75, 1.5] {
            let scaled = now.scaled(signal, part);
            report(&format!("{part} of {}", signal.name()), &all, &scaled);
        }
    }
    let mut held_out = Vec::new();
    for fold in 0..FOLDS {
        let (out, rest): (Vec<&Asked>, Vec<&Asked>) =
            all.iter().partition(|one| one.repository % FOLDS == fold);
        let fitted = fit(&rest, now.clone());
        held_out.extend(out.iter().map(|one| (*one, quality(one, &fitted))));
        println!("fold {fold}: {} questions held out", out.len());
    }
    print_means("fitted, on what was held out", &held_out);
    let fitted = fit(&all, now);
    report("fitted on all", &all, &fitted);
    for signal in Signal::ALL {
        let [words, symbol] = &fitted.0;
        println!(
            "{:12} {:5.2} {:5.2}",
            signal.name(),
            words.get(*signal),
            symbol.get(*signal)
        );
    }
    Ok(())
}

/// The weights of this build.
fn current() -> Columns {
    Columns(["some plain words", "HTTPAdapter"].map(|query| Weights::of(&understand(query))))
}

fn collect(
    settings: &Settings,
    repository: &Repository,
    sources: &Path,
    each: &mut dyn FnMut(&Question, &Snapshot) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let folder = repository.folder(sources);
    let never = AtomicBool::new(false);
    for (at, questions) in repository.trees() {
        if let Some(commit) = at {
            repository.check_out(sources, commit)?;
        } else if !folder.is_dir() {
            println!("{} is not there", folder.display());
            return Ok(());
        }
        let workspace = Workspace::open_exactly(&folder, settings)?;
        let patience = Duration::from_secs(60);
        workspace.refresh(false, patience, &never, &|_| ())?;
        workspace.encode(patience, &never, &|_| ())?;
        let snapshot = workspace.snapshot()?;
        for question in questions {
            each(question, &snapshot)?;
        }
    }
    Ok(())
}

fn gather(
    (yardstick, number): (usize, usize),
    repository: &Repository,
    question: &Question,
    snapshot: &Snapshot,
    model: &QueryModel,
) -> Result<Asked, Failure> {
    let understood = understand(&question.query);
    let sought = Sought {
        snapshot,
        vectors: snapshot,
        filter: &Filter::default(),
        query: &understood,
        within: None,
        mode: Mode::Hybrid,
    };
    let pool = candidates::gather(&sought, Some(model))?;
    let shown: Vec<Ranked> = pool
        .rows
        .iter()
        .map(|row| Ranked {
            path: repository.path_of(&row.path),
            lines: row.record.lines,
        })
        .collect();
    let values = features::of(&understood, &pool.candidates);
    let placed = order(values.clone(), &pool.candidates, &Weights::of(&understood));
    let kept: Vec<usize> = placed
        .iter()
        .take(CONTENDERS)
        .map(|one| one.index)
        .collect();
    Ok(Asked {
        yardstick,
        repository: number,
        values: kept.iter().map(|&at| values[at]).collect(),
        shown: kept.iter().map(|&at| shown[at].clone()).collect(),
        pool: kept.iter().map(|&at| pool.candidates[at].clone()).collect(),
        understood,
        targets: question.targets.clone(),
    })
}

/// NDCG@10 of a question.
fn quality(asked: &Asked, weights: &Columns) -> f64 {
    let placed = order(
        asked.values.clone(),
        &asked.pool,
        weights.of(&asked.understood),
    );
    let best = placed.iter().take(DEPTH);
    let found: Vec<Ranked> = best.map(|one| asked.shown[one.index].clone()).collect();
    evaluate::score(&found, &asked.targets).ndcg
}

fn qualities<'a>(asked: &[&'a Asked], weights: &Columns) -> Vec<(&'a Asked, f64)> {
    let each = asked.par_iter().map(|one| (*one, quality(one, weights)));
    each.collect()
}

/// The weighted mean over yardsticks of the mean over repositories; and that of each yardstick.
fn means(scored: &[(&Asked, f64)]) -> (f64, Vec<f64>) {
    let count =
        |of: &dyn Fn(&Asked) -> usize| scored.iter().map(|(one, _)| of(one) + 1).max().unwrap_or(0);
    let yardsticks = count(&|one| one.yardstick);
    let mut sums = vec![(0.0, 0usize, 0usize); count(&|one| one.repository)];
    for (one, value) in scored {
        let sum = &mut sums[one.repository];
        *sum = (sum.0 + value, sum.1 + 1, one.yardstick);
    }
    let of = |yardstick| {
        let own = sums.iter().filter(|sum| sum.1 > 0 && sum.2 == yardstick);
        let own: Vec<f64> = own.map(|sum| sum.0 / sum.1 as f64).collect();
        own.iter().sum::<f64>() / own.len().max(1) as f64
    };
    let each: Vec<f64> = (0..yardsticks).map(of).collect();
    let counts = (0..each.len()).map(|at| if at == 0 { FIRST } else { 1.0 });
    let sum: f64 = counts
        .clone()
        .zip(&each)
        .map(|(count, value)| count * value)
        .sum();
    (sum / counts.sum::<f64>(), each)
}

/// Changes one weight after the other.
fn fit(asked: &[&Asked], mut weights: Columns) -> Columns {
    let mut best = means(&qualities(asked, &weights)).0;
    for _ in 0..ROUNDS {
        let before = best;
        for column in 0..2 {
            for &signal in Signal::ALL {
                for step in STEPS {
                    let mut other = weights.clone();
                    let value = other.0[column].get(signal) + step;
                    other.0[column] = other.0[column].clone().with(signal, value);
                    let reached = means(&qualities(asked, &other)).0;
                    if reached > best + GAIN {
                        (best, weights) = (reached, other);
                    }
                }
            }
        }
        if best < before + GAIN {
            break;
        }
    }
    weights
}

fn report(title: &str, asked: &[&Asked], weights: &Columns) {
    print_means(title, &qualities(asked, weights));
}

fn print_means(title: &str, scored: &[(&Asked, f64)]) {
    let (mean, each) = means(scored);
    let each: Vec<String> = each.iter().map(|value| format!("{value:.3}")).collect();
    println!("{title}: mean {mean:.4}, by yardstick {}", each.join(" "));
}
