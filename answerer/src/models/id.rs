//! What a user may write for a model: a path, a name, a hub id.

use std::path::PathBuf;
use std::str::FromStr;

use super::{ModelError, ReaderProfile};

/// A reader model as the user named it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelId {
    /// A GGUF file.
    Path(PathBuf),
    /// A named profile: `name`, `name:q8_0`.
    Profile {
        /// The profile.
        profile: &'static ReaderProfile,
        /// Text after the colon.
        quantisation: Option<String>,
    },
    /// A repository on the hub: `owner/name`, `owner/name:Q4_K_M`, `owner/name@v1:Q4_K_M`.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Branch, tag or commit.
        revision: Option<String>,
        /// Text after the colon.
        quantisation: Option<String>,
    },
    /// A model that was imported under a name of its own.
    Imported {
        /// The name.
        name: String,
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
        parse(text).ok_or_else(|| ModelError::Unknown(text.to_owned()))
    }
}

/// `NAME[@REVISION][:QUANTISATION]`, or with the last two the other way round.
fn parse(text: &str) -> Option<ModelId> {
    let end = text.find([':', '@']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let (mut quantisation, mut revision) = (None, None);
    while let Some(mark) = rest.chars().next() {
        let end = rest[1..].find([':', '@']).map_or(rest.len(), |end| end + 1);
        let value = Some(rest[1..end].to_owned());
        let slot = match mark {
            ':' => &mut quantisation,
            _ => &mut revision,
        };
        if std::mem::replace(slot, value).is_some() {
            return None;
        }
        rest = &rest[end..];
    }
    let good_revision = |revision: &String| revision.split('/').all(is_word);
    if !quantisation.as_deref().is_none_or(is_word) || !revision.as_ref().is_none_or(good_revision)
    {
        return None;
    }
    match (ReaderProfile::named(name), name.split_once('/'), revision) {
        (Some(profile), _, None) => Some(ModelId::Profile {
            profile,
            quantisation,
        }),
        // Another revision of a profile's repository.
        (Some(profile), _, revision) => Some(ModelId::Hub {
            repository: profile.repository.to_owned(),
            revision,
            quantisation,
        }),
        (None, Some((owner, model)), revision) if is_word(owner) && is_word(model) => {
            Some(ModelId::Hub {
                repository: name.to_owned(),
                revision,
                quantisation,
            })
        }
        (None, None, None) if is_word(name) => Some(ModelId::Imported {
            name: name.to_owned(),
            quantisation,
        }),
        _ => None,
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
pub(super) fn is_word(text: &str) -> bool {
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
                revision,
                quantisation,
            }) => format!("hub {repository} {revision:?} {quantisation:?}"),
            Ok(ModelId::Imported { name, quantisation }) => {
                format!("imported {name} {quantisation:?}")
            }
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
            r#"hub Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF None Some("Q4_K_M")"#
        );
        for text in ["a/b@refs/pr/1:q8_0", "a/b:q8_0@refs/pr/1"] {
            assert_eq!(shown(text), r#"hub a/b Some("refs/pr/1") Some("q8_0")"#);
        }
        assert_eq!(
            shown("qwen3-4b@v1"),
            r#"hub Qwen/Qwen3-4B-GGUF Some("v1") None"#
        );
        assert_eq!(shown("mine:q8_0"), r#"imported mine Some("q8_0")"#);
        for wrong in [
            "", "a/b/c", "a/..", "a/b:", "a/b:../c", "a b/c", ":q8_0", "a/b@", "a/b@../c",
            "a/b:c:d", "a@v1",
        ] {
            assert!(wrong.parse::<ModelId>().is_err(), "{wrong}");
        }
        insta::assert_snapshot!(shown("a b"), @"`a b` is no reader model; give the path of a GGUF file, a hub id (`owner/name:Q4_K_M`) or one of qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, qwen2.5-coder-3b, qwen3-4b, qwen2.5-coder-7b, qwen3-coder-30b-a3b");
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
