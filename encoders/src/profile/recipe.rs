//! What has to be done to a text and to a model's output, step by step: the common form of every
//! published layout.

use std::path::PathBuf;

use serde::Deserialize;

/// What a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Token vectors and a dense vector from one pass: the bundled model, and profiles like it.
    Joint,
    /// One vector per token, compared by MaxSim (ColBERT).
    LateInteraction,
    /// One vector per text.
    Dense,
    /// One score per pair of question and text.
    CrossEncoder,
}

impl Kind {
    /// Its name, as in profiles.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Joint => "joint",
            Kind::LateInteraction => "late-interaction",
            Kind::Dense => "dense",
            Kind::CrossEncoder => "cross-encoder",
        }
    }

    /// Whether it can be the late-interaction index's model.
    pub fn gives_tokens(self) -> bool {
        matches!(self, Kind::Joint | Kind::LateInteraction)
    }

    /// Whether it can be the dense index's model.
    pub fn gives_dense(self) -> bool {
        matches!(self, Kind::Joint | Kind::Dense)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A published model: its files, and what is done before and after its graph runs. Part of a
/// profile's identity, but for the paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recipe {
    pub kind: Kind,
    /// The ONNX file, below the folder.
    pub graph: PathBuf,
    /// `tokenizer.json`, below the folder.
    pub tokenizer: PathBuf,
    /// Lower-case before the tokenizer.
    pub lower_case: bool,
    pub query: Side,
    pub document: Side,
    /// Queries are filled up to their length.
    pub expansion: Option<Expansion>,
    /// Pieces of the vocabulary whose rows are left out of documents.
    pub skiplist: Vec<String>,
    /// Name of the output to take; by default the one that layouts have.
    pub output: Option<String>,
    /// What follows the graph, in order; the result is L2-normalised in any case.
    pub steps: Vec<Step>,
    /// Whether the files tell the steps; else a graph may do them itself.
    pub told_steps: bool,
    /// Length of what comes out of the last step.
    pub dim: usize,
    /// Keep so many numbers of the dense vector (Matryoshka representation).
    pub truncate: Option<usize>,
    /// Lengths that the model was trained to be cut to.
    pub matryoshka: Vec<usize>,
    /// For cross-encoders.
    pub activation: Activation,
}

/// One side of a search: queries or documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Side {
    /// Put before the text.
    pub prompt: String,
    /// A token put after the first special token.
    pub prefix: Option<Prefix>,
    /// Most tokens, special ones and the prefix included.
    pub length: usize,
}

/// A token that says which side a text is of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prefix {
    /// By its id.
    Id(u32),
    /// By its text, which has to be one piece of the vocabulary.
    Piece(String),
}

/// Filling queries with mask tokens (ColBERT's query expansion).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expansion {
    /// The token to fill with; where no file names it, the one that vocabularies call so.
    pub token: Option<Prefix>,
    /// Whether other tokens attend to the filling.
    pub attend: bool,
}

/// A step after the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// From rows to one vector.
    Pool {
        pooling: Pooling,
        /// Whether the tokens of the prompt count.
        with_prompt: bool,
    },
    /// A linear layer in a folder of its own, with `config.json` and `model.safetensors`.
    Linear {
        folder: PathBuf,
        activation: Activation,
        residual: bool,
    },
}

/// How rows become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    /// Sum of the rows, divided by the root of their number.
    MeanSqrt,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The largest value of each column.
    Max,
}

/// An element-wise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Identity,
    Tanh,
    Sigmoid,
    Relu,
    Gelu,
    /// Of all outputs together; the second is what counts.
    Softmax,
}

impl Activation {
    /// By the name of PyTorch's class, with or without its module.
    pub fn named(path: &str) -> Option<Activation> {
        Some(match path.rsplit('.').next()? {
            "Identity" => Activation::Identity,
            "Tanh" => Activation::Tanh,
            "Sigmoid" => Activation::Sigmoid,
            "ReLU" => Activation::Relu,
            "GELU" => Activation::Gelu,
            "Softmax" => Activation::Softmax,
            _ => return None,
        })
    }
}
