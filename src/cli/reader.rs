//! Which reader answers: the options that `ask`, `chat` and `explain` share.

use std::time::Duration;

use clap::Args;
use fathom::config::ReaderOptions;

use fathom::engine::question::AnswerLimits;

/// A reader model and how it is run.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which reader")]
pub struct ReaderArgs {
    /// Reader model: a GGUF file, a name such as `qwen2.5-coder-1.5b`, or a hub id such as
    /// `owner/name:Q4_K_M`. Given twice, the second is asked where the first is not sure
    /// [env: FATHOM_MODEL]
    #[arg(long, value_name = "MODEL")]
    model: Vec<String>,
    /// Ask an OpenAI-compatible server instead, or after the models: it is sent the question and
    /// the code that was found. A key for it comes from FATHOM_READER_KEY [env: FATHOM_READER_URL]
    #[arg(long, value_name = "URL")]
    reader_url: Option<String>,
    /// Name of the model on that server [env: FATHOM_READER_MODEL]
    #[arg(long, value_name = "NAME")]
    reader_model: Option<String>,
    /// LoRA adapter for the model, with its weight if it is not 1; may be given more than once
    #[arg(long, value_name = "PATH[=SCALE]")]
    lora: Vec<String>,
    /// Replace a value of the model's header, such as `qwen3moe.expert_used_count=int:4`
    #[arg(long, value_name = "KEY=TYPE:VALUE")]
    override_kv: Vec<String>,
    /// Layers of the model on a graphics processor [default: all that fit]
    #[arg(long, value_name = "N")]
    gpu_layers: Option<u32>,
    /// A smaller model of the same family that drafts the answer
    #[arg(long, value_name = "MODEL")]
    draft: Option<String>,
    /// Tokens of prompt and answer together [default: 8192]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// Draft nothing from the prompt: slower where an answer quotes, otherwise the same
    #[arg(long)]
    no_lookup: bool,
}

impl ReaderArgs {
    /// As one source of settings.
    pub fn options(&self) -> ReaderOptions {
        ReaderOptions {
            model: self.model.clone(),
            reader_url: self.reader_url.clone(),
            reader_model: self.reader_model.clone(),
            lora: self.lora.clone(),
            override_kv: self.override_kv.clone(),
            gpu_layers: self.gpu_layers,
            draft: self.draft.clone(),
            context: self.context,
            lookup: self.no_lookup.then_some(false),
            confidence_threshold: None,
        }
    }
}

/// How an answer comes about.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "How it answers")]
pub struct AnswerArgs {
    /// Tokens of code that the reader is shown
    #[arg(long, value_name = "N", default_value_t = 3000)]
    context_tokens: usize,
    /// Tokens of the answer at most
    #[arg(long, value_name = "N", default_value_t = 600)]
    max_tokens: usize,
    /// Cut the answer off so many seconds after the question
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
    /// Confidence, 0 to 1, from which the search's findings or a reader's answer are enough, so
    /// that the next tier is not asked [default: 0.95 before readers, 0.5 between them]
    #[arg(long, value_name = "C")]
    confidence_threshold: Option<f32>,
    /// Say on stderr how fast the reader was and what drafts did
    #[arg(long)]
    stats: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

impl AnswerArgs {
    /// As one source of settings.
    pub fn options(&self) -> ReaderOptions {
        ReaderOptions {
            confidence_threshold: self.confidence_threshold,
            ..self.reader.options()
        }
    }

    /// How much is read and said.
    pub fn limits(&self) -> AnswerLimits {
        AnswerLimits {
            context_tokens: self.context_tokens,
            max_tokens: self.max_tokens,
            deadline: self.deadline,
        }
    }

    /// Whether figures are wanted.
    pub fn stats(&self) -> bool {
        self.stats
    }
}

/// Seconds as a duration that a clock can count.
fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if duration < Duration::from_secs(1 << 30) => Ok(duration),
        _ => Err("not a number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_numbers() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "-1", "NaN", "1e30", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
