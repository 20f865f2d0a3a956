//! `fathom model remove`: delete models.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use clap::Args;
use fathom_answerer::models::Place;
use fathom_encoders::Profile;
use fathom_models::shown;
use fathom_models::store::{self, Removed};
use serde_json::json;

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
        let model = match *name == Profile::bundled().name() {
            true => return Err(bundled(name)),
            false => Installed::named(name, &settings)?,
        };
        check(args, &model)?;
        Ok(model)
    });
    let models = models.collect::<Result<Vec<_>>>()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut rows = Vec::new();
    for model in &models {
        let removed = remove(model)?;
        let name = &model.on_disk.name;
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

/// Refuses what is not fathom's.
fn check(args: &RemoveArgs, model: &Installed) -> Result<()> {
    let path = model.on_disk.path();
    let brought = || {
        model
            .on_disk
            .files
            .iter()
            .all(|file| model.is_brought(file))
    };
    match model.on_disk.place {
        Place::Own => Ok(()),
        Place::Hub if args.shared || brought() => Ok(()),
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

fn remove(model: &Installed) -> Result<Removed, store::StoreError> {
    let on_disk = &model.on_disk;
    match on_disk.place {
        Place::Hub => store::remove_cached(&on_disk.folder, &on_disk.files),
        Place::Own | Place::Elsewhere => store::remove_own(&on_disk.folder, &on_disk.files),
    }
}
