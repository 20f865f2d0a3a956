//! `fathom model list`: what is here, and what can be fetched by name.

use std::io::{self, BufWriter, Write};

use clap::Args;
use fathom_answerer::models::{PROFILES, ReaderProfile};
use fathom_encoders::Profile;
use fathom_models::shown;
use serde_json::{Value, json};

use super::encoders::{self, Encoder};
use super::installed::Installed;
use crate::cli::Global;
use crate::errors::Exit;
use fathom::output::style::Paint;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
pub struct ListArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &ListArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let installed = Installed::all(&settings);
    let encoders = Encoder::all(&settings);
    let is_here = |profile: &&ReaderProfile| {
        let same = |model: &Installed| model.on_disk.profile == Some(*profile);
        installed.iter().any(same)
    };
    let available: Vec<&ReaderProfile> = PROFILES.iter().filter(|p| !is_here(p)).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let mut models = vec![encoder_json(&Profile::bundled())];
        models.extend(encoders.iter().map(Encoder::to_json));
        models.extend(installed.iter().map(Installed::to_json));
        let readers = available.iter().map(|p| available_json(p));
        let named = encoders::available(&encoders).into_iter();
        let available: Vec<Value> = readers.chain(named.map(encoders::available_json)).collect();
        json::pretty(&mut out, &json!({"models": models, "available": available}))?;
    } else {
        let paint = Paint::for_stdout(settings.color);
        write_text(&mut out, paint, &encoders, &installed, &available)?;
    }
    out.flush()?;
    Ok(Exit::Found)
}

fn write_text(
    out: &mut dyn Write,
    paint: Paint,
    encoders: &[Encoder],
    installed: &[Installed],
    available: &[&ReaderProfile],
) -> io::Result<()> {
    let names = installed.iter().map(|model| model.on_disk.name.as_str());
    let names = names.chain(available.iter().map(|profile| profile.name));
    let named = encoders::available(encoders);
    let names = names.chain(encoders.iter().map(|one| one.model.name.as_str()));
    let names = names.chain(named.iter().map(|named| named.name.as_str()));
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let mut row = |name: &str, rest: [&str; 5]| {
        let [kind, size, quantisation, place, licence] = rest;
        let name = format!("{:width$}", escape::text(name.as_bytes()));
        let rest = format!("{kind:16}  {size:>8}  {quantisation:7}  {place:9}  {licence}");
        let rest = escape::text(rest.trim_end().as_bytes());
        writeln!(out, "{}  {rest}", paint.name(name))
    };
    let encoder = Profile::bundled();
    let licence = format!("{}; {}", encoder.licence(), codebook(&encoder));
    row(encoder.name(), ["encoder", "", "", "bundled", &licence])?;
    for one in encoders {
        let size = shown(one.model.bytes());
        let rest = match &one.profile {
            Ok(_) => one.licence().to_owned(),
            Err(error) => format!("damaged: {error}"),
        };
        row(&one.model.name, [one.kind(), &size, "", one.place(), &rest])?;
    }
    for model in installed {
        let size = shown(model.on_disk.bytes());
        let quantisation = model.quantisation().unwrap_or_default();
        let rest = match &model.header {
            Ok(_) => model.licence().unwrap_or("licence unknown").to_owned(),
            Err(error) => format!("damaged: {error}"),
        };
        let fields = ["reader", &size, &quantisation, model.place(), &rest];
        row(&model.on_disk.name, fields)?;
    }
    if !(available.is_empty() && named.is_empty()) {
        writeln!(
            out,
            "\n{}",
            paint.faint("to fetch with `fathom model pull NAME`:")
        )?;
    }
    for profile in available {
        let best = profile.quantisations.first();
        let size = best.map_or_else(String::new, |best| shown(best.bytes));
        let quantisation = best.map_or_else(String::new, |best| best.name.to_ascii_uppercase());
        let line = format!(
            "{:width$}  reader            {size:>8}  {quantisation:7}  {:9}  {}",
            profile.name, "", profile.licence
        );
        writeln!(out, "{}", paint.faint(line))?;
    }
    for named in named {
        // What it will be is known only roughly before the hub is asked.
        let (kind, size) = (named.kind.as_str(), format!("~{} MB", named.size));
        let line = format!(
            "{:width$}  {kind:16}  {size:>8}  {:7}  {:9}  {}; {}",
            named.name, "", "", named.licence, named.about
        );
        writeln!(out, "{}", paint.faint(line))?;
    }
    Ok(())
}

fn codebook(encoder: &Profile) -> &'static str {
    match encoder.codebook_bytes() {
        Ok(Some(_)) => "with codebook",
        Ok(None) => "without codebook",
        Err(_) => "codebook damaged",
    }
}

fn encoder_json(encoder: &Profile) -> Value {
    json!({
        "name": encoder.name(),
        "kind": "encoder",
        "profile": encoder.id(),
        "place": "bundled",
        "licence": encoder.licence(),
        "origin": encoder.source(),
        "token_dim": encoder.token_dim(),
        "dense_dim": encoder.dense_dim(),
        "codebook": codebook(encoder),
    })
}

fn available_json(profile: &ReaderProfile) -> Value {
    let best = profile.quantisations.first();
    json!({
        "name": profile.name,
        "kind": "reader",
        "repository": profile.repository,
        "bytes": best.map(|best| best.bytes),
        "quantisation": best.map(|best| best.name),
        "licence": profile.licence,
    })
}
