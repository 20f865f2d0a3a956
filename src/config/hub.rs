//! Settings of the hub that models are fetched from. They come from the
//! variables that the hub's own tools read, so that one setting serves all.

use std::path::{Path, PathBuf};

use fathom_models::hub::{DEFAULT_ENDPOINT, HubOptions, Retry, Token};

use super::{Lookup, base_dir, path_variable, text_variable};
use crate::env;

/// Where models are fetched from.
#[derive(Clone, Debug, PartialEq)]
pub struct HubSettings {
    /// Address of the hub.
    pub endpoint: String,
    /// Nothing is asked.
    pub offline: bool,
    token: Option<Token>,
    token_file: Option<PathBuf>,
    cache: Option<PathBuf>,
}

impl HubSettings {
    pub(super) fn resolve(lookup: Lookup) -> HubSettings {
        let endpoint = text_variable(lookup, env::HF_ENDPOINT);
        let offline = text_variable(lookup, env::HF_HUB_OFFLINE).unwrap_or_default();
        HubSettings {
            endpoint: endpoint
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
                .trim_end_matches('/')
                .to_owned(),
            offline: ["1", "on", "yes", "true"].contains(&offline.to_ascii_lowercase().as_str()),
            token: text_variable(lookup, env::HF_TOKEN).and_then(|text| Token::new(&text)),
            token_file: home(lookup).map(|home| home.join("token")),
            cache: cache(lookup),
        }
    }

    /// The cache that all of the hub's tools share; in the data folder where there is no home.
    pub fn cache(&self, data_dir: &Path) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| data_dir.join("hub"))
    }

    /// How to talk to the hub. Only here the file with the token is read.
    pub fn options(&self, data_dir: &Path) -> HubOptions {
        let stored = || {
            let text = std::fs::read_to_string(self.token_file.as_ref()?).ok()?;
            Token::new(&text)
        };
        HubOptions {
            endpoint: self.endpoint.clone(),
            token: self.token.clone().or_else(stored),
            offline: self.offline,
            cache: self.cache(data_dir),
            retry: Retry::default(),
        }
    }
}

/// Where the hub's tools keep their settings and models.
fn home(lookup: Lookup) -> Option<PathBuf> {
    path_variable(lookup, env::HF_HOME).or_else(|| {
        base_dir(lookup, env::XDG_CACHE_HOME, ".cache").map(|dir| dir.join("huggingface"))
    })
}

/// The cache, where the variables tell it.
fn cache(lookup: Lookup) -> Option<PathBuf> {
    let cache = path_variable(lookup, env::HF_HUB_CACHE)
        .or_else(|| home(lookup).map(|home| home.join("hub")));
    cache.and_then(|cache| std::path::absolute(cache).ok())
}
