//! Measures the quality of search on labelled questions about real repositories.
//!
//! The repositories are indexed in the normal way, into the normal data folder,
//! and asked the way a user asks. Metrics are those of
//! [`fathom_retriever::evaluate`].

mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use fathom::config::Settings;
use fathom::encoder;
use fathom::engine::reranking::Reranking;
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_eval::labels::{Labels, Question, Repository};
use fathom_indexes::Snapshot;
use fathom_retriever::evaluate::{self, Quality, Ranked, Scored};
use fathom_retriever::{Mode, SearchRequest};

use crate::cli::Global;
use crate::errors::warn;
use crate::progress::Progress;
use crate::signals;
pub use report::Report;

/// How long to wait for another process that writes to the same index.
const PATIENCE: Duration = Duration::from_secs(30);

/// One question's outcome in one variant.
pub struct Measured {
    /// By what it is aggregated, and how good the ten best chunks are.
    pub scored: Scored,
    /// How good the ten best files are.
    pub merged: Quality,
    /// Time of the search in this process, with the model loaded.
    pub took: Duration,
    /// The question.
    pub query: String,
    /// What was found, best first.
    pub found: Vec<Ranked>,
}

/// A way to search that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// What is searched with.
    pub mode: Mode,
    /// Whether names, paths and the like count beside the indexes' own scores.
    pub signals: bool,
    /// Whether the selected cross-encoder orders the first results anew.
    pub rerank: bool,
}

impl Variant {
    /// The mode's word; `-` after it means without signals, `+` reranked.
    pub fn name(self) -> String {
        let without = if self.signals { "" } else { "-" };
        let more = if self.rerank { "+" } else { "" };
        format!("{}{without}{more}", self.mode.as_str())
    }
}

/// What is asked with.
struct Models {
    encoder: QueryModel,
    reranking: Reranking,
}

/// All questions in one variant.
pub struct VariantRun {
    /// The variant.
    pub variant: Variant,
    /// One entry per question.
    pub measured: Vec<Measured>,
}

/// Indexes each repository below `sources` and asks its questions in each variant.
/// Repositories whose sources are not there are left out with a warning.
pub fn run(
    global: &Global,
    settings: &Settings,
    labels: &Labels,
    sources: &Path,
    variants: &[Variant],
) -> anyhow::Result<Vec<VariantRun>> {
    let models = Models {
        encoder: QueryModel::start(&encoder::selected(settings)?, settings, None),
        reranking: Reranking::new(settings),
    };
    let mut runs: Vec<VariantRun> = variants
        .iter()
        .map(|&variant| VariantRun {
            variant,
            measured: Vec::new(),
        })
        .collect();
    for repository in &labels.repositories {
        let folder = repository.folder(sources);
        let is_built = repository.questions.iter().any(|one| one.at.is_some());
        if !folder.is_dir() && !is_built {
            warn(&format!("`{}` is not there, left out", folder.display()));
            continue;
        }
        global.note(&format!("{} ({})", repository.name, repository.language));
        for (at, questions) in repository.trees() {
            if let Some(commit) = at {
                repository.check_out(sources, commit)?;
            }
            let snapshot = indexed(global, settings, &folder)?;
            for run in &mut runs {
                ask_all(run, (repository, questions), &snapshot, &models)?;
            }
        }
    }
    Ok(runs)
}

fn indexed(global: &Global, settings: &Settings, folder: &Path) -> anyhow::Result<Snapshot> {
    let workspace = Workspace::open_exactly(folder, settings)?;
    let progress = Progress::new(global.quiet);
    let on = |event| progress.on(event);
    signals::during(|cancel| workspace.refresh(false, PATIENCE, cancel, &on))??;
    signals::during(|cancel| workspace.encode(PATIENCE, cancel, &on))??;
    progress.finish();
    if signals::cancelled() {
        std::process::exit(crate::errors::INTERRUPTED);
    }
    Ok(workspace.snapshot()?)
}

fn ask_all(
    run: &mut VariantRun,
    (repository, questions): (&Repository, &[Question]),
    snapshot: &Snapshot,
    models: &Models,
) -> anyhow::Result<()> {
    let rerank = run.variant.rerank;
    let ask = |request: &SearchRequest| ask(snapshot, models, rerank, request, repository);
    for question in questions {
        let request = SearchRequest {
            mode: run.variant.mode,
            signals: run.variant.signals,
            top_k: evaluate::DEPTH,
            ..SearchRequest::new(&question.query)
        };
        let started = Instant::now();
        let found = ask(&request)?;
        let took = started.elapsed();
        let by_file = SearchRequest {
            per_file: Some(1),
            ..request
        };
        let files = ask(&by_file)?;
        run.measured.push(Measured {
            scored: Scored {
                repository: repository.name.clone(),
                language: repository.language.clone(),
                category: question.category.clone(),
                quality: evaluate::score(&found, &question.targets),
            },
            merged: evaluate::score(&files, &question.targets),
            took,
            query: question.query.clone(),
            found,
        });
    }
    Ok(())
}

/// The results with paths relative to the repository.
fn ask(
    snapshot: &Snapshot,
    models: &Models,
    rerank: bool,
    request: &SearchRequest,
    repository: &Repository,
) -> anyhow::Result<Vec<Ranked>> {
    let Models { encoder, reranking } = models;
    let mut request = request.clone();
    let top_k = request.top_k;
    if rerank {
        request.top_k = reranking.candidates(top_k);
    }
    let mut outcome = fathom_retriever::search(snapshot, Some(encoder), &request)
        .with_context(|| format!("`{}` in {}", request.query, repository.name))?;
    if rerank {
        let done = reranking.apply(&mut outcome, top_k);
        done.map_err(anyhow::Error::msg)?;
    }
    Ok(outcome
        .hits
        .iter()
        .map(|hit| Ranked {
            path: repository.path_of(&hit.chunk.path),
            lines: hit.chunk.record.lines,
        })
        .collect())
}
