//! Encoding by a model in a published layout: its graph, what follows it, and which rows count.

use super::graph::{Graph, Output, ROWS, WHOLE};
use super::heads::{self, Head, Rows};
use super::{EncoderOptions, checked, matrix, normalise};
use crate::profile::recipe::Recipe;
use crate::profile::{Kind, Published};
use crate::text::{Input, PromptRows};
use crate::{Embedding, EncoderError, TextEncoder, TokenMatrix};

/// One session with its tokenizer.
pub(super) struct PublishedEncoder {
    graph: Graph,
    heads: Vec<Head>,
    text: TextEncoder,
    name: String,
    recipe: Recipe,
}

impl PublishedEncoder {
    pub fn open(
        published: &Published,
        text: TextEncoder,
        options: &EncoderOptions,
    ) -> Result<PublishedEncoder, EncoderError> {
        let recipe = published.recipe();
        if recipe.kind == Kind::CrossEncoder {
            return Err(EncoderError::Kind {
                profile: published.name().to_owned(),
                kind: recipe.kind.as_str(),
                wanted: "vectors",
            });
        }
        let graph = Graph::open(published, options, &outputs(recipe))?;
        let steps = match graph.output() {
            WHOLE => &[],
            _ => &recipe.steps[..],
        };
        Ok(PublishedEncoder {
            graph,
            heads: heads::open(published, steps)?,
            text,
            name: published.name().to_owned(),
            recipe: recipe.clone(),
        })
    }

    pub fn query(&mut self, text: &str) -> Result<Embedding, EncoderError> {
        let Some(rules) = self.text.published() else {
            return self.without_rules();
        };
        let (input, PromptRows { query, .. }) = (rules.query(text).0, rules.prompt_rows());
        self.encode(&input, query, |_, _| true)
    }

    /// Encodes a document that is complete, special tokens and all.
    pub fn document(&mut self, ids: &[u32]) -> Result<Embedding, EncoderError> {
        let text = self.text.clone();
        let Some(rules) = text.published() else {
            return self.without_rules();
        };
        let input = Input::of_one_text(ids.to_vec());
        let prompt_rows = rules.prompt_rows().document;
        self.encode(&input, prompt_rows, |at, _| !rules.is_skipped(ids[at]))
    }

    fn without_rules<T>(&self) -> Result<T, EncoderError> {
        Err(EncoderError::Tokenizer {
            profile: self.name.clone(),
            reason: "it is of another profile".into(),
        })
    }

    fn encode(
        &mut self,
        input: &Input,
        prompt_rows: usize,
        keep: impl Fn(usize, &[f32]) -> bool,
    ) -> Result<Embedding, EncoderError> {
        let Self {
            graph,
            heads,
            name,
            recipe,
            ..
        } = self;
        checked(name, input.ids.len(), || {
            let mut rows = rows(graph.run(input)?)?;
            for head in heads.iter() {
                rows = head.apply(rows, prompt_rows)?;
            }
            if rows.dim != recipe.dim {
                let (found, told) = (rows.dim, recipe.dim);
                return Err(format!("its vectors have {found} numbers, not {told}"));
            }
            Ok(match recipe.kind {
                Kind::LateInteraction => late(&rows, keep),
                _ => dense(rows, recipe.truncate),
            })
        })
    }
}

/// Outputs to take, best first. What follows the graph needs rows; a graph with nothing told of
/// what follows it may do all itself.
fn outputs(recipe: &Recipe) -> Vec<&'static str> {
    let whole = recipe.kind == Kind::Dense && !recipe.told_steps;
    let whole = whole.then_some(WHOLE);
    whole.into_iter().chain(ROWS.iter().copied()).collect()
}

fn rows(output: Output) -> Result<Rows, String> {
    let dim = output.shape.last().copied().unwrap_or(0);
    match output.shape[..] {
        [1, _, _] | [1, _] => Ok(Rows {
            dim,
            values: output.values,
        }),
        _ => Err(format!("its output has shape {:?}", output.shape)),
    }
}

fn late(rows: &Rows, keep: impl Fn(usize, &[f32]) -> bool) -> Embedding {
    let kept = rows.iter().enumerate().filter(|(at, row)| keep(*at, row));
    let values = kept.flat_map(|(_, row)| row).copied().collect();
    Embedding::new(matrix(rows.dim, values), Vec::new())
}

fn dense(rows: Rows, truncate: Option<usize>) -> Embedding {
    let mut vector = rows.values;
    vector.truncate(truncate.unwrap_or(rows.dim));
    normalise(&mut vector);
    Embedding::new(TokenMatrix::new(0, Vec::new()), vector)
}
