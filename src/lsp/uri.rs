//! Addresses of files: `file:///a%20b` and the path that it means.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The path that a `file:` address means; `None` for any other address, and for files of other
/// machines.
pub fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let bytes = decode(rest)?;
    let is_path = bytes.first() == Some(&b'/') && !bytes.contains(&0);
    is_path.then(|| PathBuf::from(OsStr::from_bytes(&bytes)))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push((16 * digit(digits[0])? + digit(digits[1])?) as u8);
            }
            byte => bytes.push(byte),
        }
    }
    Some(bytes)
}

/// The address of a path. Nothing in it can be taken for more than a path.
pub fn of(path: &Path) -> String {
    let mut uri = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_are_paths() {
        for (uri, expected) in [
            ("file:///a/b.rs", Some("/a/b.rs")),
            ("file://localhost/a", Some("/a")),
            ("file:///a%20b%C3%A9", Some("/a bé")),
            ("file:///c%3A/x", Some("/c:/x")),
            ("file://server/share", None),
            ("file:///a%0", None),
            ("file:///a%zz", None),
            ("file:///a%00b", None),
            ("untitled:Untitled-1", None),
            ("https://example.org/a.rs", None),
            ("", None),
        ] {
            assert_eq!(path(uri).as_deref(), expected.map(Path::new), "{uri}");
        }
    }

    #[test]
    fn paths_come_back() {
        for bytes in [
            &b"/a/b.rs"[..],
            b"/a b#?%\n",
            "/höhe".as_bytes(),
            b"/\xff",
            b"/a)](x",
        ] {
            let one = Path::new(OsStr::from_bytes(bytes));
            let uri = of(one);
            assert_eq!(path(&uri).unwrap(), one, "{uri}");
            assert!(
                uri.is_ascii() && !uri.contains(['(', ')', ' ', '#', '<']),
                "{uri}"
            );
        }
    }
}
