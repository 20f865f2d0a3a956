//! Recognising a model's folder by the files in it.

mod colbert;
mod cross;
mod modules;
mod onnx;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::recipe::Recipe;
use super::settings::Settings;

/// ONNX files, best for processors first: published int8 variants are much faster, and close.
const GRAPHS: &[&str] = &[
    "model_int8.onnx",
    "model_quantized.onnx",
    "model_uint8.onnx",
    "model.onnx",
    "model_q4.onnx",
    "model_fp16.onnx",
];

/// Characters that Python's `str.strip` takes away and Rust's `trim` does not.
pub(crate) const PYTHON_SPACE: [char; 4] = ['\u{1c}', '\u{1d}', '\u{1e}', '\u{1f}'];

/// The recipe of the model in `folder`, by the layout that it has; `given` wins over what its
/// files say.
pub(super) fn recognise(folder: &Path, given: &Settings) -> Result<Recipe, String> {
    let files = Files { folder, given };
    let mut recipe = if let Some(config) = files.colbert_config() {
        colbert::recognise(&files, config)?
    } else if files.has("modules.json") {
        modules::recognise(&files)?
    } else if files.has("config.json") {
        onnx::recognise(&files)?
    } else {
        return Err(
            "no published layout is recognised: it has none of `onnx_config.json`, \
             `modules.json` and `config.json`"
                .into(),
        );
    };
    given.apply(&mut recipe)?;
    Ok(recipe)
}

/// The files of a model's folder.
pub(super) struct Files<'a> {
    folder: &'a Path,
    given: &'a Settings,
}

impl Files<'_> {
    fn has(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// `onnx_config.json`, or the same under the name that early exporters gave it.
    fn colbert_config(&self) -> Option<&'static str> {
        let old = "config_sentence_transformers.json";
        if self.has("onnx_config.json") {
            Some("onnx_config.json")
        } else if !self.has("modules.json") && self.has(old) && self.graph(&[""]).is_ok() {
            Some(old)
        } else {
            None
        }
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let text = std::fs::read(self.folder.join(name))
            .map_err(|error| format!("`{name}` cannot be read: {error}"))?;
        serde_json::from_slice(&text).map_err(|error| format!("`{name}`: {error}"))
    }

    /// A JSON file that may be missing.
    fn json_or_default<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, String> {
        match self.has(name) {
            true => self.json(name),
            false => Ok(T::default()),
        }
    }

    /// The ONNX file, in the first of `folders` that has one.
    fn graph(&self, folders: &[&str]) -> Result<PathBuf, String> {
        let given = self.given.graph.as_ref();
        // Another variant, imported from disk, is the same model.
        if let Some(graph) = given.filter(|graph| self.folder.join(graph).is_file()) {
            return Ok(graph.clone());
        }
        let candidates = folders
            .iter()
            .flat_map(|folder| GRAPHS.iter().map(|name| Path::new(folder).join(name)));
        let mut existing = candidates.filter(|path| self.folder.join(path).is_file());
        existing.next().ok_or_else(|| {
            "it has no ONNX file (`model.onnx` or `onnx/model.onnx`); weights for PyTorch alone \
             cannot be run: export it first, for example with \
             `optimum-cli export onnx` or `pylate-onnx-export`"
                .into()
        })
    }

    fn tokenizer(&self) -> Result<PathBuf, String> {
        match self.has("tokenizer.json") {
            true => Ok("tokenizer.json".into()),
            false => Err("`tokenizer.json` is missing".into()),
        }
    }
}

/// `tokenizer_config.json`, as far as it matters.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
    mask_token: Option<Token>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

impl TokenizerConfig {
    /// The most tokens of an input; published files write huge numbers for "not known".
    fn length(&self) -> Option<usize> {
        let known = self.model_max_length.filter(|&length| length < 1e6);
        known.map(|length| length as usize)
    }

    fn mask(&self) -> Option<String> {
        match self.mask_token.as_ref()? {
            Token::Text(text) | Token::Added { content: text } => Some(text.clone()),
        }
    }
}

/// `config.json`, as far as it matters.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct ModelConfig {
    architectures: Vec<String>,
    model_type: String,
    hidden_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    num_labels: Option<usize>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
    sentence_transformers: Option<CrossConfig>,
    sbert_ce_default_activation_function: Option<String>,
}

#[derive(serde::Deserialize)]
struct CrossConfig {
    activation_fn: Option<String>,
}

impl ModelConfig {
    fn hidden_size(&self) -> Result<usize, String> {
        let size = self.hidden_size;
        size.ok_or_else(|| "`config.json` has no `hidden_size`".into())
    }

    /// RoBERTa counts positions from behind the padding id.
    fn positions(&self) -> Option<usize> {
        let offset = match self.model_type.contains("roberta") {
            true => 2,
            false => 0,
        };
        self.max_position_embeddings
            .map(|most| most.saturating_sub(offset))
    }
}
