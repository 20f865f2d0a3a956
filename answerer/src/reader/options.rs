//! How a reader is set up.

use std::path::PathBuf;
use std::str::FromStr;

use super::ReaderError;

/// Whether answers are drafted ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drafting {
    /// Where it pays and the model can roll back.
    #[default]
    Auto,
    /// Where it pays; refused for models that cannot roll back.
    On,
    /// Never.
    Off,
}

/// A GGUF file and how to run it.
#[derive(Clone, Debug)]
pub struct LlamaOptions {
    /// The model.
    pub model: PathBuf,
    /// Tokens of prompt and answer together at most.
    pub context: usize,
    /// Threads; `None`: one per core that this process may use.
    pub threads: Option<usize>,
    /// Layers on a graphics processor; `None`: all that fit. Without effect in
    /// a build that knows none.
    pub gpu_layers: Option<u32>,
    /// LoRA adapters and their weights.
    pub adapters: Vec<(PathBuf, f32)>,
    /// Values of the file's header to replace, such as the number of experts.
    pub overrides: Vec<Override>,
    /// Prompt lookup.
    pub lookup: Drafting,
    /// A smaller model of the same family to draft where lookup finds nothing.
    pub draft: Option<PathBuf>,
    /// A folder of fathom's own for computed prompt beginnings and measured
    /// costs; `None`: nothing is kept between runs.
    pub cache: Option<PathBuf>,
}

impl LlamaOptions {
    /// A model with a context of 8,192 tokens and everything else as the
    /// machine has it.
    #[must_use]
    pub fn new(model: impl Into<PathBuf>) -> LlamaOptions {
        LlamaOptions {
            model: model.into(),
            context: 8192,
            threads: None,
            gpu_layers: None,
            adapters: Vec::new(),
            overrides: Vec::new(),
            lookup: Drafting::Auto,
            draft: None,
            cache: None,
        }
    }
}

/// A value that replaces one of the file's header.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The key, such as `qwen3moe.expert_used_count`.
    pub key: String,
    /// The value.
    pub value: OverrideValue,
}

/// A typed value of an [`Override`].
#[derive(Clone, Debug, PartialEq)]
pub enum OverrideValue {
    /// `int:…`
    Int(i64),
    /// `float:…`
    Float(f64),
    /// `bool:true` or `bool:false`
    Bool(bool),
    /// `str:…`
    Text(String),
}

impl FromStr for Override {
    type Err = ReaderError;

    fn from_str(text: &str) -> Result<Override, ReaderError> {
        parse(text).ok_or_else(|| ReaderError::Override(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Override> {
    let (key, typed) = text.split_once('=')?;
    let (kind, value) = typed.split_once(':')?;
    let value = match kind {
        "int" => OverrideValue::Int(value.parse().ok()?),
        "float" => OverrideValue::Float(value.parse().ok()?),
        "bool" => OverrideValue::Bool(value.parse().ok()?),
        "str" => OverrideValue::Text(value.to_owned()),
        _ => return None,
    };
    (!key.is_empty()).then(|| Override {
        key: key.to_owned(),
        value,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn overrides_name_their_type() {
        let value = |text: &str| text.parse::<Override>().map(|parsed| parsed.value).ok();
        assert_eq!(value("a.b=int:4"), Some(OverrideValue::Int(4)));
        assert_eq!(value("a=float:0.5"), Some(OverrideValue::Float(0.5)));
        assert_eq!(value("a=bool:true"), Some(OverrideValue::Bool(true)));
        assert_eq!(
            value("a=str:b:c=d"),
            Some(OverrideValue::Text("b:c=d".into()))
        );
        for wrong in ["", "a", "a=4", "=int:4", "a=int:x", "a=u8:4"] {
            assert_eq!(value(wrong), None, "{wrong}");
        }
        insta::assert_snapshot!("a=4".parse::<Override>().unwrap_err(), @"`a=4` is not an override; write `key=int:1`, `key=float:0.5`, `key=bool:true` or `key=str:text` (keys and texts of at most 127 bytes)");
    }
}
