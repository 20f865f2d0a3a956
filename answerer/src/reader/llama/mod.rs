//! A GGUF file run by llama.cpp in this process.

mod backend;
mod context;
mod draft;
mod model;
mod open;
mod prompt;
mod read;
mod saved;
mod tune;

use std::path::Path;
use std::sync::Arc;

use super::{Completion, LlamaOptions, OnPiece, Reader, ReaderError, Request};
use crate::lookup::{CostCurve, Token};
use context::Context;
use draft::Draft;
use model::Model;
use saved::Saved;

/// A loaded model with the memory of its last conversation.
pub struct LlamaReader {
    name: String,
    context: Context,
    /// What the context's memory holds.
    memory: Vec<Token>,
    /// Whether prompt lookup is wanted and possible.
    lookup: bool,
    draft: Option<Draft>,
    costs: Option<CostCurve>,
    saved: Option<Saved>,
}

impl LlamaReader {
    /// Loads a model: a second or so for a gigabyte that is in the system's
    /// file cache.
    ///
    /// # Errors
    /// When a file is missing, damaged or of another kind, when options do
    /// not fit the model, or when there is too little memory.
    pub fn open(options: &LlamaOptions) -> Result<LlamaReader, ReaderError> {
        open::open(options)
    }

    /// Whether answers are drafted from their prompt; false where it is
    /// switched off or the model cannot roll back.
    #[must_use]
    pub fn looks_up(&self) -> bool {
        self.lookup
    }

    /// What scoring several tokens at once costs, as measured for the last
    /// answer with drafts.
    #[must_use]
    pub fn costs(&self) -> Option<&CostCurve> {
        self.costs.as_ref()
    }

    /// Takes another curve than the measured one, for experiments.
    pub fn set_costs(&mut self, costs: CostCurve) {
        self.costs = Some(costs);
    }

    /// Forgets the conversation, so that the next answer computes its whole prompt.
    pub fn forget(&mut self) {
        self.context.clear();
        self.memory.clear();
    }

    fn model(&self) -> &Arc<Model> {
        self.context.model()
    }
}

impl Reader for LlamaReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn context(&self) -> usize {
        self.context.options().length
    }

    fn count(&self, text: &str) -> usize {
        self.model().tokens(text, false).len()
    }

    fn read(
        &mut self,
        request: &Request<'_>,
        on_piece: OnPiece<'_>,
    ) -> Result<Completion, ReaderError> {
        read::read(self, request, on_piece)
    }
}

/// The model's own name, or that of its file.
fn display_name(model: &Model, path: &Path) -> String {
    let stem = || {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let named = model
        .metadata("general.name")
        .filter(|name| !name.trim().is_empty());
    named.unwrap_or_else(stem)
}
