//! Encodings on their way into a segment: dense vectors in int8, tokens coded
//! with the codebook, or in int8 where there is none.

use rayon::prelude::*;

use super::tokens::CodedTokens;
use super::{DenseView, Layout, Part, TokenView};
use crate::codebook::{Codebook, Coded};
use crate::collection::Collection;
use crate::maxsim::{self, Tokens};
use crate::records::{ContentHash, Encoding};

/// The token matrix of one content.
enum Matrix {
    Int8(Vec<i8>, Vec<f32>),
    Coded(Coded),
}

impl Matrix {
    fn new(rows: &[f32], layout: Layout<'_>) -> Matrix {
        match layout.codebook {
            Some(known) => Matrix::Coded(known.codebook.encode(rows)),
            None => {
                let (codes, scales) = maxsim::quantize(rows, layout.identity.token_dim);
                Matrix::Int8(codes, scales)
            }
        }
    }

    fn view(&self) -> TokenView<'_> {
        match self {
            Matrix::Int8(codes, scales) => TokenView::Int8(Tokens { codes, scales }),
            Matrix::Coded(coded) => coded_view(coded),
        }
    }
}

fn coded_view(coded: &Coded) -> TokenView<'_> {
    TokenView::Coded(CodedTokens {
        centroids: &coded.centroids,
        residuals: &coded.residuals,
        norms: &coded.norms,
    })
}

/// Encodings as they are stored, made before anybody has to wait for a writer.
pub struct Prepared {
    pub(crate) collection: Collection,
    /// What the tokens are coded with.
    pub(crate) codebook: Option<ContentHash>,
    pub(crate) contents: Vec<ContentHash>,
    tokens: Vec<Matrix>,
    dense: Vec<(Vec<i8>, f32)>,
}

impl Prepared {
    /// Prepares encodings. Their shapes and values must have been checked.
    pub(crate) fn new(
        collection: Collection,
        layout: Layout<'_>,
        encodings: &[Encoding<'_>],
    ) -> Prepared {
        let quantize_dense = |dense: &[f32]| {
            let mut codes = vec![0; dense.len()];
            let scale = maxsim::quantize_row(dense, &mut codes);
            (codes, scale)
        };
        Prepared {
            collection,
            codebook: layout.codebook.map(|known| known.id),
            contents: encodings.iter().map(|e| e.content).collect(),
            tokens: encodings
                .par_iter()
                .map(|e| Matrix::new(e.tokens, layout))
                .collect(),
            dense: encodings.iter().map(|e| quantize_dense(e.dense)).collect(),
        }
    }

    /// What [`super::write`] takes: of each chosen content its id in the catalog and its place here.
    pub(crate) fn parts(&self, chosen: &[(u32, usize)]) -> Vec<Part<'_>> {
        let part = |&(content, at): &(u32, usize)| Part {
            content,
            hash: self.contents[at],
            tokens: self.tokens[at].view(),
            dense: DenseView {
                codes: &self.dense[at].0,
                scale: self.dense[at].1,
            },
        };
        chosen.iter().map(part).collect()
    }
}

/// Stored int8 tokens, coded; owned while their segment is written.
pub(crate) struct Recoded(Vec<Coded>);

impl Recoded {
    /// Codes the int8 tokens of `parts`; coded ones stay as they are.
    pub fn new(parts: &[Part<'_>], codebook: &Codebook) -> Recoded {
        let recode = |part: &Part<'_>| match part.tokens {
            TokenView::Int8(tokens) => codebook.encode(&floats(tokens, codebook.dim())),
            TokenView::Coded(_) => Coded::default(),
        };
        Recoded(parts.par_iter().map(recode).collect())
    }

    /// The same parts with all tokens coded.
    pub fn parts<'a>(&'a self, parts: &[Part<'a>]) -> Vec<Part<'a>> {
        let recoded = parts.iter().zip(&self.0);
        let coded = |(part, coded): (&Part<'a>, &'a Coded)| match part.tokens {
            TokenView::Int8(_) => Part {
                tokens: coded_view(coded),
                ..*part
            },
            TokenView::Coded(_) => *part,
        };
        recoded.map(coded).collect()
    }
}

/// The vectors that int8 rows stand for, `[rows, dim]`.
pub(crate) fn floats(tokens: Tokens<'_>, dim: usize) -> Vec<f32> {
    let rows = tokens.codes.chunks_exact(dim).zip(tokens.scales);
    rows.flat_map(|(codes, scale)| codes.iter().map(move |&code| f32::from(code) * scale))
        .collect()
}
