//! How a cross-encoder's output becomes a score, as sentence-transformers does it.

use super::ModelConfig;
use crate::profile::recipe::Activation;

/// The function that the model's configuration names; by default the logistic one for a single
/// output. Two outputs are classes: the probability of the second is the score.
pub(super) fn activation(model: &ModelConfig) -> Result<Activation, String> {
    let labels = model.id2label.as_ref().map(serde_json::Map::len);
    match labels.or(model.num_labels).unwrap_or(2) {
        1 => single(model),
        2 => Ok(Activation::Softmax),
        more => Err(format!("it gives {more} classes, which are no score")),
    }
}

fn single(model: &ModelConfig) -> Result<Activation, String> {
    let new = model.sentence_transformers.as_ref();
    let named = new
        .and_then(|config| config.activation_fn.as_ref())
        .or(model.sbert_ce_default_activation_function.as_ref());
    match named {
        None => Ok(Activation::Sigmoid),
        Some(name) => {
            Activation::named(name).ok_or_else(|| format!("its activation `{name}` is not known"))
        }
    }
}
