//! Finding and loading the ONNX Runtime library.
//!
//! It is a shared library that is loaded when the first encoder is opened, so
//! that everything else works without it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use etcetera::BaseStrategy;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::{EncoderError, telemetry};

/// The version that is fetched by `make runtime` and that the tests use.
/// Others from 1.23 on work too.
pub const VERSION: &str = "1.31.1";

/// Environment variable that names the library.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

const NAMES: &[&str] = if cfg!(target_os = "macos") {
    &["libonnxruntime.1.31.1.dylib", "libonnxruntime.dylib"]
} else if cfg!(windows) {
    &["onnxruntime.dll"]
} else {
    &[
        "libonnxruntime.so.1.31.1",
        "libonnxruntime.so.1",
        "libonnxruntime.so",
    ]
};

const SYSTEM_FOLDERS: &[&str] = if cfg!(target_os = "macos") {
    &["/opt/homebrew/lib", "/usr/local/lib"]
} else if cfg!(windows) {
    &[]
} else {
    &[
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ]
};

/// Where to take the library from.
#[derive(Debug, Clone, Default)]
pub enum RuntimeLocation {
    /// `ORT_DYLIB_PATH`, then beside the executable and in `../lib/fathom`,
    /// then fathom's cache folder, then the system's library folders.
    #[default]
    Search,
    /// This file.
    At(PathBuf),
}

/// The library's path.
///
/// # Errors
/// If it is nowhere, with the command that fetches it, or if the path that was
/// given is not a file.
pub fn locate(location: &RuntimeLocation) -> Result<PathBuf, EncoderError> {
    match location {
        RuntimeLocation::At(path) => existing(path.clone(), "runtime path"),
        RuntimeLocation::Search => match env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => existing(path.into(), VARIABLE),
            None => search(folders()),
        },
    }
}

fn existing(path: PathBuf, variable: &'static str) -> Result<PathBuf, EncoderError> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(EncoderError::RuntimeNotAFile { variable, path })
    }
}

/// The first library in `folders`.
fn search(folders: Vec<PathBuf>) -> Result<PathBuf, EncoderError> {
    let candidates = folders
        .iter()
        .flat_map(|dir| NAMES.iter().map(move |name| dir.join(name)));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or(EncoderError::RuntimeMissing {
        name: NAMES[0],
        searched: folders,
    })
}

fn folders() -> Vec<PathBuf> {
    let executable = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let beside = executable.as_deref().and_then(Path::parent);
    let mut folders: Vec<PathBuf> = Vec::new();
    folders.extend(beside.map(Path::to_owned));
    folders.extend(
        beside
            .and_then(Path::parent)
            .map(|up| up.join("lib/fathom")),
    );
    folders.extend(cache_folder());
    folders.extend(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    folders
}

/// `<cache>/fathom/runtime/<version>`, where `make runtime` puts the library.
pub fn cache_folder() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.cache_dir().join("fathom/runtime").join(VERSION))
}

/// The process's one ONNX Runtime environment; the first call loads the
/// library, later ones ignore their argument.
pub(crate) fn environment(location: &RuntimeLocation) -> Result<Environment, EncoderError> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let environment = load(locate(location)?)?;
    *loaded = Some(environment.clone());
    Ok(environment)
}

fn load(path: PathBuf) -> Result<Environment, EncoderError> {
    telemetry::switch_off();
    let unusable = |reason: String| EncoderError::RuntimeUnusable {
        path: path.clone(),
        reason,
    };
    let builder = ort::init_from(&path).map_err(|error| unusable(error.to_string()))?;
    let environment = builder
        .with_name("fathom")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    environment.set_log_level(LogLevel::Error);
    Ok(environment)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_folder_that_has_the_library_wins() {
        let dir = tempfile::tempdir().unwrap();
        let (empty, full) = (dir.path().join("empty"), dir.path().join("full"));
        std::fs::create_dir_all(&full).unwrap();
        let library = full.join(NAMES[0]);
        std::fs::write(&library, "").unwrap();
        assert_eq!(search(vec![empty, full]).unwrap(), library);
    }

    #[test]
    fn a_missing_library_names_the_places_and_the_command() {
        let error = search(vec!["/nowhere/a".into(), "/nowhere/b".into()]).unwrap_err();
        let text = error.to_string();
        for part in [
            "`/nowhere/a`, `/nowhere/b`",
            "`make runtime`",
            VARIABLE,
            NAMES[0],
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_given_path_must_be_a_file() {
        let error = locate(&RuntimeLocation::At("/nowhere".into())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`/nowhere`, which is not a file")
        );
    }
}
