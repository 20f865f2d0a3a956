//! `fathom model remove`: delete models.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use fathom::encoder::{self, installed};
use fathom_answerer::models::{OnDisk, Place};
use fathom_models::shown;
use fathom_models::store::{self, Removed};
use serde_json::json;

use super::encoders::Encoder;
use super::installed::Installed;
use crate::cli::Global;
use crate::errors::{Exit, Failure};
use fathom::output::{escape, json};

#[derive(Args, Debug)]
#[command(
    after_help = "What fathom pulled or imported is deleted. Files that other tools put \
    into the hub's cache stay, unless `--shared` is given; files elsewhere are never touched."
)]
pub struct RemoveArgs {
    /// Names or hub ids
    #[arg(required = true)]
    models: Vec<String>,
    /// Also what other tools put into the hub's cache
    #[arg(long)]
    shared: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &RemoveArgs) -> Result<Exit> {
    let settings = global.settings()?;
    // All are looked at before the first is deleted.
    let models = args.models.iter().map(|name| {
        let model = match (name == encoder::BUNDLED, Encoder::find(name, &settings)) {
            (true, _) => return Err(bundled(name)),
            (false, Some(encoder)) => of_encoder(&encoder),
            (false, None) => of_reader(&Installed::named(name, &settings)?),
        };
        check(args, &model)?;
        Ok(model)
    });
    let models = models.collect::<Result<Vec<_>>>()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut rows = Vec::new();
    for model in &models {
        let removed = remove(model)?;
        let name = &model.name;
        match args.json {
            true => rows.push(json!({
                "name": name,
                "files": removed.files,
                "bytes": removed.bytes,
            })),
            false => {
                let name = escape::text(name.as_bytes());
                writeln!(out, "removed `{name}`, {} are free", shown(removed.bytes))?;
            }
        }
    }
    if args.json {
        json::pretty(&mut out, &json!({"removed": rows}))?;
    }
    out.flush()?;
    Ok(Exit::Found)
}

fn bundled(name: &str) -> anyhow::Error {
    let what = format!("`{name}` is part of the program");
    Failure::new(
        what,
        "only readers, and models that were imported, can be removed",
    )
    .into()
}

/// Files to be deleted.
struct Doomed {
    name: String,
    files: Vec<PathBuf>,
    place: Place,
    /// The folder of fathom's own where notes of it are.
    notes: PathBuf,
    /// Whether fathom brought all of them.
    brought: bool,
}

fn of_reader(model: &Installed) -> Doomed {
    let OnDisk {
        name,
        files,
        place,
        folder,
        ..
    } = &model.on_disk;
    Doomed {
        name: name.clone(),
        brought: files.iter().all(|file| model.is_brought(file)),
        files: files.clone(),
        place: *place,
        notes: folder.clone(),
    }
}

fn of_encoder(encoder: &Encoder) -> Doomed {
    let model = &encoder.model;
    let files = model.files();
    Doomed {
        name: model.name.clone(),
        brought: files.iter().all(|file| model.is_brought(file)),
        files,
        place: match model.place {
            installed::Place::Own => Place::Own,
            installed::Place::Hub => Place::Hub,
            installed::Place::Elsewhere => Place::Elsewhere,
        },
        notes: model.notes.clone(),
    }
}

/// Refuses what is not fathom's.
fn check(args: &RemoveArgs, model: &Doomed) -> Result<()> {
    let path = model.files.first().map_or(&model.notes, |path| path);
    match model.place {
        Place::Own => Ok(()),
        Place::Hub if args.shared || model.brought => Ok(()),
        Place::Hub => Err(Failure::new(
            format!(
                "`{}` was in the hub's cache before fathom used it",
                path.display()
            ),
            "other tools may need it; add `--shared` to delete it nevertheless",
        )
        .into()),
        Place::Elsewhere => Err(Failure::new(
            format!("`{}` is in no folder of fathom's", path.display()),
            "delete the file yourself",
        )
        .into()),
    }
}

fn remove(model: &Doomed) -> Result<Removed, store::StoreError> {
    match model.place {
        Place::Hub => store::remove_cached(&model.notes, &model.files),
        Place::Own | Place::Elsewhere => store::remove_own(&model.notes, &model.files),
    }
}
