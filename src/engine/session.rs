//! A repository that questions are asked about, and the model that encodes them.

use fathom_answerer::card::{self, Found};
use fathom_indexes::Snapshot;
use fathom_retriever::understand::Understanding;
use fathom_retriever::{SearchOutcome, SearchRequest};

use super::listener::Listener;
use super::reranking::Reranking;
use crate::model::QueryModel;
use crate::output::card::Explained;
use crate::workspace::{Workspace, WorkspaceError};

/// What questions are asked of.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The repository.
    pub workspace: &'a Workspace,
    /// Encodes questions.
    pub model: &'a QueryModel,
    /// What scores results again, if anything does.
    pub reranking: Option<&'a Reranking>,
}

impl Session<'_> {
    /// Searches; by words only where the model does not load, which is said.
    ///
    /// # Errors
    /// If the index cannot be read, or the request is not sound.
    pub fn search(
        &self,
        snapshot: &Snapshot,
        request: SearchRequest,
        listener: &mut dyn Listener,
    ) -> Result<SearchOutcome, WorkspaceError> {
        let (top_k, mut request) = (request.top_k, request);
        if let Some(reranking) = self.reranking {
            request.top_k = reranking.candidates(top_k);
        }
        let mut outcome = match self.model.wait() {
            Ok(()) => self.workspace.search(snapshot, Some(self.model), request)?,
            Err(reason) => {
                listener.warn(&format!("searching by words only: {reason}"));
                self.workspace.search(snapshot, None, request)?
            }
        };
        if let Some(reranking) = self.reranking
            && let Err(reason) = reranking.apply(&mut outcome, top_k)
        {
            listener.warn(&format!("not reranked: {reason}"));
        }
        Ok(outcome)
    }

    /// The card of the first identifier that names exactly one definition.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn card(
        &self,
        snapshot: &Snapshot,
        question: &Understanding,
    ) -> Result<Option<Explained>, WorkspaceError> {
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
