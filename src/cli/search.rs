//! `fathom search`: bring the index up to date, ask it, show the answer.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use fathom::config::{Flags, Settings};
use fathom::engine::reranking::Reranking;
use fathom::engine::results;
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_indexes::ChunkKind;
use fathom_retriever::{Content, Filter, Mode, QueryEncoder, SearchOutcome, SearchRequest};

use super::Global;
use super::format::{Format, FormatArgs};
use super::freshness::{self, Freshness};
use super::store::StoreArgs;
use crate::errors::{Exit, warn};
use fathom::output::highlight::Highlighter;

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// A question, some words, a symbol's name, or a pattern
    query: String,
    /// Search below this path
    #[arg(default_value = ".")]
    path: PathBuf,
    /// What to search with
    #[arg(long, value_name = "MODE", default_value = "hybrid")]
    #[arg(value_parser = ["hybrid", "late", "dense", "lexical", "regex", "symbol"])]
    mode: String,
    /// Score the first results again with the cross-encoder that is selected; slower
    #[arg(long, conflicts_with = "no_rerank")]
    rerank: bool,
    /// Do not, even if `config.toml` says `rerank = true`
    #[arg(long)]
    no_rerank: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Which code may answer.
#[derive(Args, Debug)]
#[command(next_help_heading = "Which results")]
pub struct FilterArgs {
    /// Number of results [default: 10] [env: FATHOM_TOP_K]
    #[arg(short = 'k', long, value_name = "N")]
    top_k: Option<usize>,
    /// Only these languages
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    lang: Vec<String>,
    /// Only files that match, or with `!` in front do not match; may be given more than once
    #[arg(short = 'g', long, value_name = "GLOB")]
    glob: Vec<String>,
    /// Only these kinds of code: function, method, type, interface, module, impl, constant,
    /// variable, macro, test, section, data, code
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = kind)]
    kind: Vec<ChunkKind>,
    /// Only code, docs (Markdown and other prose), or config (JSON, YAML, TOML and other data)
    #[arg(
        long,
        value_name = "CONTENT",
        default_value = "all",
        hide_default_value = true
    )]
    #[arg(value_parser = ["code", "docs", "config", "all"])]
    content: String,
    /// At most so many results of one file
    #[arg(long, value_name = "N")]
    per_file: Option<usize>,
    /// Leave out results with a lower score
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f32>,
}

/// What may be done before the search.
#[derive(Args, Debug)]
#[command(next_help_heading = "How fresh")]
pub struct FreshnessArgs {
    /// Search the index as it is, without looking for changed files
    #[arg(long)]
    no_refresh: bool,
    /// Wait until the index has caught up with all files, vectors included
    #[arg(long, conflicts_with = "no_refresh")]
    wait: bool,
    /// Never finish an index in a background process [env: FATHOM_BACKGROUND=0]
    #[arg(long)]
    no_background: bool,
}

impl FilterArgs {
    /// The request for `query`.
    pub fn request(&self, query: &str, mode: Mode, top_k: usize) -> SearchRequest {
        SearchRequest {
            mode,
            top_k,
            filter: Filter {
                languages: self.lang.clone(),
                globs: self.glob.clone(),
                kinds: self.kind.clone(),
                content: Content::parse(&self.content).unwrap_or_default(),
                under: None,
            },
            per_file: self.per_file,
            min_score: self.min_score,
            ..SearchRequest::new(query)
        }
    }

    /// `--top-k` as a flag among the settings.
    pub fn top_k(&self) -> Option<usize> {
        self.top_k
    }
}

impl FreshnessArgs {
    /// `--no-background` as a flag among the settings.
    pub fn no_background(&self) -> bool {
        self.no_background
    }

    /// How fresh the index has to be.
    pub fn wanted(&self, semantic: bool) -> Freshness {
        match (self.no_refresh, semantic) {
            (true, _) => Freshness::AsItIs,
            (false, true) if self.wait => Freshness::Everything,
            (false, true) => Freshness::Encoded,
            (false, false) => Freshness::Words,
        }
    }
}

fn kind(word: &str) -> Result<ChunkKind, String> {
    ChunkKind::parse(word).ok_or_else(|| {
        let all: Vec<&str> = ChunkKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("not one of {}", all.join(", "))
    })
}

pub fn run(global: &Global, args: &SearchArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let mode = Mode::parse(&args.mode).unwrap_or_default();
    let settings = global.settings_with(Flags {
        top_k: args.filter.top_k(),
        no_background: args.freshness.no_background(),
        ..Flags::default()
    })?;
    let semantic = matches!(mode, Mode::Hybrid | Mode::Late | Mode::Dense);
    // The slowest part begins first, in a thread of its own.
    let start = || QueryModel::start_for(&args.path, &settings, Some(&args.query));
    let model = semantic.then(start).transpose()?;
    let workspace = Workspace::open_to_search(&args.path, &settings)?;
    let model = model.map(|model| model.matching(&workspace));
    global.warn_all(workspace.warnings());
    let freshness = args.freshness.wanted(semantic);
    freshness::ensure(global, &workspace, freshness)?;
    let snapshot = workspace.snapshot()?;
    let encoder = usable(model.as_ref(), mode)?;
    let mut request = args.filter.request(&args.query, mode, settings.top_k);
    let reranking = reranking(args, semantic, &settings);
    if let Some(reranking) = &reranking {
        request.top_k = reranking.candidates(settings.top_k);
    }
    let mut outcome = args
        .store
        .search(global, &workspace, (&snapshot, encoder), request)?;
    if let Some(reranking) = &reranking
        && let Err(reason) = reranking.apply(&mut outcome, settings.top_k)
    {
        match args.rerank {
            true => anyhow::bail!(reason),
            false => warn(&format!("not reranked: {reason}")),
        }
    }
    report_completeness(global, &outcome);
    let asked = match mode {
        Mode::Regex => Highlighter::regex(&args.query),
        _ => Highlighter::words(&args.query),
    };
    let format = Format::new(&args.format, settings.color);
    let (asked_for, whole) = (
        (args.query.as_str(), mode.as_str()),
        format.needs_whole_files(),
    );
    let mut answer = results::answer(&workspace, &snapshot, asked_for, outcome, whole)?;
    answer.took = started.elapsed();
    if freshness == Freshness::AsItIs && !global.quiet {
        freshness::warn_of_changes(&answer);
    }
    format.show(global, answer, &asked)
}

/// Exact modes say whether what they show is everything.
/// The reranker, if it was asked for or is on; only what is ranked by meaning is ranked again.
fn reranking(args: &SearchArgs, semantic: bool, settings: &Settings) -> Option<Reranking> {
    match (args.rerank, args.no_rerank || !semantic) {
        (true, _) => Some(Reranking::new(settings)),
        (false, true) => None,
        (false, false) => Reranking::by_settings(settings),
    }
}

fn report_completeness(global: &Global, outcome: &SearchOutcome) {
    let (shown, Some(total)) = (outcome.hits.len(), outcome.total) else {
        return;
    };
    if shown < total {
        global.note(&format!(
            "{shown} of {total} matches shown; `--top-k {total}` shows all"
        ));
    }
}

/// The encoder, if it loads. Without it a hybrid search goes on with words alone and says so.
fn usable(model: Option<&QueryModel>, mode: Mode) -> anyhow::Result<Option<&dyn QueryEncoder>> {
    let Some(model) = model else {
        return Ok(None);
    };
    match model.wait() {
        Ok(()) => Ok(Some(model)),
        Err(reason) if mode == Mode::Hybrid => {
            warn(&format!("searching by words only: {reason}"));
            Ok(None)
        }
        Err(reason) => anyhow::bail!(reason),
    }
}
