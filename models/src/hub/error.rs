//! What can go wrong with a hub, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::space;

/// Why a repository or a file of it is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The user forbade it.
    #[error(
        "`{0}` is not in the cache, and HF_HUB_OFFLINE forbids to fetch it; unset it, or run `fathom model import FILE` on files that you have"
    )]
    Offline(String),

    /// The address is none.
    #[error(
        "`{0}` is not the address of a hub; set HF_ENDPOINT to one such as `https://huggingface.co`, or unset it"
    )]
    Endpoint(String),

    /// The authors want to be asked first.
    #[error("`{repository}` is gated: its authors ask you to accept their terms; open {page}, accept them, make a token at {endpoint}/settings/tokens, and set HF_TOKEN to it{also}", also = gated_also(*.has_token))]
    Gated {
        /// `owner/name`.
        repository: String,
        /// Where the terms are.
        page: String,
        /// The hub.
        endpoint: String,
        /// Whether a token was sent.
        has_token: bool,
    },

    /// The token is wrong, or there is none.
    #[error("{endpoint} refuses `{repository}` {with} (status {status}); {next}", with = with(*.has_token), next = login(*.has_token))]
    Denied {
        /// `owner/name`.
        repository: String,
        /// The hub.
        endpoint: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        has_token: bool,
    },

    /// No such repository.
    #[error(
        "there is no repository `{repository}` at {endpoint}; look at its spelling, or set HF_TOKEN if it is private"
    )]
    NoRepository {
        /// `owner/name`.
        repository: String,
        /// The hub.
        endpoint: String,
    },

    /// No such branch, tag or commit.
    #[error("`{repository}` has no revision `{revision}`; {page} lists its branches and tags")]
    NoRevision {
        /// `owner/name`.
        repository: String,
        /// As the user wrote it.
        revision: String,
        /// For people.
        page: String,
    },

    /// No such file.
    #[error("`{repository}` has no file `{file}`; {page} lists its files")]
    NoFile {
        /// `owner/name`.
        repository: String,
        /// Path in the repository.
        file: String,
        /// For people.
        page: String,
    },

    /// HTML instead of what was asked for.
    #[error(
        "{url} answers with a web page; a proxy or a login page of your network may stand in between: look at {url} in a browser, set HTTPS_PROXY, or run `fathom model import FILE` on a file that you got in another way"
    )]
    WebPage {
        /// What was asked for.
        url: String,
    },

    /// A status or answer that the protocol does not know.
    #[error("{url} answers {what}; look whether HF_ENDPOINT (or a proxy) is what you want")]
    Unexpected {
        /// What was asked for.
        url: String,
        /// What came.
        what: String,
    },

    /// It was tried often enough.
    #[error("{url}: {reason}; gave up after {failures} tries{and_kept}; run the same command again later", and_kept = and_kept(*.kept))]
    GaveUp {
        /// What was asked for.
        url: String,
        /// The last failure.
        reason: String,
        /// How often it was tried.
        failures: u32,
        /// Bytes of the file that are kept.
        kept: u64,
    },

    /// The bytes are not those that the hub describes.
    #[error(
        "`{file}` came with the hash {found}, but the hub says {expected}; it was deleted: run the same command again, and if that does not help, a proxy or a mirror changes the file"
    )]
    Hash {
        /// Path in the repository.
        file: String,
        /// Hash of what came.
        found: String,
        /// Hash as the hub says.
        expected: String,
    },

    /// A name that could leave the cache's folder, or is no name at all.
    #[error(
        "the hub names a {what} `{name}`, which cannot be; look whether HF_ENDPOINT is what you want"
    )]
    Hostile {
        /// What it should be.
        what: &'static str,
        /// The name.
        name: String,
    },

    /// Not enough room.
    #[error("{needed} are needed in `{folder}`, but only {free} are free; free some, or set HF_HUB_CACHE to a folder on another disk", needed = space::shown(*.needed), folder = .folder.display(), free = space::shown(*.free))]
    NoRoom {
        /// Bytes still to be written.
        needed: u64,
        /// Bytes free.
        free: u64,
        /// The cache.
        folder: PathBuf,
    },

    /// The disk became full on the way.
    #[error("cannot write `{path}`: {source}; what came is kept: make room and run the same command again, or set HF_HUB_CACHE to a folder on another disk", path = .path.display())]
    Full {
        /// The part.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file or folder of the cache cannot be used.
    #[error("cannot {what} `{path}`: {source}; make it writable, or set HF_HUB_CACHE to another folder", path = .path.display())]
    Cache {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Interrupted; what came is kept.
    #[error("interrupted")]
    Cancelled,
}

impl HubError {
    /// Wraps an error of the system.
    pub(super) fn cache<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> HubError + use<'a> {
        move |source| match space::is_full(&source) {
            true => HubError::Full {
                path: path.to_owned(),
                source,
            },
            false => HubError::Cache {
                what,
                path: path.to_owned(),
                source,
            },
        }
    }
}

fn gated_also(has_token: bool) -> &'static str {
    match has_token {
        true => " (the token that is set has not been let in, or may not read gated repositories)",
        false => "",
    }
}

fn with(has_token: bool) -> &'static str {
    match has_token {
        true => "with the token that is set",
        false => "without a token",
    }
}

fn login(has_token: bool) -> &'static str {
    match has_token {
        true => {
            "look whether HF_TOKEN is still valid and may read it, or unset it for public repositories"
        }
        false => "it may not exist, or be private: look at its spelling, or set HF_TOKEN",
    }
}

fn and_kept(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        _ => format!(", {} are kept", space::shown(bytes)),
    }
}
