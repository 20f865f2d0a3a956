//! Fields of the lexical index and the bridge from our tokenizer to tantivy's.

use crate::text;
use tantivy::Index;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

const TOKENIZER: &str = "code";

/// Field handles, in the order of [`schema`].
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub chunk: Field,
    pub texts: [Field; 4],
}

/// Name of the chunk id's field.
pub(super) const CHUNK: &str = "chunk";

/// Chunk id as a column and a key; four texts with frequencies and lengths but no positions.
pub(super) fn schema() -> (Schema, Fields) {
    let words = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    let options = TextOptions::default().set_indexing_options(words);
    let mut builder = Schema::builder();
    let fields = Fields {
        chunk: builder.add_u64_field(CHUNK, FAST | INDEXED),
        texts: ["path", "name", "doc", "body"]
            .map(|name| builder.add_text_field(name, options.clone())),
    };
    (builder.build(), fields)
}

/// Makes the tokenizer known to an opened index.
pub(super) fn register(index: &Index) {
    index
        .tokenizers()
        .register(TOKENIZER, CodeTokenizer::default());
}

#[derive(Clone, Default)]
struct CodeTokenizer {
    words: text::Tokenizer,
    token: Token,
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = CodeStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> CodeStream<'a> {
        self.token.reset();
        CodeStream {
            words: self.words.words(text),
            token: &mut self.token,
        }
    }
}

struct CodeStream<'a> {
    words: text::Words<'a>,
    token: &'a mut Token,
}

impl TokenStream for CodeStream<'_> {
    fn advance(&mut self) -> bool {
        let found = self.words.advance();
        if found {
            self.token.text.clear();
            self.token.text.push_str(self.words.word());
            self.token.position = self.token.position.wrapping_add(1);
        }
        found
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
