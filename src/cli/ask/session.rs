//! A repository that questions are asked about.

use fathom::config::Settings;
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_answerer::card::{self, Found};
use fathom_encoders::Profile;
use fathom_indexes::Snapshot;
use fathom_retriever::understand::Understanding;
use fathom_retriever::{SearchOutcome, SearchRequest};

use crate::cli::freshness::Freshness;
use crate::cli::{Global, freshness};
use crate::errors::warn;
use crate::output::card::Explained;

/// A repository opened for questions, and the model that encodes them.
pub struct Session {
    pub workspace: Workspace,
    pub settings: Settings,
    model: QueryModel,
}

impl Session {
    /// Opens the repository of a path and brings its index up to date; `first` is the first question.
    pub fn open(
        global: &Global,
        path: &std::path::Path,
        settings: Settings,
        first: Option<&str>,
        wanted: Freshness,
    ) -> anyhow::Result<Session> {
        let model = QueryModel::start(&Profile::bundled(), &settings, first);
        let workspace = Workspace::open_to_search(path, &settings)?;
        global.warn_all(workspace.warnings());
        freshness::ensure(global, &workspace, wanted)?;
        Ok(Session {
            workspace,
            settings,
            model,
        })
    }

    /// Searches; by words only where the model does not load, which is said.
    pub fn search(
        &self,
        snapshot: &Snapshot,
        request: SearchRequest,
    ) -> anyhow::Result<SearchOutcome> {
        let found = match self.model.wait() {
            Ok(()) => self.workspace.search(snapshot, Some(&self.model), request),
            Err(reason) => {
                warn(&format!("searching by words only: {reason}"));
                self.workspace.search(snapshot, None, request)
            }
        };
        Ok(found?)
    }

    /// The card of the first identifier that names exactly one definition.
    pub fn card(
        &self,
        snapshot: &Snapshot,
        question: &Understanding,
    ) -> anyhow::Result<Option<Explained>> {
        for identifier in &question.identifiers {
            let mut name = identifier.scope.clone();
            name.push(identifier.name.clone());
            if let Found::One(subject) = card::find_symbol(snapshot, &name.join("::"))? {
                let card = card::card(snapshot, *subject)?;
                return Ok(Some(Explained {
                    change: card::last_change(self.workspace.root(), &card.subject.place),
                    similar: Vec::new(),
                    card,
                }));
            }
        }
        Ok(None)
    }
}
