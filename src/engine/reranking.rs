//! The cross-encoder of a process: loaded when it is first needed.

use std::sync::{Mutex, PoisonError};

use fathom_encoders::PairEncoder;
use fathom_reranker::{RerankOptions, rerank};
use fathom_retriever::SearchOutcome;

use crate::config::Settings;
use crate::encoder;

/// A reranker that is selected. Whoever comes while it works waits.
pub struct Reranking {
    settings: Settings,
    options: RerankOptions,
    loaded: Mutex<Option<PairEncoder>>,
}

impl Reranking {
    /// The reranker of these settings, if searches are to use one without being told.
    pub fn by_settings(settings: &Settings) -> Option<Reranking> {
        let is_on = settings.encoder.rerank && settings.encoder.reranker.is_some();
        is_on.then(|| Reranking::new(settings))
    }

    /// The reranker that is selected; nothing is loaded yet.
    pub fn new(settings: &Settings) -> Reranking {
        Reranking {
            settings: settings.clone(),
            options: RerankOptions::default(),
            loaded: Mutex::new(None),
        }
    }

    /// As many results as the search before has to give.
    pub fn candidates(&self, top_k: usize) -> usize {
        self.options.candidates(top_k)
    }

    /// Puts the top of a search's results into a new order, and leaves `top_k` of them. If the
    /// model fails the order stays; the error says why.
    ///
    /// # Errors
    /// If no reranker is selected, or it cannot be loaded or run.
    pub fn apply(&self, outcome: &mut SearchOutcome, top_k: usize) -> Result<(), String> {
        let done = self.rerank(outcome);
        outcome.hits.truncate(top_k);
        done
    }

    fn rerank(&self, outcome: &mut SearchOutcome) -> Result<(), String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            let opened = encoder::reranker(&self.settings);
            *loaded = opened.map_err(|error| error.to_string())?;
        }
        let Some(scorer) = loaded.as_mut() else {
            return Err(
                "no reranker is selected; run `fathom model use NAME` with the name of a \
                 cross-encoder, such as `ms-marco-minilm-l6`"
                    .to_owned(),
            );
        };
        rerank(outcome, scorer, &self.options).map_err(|error| error.to_string())
    }
}
