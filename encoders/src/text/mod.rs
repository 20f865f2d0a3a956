//! From text to token ids, as a model's profile wants it.

mod fast;
mod identifiers;
mod pairs;
mod published;
mod tokenizer_file;
mod wordpiece;

use std::sync::Arc;

use crate::profile::Parts;
use crate::{Document, EncoderError, Profile};
use fast::Fast;
pub(crate) use pairs::PairText;
use published::PublishedText;
pub(crate) use published::{Input, PromptRows};

/// The text side of a profile. Needs no ONNX Runtime; cheap to clone and to
/// share between threads.
#[derive(Clone)]
pub struct TextEncoder(Arc<Way>);

/// How a profile's text is prepared.
enum Way {
    Fast(Box<Fast>),
    Published(Box<PublishedText>),
    Pair(TextEncoder, TextEncoder),
    /// Code, docs.
    Collections(TextEncoder, TextEncoder),
}

impl TextEncoder {
    /// Reads the profile's tokenizer.
    ///
    /// # Errors
    /// If a file of the profile cannot be read, or if its tokenizer is not what
    /// the profile's rules need.
    pub fn open(profile: &Profile) -> Result<TextEncoder, EncoderError> {
        let way = match profile.parts() {
            Parts::Joint(described) => Way::Fast(Box::new(Fast::open(described)?)),
            Parts::Published(published) => {
                Way::Published(Box::new(PublishedText::open(published)?))
            }
            Parts::Pair(late, dense) => {
                Way::Pair(TextEncoder::open(late)?, TextEncoder::open(dense)?)
            }
            Parts::Collections(code, docs) => {
                Way::Collections(TextEncoder::open(code)?, TextEncoder::open(docs)?)
            }
        };
        Ok(TextEncoder(Arc::new(way)))
    }

    /// Token ids of a piece of code or prose, without special tokens: for the bundled model
    /// exactly as the document encoder will see it, for others nearly so, because their
    /// tokenizers may join what stands on both sides of a line's end. Of a pair, those of the
    /// token vectors' model.
    ///
    /// Additive over lines: `ids(a + "\n" + b)` is `ids(a)` followed by
    /// `ids(b)`, so a chunk's length is the sum of its lines' lengths. Text
    /// that spells a special token is text.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        match &*self.0 {
            Way::Fast(fast) => fast.ids(text),
            Way::Published(published) => published.ids(text),
            Way::Pair(first, _) | Way::Collections(first, _) => first.ids(text),
        }
    }

    /// The model input for a document: a header of at most `header_tokens` tokens, then the body,
    /// between the special tokens. A header takes no room from the body; what does not fit is cut
    /// from the end and counted.
    pub fn document(&self, header: &str, body: &str, header_tokens: usize) -> Document {
        match &*self.0 {
            Way::Fast(fast) => {
                let body_ids = fast.ids(body);
                let mut header_ids = fast.ids(header);
                let room = fast.max_document_tokens().saturating_sub(body_ids.len());
                header_ids.truncate(header_tokens.min(room));
                let (ids, cut) = fast.document(&[&header_ids, &body_ids]);
                Document::new(ids, cut)
            }
            Way::Published(published) => {
                let (input, cut) = published.chunk(header, body, header_tokens);
                Document::new(input, cut)
            }
            Way::Collections(code, _) => code.document(header, body, header_tokens),
            Way::Pair(late, dense) => {
                let document = late.document(header, body, header_tokens);
                let second = dense.document(header, body, header_tokens);
                Document {
                    cut: document.cut.max(second.cut),
                    dense_ids: second.ids,
                    ..document
                }
            }
        }
    }

    /// The text side of the profile of docs: this one where docs have none of their own.
    pub fn for_docs(&self) -> &TextEncoder {
        match &*self.0 {
            Way::Collections(_, docs) => docs,
            _ => self,
        }
    }

    /// [`TextEncoder::document`] of a chunk of docs.
    pub fn document_of_docs(&self, header: &str, body: &str, header_tokens: usize) -> Document {
        let docs = matches!(&*self.0, Way::Collections(..));
        Document {
            docs,
            ..self.for_docs().document(header, body, header_tokens)
        }
    }

    /// How many tokens of header and body fit into one document, special
    /// tokens excluded.
    pub fn max_document_tokens(&self) -> usize {
        match &*self.0 {
            Way::Fast(fast) => fast.max_document_tokens(),
            Way::Published(published) => published.max_document_tokens(),
            Way::Pair(first, _) | Way::Collections(first, _) => first.max_document_tokens(),
        }
    }

    /// Ids of a query as the model sees them, special tokens and filling included. What does not
    /// fit is cut and counted.
    pub fn query(&self, text: &str) -> Document {
        match &*self.0 {
            Way::Fast(fast) => {
                let (ids, cut) = fast.query(text);
                Document::new(ids, cut)
            }
            Way::Published(published) => {
                let (input, cut) = published.query(text);
                Document::new(input.ids, cut)
            }
            Way::Collections(code, _) => code.query(text),
            Way::Pair(late, dense) => Document {
                dense_ids: dense.query(text).ids,
                ..late.query(text)
            },
        }
    }

    pub(crate) fn published(&self) -> Option<&PublishedText> {
        match &*self.0 {
            Way::Published(published) => Some(published),
            Way::Fast(_) | Way::Pair(..) | Way::Collections(..) => None,
        }
    }
}
