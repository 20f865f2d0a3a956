//! Scoring pairs of question and text with a cross-encoder.

use super::EncoderOptions;
use super::graph::{Graph, Output};
use super::heads::{activate, sigmoid};
use crate::profile::recipe::Activation;
use crate::profile::{Kind, Parts};
use crate::text::{Input, PairText};
use crate::{EncoderError, Profile};

/// How well a text answers a question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairScore {
    /// As the model's own library gives it: of any range, larger is better.
    pub score: f32,
    /// The same as a probability, 0 to 1.
    pub probability: f32,
}

/// A cross-encoder: one session with its tokenizer.
pub struct PairEncoder {
    graph: Graph,
    text: PairText,
    activation: Activation,
    name: String,
}

impl PairEncoder {
    /// Loads the runtime (once per process), the tokenizer and the model.
    ///
    /// # Errors
    /// If one of them is missing or damaged, or the profile is of another kind.
    pub fn open(profile: &Profile, options: &EncoderOptions) -> Result<PairEncoder, EncoderError> {
        let published = match profile.parts() {
            Parts::Published(published) if profile.kind() == Kind::CrossEncoder => published,
            _ => {
                return Err(EncoderError::Kind {
                    profile: profile.name().to_owned(),
                    kind: profile.kind().as_str(),
                    wanted: "scores of pairs",
                });
            }
        };
        Ok(PairEncoder {
            graph: Graph::open(published, options, &["logits"])?,
            text: PairText::open(published)?,
            activation: published.recipe().activation,
            name: profile.name().to_owned(),
        })
    }

    /// Scores each of `texts` for `question`, in their order.
    ///
    /// # Errors
    /// If the model fails.
    pub fn score(
        &mut self,
        question: &str,
        texts: &[&str],
    ) -> Result<Vec<PairScore>, EncoderError> {
        let question = self.text.question(question);
        let mut scores = Vec::with_capacity(texts.len());
        for text in texts {
            let mut best: Option<PairScore> = None;
            for input in self.text.inputs(&question, text) {
                let score = self.score_of(&input)?;
                // A text is as good as the best part of it.
                best = match best {
                    Some(best) if best.score >= score.score => Some(best),
                    _ => Some(score),
                };
            }
            scores.extend(best);
        }
        Ok(scores)
    }

    fn score_of(&mut self, input: &Input) -> Result<PairScore, EncoderError> {
        let output = self.graph.run(input);
        let score = output.and_then(|output| to_score(&output, self.activation));
        score.map_err(|reason| EncoderError::Run {
            profile: self.name.clone(),
            tokens: input.ids.len(),
            reason,
        })
    }
}

fn to_score(output: &Output, activation: Activation) -> Result<PairScore, String> {
    let score = match (&output.values[..], activation) {
        (&[logit], _) => PairScore {
            score: activate(activation, logit),
            probability: sigmoid(logit),
        },
        // Of two classes, the probability of the second.
        (&[no, yes], Activation::Softmax) => PairScore {
            score: sigmoid(yes - no),
            probability: sigmoid(yes - no),
        },
        (values, _) => return Err(format!("it gives {} numbers for a pair", values.len())),
    };
    match score.score.is_finite() {
        true => Ok(score),
        false => Err("its score is not finite".into()),
    }
}
