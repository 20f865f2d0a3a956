//! A plain export: `config.json`, `tokenizer.json` and `onnx/model*.onnx`.

use super::{Files, ModelConfig, TokenizerConfig, cross};
use crate::profile::recipe::{Activation, Kind, Pooling, Recipe, Side, Step};

const LENGTH: usize = 512;

pub(super) fn recognise(files: &Files<'_>) -> Result<Recipe, String> {
    let model: ModelConfig = files.json("config.json")?;
    let tokenizer: TokenizerConfig = files.json_or_default("tokenizer_config.json")?;
    let scores = |name: &String| name.ends_with("ForSequenceClassification");
    let is_cross = match files.given.kind {
        Some(kind) => kind == Kind::CrossEncoder,
        None => model.architectures.iter().any(scores),
    };
    let lengths = [tokenizer.length(), model.positions()];
    let length = lengths.into_iter().flatten().min().unwrap_or(LENGTH);
    let side = Side {
        length,
        ..Side::default()
    };
    Ok(Recipe {
        kind: match is_cross {
            true => Kind::CrossEncoder,
            false => Kind::Dense,
        },
        graph: files.graph(&["onnx", ""])?,
        tokenizer: files.tokenizer()?,
        lower_case: false,
        query: side.clone(),
        document: side,
        expansion: None,
        skiplist: Vec::new(),
        output: None,
        steps: vec![Step::Pool {
            pooling: Pooling::Mean,
            with_prompt: true,
        }],
        told_steps: false,
        dim: match is_cross {
            true => 1,
            false => model.hidden_size()?,
        },
        truncate: None,
        matryoshka: Vec::new(),
        activation: match is_cross {
            true => cross::activation(&model)?,
            false => Activation::Identity,
        },
    })
}
