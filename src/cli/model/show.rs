//! `fathom model show`: what a model is.

use std::io::{self, BufWriter, Write};

use clap::Args;
use fathom::config::Settings;
use fathom_models::gguf::Header;
use fathom_models::shown;

use super::encoders::Encoder;
use super::installed::Installed;
use crate::cli::Global;
use crate::errors::Exit;
use fathom::output::style::Paint;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Name, hub id, folder or GGUF file
    model: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &ShowArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    if let Some(encoder) = Encoder::find(&args.model, &settings) {
        return show_encoder(args, &encoder, &settings);
    }
    let model = Installed::named(&args.model, &settings)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &model.to_json())?;
    } else {
        let paint = Paint::for_stdout(settings.color);
        for (key, value) in facts(&model) {
            let value = escape::text(value.as_bytes());
            writeln!(out, "{} {value}", paint.faint(format!("{key:13}")))?;
        }
    }
    out.flush()?;
    Ok(match model.header {
        Ok(_) => Exit::Found,
        Err(_) => Exit::Error,
    })
}

fn show_encoder(args: &ShowArgs, encoder: &Encoder, settings: &Settings) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &encoder.to_json())?;
    } else {
        let paint = Paint::for_stdout(settings.color);
        for (key, value) in encoder.facts() {
            let value = escape::text(value.as_bytes());
            writeln!(out, "{} {value}", paint.faint(format!("{key:13}")))?;
        }
    }
    out.flush()?;
    Ok(match encoder.profile {
        Ok(_) => Exit::Found,
        Err(_) => Exit::Error,
    })
}

fn facts(model: &Installed) -> Vec<(&'static str, String)> {
    let mut facts = vec![("name", model.on_disk.name.clone())];
    match &model.header {
        Ok(header) => facts.extend(of_header(header, model.on_disk.files.len())),
        Err(error) => facts.push(("damaged", error.to_string())),
    }
    let licence = model.licence().unwrap_or("not named by its file");
    facts.push(("licence", licence.to_owned()));
    facts.push(("size", shown(model.on_disk.bytes())));
    facts.push(("place", model.place().to_owned()));
    facts.extend(model.origin().map(|origin| ("origin", origin)));
    for path in &model.on_disk.files {
        facts.push(("file", path.display().to_string()));
        let hash = model.hash(path).map_or_else(
            || "not noted; `fathom model verify` computes it".to_owned(),
            |hash| hash.to_string(),
        );
        facts.push(("hash", hash));
    }
    facts
}

fn of_header(header: &Header, files: usize) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.extend(header.name().map(|name| ("model", name.to_owned())));
    facts.push(("architecture", header.architecture().to_owned()));
    // The tensors of other files are not counted.
    if files == 1 {
        facts.push(("parameters", parameters(header.parameters)));
    }
    let experts = header.experts().filter(|(all, _)| *all > 0);
    facts.extend(experts.map(|(all, used)| ("experts", format!("{used} of {all} per token"))));
    facts.push(("quantisation", header.quantisation()));
    let context = header.context();
    facts.extend(context.map(|tokens| ("context", format!("{tokens} tokens"))));
    let lookup = match header.can_roll_back() {
        true => "works",
        false => "cannot work: the model's memory cannot roll back",
    };
    facts.push(("prompt lookup", lookup.to_owned()));
    facts
}

fn parameters(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.0} thousand", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} million", count as f64 / 1e6),
        _ => format!("{:.2} billion", count as f64 / 1e9),
    }
}
