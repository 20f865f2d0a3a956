//! What can go wrong between a profile and an embedding.

use std::path::PathBuf;

/// Why a text could not be encoded, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// No library was found in any of the places that are searched.
    #[error(
        "ONNX Runtime ({name}) was not found in {}; run `make runtime` to fetch it, or set `ORT_DYLIB_PATH` to the library",
        searched.iter().map(|dir| format!("`{}`", dir.display())).collect::<Vec<_>>().join(", ")
    )]
    RuntimeMissing {
        /// File name of the library on this platform.
        name: &'static str,
        /// Folders that were searched, in order.
        searched: Vec<PathBuf>,
    },

    /// A library was named explicitly and is not there.
    #[error("`{variable}` names `{}`, which is not a file; correct or unset it", path.display())]
    RuntimeNotAFile {
        /// Environment variable or option that named the path.
        variable: &'static str,
        /// The path as given.
        path: PathBuf,
    },

    /// A library was found but does not work.
    #[error(
        "ONNX Runtime at `{}` could not be used: {reason}; run `make runtime` to fetch the tested version, or set `ORT_DYLIB_PATH`",
        path.display()
    )]
    RuntimeUnusable {
        /// The library that was tried.
        path: PathBuf,
        /// The loader's or the runtime's own words.
        reason: String,
    },

    /// A profile file cannot be understood.
    #[error("model profile `{}` is not valid: {reason}", path.display())]
    Profile {
        /// The profile's file, or `bundled profile`.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A model is to give what it does not.
    #[error("model `{profile}` is of kind {kind} and gives no {wanted}")]
    Kind {
        /// Name of the profile.
        profile: String,
        /// Its kind.
        kind: &'static str,
        /// What was wanted of it.
        wanted: &'static str,
    },

    /// A file of a profile cannot be read.
    #[error("cannot read `{}` of model profile `{profile}`: {source}", path.display())]
    File {
        /// Name of the profile.
        profile: String,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A file of a profile is not the one that the profile describes.
    #[error(
        "`{}` of model profile `{profile}` has blake3 hash {found} instead of {expected}; it is damaged or of another version: fetch it again",
        path.display()
    )]
    Mismatch {
        /// Name of the profile.
        profile: String,
        /// The file.
        path: PathBuf,
        /// Hash of the bytes that were read, in hex.
        found: String,
        /// Hash that the profile declares, in hex.
        expected: String,
    },

    /// The runtime does not compute with what the user chose. The processor never takes its place
    /// unasked.
    #[error(
        "this ONNX Runtime does not compute with `{provider}`: {reason}; set `ORT_DYLIB_PATH` to one that was built with it, or `provider = \"cpu\"` in `config.toml`"
    )]
    Provider {
        /// What was chosen.
        provider: &'static str,
        /// The runtime's own words.
        reason: String,
    },

    /// The tokenizer cannot be used.
    #[error("tokenizer of model profile `{profile}` cannot be used: {reason}")]
    Tokenizer {
        /// Name of the profile.
        profile: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The model's graph cannot be loaded.
    #[error("model of profile `{profile}` cannot be loaded: {reason}")]
    Model {
        /// Name of the profile.
        profile: String,
        /// The runtime's own words.
        reason: String,
    },

    /// The model ran and failed.
    #[error("model of profile `{profile}` failed on a text of {tokens} tokens: {reason}")]
    Run {
        /// Name of the profile.
        profile: String,
        /// Length of the input, special tokens included.
        tokens: usize,
        /// What went wrong.
        reason: String,
    },
}
