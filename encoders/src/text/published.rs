//! Text as published models were trained on it: their own tokenizer, then what PyLate and
//! sentence-transformers do around it.

use tokenizers::utils::truncation::TruncationDirection;
use tokenizers::{Encoding, Tokenizer};

use crate::EncoderError;
use crate::profile::recipe::{Prefix, Recipe, Side};
use crate::profile::{PYTHON_SPACE, Published};

/// Mask tokens by the names that vocabularies give them.
const MASKS: [&str; 2] = ["[MASK]", "<mask>"];

/// A model's tokenizer and rules.
pub(crate) struct PublishedText {
    tokenizer: Tokenizer,
    lower_case: bool,
    query: SideText,
    document: SideText,
    expansion: Option<Filling>,
    skiplist: Vec<u32>,
}

/// The rules of one side, as ids.
struct SideText {
    prompt: String,
    prefix: Option<u32>,
    length: usize,
    /// Rows that the prompt takes, for those that leave them out of pooling.
    prompt_rows: usize,
}

struct Filling {
    token: u32,
    attend: bool,
}

/// A complete model input.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Input {
    pub ids: Vec<u32>,
    /// How many tokens at the end are there without being attended to.
    pub unattended: usize,
    /// Which of two texts each token is of; empty if all are of the first.
    pub types: Vec<u32>,
}

impl Input {
    pub fn of_one_text(ids: Vec<u32>) -> Input {
        Input {
            ids,
            ..Input::default()
        }
    }
}

/// How many rows the prompts take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PromptRows {
    pub query: usize,
    pub document: usize,
}

/// Reads a model's tokenizer; what truncation and padding its file has stored is left out.
pub(super) fn tokenizer(published: &Published) -> Result<Tokenizer, EncoderError> {
    let bytes = published.read(&published.recipe().tokenizer)?;
    let unusable = |reason: tokenizers::Error| failed(published, reason.to_string());
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(unusable)?;
    tokenizer.with_truncation(None).map_err(unusable)?;
    tokenizer.with_padding(None);
    // Text that spells a special token is text.
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

fn failed(published: &Published, reason: String) -> EncoderError {
    EncoderError::Tokenizer {
        profile: published.name().to_owned(),
        reason,
    }
}

impl PublishedText {
    pub(super) fn open(published: &Published) -> Result<PublishedText, EncoderError> {
        let tokenizer = tokenizer(published)?;
        let text = Self::with(tokenizer, published.recipe());
        text.map_err(|reason| failed(published, reason))
    }

    fn with(tokenizer: Tokenizer, recipe: &Recipe) -> Result<PublishedText, String> {
        let filling = recipe.expansion.as_ref();
        let filling = filling.map(|expansion| {
            let usual = || MASKS.iter().find_map(|mask| tokenizer.token_to_id(mask));
            let token = match &expansion.token {
                Some(token) => id_of(&tokenizer, token)?,
                None => usual().ok_or("it has no mask token to fill queries with")?,
            };
            let attend = expansion.attend;
            Ok::<_, String>(Filling { token, attend })
        });
        let known = |word: &String| tokenizer.token_to_id(word);
        Ok(PublishedText {
            lower_case: recipe.lower_case,
            query: side(&tokenizer, &recipe.query)?,
            document: side(&tokenizer, &recipe.document)?,
            expansion: filling.transpose()?,
            skiplist: recipe.skiplist.iter().filter_map(known).collect(),
            tokenizer,
        })
    }

    /// Ids line by line, without special tokens.
    pub(super) fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        for line in text.split('\n') {
            ids.extend_from_slice(self.tokenized(line).get_ids());
        }
        ids
    }

    /// A tokenizer fails on no text; if one did, the text would have no tokens.
    fn tokenized(&self, text: &str) -> Encoding {
        let lowered;
        let text = match self.lower_case {
            true => {
                lowered = text.to_lowercase();
                &lowered
            }
            false => text,
        };
        self.tokenizer.encode(text, false).unwrap_or_default()
    }

    pub(super) fn max_document_tokens(&self) -> usize {
        let prompt = self.tokenized(&self.document.prompt).len();
        self.room(&self.document).saturating_sub(prompt)
    }

    /// Room between the special tokens and behind the prefix.
    fn room(&self, side: &SideText) -> usize {
        let special = special_tokens(&self.tokenizer, false);
        let prefix = usize::from(side.prefix.is_some());
        side.length.saturating_sub(special + prefix)
    }

    /// A chunk with as much of its header as its body leaves room for.
    pub(super) fn chunk(&self, header: &str, body: &str, most: usize) -> (Vec<u32>, usize) {
        let room = self.max_document_tokens();
        // One token for the line's end between the two.
        let room = room.saturating_sub(self.tokenized(body).len() + 1);
        let header = self.beginning(header, most.min(room));
        let (input, cut) = match header.is_empty() {
            true => self.document(body),
            false => self.document(&format!("{header}\n{body}")),
        };
        (input.ids, cut)
    }

    /// The first `tokens` tokens of a text, as text.
    fn beginning<'a>(&self, text: &'a str, tokens: usize) -> &'a str {
        let encoding = self.tokenizer.encode(text, false).unwrap_or_default();
        match encoding.get_offsets().get(tokens) {
            None => text,
            Some(&(start, _)) => text.get(..start).unwrap_or_default().trim_end(),
        }
    }

    /// A document, and how many of its tokens did not fit.
    pub(crate) fn document(&self, text: &str) -> (Input, usize) {
        let (ids, cut) = self.framed(text, &self.document);
        (Input::of_one_text(ids), cut)
    }

    /// A query, filled up if the model wants that, and how many of its tokens did not fit.
    pub(crate) fn query(&self, text: &str) -> (Input, usize) {
        let (mut ids, cut) = self.framed(text, &self.query);
        let mut unattended = 0;
        if let Some(filling) = &self.expansion {
            let missing = self.query.length.saturating_sub(ids.len());
            ids.extend(std::iter::repeat_n(filling.token, missing));
            unattended = if filling.attend { 0 } else { missing };
        }
        let types = Vec::new();
        (
            Input {
                ids,
                unattended,
                types,
            },
            cut,
        )
    }

    fn framed(&self, text: &str, side: &SideText) -> (Vec<u32>, usize) {
        let text = format!("{}{text}", side.prompt);
        let mut encoding = self.tokenized(stripped(&text));
        let (given, room) = (encoding.len(), self.room(side));
        encoding.truncate(room, 0, TruncationDirection::Right);
        let framed = self.tokenizer.post_process(encoding, None, true);
        let mut ids = framed.unwrap_or_default().get_ids().to_vec();
        if let Some(prefix) = side.prefix {
            ids.insert(1.min(ids.len()), prefix);
        }
        (ids, given.saturating_sub(room))
    }

    /// Whether a token's row is left out of documents.
    pub(crate) fn is_skipped(&self, id: u32) -> bool {
        self.skiplist.contains(&id)
    }

    pub(crate) fn prompt_rows(&self) -> PromptRows {
        PromptRows {
            query: self.query.prompt_rows,
            document: self.document.prompt_rows,
        }
    }
}

/// As Python's `str.strip`.
fn stripped(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || PYTHON_SPACE.contains(&c))
}

pub(super) fn special_tokens(tokenizer: &Tokenizer, of_pair: bool) -> usize {
    let processor = tokenizer.get_post_processor();
    processor.map_or(0, |processor| {
        tokenizers::PostProcessor::added_tokens(processor, of_pair)
    })
}

fn id_of(tokenizer: &Tokenizer, token: &Prefix) -> Result<u32, String> {
    match token {
        Prefix::Id(id) => Ok(*id),
        Prefix::Piece(piece) => tokenizer
            .token_to_id(piece)
            .ok_or_else(|| format!("`{piece}` is no piece of its vocabulary")),
    }
}

fn side(tokenizer: &Tokenizer, side: &Side) -> Result<SideText, String> {
    let prefix = side.prefix.as_ref().map(|prefix| id_of(tokenizer, prefix));
    let special = special_tokens(tokenizer, false);
    if side.length <= special + usize::from(prefix.is_some()) {
        return Err(format!("{} tokens have no room for text", side.length));
    }
    Ok(SideText {
        prompt: side.prompt.clone(),
        prefix: prefix.transpose()?,
        length: side.length,
        prompt_rows: prompt_rows(tokenizer, &side.prompt),
    })
}

/// Tokens of a prompt by itself, without the special one that ends it.
fn prompt_rows(tokenizer: &Tokenizer, prompt: &str) -> usize {
    if prompt.is_empty() {
        return 0;
    }
    let encoding = tokenizer.encode(stripped(prompt), true).unwrap_or_default();
    let ends = encoding.get_special_tokens_mask().last() == Some(&1);
    encoding.len() - usize::from(ends)
}
