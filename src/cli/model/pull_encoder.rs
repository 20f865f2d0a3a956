//! `fathom model pull` of encoders: which files of a repository, and what is noted of them.

use std::io::{self, BufWriter, Write};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use fathom::config::Settings;
use fathom::encoder::installed;
use fathom::output::{escape, json};
use fathom_encoders::Named;
use fathom_models::hub::{Hub, RemoteFile, Repository};
use serde_json::json;

use super::encoders::Encoder;
use super::pull::{PullArgs, announce, note, show};
use crate::cli::Global;
use crate::errors::{Exit, Failure, tell};
use crate::progress::Progress;

/// ONNX files by name, best for processors first.
const GRAPHS: &[&str] = &[
    "model_int8.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_int8.onnx",
    "model.onnx",
    "onnx/model.onnx",
];

/// Whether a repository holds an encoder, and nothing else that fathom runs.
pub fn is_encoder(found: &Repository) -> bool {
    let has = |ending: &str| found.files.iter().any(|file| file.path.ends_with(ending));
    has("tokenizer.json") && has(".onnx") && !has(".gguf")
}

/// Fetches an encoder and notes what it is.
pub fn pull(
    global: &Global,
    args: &PullArgs,
    settings: &Settings,
    hub: &Hub,
    found: &Repository,
    cancel: &AtomicBool,
) -> Result<Encoder> {
    let named = Named::of_repository(&found.name);
    let files = wanted(found, named)?;
    let known = named.map(|named| named.licence.clone());
    let licence = found.licence.clone().or(known);
    announce(global, hub, found, &files, &licence);
    let progress = Progress::new(global.quiet);
    let fetched = hub.fetch(found, &files, args.again, cancel, &mut |event| {
        show(global, &progress, &event);
    });
    progress.finish();
    let fetched = fetched?;
    let name = named.map_or(&found.name, |named| &named.name);
    let folder = installed::notes(name, settings);
    note((name, &folder), settings, found, licence, &fetched)?;
    if fetched.iter().all(|file| file.was_there) {
        global.note("it was here already");
    }
    let missing = || {
        let what = format!("the files of `{name}` make no model");
        Failure::new(what, "run `fathom model pull --again`, or choose another")
    };
    let revision = format!("{name}@{}", found.revision);
    Ok(Encoder::find(&revision, settings).ok_or_else(missing)?)
}

/// The files that a named model needs; of another repository its descriptions, its best graph
/// and the weights of what follows it.
fn wanted<'a>(found: &'a Repository, named: Option<&Named>) -> Result<Vec<&'a RemoteFile>> {
    let paths = || found.files.iter().map(|file| file.path.as_str());
    let graph = match named.and_then(|named| named.files.iter().find(|file| is_graph(file))) {
        Some(graph) => Some(graph.as_str()),
        None => GRAPHS
            .iter()
            .copied()
            .find(|graph| paths().any(|p| p == *graph)),
    };
    let Some(graph) = graph.filter(|graph| paths().any(|path| path == *graph)) else {
        let what = format!("`{}` has no ONNX file that can be run", found.name);
        let next = "export it and run `fathom model import DIR`, or choose another model";
        return Err(Failure::new(what, next).into());
    };
    let data = format!("{graph}_data");
    let is_wanted = |path: &str| {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let is_step = folder.starts_with(|first: char| first.is_ascii_digit());
        path == graph
            || path.starts_with(&data)
            || (folder.is_empty() && file.ends_with(".json") && !file.ends_with(".index.json"))
            || (is_step && (file == "config.json" || file == "model.safetensors"))
    };
    let mut files: Vec<&RemoteFile> = found
        .files
        .iter()
        .filter(|file| is_wanted(&file.path))
        .collect();
    files.sort_by_key(|file| &file.path);
    Ok(files)
}

fn is_graph(file: &str) -> bool {
    file.ends_with(".onnx")
}

pub fn report(args: &PullArgs, encoder: &Encoder) -> Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &json!({"model": encoder.to_json()}))?;
    } else {
        let path = encoder.model.folder.as_os_str().as_encoded_bytes();
        writeln!(out, "{}", escape::path(path))?;
    }
    out.flush()?;
    match &encoder.profile {
        Ok(_) => tell(&format!(
            "note: `fathom model use {}` selects it",
            encoder.model.name
        )),
        Err(error) => tell(&format!("warning: the hub's files are no model: {error}")),
    }
    Ok(Exit::Found)
}
