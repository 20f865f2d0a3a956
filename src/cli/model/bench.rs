//! `fathom model bench`: how fast a reader model is on this machine.

use anyhow::Result;
use clap::Args;

use crate::cli::Global;
use crate::errors::Exit;

#[derive(Args, Debug)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))]
pub struct BenchArgs {
    /// Name, hub id or GGUF file
    model: String,
    /// Length of the prompt in tokens
    #[arg(long, value_name = "N", default_value_t = 512)]
    #[arg(value_parser = clap::value_parser!(u32).range(16..=65_536))]
    prompt: u32,
    /// Length of the answer in tokens
    #[arg(long, value_name = "N", default_value_t = 48)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=4096))]
    answer: u32,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "llama"))]
pub fn run(_: &Global, _: &BenchArgs) -> Result<Exit> {
    Err(fathom_answerer::reader::ReaderError::NotBuilt.into())
}

#[cfg(feature = "llama")]
pub fn run(global: &Global, args: &BenchArgs) -> Result<Exit> {
    measured::run(global, args)
}

#[cfg(feature = "llama")]
mod measured {
    use std::io::{self, BufWriter, Write};
    use std::ops::ControlFlow;
    use std::sync::atomic::AtomicBool;

    use fathom::reader;
    use fathom_answerer::lookup::{CostCurve, Sampling};
    use fathom_answerer::reader::{
        Completion, Drafting, Finish, LlamaOptions, LlamaReader, Message, Reader, ReaderError,
        Request, Role,
    };
    use serde_json::{Value, json};

    use super::super::installed::Installed;
    use super::super::speed::{Speed, pace};
    use super::{BenchArgs, Exit, Global, Result};
    use crate::signals;
    use fathom::output::json;

    /// Answers that are measured; the best counts, as something else may run beside one.
    const ROUNDS: usize = 2;

    /// The figures.
    struct Figures {
        speed: Speed,
        prompt: usize,
        costs: Option<CostCurve>,
        can_look_up: bool,
    }

    pub fn run(global: &Global, args: &BenchArgs) -> Result<Exit> {
        let settings = global.settings()?;
        let model = Installed::named(&args.model, &settings)?;
        let path = model.on_disk.path();
        let options = LlamaOptions {
            context: (args.prompt + args.answer) as usize + 256,
            // What was measured before is measured again.
            cache: None,
            ..reader::model_options(path, &settings)?
        };
        let figures = signals::during(|cancel| measure(args, &model, &options, cancel))?;
        let Some(mut figures) = figures? else {
            return Ok(Exit::Interrupted);
        };
        figures.speed.threads = settings.threads;
        if figures.speed.pace > 0.0 {
            figures.speed.save(&settings.data_dir)?;
        }
        let mut out = BufWriter::new(io::stdout().lock());
        match args.json {
            true => json::pretty(&mut out, &to_json(&figures))?,
            false => write_text(&mut out, &figures)?,
        }
        out.flush()?;
        Ok(Exit::Found)
    }

    /// `None` if it was interrupted.
    fn measure(
        args: &BenchArgs,
        model: &Installed,
        options: &LlamaOptions,
        cancel: &AtomicBool,
    ) -> Result<Option<Figures>> {
        let plain = LlamaOptions {
            lookup: Drafting::Off,
            ..options.clone()
        };
        let mut reader = LlamaReader::open(&plain)?;
        let text = prompt(&reader, args.prompt as usize);
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            reader.forget();
            let answer = ask(&mut reader, &text, args.answer as usize, cancel)?;
            if answer.finish == Finish::Cancelled {
                return Ok(None);
            }
            rounds.push(answer.stats);
        }
        drop(reader);
        let best = |of: fn(&fathom_answerer::reader::Stats) -> f64| {
            rounds.iter().map(of).fold(0.0, f64::max) as f32
        };
        let (prefill, decode) = (
            best(|stats| stats.prefill_speed()),
            best(|stats| stats.decode_speed()),
        );
        let can_look_up = model
            .header
            .as_ref()
            .is_ok_and(|header| header.can_roll_back());
        let costs = match can_look_up {
            true => costs(options, cancel)?,
            false => None,
        };
        Ok(Some(Figures {
            speed: Speed {
                model: model.on_disk.name.clone(),
                decode,
                prefill,
                threads: 0,
                pace: pace_of(model, decode),
            },
            prompt: rounds.first().map_or(0, |stats| stats.prompt_tokens),
            costs,
            can_look_up,
        }))
    }

    /// The curve that prompt lookup goes by, measured as its first answer does.
    fn costs(options: &LlamaOptions, cancel: &AtomicBool) -> Result<Option<CostCurve>> {
        let options = LlamaOptions {
            lookup: Drafting::On,
            draft: None,
            ..options.clone()
        };
        let mut reader = LlamaReader::open(&options)?;
        ask(&mut reader, "x", 1, cancel)?;
        Ok(reader.costs().cloned())
    }

    /// 0 for a mixture of experts that is no profile: how much of it a token passes through is not known.
    fn pace_of(model: &Installed, decode: f32) -> f32 {
        let Ok(header) = &model.header else {
            return 0.0;
        };
        let weights = header.parameters as f32;
        let is_mixture = header.experts().is_some_and(|(all, _)| all > 0);
        let active = match model.on_disk.profile {
            Some(profile) => profile.active,
            None if !is_mixture && model.on_disk.files.len() == 1 => weights / 1e9,
            None => return 0.0,
        };
        // A toy tells nothing of how fast memory is.
        if active < 0.1 {
            return 0.0;
        }
        let bits = 8.0 * model.on_disk.bytes() as f32 / weights.max(1.0);
        pace(decode, active, bits)
    }

    /// Numbers in words of a counter: no four of them in a row occur twice.
    fn prompt(reader: &LlamaReader, tokens: usize) -> String {
        let mut text = String::new();
        for number in 0_u64.. {
            if number % 64 == 0 && reader.count(&text) + 192 > tokens {
                break;
            }
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
            text.push_str(&format!("{mixed:x} "));
        }
        text.push_str("Go on with the list.");
        text
    }

    fn ask(
        reader: &mut LlamaReader,
        prompt: &str,
        max_tokens: usize,
        cancel: &AtomicBool,
    ) -> Result<Completion, ReaderError> {
        let messages = [Message {
            role: Role::User,
            content: prompt.to_owned(),
        }];
        let request = Request {
            messages: &messages,
            quotable: &[],
            sampling: Sampling::GREEDY,
            max_tokens,
            stop: &[],
            deadline: None,
            cancel,
        };
        reader.read(&request, &mut |_| ControlFlow::Continue(()))
    }

    fn write_text(out: &mut dyn Write, figures: &Figures) -> io::Result<()> {
        let speed = &figures.speed;
        writeln!(out, "{}, {} threads", speed.model, speed.threads)?;
        writeln!(
            out,
            "prompt  {:8.1} tokens/s ({} tokens)",
            speed.prefill, figures.prompt
        )?;
        writeln!(out, "answer  {:8.1} tokens/s", speed.decode)?;
        match (&figures.costs, figures.can_look_up) {
            (Some(costs), _) => {
                for (size, cost) in costs.points() {
                    writeln!(out, "t({size:2}) = {cost:5.2} t(1)")?;
                }
                Ok(())
            }
            (None, true) => writeln!(out, "costs of drafts were not measured"),
            (None, false) => writeln!(out, "no prompt lookup: its memory cannot roll back"),
        }
    }

    fn to_json(figures: &Figures) -> Value {
        let speed = &figures.speed;
        let costs = figures.costs.as_ref().map(|costs| {
            let point = |&(size, cost): &(usize, f32)| json!({"size": size, "cost": cost});
            costs.points().iter().map(point).collect::<Vec<_>>()
        });
        json!({
            "model": speed.model,
            "threads": speed.threads,
            "prompt_tokens": figures.prompt,
            "prefill_tokens_per_second": speed.prefill,
            "decode_tokens_per_second": speed.decode,
            "prompt_lookup": figures.can_look_up,
            "costs": costs,
        })
    }
}
