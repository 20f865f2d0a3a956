//! Settings of the reader: which models are asked, and how they are run.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::{ConfigError, Lookup, home, text_variable};
use crate::env;

/// Tokens of prompt and answer together unless told otherwise.
const DEFAULT_CONTEXT: usize = 8192;

/// The keys of [`ReaderOptions`] in the user's file.
pub(super) const KEYS: &[&str] = &[
    "model",
    "reader-url",
    "reader-model",
    "lora",
    "override-kv",
    "gpu-layers",
    "draft",
    "context",
    "lookup",
    "confidence-threshold",
];

/// What one source, the command line or the user's file, says about readers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ReaderOptions {
    /// Paths, names or hub ids of models; asked in this order.
    #[serde(deserialize_with = "one_or_many")]
    pub model: Vec<String>,
    /// Address of an OpenAI-compatible server.
    pub reader_url: Option<String>,
    /// Name of the model on that server.
    pub reader_model: Option<String>,
    /// LoRA adapters, `PATH` or `PATH=SCALE`.
    #[serde(deserialize_with = "one_or_many")]
    pub lora: Vec<String>,
    /// Values of the model's header to replace, `key=type:value`.
    #[serde(deserialize_with = "one_or_many")]
    pub override_kv: Vec<String>,
    /// Layers on a graphics processor.
    pub gpu_layers: Option<u32>,
    /// A smaller model that drafts.
    pub draft: Option<String>,
    /// Tokens of prompt and answer together.
    pub context: Option<usize>,
    /// Whether answers are drafted from their prompt.
    pub lookup: Option<bool>,
    /// Least confidence at which the next reader is not asked.
    pub confidence_threshold: Option<f32>,
}

impl ReaderOptions {
    fn names_reader(&self) -> bool {
        !self.model.is_empty() || self.reader_url.is_some()
    }
}

/// A server's key, which no output shows.
#[derive(Clone, PartialEq)]
pub struct Key(String);

impl Key {
    /// The key itself, for the request.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Readers after all sources were heard.
#[derive(Clone, Debug, PartialEq)]
pub struct ReaderSettings {
    /// Paths, names or hub ids of models, in the order in which they are asked.
    pub models: Vec<String>,
    /// Address of a server, asked after the models.
    pub url: Option<String>,
    /// Name of the model on the server.
    pub url_model: Option<String>,
    /// Sent to the server as a bearer token; from the environment only.
    pub key: Option<Key>,
    /// LoRA adapters, `PATH` or `PATH=SCALE`.
    pub adapters: Vec<String>,
    /// Values of the model's header to replace, `key=type:value`.
    pub overrides: Vec<String>,
    /// Layers on a graphics processor; `None`: all that fit.
    pub gpu_layers: Option<u32>,
    /// A smaller model that drafts.
    pub draft: Option<String>,
    /// Tokens of prompt and answer together.
    pub context: usize,
    /// Whether answers are drafted from their prompt.
    pub lookup: bool,
    /// Least confidence at which the next tier is not asked, if one was given.
    pub threshold: Option<f32>,
    /// The user's home folder, for `~/` in the user's file.
    pub home: Option<PathBuf>,
}

impl ReaderSettings {
    /// Whether the user named a reader, rather than that one was found.
    pub fn is_chosen(&self) -> bool {
        !self.models.is_empty() || self.url.is_some()
    }

    /// Flags first, then variables, then the user's file. The first of them that names a reader
    /// decides which readers there are; everything else goes key by key.
    pub(super) fn resolve(
        flags: &ReaderOptions,
        lookup: Lookup,
        file: ReaderOptions,
    ) -> Result<ReaderSettings, ConfigError> {
        let variables = variables(lookup);
        let named = [flags, &variables, &file]
            .into_iter()
            .find(|source| source.names_reader())
            .cloned()
            .unwrap_or_default();
        let list = |own: &Vec<String>, file: Vec<String>| match own.is_empty() {
            true => file,
            false => own.clone(),
        };
        Ok(ReaderSettings {
            models: named.model,
            url: named.reader_url,
            url_model: flags
                .reader_model
                .clone()
                .or(variables.reader_model)
                .or(file.reader_model),
            key: text_variable(lookup, env::READER_KEY).map(Key),
            adapters: list(&flags.lora, file.lora),
            overrides: list(&flags.override_kv, file.override_kv),
            gpu_layers: flags.gpu_layers.or(file.gpu_layers),
            draft: flags.draft.clone().or(file.draft),
            context: flags.context.or(file.context).unwrap_or(DEFAULT_CONTEXT),
            lookup: flags.lookup.or(file.lookup).unwrap_or(true),
            threshold: flags.confidence_threshold.or(file.confidence_threshold),
            home: home(lookup),
        })
    }
}

fn variables(lookup: Lookup) -> ReaderOptions {
    let models = text_variable(lookup, env::MODEL).unwrap_or_default();
    let models = models
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    ReaderOptions {
        model: models.map(str::to_owned).collect(),
        reader_url: text_variable(lookup, env::READER_URL),
        reader_model: text_variable(lookup, env::READER_MODEL),
        ..ReaderOptions::default()
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(value)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}
