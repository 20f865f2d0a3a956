//! Encodings that were coded elsewhere with the store's own codebook.

use super::Writer;
use crate::StoreError;
use crate::codebook::Codebook;
use crate::collection::Collection;
use crate::maxsim;
use crate::records::ContentHash;
use crate::segment::{self, CodedTokens, DenseView, Part, TokenView};

/// One content as another store with the same codebook holds it.
#[derive(Clone, Debug)]
pub struct CodedEncoding<'a> {
    /// What was encoded.
    pub content: ContentHash,
    /// Centroid of each token.
    pub centroids: &'a [u16],
    /// Residual rows.
    pub residuals: &'a [u8],
    /// Lengths as stored.
    pub norms: &'a [u8],
    /// The dense vector.
    pub dense: &'a [f32],
}

impl Writer {
    /// Stores encodings that are coded with the codebook `codebook`, as one segment, and
    /// publishes it. Contents that no chunk has, or that are encoded already, are left out.
    ///
    /// # Errors
    /// [`StoreError::Input`] for another codebook than the store's, and for shapes or numbers
    /// that cannot be; then nothing of the batch is stored.
    pub fn add_coded(
        &mut self,
        codebook: ContentHash,
        batch: &[CodedEncoding<'_>],
    ) -> Result<(), StoreError> {
        self.ensure_sound()?;
        let place = self.place.clone();
        let known = place.codebook();
        let known = known.filter(|known| known.id == codebook).ok_or_else(|| {
            StoreError::input("coded tokens", "the store has another codebook or none")
        })?;
        for encoding in batch {
            validate(encoding, &known.codebook, self.place.identity.dense_dim).map_err(
                |problem| {
                    StoreError::input(format!("the encoding of {}", encoding.content), problem)
                },
            )?;
        }
        let wanted = self.wanted(batch.iter().map(|encoding| encoding.content))?;
        if wanted.is_empty() {
            return Ok(());
        }
        let quantized: Vec<(Vec<i8>, f32)> = wanted
            .iter()
            .map(|&(_, at)| {
                let encoding = &batch[at];
                let mut codes = vec![0; encoding.dense.len()];
                let scale = maxsim::quantize_row(encoding.dense, &mut codes);
                (codes, scale)
            })
            .collect();
        let parts: Vec<Part<'_>> = wanted
            .iter()
            .zip(&quantized)
            .map(|(&(content, at), (codes, scale))| part(content, &batch[at], codes, *scale))
            .collect();
        let id = self.state.next_segment;
        let row = segment::write(&*place.storage, id, place.layout(Collection::Main), &parts);
        let published = row.and_then(|row| self.publish_segments(&[row], &[], &[]));
        self.poison_on_error(published)
    }
}

fn part<'a>(content: u32, encoding: &CodedEncoding<'a>, codes: &'a [i8], scale: f32) -> Part<'a> {
    Part {
        content,
        hash: encoding.content,
        tokens: TokenView::Coded(CodedTokens {
            centroids: encoding.centroids,
            residuals: encoding.residuals,
            norms: encoding.norms,
        }),
        dense: DenseView { codes, scale },
    }
}

fn validate(encoding: &CodedEncoding<'_>, codebook: &Codebook, dense: usize) -> Result<(), String> {
    let tokens = encoding.centroids.len();
    if (encoding.residuals.len(), encoding.norms.len()) != (tokens * codebook.row_bytes(), tokens) {
        return Err(format!("the parts of its {tokens} tokens differ in length"));
    }
    let most = encoding.centroids.iter().max();
    if most.is_some_and(|&most| usize::from(most) >= codebook.len()) {
        return Err(format!("there are only {} centroids", codebook.len()));
    }
    if encoding.dense.len() != dense || !encoding.dense.iter().all(|value| value.is_finite()) {
        return Err(format!("its dense vector is not {dense} finite numbers"));
    }
    Ok(())
}
