//! Encoder models as the model commands show them.

use std::path::PathBuf;

use anyhow::Result;
use fathom::config::Settings;
use fathom::encoder::installed::{EncoderModel, Place};
use fathom_encoders::{EncoderError, Named, Profile};
use fathom_models::shown;
use serde_json::{Value, json};

/// An encoder model with what its files say.
pub struct Encoder {
    pub model: EncoderModel,
    pub profile: Result<Profile, EncoderError>,
}

impl Encoder {
    /// The model of a name, if it is an encoder that is here.
    pub fn find(name: &str, settings: &Settings) -> Option<Encoder> {
        // A length after a colon is no part of the model.
        let base = name.split(':').next().unwrap_or(name);
        EncoderModel::find(base, settings).map(Encoder::of)
    }

    /// Every encoder model that is here.
    pub fn all(settings: &Settings) -> Vec<Encoder> {
        let all = EncoderModel::all(settings);
        all.into_iter().map(Encoder::of).collect()
    }

    fn of(model: EncoderModel) -> Encoder {
        Encoder {
            profile: model.profile(),
            model,
        }
    }

    /// Kind, or what is wrong with it.
    pub fn kind(&self) -> &'static str {
        match &self.profile {
            Ok(profile) => profile.kind().as_str(),
            Err(_) => "encoder",
        }
    }

    /// Whose folder it is in, in a word.
    pub fn place(&self) -> &'static str {
        match self.model.place {
            Place::Own => "fathom",
            Place::Hub => "hub cache",
            Place::Elsewhere => "folder",
        }
    }

    /// Where it comes from.
    pub fn origin(&self) -> Option<String> {
        let record = self.model.record.as_ref()?;
        Some(record.origin.shown(&self.model.folder))
    }

    /// Licence, or that none is known.
    pub fn licence(&self) -> &str {
        self.model.licence().unwrap_or("licence unknown")
    }

    /// What there is to show, line by line.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("name", self.model.name.clone())];
        facts.push(("kind", self.kind().to_owned()));
        match &self.profile {
            Ok(profile) => {
                facts.push(("profile", profile.id().to_owned()));
                let numbers = |dim: usize| format!("{dim} dimensions");
                if profile.token_dim() > 0 {
                    facts.push(("token vectors", numbers(profile.token_dim())));
                }
                if profile.dense_dim() > 0 {
                    facts.push(("dense vector", numbers(profile.dense_dim())));
                }
                let (query, document) = (profile.query_length(), profile.document_length());
                let lengths = format!("queries {query}, documents {document} tokens");
                facts.push(("lengths", lengths));
            }
            Err(error) => facts.push(("damaged", error.to_string())),
        }
        facts.push(("licence", self.licence().to_owned()));
        facts.push(("size", shown(self.model.bytes())));
        facts.push(("place", self.place().to_owned()));
        facts.extend(self.origin().map(|origin| ("origin", origin)));
        for path in self.model.files() {
            let hash = self.model.hash(&path).map(|hash| hash.to_string());
            facts.push(("file", path.display().to_string()));
            facts.extend(hash.map(|hash| ("hash", hash)));
        }
        facts
    }

    pub fn to_json(&self) -> Value {
        let profile = self.profile.as_ref().ok();
        let file = |path: &PathBuf| {
            json!({
                "path": path,
                "bytes": std::fs::metadata(path).map_or(0, |meta| meta.len()),
                "hash": self.model.hash(path).map(|hash| hash.to_string()),
            })
        };
        json!({
            "name": self.model.name,
            "kind": self.kind(),
            "profile": profile.map(Profile::id),
            "place": self.place(),
            "bytes": self.model.bytes(),
            "licence": self.model.licence(),
            "origin": self.origin(),
            "token_dim": profile.map(Profile::token_dim),
            "dense_dim": profile.map(Profile::dense_dim),
            "query_length": profile.map(Profile::query_length),
            "document_length": profile.map(Profile::document_length),
            "problem": self.profile.as_ref().err().map(ToString::to_string),
            "files": self.model.files().iter().map(file).collect::<Vec<_>>(),
        })
    }
}

/// Named models that are not here.
pub fn available(here: &[Encoder]) -> Vec<&'static Named> {
    let is_here = |named: &&Named| here.iter().any(|one| one.model.name == named.name);
    Named::all()
        .iter()
        .filter(|named| !is_here(named))
        .collect()
}

pub fn available_json(named: &Named) -> Value {
    json!({
        "name": named.name,
        "kind": named.kind.as_str(),
        "repository": named.repository,
        "bytes": u64::from(named.size) * 1_000_000,
        "about": named.about,
        "licence": named.licence,
    })
}
