//! The models that users can call by a short name: `named.toml`, which is part of the program.

use std::sync::LazyLock;

use serde::Deserialize;

use super::recipe::Kind;
use super::settings::Settings;

const TOML: &str = include_str!("named.toml");

/// A published model that has a name here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// What users write.
    pub name: String,
    /// What it gives.
    pub kind: Kind,
    /// `owner/name` on the hub.
    pub repository: String,
    /// Branch or commit.
    pub revision: String,
    /// Of the weights, as their page names it.
    pub licence: String,
    /// What its files take, in megabytes, roughly.
    pub size: u32,
    /// What it is for, and how large it is.
    pub about: String,
    /// The files that are needed, below the repository.
    pub files: Vec<String>,
    /// What its files do not say.
    #[serde(default)]
    pub(crate) settings: Settings,
}

#[derive(Deserialize)]
struct Table {
    model: Vec<Named>,
}

#[allow(clippy::expect_used)] // the text is a constant, checked by a test
static ALL: LazyLock<Vec<Named>> = LazyLock::new(|| {
    let table: Table = toml::from_str(TOML).expect("the named models are valid");
    table.model
});

impl Named {
    /// All of them.
    pub fn all() -> &'static [Named] {
        &ALL
    }

    /// The one of this name, without regard to case.
    pub fn find(name: &str) -> Option<&'static Named> {
        ALL.iter()
            .find(|named| named.name.eq_ignore_ascii_case(name))
    }

    /// The one that is published there.
    pub fn of_repository(repository: &str) -> Option<&'static Named> {
        ALL.iter()
            .find(|named| named.repository.eq_ignore_ascii_case(repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_repositories() {
        let lines: Vec<String> = Named::all()
            .iter()
            .map(|named| format!("{} {} {}", named.name, named.kind, named.repository))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        lateon-code late-interaction lightonai/LateOn-Code
        lateon-code-edge late-interaction lightonai/LateOn-Code-edge
        answerai-colbert-small late-interaction lightonai/answerai-colbert-small-v1-onnx
        gte-moderncolbert late-interaction lightonai/GTE-ModernColBERT-v1
        embeddinggemma dense onnx-community/embeddinggemma-300m-ONNX
        all-minilm-l6-v2 dense sentence-transformers/all-MiniLM-L6-v2
        ms-marco-minilm-l6 cross-encoder cross-encoder/ms-marco-MiniLM-L6-v2
        ms-marco-minilm-l12 cross-encoder cross-encoder/ms-marco-MiniLM-L12-v2
        jina-reranker-v2 cross-encoder jinaai/jina-reranker-v2-base-multilingual
        bge-reranker-v2-m3 cross-encoder onnx-community/bge-reranker-v2-m3-ONNX
        ");
        assert_eq!(
            Named::find("LateOn-Code").map(|named| named.kind),
            Some(Kind::LateInteraction)
        );
    }

    #[test]
    fn what_is_run_is_among_what_is_fetched() {
        for named in Named::all() {
            let graph = named.settings.graph.as_ref().and_then(|path| path.to_str());
            assert!(
                graph.is_none_or(|graph| named.files.iter().any(|file| file == graph)),
                "{}",
                named.name
            );
            assert!(
                named.files.iter().any(|file| file == "tokenizer.json"),
                "{}",
                named.name
            );
        }
    }
}
