//! A judge of candidates: it reads the token vectors of a question and of chunks together.
//!
//! MaxSim adds up how well each token of the question is met, and every token counts the same. The
//! judge is a small network over the same vectors that learnt which of them matter: it sees for
//! each token how well it is met here and by the other candidates, where, and next to what (after
//! K-NRM, Xiong et al. 2017, and the late interaction of ColBERT, Khattab and Zaharia 2020). Nothing
//! is encoded for it: the vectors are those that are stored, so 30 candidates take milliseconds.

mod features;
mod network;

use ndarray::Array2;
use safetensors::SafeTensors;

use crate::embedding::TokenMatrix;
use network::Network;

/// Token vectors of a question that are looked at; the positions that the network knows.
const QUESTION: usize = 64;
/// Token vectors of a chunk that are looked at.
const CHUNK: usize = 256;

/// A judge for the token vectors of one model.
pub struct Judge {
    network: Network,
    dim: usize,
}

impl Judge {
    /// A judge from a safetensors file.
    ///
    /// # Errors
    /// If the bytes are no such file, or a tensor is missing or of another shape.
    pub fn parse(bytes: &[u8]) -> Result<Judge, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let network = Network::read(&tensors, QUESTION)?;
        let inputs = network.inputs();
        let of_vectors = inputs.saturating_sub(features::NUMBERS);
        match of_vectors > 0 && of_vectors % 3 == 0 {
            true => Ok(Judge {
                network,
                dim: of_vectors / 3,
            }),
            false => Err(format!("`inputs.weight` has {inputs} columns")),
        }
    }

    /// How much better than others each of `chunks` answers the question, as log odds: only
    /// differences between chunks of one call mean something. `None` for a chunk without vectors,
    /// and for all of them where the vectors are of another length.
    pub fn scores(&self, question: &TokenMatrix, chunks: &[TokenMatrix]) -> Vec<Option<f32>> {
        let fits = |tokens: &TokenMatrix| tokens.dim() == self.dim && tokens.rows() > 0;
        let read: Vec<usize> = (0..chunks.len()).filter(|&i| fits(&chunks[i])).collect();
        let mut scores = vec![None; chunks.len()];
        if !fits(question) || read.is_empty() {
            return scores;
        }
        let question = matrix(question, QUESTION);
        let matrices: Vec<Array2<f32>> = read.iter().map(|&i| matrix(&chunks[i], CHUNK)).collect();
        let inputs = features::of(&question, &matrices);
        let judged = self.network.scores(&inputs, question.nrows());
        for (i, score) in read.into_iter().zip(judged) {
            scores[i] = score.is_finite().then_some(score);
        }
        scores
    }
}

/// The first `most` rows.
fn matrix(tokens: &TokenMatrix, most: usize) -> Array2<f32> {
    let rows = tokens.rows().min(most);
    let values = tokens.as_slice()[..rows * tokens.dim()].to_vec();
    // The rows are there, so the shape fits.
    Array2::from_shape_vec((rows, tokens.dim()), values)
        .unwrap_or_else(|_| Array2::zeros((rows, tokens.dim())))
}
