//! Settings from four places: flags, environment, `.fathom.toml` in the
//! repository, and the user's own file; the earlier one wins.
//!
//! A repository is not trusted. Its `.fathom.toml` may only *narrow* what is
//! done: ignore more files and lower the size limit. It cannot name folders,
//! addresses, models or programs, whatever it says.

mod encoder;
mod hub;
mod reader;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::daemon::place::Place;
use crate::env;
pub use encoder::{EncoderSettings, Selection, select};
pub use hub::HubSettings;
pub use reader::{Key, ReaderOptions, ReaderSettings};

/// Name of the file a repository may carry.
pub const REPOSITORY_FILE: &str = ".fathom.toml";
/// Configuration larger than this is refused, not parsed.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;
/// A repository may add at most so many ignore patterns.
const MAX_REPOSITORY_PATTERNS: usize = 1_000;
/// Largest file that is indexed unless told otherwise.
const DEFAULT_MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Number of results unless told otherwise.
const DEFAULT_TOP_K: usize = 10;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file exists but cannot be read.
    #[error("cannot read the configuration `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the configuration `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is far larger than any configuration.
    #[error("the configuration `{path}` is larger than {MAX_CONFIG_BYTES} bytes; shorten it")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what we expect.
    #[error("the configuration `{path}` is not valid: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// An environment variable holds something else than it should.
    #[error("the environment variable `{name}` is `{value}`, but should be {expected}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// There is no home folder to derive the others from.
    #[error(
        "cannot tell where data belongs: no home folder; give `--data-dir` or set `{}`",
        env::DATA_DIR
    )]
    NoHome,
}

/// When to colour the output; `auto` means on a terminal, unless `NO_COLOR` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ColorChoice {
    // No doc comments here: clap would print a paragraph for each value.
    #[default]
    #[allow(missing_docs)]
    Auto,
    #[allow(missing_docs)]
    Always,
    #[allow(missing_docs)]
    Never,
}

/// What the user file may say. Each key is also a flag or a variable.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct UserFile {
    data_dir: Option<PathBuf>,
    threads: Option<usize>,
    background: Option<bool>,
    daemon: Option<bool>,
    color: Option<ColorChoice>,
    top_k: Option<usize>,
    max_file_bytes: Option<u64>,
    ignore: Vec<String>,
    #[serde(flatten)]
    encoder: encoder::EncoderOptions,
    #[serde(flatten)]
    reader: ReaderOptions,
}

const USER_KEYS: &[&str] = &[
    "data-dir",
    "threads",
    "background",
    "daemon",
    "color",
    "top-k",
    "max-file-bytes",
    "ignore",
];

/// What `.fathom.toml` may say: less, never more.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RepositoryFile {
    ignore: Vec<String>,
    max_file_bytes: Option<u64>,
}

const REPOSITORY_KEYS: &[&str] = &["ignore", "max-file-bytes"];

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--threads`
    pub threads: Option<usize>,
    /// `--color`
    pub color: Option<ColorChoice>,
    /// `--top-k`
    pub top_k: Option<usize>,
    /// `--no-background`
    pub no_background: bool,
    /// `--model` and the other options of readers
    pub reader: ReaderOptions,
}

/// Settings after all sources were heard; what a repository narrows is added
/// by [`Settings::narrowed_by`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Holds `repos/`.
    pub data_dir: PathBuf,
    /// Threads for reading, chunking and encoding; at least 1.
    pub threads: usize,
    /// Whether a search may finish an index in a background process.
    pub background: bool,
    /// Whether a daemon is used if there is one.
    pub use_daemon: bool,
    /// Where sessions keep sockets, if there is such a folder.
    pub runtime_dir: Option<PathBuf>,
    /// When to colour.
    pub color: ColorChoice,
    /// Results of a search.
    pub top_k: usize,
    /// Larger files are skipped with a reason.
    pub max_file_bytes: u64,
    /// More patterns to ignore, in `.gitignore` syntax.
    pub ignore: Vec<String>,
    /// Which models encode.
    pub encoder: EncoderSettings,
    /// The user's file, whether it is there or not.
    pub file: Option<PathBuf>,
    /// Which readers answer, and how they are run.
    pub reader: ReaderSettings,
    /// Where models are fetched from.
    pub hub: HubSettings,
}

/// Reads an environment variable; a closure so that tests need no process-wide state.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Settings of this process. Warnings name keys of the user file that mean nothing.
    pub fn load(flags: &Flags) -> Result<(Settings, Vec<String>), ConfigError> {
        Settings::resolve(flags, &|name| std::env::var_os(name))
    }

    /// Like [`Settings::load`], with the environment passed in.
    pub fn resolve(flags: &Flags, lookup: Lookup) -> Result<(Settings, Vec<String>), ConfigError> {
        let path = base_dir(lookup, env::XDG_CONFIG_HOME, ".config")
            .map(|dir| dir.join("fathom/config.toml"));
        let (file, warnings) = match &path {
            Some(path) => {
                read_toml::<UserFile>(path, &[USER_KEYS, encoder::KEYS, reader::KEYS].concat())?
            }
            None => Default::default(),
        };
        let settings = Settings {
            data_dir: flags
                .data_dir
                .clone()
                .or_else(|| path_variable(lookup, env::DATA_DIR))
                .or(file.data_dir)
                .or_else(|| {
                    base_dir(lookup, env::XDG_DATA_HOME, ".local/share")
                        .map(|dir| dir.join("fathom"))
                })
                .and_then(|dir| std::path::absolute(dir).ok())
                .ok_or(ConfigError::NoHome)?,
            threads: flags
                .threads
                .or(number(lookup, env::THREADS)?)
                .or(file.threads)
                .unwrap_or_else(cores)
                .max(1),
            background: background(flags, lookup, file.background)?,
            use_daemon: switch(lookup, env::DAEMON)?.or(file.daemon).unwrap_or(true),
            runtime_dir: lookup(env::XDG_RUNTIME_DIR).and_then(absolute),
            color: flags
                .color
                .or(color_variable(lookup)?)
                .or(file.color)
                .unwrap_or_default(),
            top_k: flags
                .top_k
                .or(number(lookup, env::TOP_K)?)
                .or(file.top_k)
                .unwrap_or(DEFAULT_TOP_K),
            max_file_bytes: number(lookup, env::MAX_FILE_BYTES)?
                .or(file.max_file_bytes)
                .unwrap_or(DEFAULT_MAX_FILE_BYTES),
            ignore: file.ignore,
            encoder: EncoderSettings::resolve(path.as_deref(), file.encoder)?,
            file: path,
            reader: ReaderSettings::resolve(&flags.reader, lookup, file.reader)?,
            hub: HubSettings::resolve(lookup),
        };
        Ok((settings, warnings))
    }

    /// Where the daemon of this user and data folder listens.
    pub fn daemon_place(&self) -> Place {
        Place::new(self.runtime_dir.as_deref(), &self.data_dir)
    }

    /// These settings for one repository: its `.fathom.toml` may ignore more and
    /// lower the size limit. A file that cannot be used is a warning, not an
    /// error: a hostile repository must not make its own search impossible.
    pub fn narrowed_by(&self, root: &Path) -> (Settings, Vec<String>) {
        let mut settings = self.clone();
        let path = root.join(REPOSITORY_FILE);
        if !std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
            return (settings, Vec::new());
        }
        match read_toml::<RepositoryFile>(&path, REPOSITORY_KEYS) {
            Ok((file, warnings)) => {
                settings
                    .ignore
                    .extend(file.ignore.into_iter().take(MAX_REPOSITORY_PATTERNS));
                let limit = file.max_file_bytes.unwrap_or(u64::MAX);
                settings.max_file_bytes = settings.max_file_bytes.min(limit);
                (settings, warnings)
            }
            Err(error) => (settings, vec![format!("{error}; going on without it")]),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `dir` if it is absolute, as the XDG rules ask for.
fn absolute(dir: OsString) -> Option<PathBuf> {
    let dir = PathBuf::from(dir);
    dir.is_absolute().then_some(dir)
}

fn base_dir(lookup: Lookup, variable: &str, below_home: &str) -> Option<PathBuf> {
    lookup(variable)
        .and_then(absolute)
        .or_else(|| home(lookup).map(|home| home.join(below_home)))
}

fn home(lookup: Lookup) -> Option<PathBuf> {
    lookup("HOME")
        .and_then(absolute)
        .or_else(|| etcetera::home_dir().ok())
}

fn path_variable(lookup: Lookup, name: &str) -> Option<PathBuf> {
    lookup(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn text_variable(lookup: Lookup, name: &'static str) -> Option<String> {
    lookup(name)
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
}

fn number<T: std::str::FromStr>(
    lookup: Lookup,
    name: &'static str,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = text_variable(lookup, name) else {
        return Ok(None);
    };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(wrong(name, value, "a whole number")),
    }
}

fn switch(lookup: Lookup, name: &'static str) -> Result<Option<bool>, ConfigError> {
    let Some(value) = text_variable(lookup, name) else {
        return Ok(None);
    };
    match value.as_str() {
        "1" | "true" => Ok(Some(true)),
        "0" | "false" => Ok(Some(false)),
        _ => Err(wrong(name, value, "`1` or `0`")),
    }
}

fn color_variable(lookup: Lookup) -> Result<Option<ColorChoice>, ConfigError> {
    let Some(value) = text_variable(lookup, env::COLOR) else {
        return Ok(None);
    };
    match <ColorChoice as clap::ValueEnum>::from_str(&value, false) {
        Ok(choice) => Ok(Some(choice)),
        Err(_) => Err(wrong(env::COLOR, value, "`auto`, `always` or `never`")),
    }
}

fn wrong(name: &'static str, value: String, expected: &'static str) -> ConfigError {
    ConfigError::Variable {
        name,
        value,
        expected,
    }
}

/// Background work is on unless a flag, a variable, a build machine or the file says no.
fn background(flags: &Flags, lookup: Lookup, file: Option<bool>) -> Result<bool, ConfigError> {
    if flags.no_background {
        return Ok(false);
    }
    let build_machine = text_variable(lookup, env::CI).is_some_and(|v| v == "true" || v == "1");
    let default = if build_machine { Some(false) } else { file };
    Ok(switch(lookup, env::BACKGROUND)?.or(default).unwrap_or(true))
}

/// Reads a TOML file; a missing one is an empty one. Also returns a warning for each unknown key.
fn read_toml<T: Default + serde::de::DeserializeOwned>(
    path: &Path,
    known: &[&str],
) -> Result<(T, Vec<String>), ConfigError> {
    let Some(text) = read_small(path)? else {
        return Ok(Default::default());
    };
    let parse = |error: toml::de::Error| ConfigError::Parse {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    };
    let table: toml::Table = toml::from_str(&text).map_err(parse)?;
    let warnings = table
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| unknown_key(path, key, known))
        .collect();
    Ok((toml::from_str(&text).map_err(parse)?, warnings))
}

fn unknown_key(path: &Path, key: &str, known: &[&str]) -> String {
    format!(
        "`{}` sets `{key}`, which has no meaning there; it may set {}",
        path.display(),
        known
            .iter()
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn read_small(path: &Path) -> Result<Option<String>, ConfigError> {
    let read = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(read)?,
    };
    let mut text = String::new();
    file.take(MAX_CONFIG_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(read)?;
    if text.len() as u64 > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(Some(text))
}
