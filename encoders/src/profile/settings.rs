//! What is told of a model beside its files: by a named profile, or by a `profile.toml` in its
//! folder.

use std::path::PathBuf;

use serde::Deserialize;

use super::recipe::{Kind, Recipe, Step};

/// Wins over what the published files say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub kind: Option<Kind>,
    /// The ONNX file to run, below the folder.
    pub graph: Option<PathBuf>,
    pub query_prompt: Option<String>,
    pub document_prompt: Option<String>,
    pub query_length: Option<usize>,
    pub document_length: Option<usize>,
    /// Name of the graph's output.
    pub output: Option<String>,
    /// Length of the vector, where `config.json` has another.
    pub dim: Option<usize>,
    /// Lengths that dense vectors may be cut to.
    pub matryoshka: Vec<usize>,
    pub truncate: Option<usize>,
    /// Tokens that the windows of a text have in common which is longer than a cross-encoder reads.
    pub window_overlap: Option<usize>,
}

impl Settings {
    pub(super) fn apply(&self, recipe: &mut Recipe) -> Result<(), String> {
        if let Some(kind) = self.kind.filter(|&kind| kind != recipe.kind) {
            return Err(format!("it is a {} model, not a {kind} one", recipe.kind));
        }
        let sides = [
            (&mut recipe.query, &self.query_prompt, self.query_length),
            (
                &mut recipe.document,
                &self.document_prompt,
                self.document_length,
            ),
        ];
        for (side, prompt, length) in sides {
            if let Some(prompt) = prompt {
                side.prompt.clone_from(prompt);
            }
            side.length = length.unwrap_or(side.length);
        }
        if self.output.is_some() {
            recipe.output.clone_from(&self.output);
        }
        recipe.dim = self.dim.unwrap_or(recipe.dim);
        recipe.matryoshka.clone_from(&self.matryoshka);
        if self.window_overlap.is_some() && recipe.query.length * 2 > recipe.document.length {
            return Err("windows need a `document_length` of twice the `query_length`".into());
        }
        match self.truncate {
            Some(dim) => truncate(recipe, dim),
            None => Ok(()),
        }
    }
}

/// Cuts the dense vector to `dim` numbers.
pub(super) fn truncate(recipe: &mut Recipe, dim: usize) -> Result<(), String> {
    let full = recipe.dim;
    if recipe.kind != Kind::Dense {
        return Err("only dense vectors can be cut".into());
    }
    let trained = recipe.matryoshka.is_empty() || recipe.matryoshka.contains(&dim);
    if dim == 0 || dim > full || (dim != full && !trained) {
        let list: Vec<String> = recipe.matryoshka.iter().map(usize::to_string).collect();
        return Err(match list.is_empty() {
            true => format!("its vectors have {full} numbers and cannot be cut to {dim}"),
            false => format!(
                "its vectors can have {} numbers, not {dim}",
                list.join(", ")
            ),
        });
    }
    recipe.truncate = (dim != full).then_some(dim);
    Ok(())
}

/// Whether a step of the recipe needs files of its own.
pub(super) fn step_files(recipe: &Recipe) -> Vec<PathBuf> {
    let folder = |step: &Step| match step {
        Step::Linear { folder, .. } => Some(folder.join("model.safetensors")),
        Step::Pool { .. } => None,
    };
    recipe.steps.iter().filter_map(folder).collect()
}
