//! What a tool answers: text for the agent, the same as structured content for programs.

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::text;

/// Bytes taken for one token, as `--max-tokens` of the commands does.
const BYTES_PER_TOKEN: usize = 4;
/// Fewest and most tokens of a result.
const TOKENS: std::ops::RangeInclusive<usize> = 200..=50_000;

/// The answer of a tool.
pub struct Reply {
    text: String,
    structured: Value,
}

impl Reply {
    /// `text` is for agents; `structured` must be an object.
    ///
    /// # Errors
    /// If it is not one that JSON can hold.
    pub fn new(text: String, structured: &impl Serialize) -> Result<Reply, Fault> {
        let structured = serde_json::to_value(structured);
        let mut structured = structured.map_err(|error| Fault::Internal(error.to_string()))?;
        text::clean_all(&mut structured);
        Ok(Reply { text, structured })
    }
}

impl From<Reply> for CallToolResult {
    fn from(reply: Reply) -> CallToolResult {
        let mut result = CallToolResult::success(vec![ContentBlock::text(reply.text)]);
        result.structured_content = Some(reply.structured);
        result
    }
}

impl From<Fault> for CallToolResult {
    fn from(fault: Fault) -> CallToolResult {
        let text = text::clean(&fault.to_string());
        CallToolResult::error(vec![ContentBlock::text(text)])
    }
}

/// Bytes that a result may take, by the number of tokens asked for.
pub fn bytes_of(tokens: usize, default: usize) -> usize {
    tokens_of(tokens, default) * BYTES_PER_TOKEN
}

/// Tokens that a result may take: those asked for, within reason; 0: `default`.
pub fn tokens_of(tokens: usize, default: usize) -> usize {
    let wanted = if tokens == 0 { default } else { tokens };
    wanted.clamp(*TOKENS.start(), *TOKENS.end())
}

/// Bytes of a value as it is sent.
pub fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}
