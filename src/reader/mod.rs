//! From settings to readers: which there are, in which order they are asked, and how each is opened.

mod kept;
mod open;

use std::path::{Path, PathBuf};

use fathom_answerer::models::{self, Machine, ModelError, ModelFolders, ModelId};
use fathom_answerer::reader::{
    Drafting, HttpOptions, HttpReader, LlamaOptions, Reader, ReaderError,
};

use crate::config::{ReaderSettings, Settings};
pub use kept::{AnswerKey, KeptAnswer, KeptAnswers};
pub use open::Readers;

/// Why there is no reader.
#[derive(Debug, thiserror::Error)]
pub enum ReaderChoiceError {
    /// The model is not known or not there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The reader cannot be opened.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// An option belongs to one model, and there are several.
    #[error("`{0}` is for one model, and several readers are named; name one")]
    OneModel(&'static str),
    /// A weight is no number.
    #[error("`{0}` is no adapter; write `PATH`, or `PATH=SCALE` with a number such as `0.5`")]
    Adapter(String),
    /// An address is no address.
    #[error("`{0}` is not an address of a server; write one such as `http://127.0.0.1:8080/v1`")]
    Url(String),
}

/// A reader that can be opened.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A GGUF file.
    Model {
        /// As the user named it.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// A server.
    Server {
        /// Its address.
        url: String,
        /// The model to ask it for.
        model: Option<String>,
    },
}

/// The readers that were asked for, in order; else the best one that is installed; else none.
pub fn sources(settings: &Settings) -> Result<Vec<Source>, ReaderChoiceError> {
    let reader = &settings.reader;
    let mut sources = Vec::new();
    for name in &reader.models {
        sources.push(Source::Model {
            name: name.clone(),
            path: file_of(name, settings)?,
        });
    }
    if let Some(url) = &reader.url {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(ReaderChoiceError::Url(url.clone()));
        }
        sources.push(Source::Server {
            url: url.clone(),
            model: reader.url_model.clone(),
        });
    }
    if sources.is_empty() {
        sources.extend(best_installed(settings));
    }
    let models = sources.iter().filter(|source| source.is_model());
    match (models.count() > 1, only_for_one(reader)) {
        (true, Some(option)) => Err(ReaderChoiceError::OneModel(option)),
        _ => Ok(sources),
    }
}

/// An option that fits only one model.
fn only_for_one(reader: &ReaderSettings) -> Option<&'static str> {
    let given = [
        (!reader.adapters.is_empty(), "--lora"),
        (!reader.overrides.is_empty(), "--override-kv"),
        (reader.draft.is_some(), "--draft"),
    ];
    let given = given.into_iter().find(|(is_given, _)| *is_given);
    given.map(|(_, option)| option)
}

/// Where models are looked for.
pub fn folders(settings: &Settings) -> ModelFolders {
    ModelFolders {
        own: settings.data_dir.join("models"),
        hub: Some(settings.hub.cache(&settings.data_dir)),
    }
}

/// The file of a model that the user named.
fn file_of(name: &str, settings: &Settings) -> Result<PathBuf, ModelError> {
    let id = match (name.parse()?, &settings.reader.home) {
        // A shell does this for flags, nobody for the user's file.
        (ModelId::Path(path), Some(home)) => ModelId::Path(match path.strip_prefix("~") {
            Ok(below) => home.join(below),
            Err(_) => path,
        }),
        (id, _) => id,
    };
    models::find(&id, &folders(settings))
}

/// Of the installed models the strongest that memory and cores allow, else the smallest.
fn best_installed(settings: &Settings) -> Option<Source> {
    let installed = models::installed(&folders(settings));
    let machine = Machine {
        memory: memory().unwrap_or(0),
        cores: settings.threads,
    };
    let recommended = models::recommend(machine);
    let fits = |name: &str| {
        let of_name = |choice: &&models::Choice| choice.profile.name == name;
        let choice = recommended.iter().find(of_name);
        choice.is_some_and(|choice| choice.memory <= machine.usable())
    };
    let strongest = installed.iter().rfind(|model| fits(model.profile.name));
    let model = strongest.or(installed.first())?;
    Some(Source::Model {
        name: model.profile.name.to_owned(),
        path: model.path.clone(),
    })
}

/// Bytes of memory that this machine has, where the system says so.
pub fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

impl Source {
    fn is_model(&self) -> bool {
        matches!(self, Source::Model { .. })
    }

    /// What it is called before it is open.
    pub fn name(&self) -> &str {
        match self {
            Source::Model { name, .. } => name,
            Source::Server { url, model } => model.as_deref().unwrap_or(url),
        }
    }

    /// The address of a server that is not on this machine.
    pub fn elsewhere(&self) -> Option<&str> {
        match self {
            Source::Server { url, .. } if !is_here(url) => Some(url),
            _ => None,
        }
    }

    /// Adds what tells it from other readers, without opening it: a model is told by where its file
    /// is, its size and time, and by how it is run.
    pub fn identify(&self, key: AnswerKey, settings: &ReaderSettings) -> AnswerKey {
        let files = match self {
            Source::Model { path, .. } => key.with(identity(path).as_bytes()),
            Source::Server { url, model } => {
                let model = model.as_deref().unwrap_or_default();
                return key.with(url.as_bytes()).with(model.as_bytes());
            }
        };
        let adapters = settings.adapters.iter().fold(files, |key, text| {
            let path = text
                .rsplit_once('=')
                .map_or(text.as_str(), |(path, _)| path);
            key.with(text.as_bytes())
                .with(identity(Path::new(path)).as_bytes())
        });
        let overrides = settings.overrides.join("\n");
        adapters.with(overrides.as_bytes())
    }

    /// Loads the model; a server is not contacted yet.
    pub fn open(&self, settings: &Settings) -> Result<Box<dyn Reader>, ReaderChoiceError> {
        match self {
            Source::Model { path, .. } => Ok(open_model(&model_options(path, settings)?)?),
            Source::Server { url, model } => {
                let reader = &settings.reader;
                Ok(Box::new(HttpReader::new(HttpOptions {
                    url: url.clone(),
                    model: model.clone(),
                    key: reader.key.as_ref().map(|key| key.reveal().to_owned()),
                    context: reader.context,
                })))
            }
        }
    }
}

/// Whether an address is of this machine.
fn is_here(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    let host = host.split(['/', '?', '#']).next().unwrap_or(host);
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None => host.split(':').next().unwrap_or(host),
    };
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn identity(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let meta = std::fs::metadata(&real);
    let about = meta.map(|meta| (meta.len(), meta.modified().ok()));
    format!("{} {about:?}", real.display())
}

#[cfg(feature = "llama")]
fn open_model(options: &LlamaOptions) -> Result<Box<dyn Reader>, ReaderError> {
    use fathom_answerer::reader::LlamaReader;
    Ok(Box::new(LlamaReader::open(options)?))
}

#[cfg(not(feature = "llama"))]
fn open_model(_: &LlamaOptions) -> Result<Box<dyn Reader>, ReaderError> {
    Err(ReaderError::NotBuilt)
}

/// How the settings want a model to be run.
pub fn model_options(path: &Path, settings: &Settings) -> Result<LlamaOptions, ReaderChoiceError> {
    let reader = &settings.reader;
    let adapters = reader.adapters.iter().map(|text| adapter(text));
    let overrides = reader.overrides.iter().map(|text| text.parse());
    let draft = reader.draft.as_ref().map(|name| file_of(name, settings));
    Ok(LlamaOptions {
        context: reader.context,
        threads: Some(settings.threads),
        gpu_layers: reader.gpu_layers,
        adapters: adapters.collect::<Result<_, _>>()?,
        overrides: overrides.collect::<Result<_, _>>()?,
        lookup: match reader.lookup {
            true => Drafting::Auto,
            false => Drafting::Off,
        },
        draft: draft.transpose()?,
        cache: Some(settings.data_dir.join("reader")),
        ..LlamaOptions::new(path)
    })
}

/// `PATH` or `PATH=SCALE`.
fn adapter(text: &str) -> Result<(PathBuf, f32), ReaderChoiceError> {
    let Some((path, scale)) = text.rsplit_once('=') else {
        return Ok((text.into(), 1.0));
    };
    match scale.parse::<f32>() {
        Ok(scale) if scale.is_finite() => Ok((path.into(), scale)),
        _ => Err(ReaderChoiceError::Adapter(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{Flags, ReaderOptions};

    /// Settings with these options and with these files among the models.
    fn settings(options: ReaderOptions, files: &[&str]) -> (tempfile::TempDir, Settings) {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("models")).unwrap();
        for file in files {
            std::fs::write(data.path().join("models").join(file), "GGUF").unwrap();
        }
        let flags = Flags {
            data_dir: Some(data.path().to_owned()),
            reader: options,
            ..Flags::default()
        };
        let (settings, _) = Settings::resolve(&flags, &|_| None).unwrap();
        (data, settings)
    }

    fn shown(options: ReaderOptions, files: &[&str]) -> String {
        let (_data, settings) = settings(options, files);
        match sources(&settings) {
            Ok(sources) => {
                let names: Vec<&str> = sources.iter().map(Source::name).collect();
                names.join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    fn models(names: &[&str]) -> ReaderOptions {
        ReaderOptions {
            model: names.iter().map(|&name| name.to_owned()).collect(),
            ..ReaderOptions::default()
        }
    }

    const SMALL: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
    const LARGE: &str = "qwen3-coder-30b-a3b-instruct-q8_0.gguf";

    #[test]
    fn readers_are_asked_in_their_order() {
        let server = |names: &[&str]| ReaderOptions {
            reader_url: Some("http://h/v1".into()),
            reader_model: Some("big".into()),
            ..models(names)
        };
        for (options, files, expected) in [
            (models(&[]), &[][..], ""),
            (models(&[]), &[SMALL], "qwen2.5-coder-0.5b"),
            // Far too large for this machine, or for any test machine with less than 60 GB.
            (
                models(&["qwen3-coder-30b-a3b"]),
                &[SMALL, LARGE],
                "qwen3-coder-30b-a3b",
            ),
            (
                server(&["qwen2.5-coder-0.5b"]),
                &[SMALL],
                "qwen2.5-coder-0.5b, big",
            ),
            (server(&[]), &[SMALL], "big"),
        ] {
            assert_eq!(shown(options, files), expected);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let with_lora = ReaderOptions {
            lora: vec!["a.gguf".into()],
            ..models(&["qwen2.5-coder-0.5b", "qwen3-coder-30b-a3b"])
        };
        let error = shown(with_lora, &[SMALL, LARGE]);
        insta::assert_snapshot!(error, @"`--lora` is for one model, and several readers are named; name one");
        let elsewhere = ReaderOptions {
            reader_url: Some("localhost:8080".into()),
            ..models(&[])
        };
        insta::assert_snapshot!(shown(elsewhere, &[]), @"`localhost:8080` is not an address of a server; write one such as `http://127.0.0.1:8080/v1`");
        let missing = shown(models(&["qwen3-4b"]), &[]);
        assert!(
            missing.contains("run `fathom model pull qwen3-4b`"),
            "{missing}"
        );
    }

    #[test]
    fn only_this_machine_is_here() {
        for (url, here) in [
            ("http://127.0.0.1:8080/v1", true),
            ("http://localhost/v1", true),
            ("http://[::1]:80", true),
            ("https://localhost.evil.example/", false),
            ("http://127.0.0.1@evil.example/", false),
            ("http://evil.example/?127.0.0.1", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_here(url), here, "{url}");
        }
    }

    #[test]
    fn adapters_have_a_weight() {
        let parsed = |text| adapter(text).ok();
        assert_eq!(parsed("a.gguf"), Some(("a.gguf".into(), 1.0)));
        assert_eq!(parsed("a=b.gguf=0.5"), Some(("a=b.gguf".into(), 0.5)));
        assert_eq!(parsed("a.gguf=much"), None);
    }
}
