//! What the hub says of a repository.

use std::io::Read;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use serde_json::Value;

use super::http::{Reply, Subject};
use super::retry::{Failure, Patience, pause};
use super::{Hub, HubError};
use crate::digest::Digest;

/// Longest description of a repository that is read.
const LONGEST: u64 = 32 << 20;

/// A repository at one commit.
#[derive(Clone, Debug)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Branch, tag or commit as the user wrote it.
    pub revision: String,
    /// The commit that it is at.
    pub commit: String,
    /// Licence, as its card names it.
    pub licence: Option<String>,
    /// Where the licence's text is.
    pub licence_link: Option<String>,
    /// Its files.
    pub files: Vec<RemoteFile>,
}

/// A file of a repository.
#[derive(Clone, Debug)]
pub struct RemoteFile {
    /// Path in the repository.
    pub path: String,
    /// Size in bytes and hash; `None` if only asking for the file tells.
    pub content: Option<(u64, Digest)>,
}

impl Hub {
    /// Describes a repository at a branch, tag or commit.
    ///
    /// # Errors
    /// If it cannot be asked or is not there.
    pub fn repository(
        &self,
        name: &str,
        revision: &str,
        cancel: &AtomicBool,
    ) -> Result<Repository, HubError> {
        if self.options.offline {
            return Err(HubError::Offline(name.to_owned()));
        }
        let path = format!(
            "/api/models/{name}/revision/{}?blobs=true",
            quoted(revision, false)
        );
        let subject = Subject {
            repository: name.to_owned(),
            revision: revision.to_owned(),
            file: None,
        };
        let url = format!("{}{path}", self.options.endpoint);
        let text = self.persist(&url, cancel, || {
            let reply = self.get(&path, 0, &subject, cancel)?;
            read(reply).map_err(|error| Failure::later(error.to_string()))
        })?;
        let info: Info = serde_json::from_str(&text).map_err(|error| HubError::Unexpected {
            url: url.clone(),
            what: format!("not as a hub does ({error})"),
        })?;
        described(name, revision, info)
    }

    /// Tries until it succeeds or patience ends.
    pub(super) fn persist<T>(
        &self,
        url: &str,
        cancel: &AtomicBool,
        mut work: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, HubError> {
        let mut patience = Patience::new(self.options.retry);
        loop {
            let (reason, wait) = match work() {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Later { reason, wait }) => (reason, wait),
            };
            let Some(wait) = patience.failed(wait) else {
                return Err(HubError::GaveUp {
                    url: url.split('?').next().unwrap_or(url).to_owned(),
                    reason,
                    failures: patience.failures(),
                    kept: 0,
                });
            };
            pause(wait, cancel)?;
        }
    }
}

fn read(reply: Reply) -> std::io::Result<String> {
    let mut text = String::new();
    let body = reply.body.into_reader();
    body.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn described(name: &str, revision: &str, info: Info) -> Result<Repository, HubError> {
    let commit = info.sha.unwrap_or_default();
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_commit {
        return Err(HubError::Hostile {
            what: "commit",
            name: commit,
        });
    }
    let card = info.card.unwrap_or_default();
    let files = info.siblings.into_iter().map(RemoteFile::from);
    Ok(Repository {
        name: name.to_owned(),
        revision: revision.to_owned(),
        commit,
        licence: card.licence().or_else(|| tagged(&info.tags)),
        licence_link: card.license_link,
        files: files.collect(),
    })
}

/// The licence in a list of tags.
fn tagged(tags: &[String]) -> Option<String> {
    let named = tags.iter().find_map(|tag| tag.strip_prefix("license:"));
    named.map(str::to_owned)
}

/// Text for a path of a URL. Slashes of a file's path are kept, of a branch's name not.
pub(super) fn quoted(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slashes => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[derive(Deserialize)]
struct Info {
    sha: Option<String>,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Default, Deserialize)]
struct Card {
    license: Option<Value>,
    license_name: Option<String>,
    license_link: Option<String>,
}

impl Card {
    /// A card names one licence, or several, or `other` and its own name for it.
    fn licence(&self) -> Option<String> {
        let name = match self.license.as_ref()? {
            Value::String(name) => name.clone(),
            Value::Array(names) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                names.join(", ")
            }
            _ => return None,
        };
        match (&self.license_name, name.as_str()) {
            (Some(own), "other") => Some(own.clone()),
            _ => Some(name).filter(|name| !name.is_empty()),
        }
    }
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl From<Sibling> for RemoteFile {
    fn from(file: Sibling) -> RemoteFile {
        let large = file
            .lfs
            .and_then(|lfs| Some((lfs.size, lfs.sha256.parse().ok()?)));
        let small = || Some((file.size?, file.blob_id?.parse().ok()?));
        RemoteFile {
            path: file.rfilename,
            content: large.or_else(small),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn licence(info: &str) -> String {
        let info: Info = serde_json::from_str(info).unwrap();
        let described = described("a/b", "main", info);
        described.map_or_else(
            |error| error.to_string(),
            |found| format!("{:?}", found.licence),
        )
    }

    #[test]
    fn licences_are_found_where_cards_have_them() {
        let info = |rest: &str| format!(r#"{{"sha": "0123456789"{rest}}}"#);
        for (rest, expected) in [
            ("", "None"),
            (r#", "tags": ["gguf", "license:mit"]"#, r#"Some("mit")"#),
            (
                r#", "cardData": {"license": ["mit", "bsd"]}"#,
                r#"Some("mit, bsd")"#,
            ),
            (
                r#", "cardData": {"license": "other", "license_name": "own"}"#,
                r#"Some("own")"#,
            ),
        ] {
            assert_eq!(licence(&info(rest)), expected);
        }
        insta::assert_snapshot!(licence(r#"{"sha": "../../x"}"#), @"the hub names a commit `../../x`, which cannot be; look whether HF_ENDPOINT is what you want");
    }

    #[test]
    fn revisions_and_files_are_quoted() {
        assert_eq!(quoted("refs/pr/1", false), "refs%2Fpr%2F1");
        assert_eq!(quoted("a b/ü.gguf", true), "a%20b/%C3%BC.gguf");
    }
}
