//! What can go wrong in finding a model.

use std::path::PathBuf;

use super::PROFILES;

/// Why there is no model, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The text names nothing known.
    #[error("`{0}` is no reader model; give the path of a GGUF file, a hub id (`owner/name:Q4_K_M`) or one of {names}", names = names())]
    Unknown(String),

    /// A path names no file.
    #[error("`{}` is not a file; give the path of a GGUF file", .0.display())]
    NoFile(PathBuf),

    /// A known model that is not there.
    #[error(
        "`{id}` is not on this machine (`{file}` is not in {}); run `fathom model pull {id}` to fetch it, or put the file there, or give the path of a GGUF file instead",
        searched.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// What was asked for.
        id: String,
        /// The file that it would be.
        file: String,
        /// Folders that were searched.
        searched: Vec<PathBuf>,
    },

    /// A repository has the model in other quantisations.
    #[error("`{repository}` has no {wanted}{and_has}", and_has = and_has(repository, .has))]
    NoQuantisation {
        /// `owner/name`.
        repository: String,
        /// What was asked for.
        wanted: String,
        /// Its models.
        has: Vec<String>,
    },
}

fn and_has(repository: &str, models: &[String]) -> String {
    let shown: Vec<String> = models.iter().map(|model| format!("`{model}`")).collect();
    match models.first() {
        None => ", and no other GGUF file; look for a repository of the same model whose name ends in `-GGUF`".to_owned(),
        Some(first) => {
            let word = super::choose::quantisation(first).unwrap_or("Q8_0");
            format!("; it has {}: name one of them, as in `{repository}:{word}`", shown.join(", "))
        }
    }
}

fn names() -> String {
    PROFILES
        .iter()
        .map(|profile| profile.name)
        .collect::<Vec<_>>()
        .join(", ")
}
