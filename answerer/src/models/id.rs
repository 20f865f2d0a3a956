//! What a user may write for a model: a path, a name, a hub id.

use std::path::PathBuf;
use std::str::FromStr;

use super::{ModelError, ReaderProfile};

/// A reader model as the user named it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelId {
    /// A GGUF file.
    Path(PathBuf),
    /// A named profile, with a quantisation if one was given (`name:q8_0`).
    Profile {
        /// The profile.
        profile: &'static ReaderProfile,
        /// Text after the colon.
        quantisation: Option<String>,
    },
    /// A repository on the hub, `owner/name`, with a quantisation if one was
    /// given (`owner/name:Q4_K_M`).
    Hub {
        /// `owner/name`.
        repository: String,
        /// Text after the colon.
        quantisation: Option<String>,
    },
}

impl FromStr for ModelId {
    type Err = ModelError;

    /// A text that ends in `.gguf`, or begins as paths do, is a path.
    fn from_str(text: &str) -> Result<ModelId, ModelError> {
        if is_path(text) {
            return Ok(ModelId::Path(PathBuf::from(text)));
        }
        let (name, quantisation) = match text.split_once(':') {
            Some((name, quantisation)) => (name, Some(quantisation)),
            None => (text, None),
        };
        let unknown = || ModelError::Unknown(text.to_owned());
        if quantisation.is_some_and(|quantisation| !is_word(quantisation)) {
            return Err(unknown());
        }
        let quantisation = quantisation.map(str::to_owned);
        if let Some(profile) = ReaderProfile::named(name) {
            return Ok(ModelId::Profile {
                profile,
                quantisation,
            });
        }
        match name.split_once('/') {
            Some((owner, model)) if is_word(owner) && is_word(model) => Ok(ModelId::Hub {
                repository: name.to_owned(),
                quantisation,
            }),
            _ => Err(unknown()),
        }
    }
}

fn is_path(text: &str) -> bool {
    let begins = ["/", "./", "../", "~", ".\\", "\\"];
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    text.to_ascii_lowercase().ends_with(".gguf")
        || begins.iter().any(|begin| text.starts_with(begin))
        || drive
}

/// A name as the hub allows it: it can leave no folder.
fn is_word(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(allowed) && !text.starts_with('.') && !text.contains("..")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(text: &str) -> String {
        match text.parse() {
            Ok(ModelId::Path(path)) => format!("path {}", path.display()),
            Ok(ModelId::Profile {
                profile,
                quantisation,
            }) => format!("profile {} {quantisation:?}", profile.name),
            Ok(ModelId::Hub {
                repository,
                quantisation,
            }) => format!("hub {repository} {quantisation:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn paths_names_and_hub_ids_are_told_apart() {
        assert_eq!(shown("model.GGUF"), "path model.GGUF");
        assert_eq!(shown("./models/x"), "path ./models/x");
        assert_eq!(shown(r"C:\m\x"), r"path C:\m\x");
        assert_eq!(
            shown("Qwen2.5-Coder-1.5B"),
            "profile qwen2.5-coder-1.5b None"
        );
        assert_eq!(shown("qwen3-4b:q8_0"), r#"profile qwen3-4b Some("q8_0")"#);
        assert_eq!(
            shown("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:Q4_K_M"),
            r#"hub Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF Some("Q4_K_M")"#
        );
        for wrong in [
            "", "gpt", "a/b/c", "a/..", "a/b:", "a/b:../c", "a b/c", ":q8_0",
        ] {
            assert!(wrong.parse::<ModelId>().is_err(), "{wrong}");
        }
        insta::assert_snapshot!(shown("gpt"), @"`gpt` is no reader model; give the path of a GGUF file, a hub id (`owner/name:Q4_K_M`) or one of qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, qwen2.5-coder-3b, qwen3-4b, qwen2.5-coder-7b, qwen3-coder-30b-a3b");
    }

    #[test]
    fn a_profile_names_its_file() {
        let profile = ReaderProfile::named("qwen2.5-coder-3b").unwrap();
        assert_eq!(
            profile.file_name(None),
            "qwen2.5-coder-3b-instruct-q4_k_m.gguf"
        );
        assert_eq!(
            profile.file_name(Some("Q8_0")),
            "qwen2.5-coder-3b-instruct-q8_0.gguf"
        );
        assert_eq!(
            profile.file_name(Some("iq3")),
            "qwen2.5-coder-3b-instruct-iq3.gguf"
        );
    }
}
