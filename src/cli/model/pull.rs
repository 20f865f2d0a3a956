//! `fathom model pull`: fetch a model from the hub.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;
use fathom::config::Settings;
use fathom::reader;
use fathom_answerer::models::{self, ModelId, OnDisk, ReaderProfile};
use fathom_encoders::Named;
use fathom_models::hub::{Event, Fetched, Hub, HubError, RemoteFile, Repository};
use fathom_models::shown;
use fathom_models::store::{FileRecord, Origin, Record, StoreError};
use serde_json::json;

use super::encoders::Encoder;
use super::installed::Installed;
use super::pull_encoder;
use crate::cli::Global;
use crate::errors::{Exit, Failure, tell};
use crate::progress::Progress;
use crate::signals;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
#[command(
    after_help = "Models go into the cache of the hub's own tools (HF_HOME, HF_HUB_CACHE), \
    so that one copy serves all of them. HF_TOKEN is sent to the hub alone. What came is kept \
    when a fetch is interrupted: the same command continues it."
)]
pub struct PullArgs {
    /// A name such as `qwen2.5-coder-1.5b` or `lateon-code`, or a hub id such as `owner/name:Q4_K_M` or
    /// `owner/name@revision`
    model: String,
    /// Fetch it again even if it is here, as after damage
    #[arg(long)]
    pub(super) again: bool,
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
}

pub fn run(global: &Global, args: &PullArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let hub = Hub::new(settings.hub.options(&settings.data_dir));
    let (base, revision) = args.model.split_once('@').unwrap_or((&args.model, ""));
    if let Some(named) = Named::find(base.split(':').next().unwrap_or(base)) {
        let revision = if revision.is_empty() {
            &named.revision
        } else {
            revision
        };
        return run_encoder(global, args, &settings, &hub, (&named.repository, revision));
    }
    let id: ModelId = args.model.parse()?;
    let (repository, revision) = address(&id, &args.model)?;
    if settings.hub.offline && !args.again && Encoder::find(&args.model, &settings).is_some() {
        return run_encoder(global, args, &settings, &hub, (repository, revision));
    }
    if settings.hub.offline && !args.again && Installed::named(&args.model, &settings).is_ok() {
        global.note("it is here already; HF_HUB_OFFLINE forbids to ask for a newer one");
        return report(args, &Installed::named(&args.model, &settings)?);
    }
    let pulled = signals::during(|cancel| {
        let found = hub.repository(repository, revision, cancel)?;
        if pull_encoder::is_encoder(&found) {
            let encoder = pull_encoder::pull(global, args, &settings, &hub, &found, cancel)?;
            return pull_encoder::report(args, &encoder);
        }
        report(
            args,
            &pull(global, args, &settings, &id, &hub, &found, cancel)?,
        )
    })?;
    or_interrupted(global, pulled)
}

fn run_encoder(
    global: &Global,
    args: &PullArgs,
    settings: &Settings,
    hub: &Hub,
    (repository, revision): (&str, &str),
) -> Result<Exit> {
    let here = Encoder::find(&args.model, settings);
    if let Some(encoder) = here.filter(|_| settings.hub.offline && !args.again) {
        global.note("it is here already; HF_HUB_OFFLINE forbids to ask for a newer one");
        return pull_encoder::report(args, &encoder);
    }
    let pulled = signals::during(|cancel| {
        let found = hub.repository(repository, revision, cancel)?;
        let encoder = pull_encoder::pull(global, args, settings, hub, &found, cancel)?;
        pull_encoder::report(args, &encoder)
    })?;
    or_interrupted(global, pulled)
}

fn or_interrupted(global: &Global, pulled: Result<Exit>) -> Result<Exit> {
    match pulled {
        Err(error) if is_cancelled(&error) => {
            global.note("interrupted; what came is kept, and the same command continues");
            Ok(Exit::Interrupted)
        }
        pulled => pulled,
    }
}

/// Repository and revision.
fn address<'a>(id: &'a ModelId, name: &str) -> Result<(&'a str, &'a str)> {
    match id {
        ModelId::Profile { profile, .. } => Ok((profile.repository, "main")),
        ModelId::Hub {
            repository,
            revision,
            ..
        } => Ok((repository, revision.as_deref().unwrap_or("main"))),
        ModelId::Path(_) => Err(Failure::new(
            format!("`{name}` is a file, not a model of the hub"),
            "run `fathom model import FILE` to copy a file",
        )
        .into()),
        ModelId::Imported { .. } => Err(models::ModelError::Unknown(name.to_owned()).into()),
    }
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(HubError::Cancelled))
}

fn pull(
    global: &Global,
    args: &PullArgs,
    settings: &Settings,
    id: &ModelId,
    hub: &Hub,
    found: &Repository,
    cancel: &AtomicBool,
) -> Result<Installed> {
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let wanted = models::choose(id, &found.name, &paths)?;
    let is_wanted = |file: &&RemoteFile| wanted.contains(&file.path);
    let mut files: Vec<&RemoteFile> = found.files.iter().filter(is_wanted).collect();
    files.sort_by_key(|file| &file.path);
    let licence = licence(id, found);
    announce(global, hub, found, &files, &licence);
    let progress = Progress::new(global.quiet);
    let fetched = hub.fetch(found, &files, args.again, cancel, &mut |event| {
        show(global, &progress, &event);
    });
    progress.finish();
    let fetched = fetched?;
    let folders = reader::folders(settings);
    let first = fetched.first().map(|file| file.path.as_path());
    let on_disk = OnDisk::at(first.unwrap_or(&folders.own), &folders);
    let place = (on_disk.name.as_str(), on_disk.folder.as_path());
    note(place, settings, found, licence, &fetched)?;
    if fetched.iter().all(|file| file.was_there) {
        global.note("it was here already");
    }
    Installed::named(&on_disk.files[0].display().to_string(), settings)
}

/// As the repository's card names it, else as the profile does.
fn licence(id: &ModelId, found: &Repository) -> Option<String> {
    let profile: Option<&ReaderProfile> = match id {
        ModelId::Profile { profile, .. } => Some(profile),
        _ => None,
    };
    let known = profile.map(|profile| profile.licence.to_owned());
    found.licence.clone().or(known)
}

/// Licence, origin and size, before a byte is fetched.
pub(super) fn announce(
    global: &Global,
    hub: &Hub,
    found: &Repository,
    files: &[&RemoteFile],
    licence: &Option<String>,
) {
    let sizes = files.iter().map(|file| file.content.map(|(size, _)| size));
    let size = sizes.sum::<Option<u64>>().map(shown);
    let size = size.map_or_else(String::new, |size| format!(", {size}"));
    let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let (page, commit) = (hub.page(&found.name), &found.commit);
    let commit = commit.get(..12).unwrap_or(commit);
    global.note(&format!(
        "{} from {page} at {commit}{size}",
        names.join(", ")
    ));
    let link = found.licence_link.clone().unwrap_or(page);
    let licence = licence.as_deref().unwrap_or("not named by its card");
    global.note(&format!("licence: {licence} ({link})"));
}

pub(super) fn show(global: &Global, progress: &Progress, event: &Event<'_>) {
    match event {
        Event::Bytes { done, total } => progress.step(&super::bytes("fetching", *done, *total)),
        Event::Resuming { done } => progress.step(&super::bytes("checking", *done, *done)),
        Event::Waiting { file } => {
            global.note(&format!("another process fetches `{file}`; waiting for it"));
        }
        Event::Retrying { reason, wait } => {
            let seconds = wait.as_secs_f32();
            global.note(&format!("{reason}; trying again in {seconds:.1} s"));
        }
    }
}

/// Writes down what came from where, so that it can be verified and removed.
/// `name` and `folder` are those of the record.
pub fn note(
    (name, folder): (&str, &Path),
    settings: &Settings,
    found: &Repository,
    licence: Option<String>,
    fetched: &[Fetched],
) -> Result<(), StoreError> {
    let before = Record::load(folder)?;
    let mut record = Record {
        name: name.to_owned(),
        licence,
        origin: Origin::Hub {
            endpoint: settings.hub.endpoint.clone(),
            repository: found.name.clone(),
            revision: found.revision.clone(),
            commit: found.commit.clone(),
        },
        files: before.map(|record| record.files).unwrap_or_default(),
    };
    let file = |file: &Fetched| FileRecord {
        path: file.path.clone(),
        bytes: file.size,
        hash: file.digest.to_string(),
        brought: !file.was_there,
    };
    record.add(fetched.iter().map(file).collect());
    record.save(folder)
}

fn report(args: &PullArgs, model: &Installed) -> Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &json!({"model": model.to_json()}))?;
    } else {
        let path = model.on_disk.path().display().to_string();
        writeln!(out, "{}", escape::path(path.as_bytes()))?;
    }
    out.flush()?;
    if let Err(error) = &model.header {
        tell(&format!(
            "warning: the hub's file is no sound model: {error}"
        ));
    }
    Ok(Exit::Found)
}
