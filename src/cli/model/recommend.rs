//! `fathom model recommend`: which reader suits this machine.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use clap::Args;
use fathom::reader;
use fathom_answerer::models::{self, Choice, Machine};
use serde_json::{Value, json};

use super::speed::Speed;
use crate::cli::Global;
use crate::errors::{Exit, Failure};
use fathom::output::json;
use fathom::output::style::Paint;

#[derive(Args, Debug)]
pub struct RecommendArgs {
    /// For a machine with so much memory, in GB [default: this machine's]
    #[arg(long, value_name = "GB")]
    memory: Option<f64>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &RecommendArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let given = args.memory.map(|gigabytes| (gigabytes * 1e9) as u64);
    let Some(memory) = given.or_else(reader::memory) else {
        return Err(Failure::new(
            "cannot tell how much memory this machine has",
            "give it, as in `--memory 16`",
        )
        .into());
    };
    let machine = Machine {
        memory,
        cores: settings.threads,
    };
    let speed = Speed::load(&settings.data_dir, settings.threads);
    let choices = match &speed {
        Some(speed) => models::recommend_at(machine, speed.pace),
        None => models::recommend(machine),
    };
    let best = choices.iter().find(|choice| choice.against.is_none());
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &to_json(machine, speed.as_ref(), &choices))?;
    } else {
        let paint = Paint::for_stdout(settings.color);
        write_text(&mut out, paint, machine, speed.as_ref(), &choices)?;
    }
    out.flush()?;
    Ok(if best.is_some() {
        Exit::Found
    } else {
        Exit::Nothing
    })
}

fn write_text(
    out: &mut dyn Write,
    paint: Paint,
    machine: Machine,
    speed: Option<&Speed>,
    choices: &[Choice],
) -> io::Result<()> {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let (all, usable) = (gigabytes(machine.memory), gigabytes(machine.usable()));
    let cores = machine.cores;
    writeln!(
        out,
        "{all:.1} GB of memory, of which a model may take {usable:.1}; {cores} threads"
    )?;
    match speed {
        Some(speed) => {
            let (decode, model) = (speed.decode, &speed.model);
            writeln!(
                out,
                "speeds follow from {decode:.1} tokens/s, measured with `{model}`"
            )?;
        }
        None => writeln!(
            out,
            "speeds are a cautious guess; `fathom model bench MODEL` measures this machine"
        )?,
    }
    for choice in choices {
        let name = choice.profile.name;
        let memory = gigabytes(choice.memory);
        let figures = format!("{memory:5.1} GB  {:6.1} tokens/s", choice.speed);
        match &choice.against {
            None => writeln!(
                out,
                "{} {}  {figures}  recommended",
                paint.good("*"),
                paint.name(format!("{name:19}"))
            )?,
            Some(reason) => writeln!(out, "  {name:19}  {figures}  {}", paint.faint(reason))?,
        }
    }
    match choices.iter().find(|choice| choice.against.is_none()) {
        Some(best) => writeln!(
            out,
            "fetch it with `fathom model pull {}`",
            best.profile.name
        ),
        None => writeln!(
            out,
            "no model fits; `--reader-url` asks one on another machine"
        ),
    }
}

fn to_json(machine: Machine, speed: Option<&Speed>, choices: &[Choice]) -> Value {
    let choice = |choice: &Choice| {
        json!({
            "name": choice.profile.name,
            "memory": choice.memory,
            "tokens_per_second": choice.speed,
            "licence": choice.profile.licence,
            "against": choice.against,
        })
    };
    let best = choices.iter().find(|choice| choice.against.is_none());
    json!({
        "recommended": best.map(|best| best.profile.name),
        "machine": {
            "memory": machine.memory,
            "usable": machine.usable(),
            "threads": machine.cores,
            "measured": speed,
        },
        "models": choices.iter().map(choice).collect::<Vec<_>>(),
    })
}
