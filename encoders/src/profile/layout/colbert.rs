//! The ColBERT export: `onnx_config.json`, `tokenizer.json`, and a graph with one output of
//! projected token vectors.

use serde::Deserialize;

use super::Files;
use crate::profile::recipe::{Activation, Expansion, Kind, Prefix, Recipe, Side};

/// `onnx_config.json`; each field has a default.
#[derive(Deserialize)]
#[serde(default)]
struct Config {
    query_prefix: String,
    document_prefix: String,
    query_prefix_id: Option<u32>,
    document_prefix_id: Option<u32>,
    query_length: usize,
    document_length: usize,
    do_query_expansion: bool,
    attend_to_expansion_tokens: bool,
    skiplist_words: Vec<String>,
    embedding_dim: usize,
    mask_token_id: u32,
    do_lower_case: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            query_prefix: "[Q] ".into(),
            document_prefix: "[D] ".into(),
            query_prefix_id: None,
            document_prefix_id: None,
            query_length: 48,
            document_length: 300,
            do_query_expansion: true,
            attend_to_expansion_tokens: false,
            skiplist_words: Vec::new(),
            embedding_dim: 128,
            mask_token_id: BERT_MASK,
            do_lower_case: false,
        }
    }
}

/// BERT's mask token. Where it is left at this, the vocabulary says which it is.
const BERT_MASK: u32 = 103;

pub(super) fn recognise(files: &Files<'_>, config: &str) -> Result<Recipe, String> {
    let config: Config = files.json(config)?;
    let named = config.mask_token_id != BERT_MASK;
    let expansion = Expansion {
        token: named.then_some(Prefix::Id(config.mask_token_id)),
        attend: config.attend_to_expansion_tokens,
    };
    Ok(Recipe {
        kind: Kind::LateInteraction,
        graph: files.graph(&["", "onnx"])?,
        tokenizer: files.tokenizer()?,
        lower_case: config.do_lower_case,
        query: side(
            config.query_prefix,
            config.query_prefix_id,
            config.query_length,
        ),
        document: side(
            config.document_prefix,
            config.document_prefix_id,
            config.document_length,
        ),
        expansion: config.do_query_expansion.then_some(expansion),
        skiplist: config.skiplist_words,
        output: None,
        steps: Vec::new(),
        told_steps: true,
        dim: config.embedding_dim,
        truncate: None,
        matryoshka: Vec::new(),
        activation: Activation::Identity,
    })
}

fn side(piece: String, id: Option<u32>, length: usize) -> Side {
    let by_piece = || (!piece.is_empty()).then_some(Prefix::Piece(piece.clone()));
    Side {
        prompt: String::new(),
        prefix: id.map(Prefix::Id).or_else(by_piece),
        length,
    }
}
