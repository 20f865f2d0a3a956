//! Measures a reader model on this machine: what a pass costs, prefill,
//! decoding, and what looking up costs where nothing matches.
//!
//! ```text
//! cargo run --release -p fathom-answerer --features llama --example reader_bench -- MODEL.gguf [PROMPT_TOKENS] [THREADS]
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use fathom_answerer::lookup::{CostCurve, Sampling};
use fathom_answerer::reader::{
    Completion, Drafting, LlamaOptions, LlamaReader, Message, Reader, Request, Role, system_info,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("name a GGUF file")?;
    let prompt_tokens: usize = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let threads = arguments.next().map(|text| text.parse()).transpose()?;
    println!("{}", system_info());
    let open = |lookup| {
        let context = prompt_tokens + 512;
        LlamaReader::open(&LlamaOptions {
            lookup,
            threads,
            context,
            ..LlamaOptions::new(&model)
        })
    };
    let (mut plain, mut lookup) = (open(Drafting::Off)?, open(Drafting::On)?);
    let prompt = prompt(&plain, prompt_tokens);

    let first = ask(&mut lookup, "x", 1)?;
    println!(
        "first answer, costs measured: {:.2} s",
        first.stats.first_token.as_secs_f64()
    );
    for (size, cost) in lookup.costs().map(CostCurve::points).unwrap_or_default() {
        println!("t({size}) = {cost:.2} t(1)");
    }
    // In turns, as the machine may be busy with other things by turns.
    for round in 0..2 {
        for (name, reader) in [("plain", &mut plain), ("lookup", &mut lookup)] {
            reader.forget();
            let answer = ask(reader, &prompt, 48)?;
            let stats = &answer.stats;
            println!(
                "{round} {name}: {} prompt tokens at {:.1}/s, {} tokens at {:.2}/s, {:.2} per pass, {:?}",
                stats.prompt_tokens,
                stats.prefill_speed(),
                stats.tokens,
                stats.decode_speed(),
                stats.tokens_per_step(),
                stats.drafts,
            );
        }
    }
    Ok(())
}

/// Numbers in words of a counter: no four of them in a row occur twice.
fn prompt(reader: &LlamaReader, tokens: usize) -> String {
    let mut text = String::new();
    for number in 0_u64.. {
        if number % 64 == 0 && reader.count(&text) + 64 > tokens {
            break;
        }
        text.push_str(&format!(
            "{:x} ",
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52
        ));
    }
    text
}

fn ask(
    reader: &mut LlamaReader,
    prompt: &str,
    max_tokens: usize,
) -> Result<Completion, Box<dyn Error>> {
    let cancel = AtomicBool::new(false);
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
        cancel: &cancel,
    };
    Ok(reader.read(&request, &mut |_| ControlFlow::Continue(()))?)
}
