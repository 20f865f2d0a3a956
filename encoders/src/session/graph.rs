//! Running a published graph, whatever inputs and outputs it has.

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use super::{EncoderOptions, options};
use crate::EncoderError;
use crate::profile::Published;
use crate::text::Input;

/// One session of a published model.
pub(super) struct Graph {
    session: Session,
    inputs: Vec<Role>,
    output: String,
}

/// What an input of the graph is given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Ids,
    Attention,
    Types,
    Positions,
}

/// What a graph gave for one text.
pub(super) struct Output {
    /// `[1, n, dim]` for rows, `[1, dim]` for one vector.
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Names of outputs with one row per token.
pub(super) const ROWS: &[&str] = &["output", "token_embeddings", "last_hidden_state"];
/// Name of the output for a whole text.
pub(super) const WHOLE: &str = "sentence_embedding";

impl Graph {
    /// Opens the graph; the first of `wanted` that is among its outputs is taken, else its first.
    pub fn open(
        published: &Published,
        options: &EncoderOptions,
        wanted: &[&str],
    ) -> Result<Graph, EncoderError> {
        let recipe = published.recipe();
        let path = published.path(&recipe.graph);
        // From the file: data beside it is found by its place.
        let session = options::open(published.name(), options, false, |builder| {
            builder.commit_from_file(&path)
        })?;
        let unusable = |reason: String| EncoderError::Model {
            profile: published.name().to_owned(),
            reason,
        };
        let names: Vec<&str> = session.outputs().iter().map(|one| one.name()).collect();
        let wanted: Vec<&str> = match &recipe.output {
            Some(name) => vec![name],
            None => wanted.to_vec(),
        };
        let found = wanted.iter().find(|name| names.contains(name)).copied();
        let output = match (found, &recipe.output) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => {
                let names = names.join("`, `");
                return Err(unusable(format!(
                    "it has no output `{name}`, but `{names}`"
                )));
            }
            (None, None) => names.first().copied().unwrap_or_default().to_owned(),
        };
        let inputs = session.inputs().iter().map(|one| role(one.name()));
        let inputs = inputs.collect::<Result<_, _>>().map_err(unusable)?;
        Ok(Graph {
            inputs,
            output,
            session,
        })
    }

    /// The output that is taken.
    pub fn output(&self) -> &str {
        &self.output
    }

    pub fn run(&mut self, input: &Input) -> Result<Output, String> {
        self.forward(input).map_err(|error| error.to_string())
    }

    fn forward(&mut self, input: &Input) -> ort::Result<Output> {
        let mut values: Vec<SessionInputValue<'_>> = Vec::with_capacity(self.inputs.len());
        for role in &self.inputs {
            let values_of = column(*role, input);
            values.push(Tensor::from_array(([1, values_of.len()], values_of))?.into());
        }
        let outputs = self.session.run(&values[..])?;
        let (shape, values) = outputs[self.output.as_str()].try_extract_tensor::<f32>()?;
        Ok(Output {
            shape: shape.iter().map(|&n| n.max(0) as usize).collect(),
            values: values.to_vec(),
        })
    }
}

fn role(name: &str) -> Result<Role, String> {
    Ok(match name {
        "input_ids" => Role::Ids,
        "attention_mask" => Role::Attention,
        "token_type_ids" => Role::Types,
        "position_ids" => Role::Positions,
        _ => return Err(format!("its input `{name}` is not known")),
    })
}

fn column(role: Role, input: &Input) -> Vec<i64> {
    let n = input.ids.len();
    match role {
        Role::Ids => input.ids.iter().map(|&id| id.into()).collect(),
        Role::Attention => (0..n)
            .map(|at| i64::from(at < n - input.unattended))
            .collect(),
        Role::Types => match input.types.is_empty() {
            true => vec![0; n],
            false => input.types.iter().map(|&kind| kind.into()).collect(),
        },
        Role::Positions => (0..n as i64).collect(),
    }
}
