//! `fathom model import`: copy a model from disk.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use fathom::config::Settings;
use fathom_answerer::models::{self, ModelId};
use fathom_encoders::{EncoderError, Named, Profile};
use fathom_models::shown;
use fathom_models::store::{Bundle, Imported, Source, StoreError};
use serde_json::{Value, json};

use super::encoders::Encoder;
use super::installed::Installed;
use crate::cli::Global;
use crate::errors::{Exit, Failure};
use crate::progress::Progress;
use crate::signals;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A GGUF file, or a folder or tar archive (`.tar`, `.tar.gz`) that holds one model: a GGUF
    /// file, or an encoder with `tokenizer.json` and an ONNX file
    #[arg(value_name = "FILE|DIR|TAR")]
    from: PathBuf,
    /// Name to use it by [default: its profile's, else its file's]
    #[arg(long)]
    name: Option<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &ImportArgs) -> Result<Exit> {
    let settings = global.settings()?;
    if let Some(bundle) = Bundle::open(&args.from)? {
        return import_encoder(global, args, &bundle, &settings);
    }
    let source = Source::open(&args.from)?;
    let name = match &args.name {
        Some(name) => checked(name)?,
        None => models::import_name(source.file_name()),
    };
    let own = settings.data_dir.join("models");
    let progress = Progress::new(global.quiet);
    let imported = signals::during(|cancel| {
        source.import(&own, &name, cancel, &mut |done| {
            progress.step(&super::bytes("copying", done, source.bytes()));
        })
    })?;
    progress.finish();
    let Some(imported) = unless_interrupted(global, imported)? else {
        return Ok(Exit::Interrupted);
    };
    let licence = imported.record.licence.as_deref();
    let licence = licence.unwrap_or("not named by the file; look where it comes from");
    global.note(&format!("licence: {licence}"));
    report(args, &imported, source.file_name(), &settings)
}

fn import_encoder(
    global: &Global,
    args: &ImportArgs,
    bundle: &Bundle,
    settings: &Settings,
) -> Result<Exit> {
    let name = match &args.name {
        Some(name) => checked(name)?,
        None => models::import_name(&format!("{}.gguf", bundle.name())),
    };
    let name = Named::find(&name).map_or(name, |named| named.name.clone());
    let check = |folder: &Path| match Named::find(&name) {
        Some(named) => described(Profile::open_named(named, folder, &|_| None)),
        None => described(Profile::open_as(&name, folder, &|_| None)),
    };
    let own = settings.data_dir.join("models");
    let progress = Progress::new(global.quiet);
    let imported = signals::during(|cancel| {
        bundle.import(&own, &name, &check, cancel, &mut |done| {
            progress.step(&super::bytes("copying", done, bundle.bytes()));
        })
    })?;
    progress.finish();
    let Some(imported) = unless_interrupted(global, imported)? else {
        return Ok(Exit::Interrupted);
    };
    let Some(encoder) = Encoder::find(&name, settings) else {
        return Err(StoreError::Nothing(imported.folder).into());
    };
    global.note(&format!("licence: {}", encoder.licence()));
    let (kind, size) = (encoder.kind(), shown(encoder.model.bytes()));
    let what = Told {
        model: encoder.to_json(),
        name: &name,
        size: format!("{kind}, {size}"),
        flag: "fathom model use",
    };
    what.tell(args, &imported)
}

/// What was imported; `None` if the user did not wait for it.
fn unless_interrupted(
    global: &Global,
    imported: Result<Imported, StoreError>,
) -> Result<Option<Imported>> {
    match imported {
        Err(StoreError::Cancelled) => {
            global.note("interrupted; nothing was imported");
            Ok(None)
        }
        imported => Ok(Some(imported?)),
    }
}

/// Whether a copy is a model, and why not.
fn described(opened: Result<Profile, EncoderError>) -> Result<(), String> {
    match opened {
        Ok(_) => Ok(()),
        // The copy has another name than what the user gave.
        Err(EncoderError::Profile { reason, .. }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

/// A name that is one: no path, no hub id.
fn checked(name: &str) -> Result<String> {
    match name.parse() {
        Ok(ModelId::Imported {
            name,
            quantisation: None,
        }) => Ok(name),
        Ok(ModelId::Profile {
            profile,
            quantisation: None,
        }) => Ok(profile.name.to_owned()),
        _ => Err(Failure::new(
            format!("`{name}` cannot be the name of a model"),
            "give letters, digits, `-`, `_` and `.`, as in `--name my-model`",
        )
        .into()),
    }
}

fn report(args: &ImportArgs, imported: &Imported, file: &str, settings: &Settings) -> Result<Exit> {
    let path = imported.folder.join(file);
    let model = Installed::named(&path.display().to_string(), settings)?;
    let what = Told {
        model: model.to_json(),
        name: &escape::text(model.on_disk.name.as_bytes()),
        size: shown(model.on_disk.bytes()),
        flag: "--model",
    };
    what.tell(args, imported)
}

/// An imported model, as it is told.
struct Told<'a> {
    model: Value,
    name: &'a str,
    size: String,
    /// What it is used with.
    flag: &'a str,
}

impl Told<'_> {
    fn tell(&self, args: &ImportArgs, imported: &Imported) -> Result<Exit> {
        let was_there = imported.was_there;
        let mut out = BufWriter::new(io::stdout().lock());
        if args.json {
            let document = json!({"model": self.model, "was_there": was_there});
            json::pretty(&mut out, &document)?;
        } else {
            let Told {
                name, size, flag, ..
            } = self;
            let already = if was_there { ", was here already" } else { "" };
            writeln!(
                out,
                "imported `{name}` ({size}{already}); use it with `{flag} {name}`"
            )?;
        }
        out.flush()?;
        Ok(Exit::Found)
    }
}
