//! Graphs of fathom's own making: ids in, token vectors and a dense vector out.

use ort::session::Session;
use ort::value::TensorRef;

use super::{EncoderOptions, checked, options};
use crate::profile::Described;
use crate::{Embedding, EncoderError, TokenMatrix};

/// One session of a described model.
pub(super) struct Joint {
    session: Session,
    profile: Described,
}

impl Joint {
    pub fn open(profile: &Described, options: &EncoderOptions) -> Result<Joint, EncoderError> {
        let bytes = profile.model_bytes()?;
        let session = options::open(profile.name(), options, true, |builder| {
            builder.commit_from_memory(&bytes)
        })?;
        Ok(Joint {
            session,
            profile: profile.clone(),
        })
    }

    pub fn encode(&mut self, ids: &[u32]) -> Result<Embedding, EncoderError> {
        let Joint { session, profile } = self;
        checked(profile.name(), ids.len(), || {
            forward(session, profile, ids).map_err(|error| error.to_string())
        })
    }

    /// As [`encode`](Joint::encode), but without the rows of the first and the last token: they say
    /// nothing of their own, and what they find is noise (`BENCHMARKS.md`, Special tokens). They stay
    /// where there are no others.
    pub fn encode_query(&mut self, ids: &[u32]) -> Result<Embedding, EncoderError> {
        let mut embedding = self.encode(ids)?;
        let (rows, dim) = (embedding.tokens.rows(), embedding.tokens.dim());
        if rows == ids.len() && rows > 2 {
            let own = &embedding.tokens.as_slice()[dim..(rows - 1) * dim];
            embedding.tokens = TokenMatrix::new(dim, own.to_vec());
        }
        Ok(embedding)
    }
}

fn forward(session: &mut Session, profile: &Described, ids: &[u32]) -> ort::Result<Embedding> {
    let ids: Vec<i64> = ids.iter().map(|&id| id.into()).collect();
    let input = TensorRef::from_array_view(([1, ids.len()], &ids[..]))?;
    let outputs = session.run(ort::inputs!["input_ids" => input])?;
    let (_, tokens) = outputs["tokens"].try_extract_tensor::<f32>()?;
    let (_, dense) = outputs["dense"].try_extract_tensor::<f32>()?;
    let dim = profile.token_dim();
    let tokens = match profile.text_rules().keep_special_rows {
        true => tokens,
        false => &tokens[dim..tokens.len() - dim],
    };
    let tokens = TokenMatrix::new(dim, tokens.to_vec());
    Ok(Embedding::new(tokens, dense.to_vec()))
}
