//! `index_status` and `reindex`: what is indexed; and making all of it so.

use std::collections::BTreeMap;

use fathom::engine::Place;
use fathom::engine::freshness::Freshness;
use fathom::output::{escape, json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::reply::Reply;

/// What both tools take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A path in the repository; empty: all that are served.
    #[serde(default)]
    path: String,
}

/// What is indexed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// One for each repository that is served.
    repositories: Vec<Indexed>,
}

/// The index of a repository.
#[derive(Debug, Serialize, JsonSchema)]
struct Indexed {
    /// Folder that is indexed.
    root: String,
    /// Whether there is an index; the first search makes it.
    indexed: bool,
    /// Generation of the index; it changes when the files do.
    generation: u64,
    /// Files.
    files: u64,
    /// Pieces that files are divided into.
    chunks: u64,
    /// Share of the chunks that are found by meaning too, 0 to 1; all are found by words.
    semantic_coverage: f64,
    /// Definitions.
    symbols: u64,
    /// Files by language.
    languages: BTreeMap<String, u64>,
    /// Files left out, by reason.
    skipped: BTreeMap<&'static str, u64>,
    /// What the index is doing: idle, or starting, fresh, changing, encoding, waiting, failing.
    state: String,
}

/// Tells what is indexed, with `whole` after making it so.
pub fn run(call: &Call, params: &Params, whole: bool) -> Result<Reply, Fault> {
    let paths: Vec<String> = match params.path.as_str() {
        "" => {
            let roots = call.engine.roots().iter();
            roots
                .map(|root| root.to_string_lossy().into_owned())
                .collect()
        }
        path => vec![path.to_owned()],
    };
    let mut repositories = Vec::new();
    for path in &paths {
        let place = call.engine.place(path)?;
        if whole {
            call.catch_up(&place, Freshness::Everything)?;
        }
        repositories.push(Indexed::of(&place)?);
    }
    let shown = Shown { repositories };
    Reply::new(shown.write(), &shown)
}

impl Indexed {
    fn of(place: &Place) -> Result<Indexed, Fault> {
        let workspace = place.repository.workspace();
        let snapshot = workspace.snapshot()?;
        let counts = snapshot.counts();
        let mut languages = BTreeMap::new();
        for file in snapshot.files()? {
            *languages.entry(file.record.language).or_insert(0) += 1;
        }
        let mut skipped = BTreeMap::new();
        for record in snapshot.skipped()? {
            *skipped.entry(record.reason.as_str()).or_insert(0) += 1;
        }
        let status = place.repository.status();
        Ok(Indexed {
            root: escape::path(workspace.root().as_os_str().as_encoded_bytes()),
            indexed: snapshot.generation() > 0,
            generation: snapshot.generation(),
            files: counts.files,
            chunks: counts.chunks,
            semantic_coverage: json::rounded(snapshot.coverage()),
            symbols: counts.symbols,
            languages,
            skipped,
            state: status.map_or_else(|| "idle".to_owned(), |status| status.state),
        })
    }

    fn write(&self) -> String {
        if !self.indexed {
            return format!(
                "{}: not indexed yet; the first search makes the index\n",
                self.root
            );
        }
        let counts = |counts: &mut dyn Iterator<Item = (String, u64)>| {
            let counts: Vec<String> = counts.map(|(name, n)| format!("{name} {n}")).collect();
            counts.join(", ")
        };
        let languages = counts(&mut self.languages.iter().map(|(name, &n)| (name.clone(), n)));
        let skipped = counts(&mut self.skipped.iter().map(|(&name, &n)| (name.into(), n)));
        format!(
            "{}: {} files ({languages}), {} definitions; {:.0} % found by meaning, all by words; left out: {}; {}\n",
            self.root,
            self.files,
            self.symbols,
            100.0 * self.semantic_coverage,
            if skipped.is_empty() {
                "nothing"
            } else {
                &skipped
            },
            self.state,
        )
    }
}

impl Shown {
    fn write(&self) -> String {
        self.repositories.iter().map(Indexed::write).collect()
    }
}
