//! Which repositories a client may ask about.

use std::path::PathBuf;
use std::time::Duration;

use fathom::engine::Engine;
use rmcp::{Peer, RoleServer};

use super::Options;
use super::fault::Fault;

/// How long the client may take to say which folders it works in.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens what is served: the paths given to the command, else what the client works in, else
/// the current folder.
pub fn open(options: &Options, offered: &[PathBuf]) -> Result<Engine, Fault> {
    let paths = match (options.paths.as_slice(), offered) {
        ([], []) => vec![PathBuf::from(".")],
        ([], offered) => offered.to_vec(),
        (given, _) => given.to_vec(),
    };
    Ok(Engine::new(&options.settings, &paths)?)
}

/// The folders that the client works in, if it says so.
#[expect(deprecated, reason = "clients of all versions but the newest have it")]
pub async fn offered(peer: &Peer<RoleServer>) -> Vec<PathBuf> {
    let has_roots = peer
        .peer_info()
        .is_some_and(|client| client.capabilities.roots.is_some());
    if !has_roots {
        return Vec::new();
    }
    match tokio::time::timeout(PATIENCE, peer.list_roots()).await {
        Ok(Ok(listed)) => {
            let roots = listed.roots.iter();
            roots.filter_map(|root| folder(&root.uri)).collect()
        }
        _ => Vec::new(),
    }
}

/// The folder of a `file:` address, if it is one of this machine.
fn folder(uri: &str) -> Option<PathBuf> {
    let address = uri.strip_prefix("file://")?;
    let path = address.strip_prefix("localhost").unwrap_or(address);
    let path = PathBuf::from(decoded(path)?);
    (path.is_absolute() && path.is_dir()).then_some(path)
}

/// A path without its `%` escapes.
fn decoded(path: &str) -> Option<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let hex = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &rest[2..];
    }
    Some(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_folders_of_this_machine_are_roots() {
        let dir = tempfile::tempdir().unwrap();
        let with_space = dir.path().join("a b");
        std::fs::create_dir(&with_space).unwrap();
        let dir = dir.path().to_str().unwrap();
        for (uri, expected) in [
            (format!("file://{dir}"), Some(dir.into())),
            (format!("file://localhost{dir}"), Some(dir.into())),
            (format!("file://{dir}/a%20b"), Some(with_space)),
            (format!("file://{dir}/missing"), None),
            (format!("file://elsewhere{dir}"), None),
            (format!("https://{dir}"), None),
            (format!("file://{dir}%2"), None),
            (dir.to_owned(), None),
        ] {
            assert_eq!(folder(&uri), expected, "{uri}");
        }
    }
}
