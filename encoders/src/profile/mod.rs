//! Model profiles: everything the code needs to know about a model, as data.
//!
//! A profile is the bundled one, a folder with a `profile.toml` that describes files of fathom's
//! own making, a folder in a published layout, or two of them: one for token vectors, one for the
//! dense vector.

mod described;
mod layout;
pub mod named;
mod published;
pub(crate) mod recipe;
mod settings;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use crate::EncoderError;
use crate::judge::Judge;
pub(crate) use described::Described;
pub use described::TextRules;
pub(crate) use layout::PYTHON_SPACE;
pub use named::Named;
pub(crate) use published::Published;
pub use recipe::Kind;

/// A model, described. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Profile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    name: String,
    parts: Parts,
}

/// What a profile is made of.
#[derive(Debug)]
pub(crate) enum Parts {
    /// One pass for both kinds of vectors, by fathom's own preparation of text.
    Joint(Box<Described>),
    /// A model in a published layout.
    Published(Box<Published>),
    /// Token vectors of the first, dense vectors of the second.
    Pair(Profile, Profile),
    /// Code by the first, docs by the second.
    Collections(Profile, Profile),
}

/// What is noted of a file's hash, if it is still the file that it was noted of.
pub type KnownHash<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Profile {
    /// The profile that is part of the binary: token vectors and a dense
    /// vector from one small model.
    pub fn bundled() -> Profile {
        let described = Described::bundled();
        Self::of_described(described)
    }

    /// The model in `folder`: by its `profile.toml` if it has one, else by the published layout
    /// that it is in. It is called as the folder is.
    ///
    /// # Errors
    /// If nothing is recognised, or a file is missing or not valid.
    pub fn open(folder: &Path) -> Result<Profile, EncoderError> {
        let described = folder.join(described::FILE);
        if described::is_joint(&described) {
            return Ok(Self::of_described(Described::open(folder)?));
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        let settings = published::given(&described)?;
        let name = name.to_string_lossy();
        Self::published(folder, &name, &settings, None, &|_| None)
    }

    /// The model of this name, in `folder`.
    ///
    /// # Errors
    /// If nothing is recognised, or a file is missing or not valid.
    pub fn open_named(
        named: &Named,
        folder: &Path,
        known: KnownHash<'_>,
    ) -> Result<Profile, EncoderError> {
        Self::published(folder, &named.name, &named.settings, Some(named), known)
    }

    /// A model that was imported under `name` into `folder`.
    ///
    /// # Errors
    /// If nothing is recognised, or a file is missing or not valid.
    pub fn open_as(
        name: &str,
        folder: &Path,
        known: KnownHash<'_>,
    ) -> Result<Profile, EncoderError> {
        let described = folder.join(described::FILE);
        if described::is_joint(&described) {
            return Self::open(folder);
        }
        let settings = published::given(&described)?;
        Self::published(folder, name, &settings, None, known)
    }

    fn published(
        folder: &Path,
        name: &str,
        settings: &settings::Settings,
        named: Option<&Named>,
        known: KnownHash<'_>,
    ) -> Result<Profile, EncoderError> {
        let published = Published::open(folder, name, settings, named, known)?;
        Ok(Self::of_published(published))
    }

    fn of_described(described: Described) -> Profile {
        let (id, name) = (described.id().to_owned(), described.name().to_owned());
        Self::new(&id, &name, Parts::Joint(Box::new(described)))
    }

    fn of_published(published: Published) -> Profile {
        let (id, name) = (published.id(), published.full_name());
        Self::new(&id, &name, Parts::Published(Box::new(published)))
    }

    fn new(id: &str, name: &str, parts: Parts) -> Profile {
        Profile(Arc::new(Inner {
            id: id.to_owned(),
            name: name.to_owned(),
            parts,
        }))
    }

    /// Token vectors of `late`, dense vectors of `dense`. One profile alone if they are the same.
    ///
    /// # Errors
    /// If one of them does not give what it is to give.
    pub fn pair(late: &Profile, dense: &Profile) -> Result<Profile, EncoderError> {
        if late.id() == dense.id() {
            return Ok(late.clone());
        }
        let wants = [
            (late, late.kind().gives_tokens(), "token vectors"),
            (dense, dense.kind().gives_dense(), "dense vectors"),
        ];
        for (profile, gives, what) in wants {
            if !gives || matches!(profile.parts(), Parts::Pair(..)) {
                return Err(EncoderError::Kind {
                    profile: profile.name().to_owned(),
                    kind: profile.kind().as_str(),
                    wanted: what,
                });
            }
        }
        let id = format!("{}+{}", late.id(), dense.id());
        let name = format!("{} {}", late.name(), dense.name());
        Ok(Self::new(
            &id,
            &name,
            Parts::Pair(late.clone(), dense.clone()),
        ))
    }

    /// Code by one profile, docs (prose in files of its own) by another. One profile alone if they
    /// are the same.
    ///
    /// # Errors
    /// If one of them makes no vectors.
    pub fn collections(code: &Profile, docs: &Profile) -> Result<Profile, EncoderError> {
        if code.id() == docs.id() {
            return Ok(code.clone());
        }
        for profile in [code, docs] {
            if profile.kind() == Kind::CrossEncoder || profile.docs().is_some() {
                return Err(EncoderError::Kind {
                    profile: profile.name().to_owned(),
                    kind: profile.kind().as_str(),
                    wanted: "vectors of one collection",
                });
            }
        }
        let id = format!("{} docs={}", code.id(), docs.id());
        let name = format!("{} docs={}", code.name(), docs.name());
        let parts = Parts::Collections(code.clone(), docs.clone());
        Ok(Self::new(&id, &name, parts))
    }

    /// The profile of code, and of everything where docs have none of their own.
    pub fn code(&self) -> &Profile {
        match self.parts() {
            Parts::Collections(code, _) => code,
            _ => self,
        }
    }

    /// The profile of docs, if it is another than that of code.
    pub fn docs(&self) -> Option<&Profile> {
        match self.parts() {
            Parts::Collections(_, docs) => Some(docs),
            _ => None,
        }
    }

    /// This dense model with its vectors cut to `dim` numbers and normalised again.
    ///
    /// # Errors
    /// If the model was not trained for that length.
    pub fn truncated(&self, dim: usize) -> Result<Profile, EncoderError> {
        match self.parts() {
            Parts::Published(published) => Ok(Self::of_published(published.truncated(dim)?)),
            _ => Err(EncoderError::Kind {
                profile: self.name().to_owned(),
                kind: self.kind().as_str(),
                wanted: "vectors that can be cut",
            }),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The models that this is made of: itself, those of a pair, those of both collections.
    pub fn members(&self) -> Vec<&Profile> {
        match self.parts() {
            Parts::Pair(late, dense) => vec![late, dense],
            Parts::Collections(code, docs) => [code.members(), docs.members()].concat(),
            Parts::Joint(_) | Parts::Published(_) => vec![self],
        }
    }

    /// The profile that token vectors, and so their codebook, belong to.
    pub fn of_tokens(&self) -> &Profile {
        match self.parts() {
            Parts::Pair(late, _) => late,
            Parts::Collections(code, _) => code.of_tokens(),
            Parts::Joint(_) | Parts::Published(_) => self,
        }
    }

    /// The profile that dense vectors belong to.
    fn of_dense(&self) -> &Profile {
        match self.parts() {
            Parts::Pair(_, dense) => dense,
            Parts::Collections(code, _) => code.of_dense(),
            Parts::Joint(_) | Parts::Published(_) => self,
        }
    }

    /// What the model gives.
    pub fn kind(&self) -> Kind {
        match self.parts() {
            Parts::Published(published) => published.recipe().kind,
            Parts::Collections(code, _) => code.kind(),
            Parts::Joint(_) | Parts::Pair(..) => Kind::Joint,
        }
    }

    /// `name@` and 12 hex digits over weights, tokenizer, text rules and pooling:
    /// equal ids mean equal vectors.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The profile's short name; that of several is all of them, with spaces.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// SPDX identifier of the licence of the weights.
    pub fn licence(&self) -> &str {
        match self.parts() {
            Parts::Joint(described) => described.licence(),
            Parts::Published(published) => published.licence(),
            Parts::Pair(first, _) | Parts::Collections(first, _) => first.licence(),
        }
    }

    /// Where the weights come from.
    pub fn source(&self) -> &str {
        match self.parts() {
            Parts::Joint(described) => described.source(),
            Parts::Published(published) => published.source(),
            Parts::Pair(first, _) | Parts::Collections(first, _) => first.source(),
        }
    }

    /// Length of a token vector; 0 if there are none.
    pub fn token_dim(&self) -> usize {
        match self.of_tokens().parts() {
            Parts::Joint(described) => described.token_dim(),
            Parts::Published(published) if self.of_tokens().kind().gives_tokens() => {
                published.recipe().dim
            }
            _ => 0,
        }
    }

    /// Length of the dense vector; 0 if there is none.
    pub fn dense_dim(&self) -> usize {
        match self.of_dense().parts() {
            Parts::Joint(described) => described.dense_dim(),
            Parts::Published(published) if self.of_dense().kind() == Kind::Dense => {
                published.dense_dim()
            }
            _ => 0,
        }
    }

    /// Longest document in tokens, special tokens included.
    pub fn document_length(&self) -> usize {
        match self.parts() {
            Parts::Joint(described) => described.document_length(),
            Parts::Published(published) => published.recipe().document.length,
            Parts::Pair(first, _) | Parts::Collections(first, _) => first.document_length(),
        }
    }

    /// Longest query in tokens, special tokens included.
    pub fn query_length(&self) -> usize {
        match self.parts() {
            Parts::Joint(described) => described.query_length(),
            Parts::Published(published) => published.recipe().query.length,
            Parts::Pair(first, _) | Parts::Collections(first, _) => first.query_length(),
        }
    }

    /// Documents keep one token vector of so many: 1 keeps all. What that costs and saves is in
    /// BENCHMARKS.md.
    pub fn token_pooling(&self) -> usize {
        match self.of_tokens().parts() {
            Parts::Joint(described) => described.token_pooling(),
            _ => 1,
        }
    }

    /// Size of the weights in bytes: about what a session takes of memory, and more while it is
    /// being made.
    ///
    /// # Errors
    /// If a file cannot be examined.
    pub fn weights(&self) -> Result<u64, EncoderError> {
        match self.parts() {
            Parts::Joint(described) => Ok(described.model_bytes()?.len() as u64),
            Parts::Published(published) => published.weights(),
            Parts::Pair(one, other) | Parts::Collections(one, other) => {
                Ok(one.weights()? + other.weights()?)
            }
        }
    }

    /// The codebook that belongs to the model's token vectors, if it has one. No part of the
    /// identity: it changes how vectors are stored, not what they are.
    ///
    /// # Errors
    /// If its file cannot be read or is not the one that the profile describes.
    pub fn codebook_bytes(&self) -> Result<Option<Cow<'static, [u8]>>, EncoderError> {
        match self.of_tokens().parts() {
            Parts::Joint(described) => described.codebook_bytes(),
            _ => Ok(None),
        }
    }

    /// The judge that reads the model's token vectors, if it has one. No part of the identity.
    ///
    /// # Errors
    /// If its file cannot be read, is not the one that the profile describes, or is no judge.
    pub fn judge(&self) -> Result<Option<Judge>, EncoderError> {
        let Parts::Joint(described) = self.of_tokens().parts() else {
            return Ok(None);
        };
        let Some(bytes) = described.judge_bytes()? else {
            return Ok(None);
        };
        let judge = Judge::parse(&bytes).map_err(|reason| EncoderError::Profile {
            path: described.path_of_judge(),
            reason,
        })?;
        Ok(Some(judge))
    }
}
