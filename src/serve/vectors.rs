//! Embeddings as OpenAI's, and reranking as Jina's and Cohere's interfaces have them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::input::Input;
use super::problem::Problem;
use super::search::reply;
use super::state::Shared;
use crate::output::json::rounded;

/// Most texts of a request.
const MOST_TEXTS: usize = 256;

/// One text or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Texts {
    fn list(self) -> Vec<String> {
        match self {
            Texts::One(text) => vec![text],
            Texts::Many(texts) => texts,
        }
    }
}

/// Texts to be encoded.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct EmbeddingsParams {
    /// Text, not tokens.
    input: Texts,
    /// Anything: there is one model.
    #[serde(default)]
    #[allow(dead_code)]
    model: String,
    /// `float` (the default) or `base64` (little-endian floats).
    #[serde(default)]
    encoding_format: String,
    /// `document` (the default) or `query`.
    #[serde(default)]
    input_type: String,
}

/// Vectors.
#[derive(Serialize, JsonSchema)]
pub struct EmbeddingsReply {
    /// `list`
    object: &'static str,
    /// In the order of the texts.
    data: Vec<EmbeddingReply>,
    /// Model profile.
    model: String,
    usage: Usage,
}

/// A vector of length 1.
#[derive(Serialize, JsonSchema)]
pub struct EmbeddingReply {
    /// `embedding`
    object: &'static str,
    /// Which text it is of.
    index: usize,
    embedding: Vector,
}

/// Numbers, or their bytes in base64.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Floats(Vec<f32>),
    /// Little-endian floats in base64.
    Base64(String),
}

/// Tokens that were encoded.
#[derive(Serialize, JsonSchema)]
pub struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    fn of(tokens: usize) -> Usage {
        Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        }
    }
}

/// `POST /v1/embeddings`
pub async fn embeddings(
    State(shared): State<Arc<Shared>>,
    Input(params): Input<EmbeddingsParams>,
) -> Result<Response, Problem> {
    let texts = params.input.list();
    check(&texts, "input")?;
    let as_base64 = one_of(
        &params.encoding_format,
        "encoding_format",
        ["float", "base64"],
    )?;
    let as_query = one_of(&params.input_type, "input_type", ["document", "query"])?;
    let work = move |shared: &Shared| {
        let embedded = match as_query {
            true => shared.engine.embed_queries(&texts)?,
            false => shared.engine.embed_documents(&texts)?,
        };
        let data = embedded
            .iter()
            .enumerate()
            .map(|(index, one)| EmbeddingReply {
                object: "embedding",
                index,
                embedding: vector(one.dense(), as_base64),
            });
        reply(&EmbeddingsReply {
            object: "list",
            data: data.collect(),
            model: shared.engine.profile().id().to_owned(),
            usage: Usage::of(embedded.iter().map(|one| one.tokens).sum()),
        })
    };
    shared.work(work).await
}

fn vector(values: Vec<f32>, as_base64: bool) -> Vector {
    if !as_base64 {
        return Vector::Floats(values);
    }
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Vector::Base64(STANDARD.encode(bytes))
}

/// Texts to be put in order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct RerankParams {
    /// What they should answer.
    query: String,
    /// The texts.
    documents: Vec<Text>,
    /// Anything: there is one model.
    #[serde(default)]
    #[allow(dead_code)]
    model: String,
    /// Only so many of the best.
    #[serde(default)]
    top_n: Option<usize>,
    /// Send the texts back.
    #[serde(default)]
    return_documents: bool,
}

/// A text, or an object that holds one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    /// The text.
    Plain(String),
    /// An object that holds it.
    Object {
        /// The text.
        text: String,
    },
}

/// Texts in order.
#[derive(Serialize, JsonSchema)]
pub struct RerankReply {
    /// Model profile.
    model: String,
    /// The best first.
    results: Vec<Ranked>,
    usage: Usage,
}

/// A text's place.
#[derive(Serialize, JsonSchema)]
pub struct Ranked {
    /// Which text.
    index: usize,
    /// 0 to 1: mean over the query's tokens of the best cosine with a token of the text.
    relevance_score: f64,
    /// The text, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<RankedText>,
}

/// A text that was sent.
#[derive(Serialize, JsonSchema)]
pub struct RankedText {
    text: String,
}

/// `POST /v1/rerank`
pub async fn rerank(
    State(shared): State<Arc<Shared>>,
    Input(params): Input<RerankParams>,
) -> Result<Response, Problem> {
    let texts = params.documents.into_iter().map(|document| match document {
        Text::Plain(text) | Text::Object { text } => text,
    });
    let texts: Vec<String> = texts.collect();
    check(&texts, "documents")?;
    if params.query.trim().is_empty() {
        return Err(Problem::bad(
            "`query` is empty; say what the texts should answer",
        ));
    }
    let (top, with_text) = (params.top_n.unwrap_or(texts.len()), params.return_documents);
    let query = vec![params.query];
    let work = move |shared: &Shared| {
        let asked = shared.engine.embed_queries(&query)?;
        let found = shared.engine.embed_documents(&texts)?;
        let tokens = asked.iter().chain(&found).map(|one| one.tokens).sum();
        let scores = found
            .iter()
            .map(|one| asked.first().map_or(0.0, |query| query.relevance(one)));
        let mut ranked: Vec<(usize, f32)> = scores.enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let results = ranked.into_iter().take(top).map(|(index, score)| Ranked {
            index,
            relevance_score: rounded(score),
            document: with_text.then(|| RankedText {
                text: texts[index].clone(),
            }),
        });
        reply(&RerankReply {
            model: shared.engine.profile().id().to_owned(),
            results: results.collect(),
            usage: Usage::of(tokens),
        })
    };
    shared.work(work).await
}

fn check(texts: &[String], name: &str) -> Result<(), Problem> {
    match texts.len() {
        0 => Err(Problem::bad(format!(
            "`{name}` is empty; send at least one text"
        ))),
        n if n > MOST_TEXTS => Err(Problem::bad(format!(
            "`{name}` has {n} texts; send at most {MOST_TEXTS}"
        ))),
        _ => Ok(()),
    }
}

/// Whether it is the second of two values; the first one is the default.
fn one_of(value: &str, name: &str, values: [&str; 2]) -> Result<bool, Problem> {
    match value {
        "" => Ok(false),
        value if value == values[0] => Ok(false),
        value if value == values[1] => Ok(true),
        value => Err(Problem::bad(format!(
            "`{name}` is `{}`; it may be `{}` or `{}`",
            value.chars().take(40).collect::<String>(),
            values[0],
            values[1]
        ))),
    }
}
