//! Which models encode and rerank, and what computes them.

use std::path::{Path, PathBuf};

use fathom_encoders::Provider;
use serde::Deserialize;
use toml_edit::{Array, DocumentMut, Item, value};

use super::ConfigError;

/// Keys of the user's file.
pub(super) const KEYS: &[&str] = &["encoder", "docs-encoder", "reranker", "rerank", "provider"];

/// What the user's file says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct EncoderOptions {
    encoder: Option<Names>,
    docs_encoder: Option<Names>,
    reranker: Option<String>,
    rerank: Option<bool>,
    provider: Option<String>,
}

/// One model or two.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn list(names: Option<Names>) -> Vec<String> {
        match names {
            None => Vec::new(),
            Some(Names::One(name)) => vec![name],
            Some(Names::Several(names)) => names,
        }
    }
}

/// Which models encode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Of token vectors and of dense vectors, or one for both; then those of docs in the same way,
    /// marked by [`DOCS`](crate::encoder::DOCS); empty for the bundled model.
    pub names: Vec<String>,
    /// The cross-encoder that was selected.
    pub reranker: Option<String>,
    /// Whether searches rerank without being told.
    pub rerank: bool,
    /// What computes.
    pub provider: Provider,
}

impl EncoderSettings {
    pub(super) fn resolve(
        path: Option<&Path>,
        file: EncoderOptions,
    ) -> Result<EncoderSettings, ConfigError> {
        let provider = file.provider.as_deref().unwrap_or("cpu");
        let provider = Provider::named(provider).ok_or_else(|| ConfigError::Parse {
            path: path.map(Path::to_owned).unwrap_or_default(),
            message: format!(
                "`provider` is `{provider}`, but should be one of {}",
                Provider::NAMES.join(", ")
            ),
        })?;
        let mut names = Names::list(file.encoder);
        if names == [crate::encoder::BUNDLED] {
            names.clear();
        }
        let docs = Names::list(file.docs_encoder).into_iter();
        names.extend(docs.map(|name| format!("{}{name}", crate::encoder::DOCS)));
        Ok(EncoderSettings {
            names,
            reranker: file.reranker,
            rerank: file.rerank.unwrap_or(false),
            provider,
        })
    }

    /// The names as users write them.
    pub fn shown(&self) -> String {
        match self.names.is_empty() {
            true => crate::encoder::BUNDLED.to_owned(),
            false => self.names.join(" "),
        }
    }
}

/// A change of the user's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These encode.
    Encoders(Vec<String>),
    /// These encode docs; the same as code if there are none.
    Docs(Vec<String>),
    /// This reranks; none if `None`.
    Reranker(Option<String>),
}

/// Writes selections into the user's file; the rest of it stays as it is, comments and all.
///
/// # Errors
/// If the file cannot be read, understood or written.
pub fn select(path: &Path, selections: &[Selection]) -> Result<(), ConfigError> {
    let text = super::read_small(path)?.unwrap_or_default();
    let mut document: DocumentMut = text.parse().map_err(|error| ConfigError::Parse {
        path: path.to_owned(),
        message: format!("{error}"),
    })?;
    for selection in selections {
        let (key, item) = match selection {
            Selection::Encoders(names) => {
                let bundled = names.is_empty() || names[..] == [crate::encoder::BUNDLED];
                let names = value(names.iter().collect::<Array>());
                ("encoder", (!bundled).then_some(names))
            }
            Selection::Docs(names) => {
                let list = value(names.iter().collect::<Array>());
                ("docs-encoder", (!names.is_empty()).then_some(list))
            }
            Selection::Reranker(name) => ("reranker", name.as_ref().map(value)),
        };
        match item {
            Some(item) => drop(document.insert(key, item)),
            None => drop::<Option<Item>>(document.remove(key)),
        }
    }
    write(path, &document.to_string()).map_err(|source| ConfigError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Replaces a file at once, or the file that a link leads to.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let path: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("toml.{}", std::process::id()));
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}
