//! What is not indexed, judged by a file's name or by its first bytes.

use fathom_indexes::SkipReason;

/// Longest line (bytes) before a file counts as minified, if long lines make up most of it.
const LONGEST_LINE: usize = 10_000;
/// What counts as a long line, in bytes.
const LONG_LINE: usize = 1_000;
/// How far into a file a NUL byte makes it binary.
const HEAD: usize = 8192;

/// A reason with its particulars.
pub(crate) type Verdict = (SkipReason, String);

/// The verdict on a file name (lower case), before anything is opened.
pub(crate) fn by_name(name: &str) -> Option<Verdict> {
    let verdict = |reason, detail: &str| Some((reason, detail.to_string()));
    if is_secret(name) {
        verdict(SkipReason::Secret, "a name that usually holds credentials")
    } else if LOCK_FILES.contains(&name) {
        verdict(SkipReason::Generated, "a lock file")
    } else if [".min.js", ".min.css", ".js.map", ".css.map"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        verdict(SkipReason::Minified, "a minified file by its name")
    } else {
        None
    }
}

const LOCK_FILES: [&str; 24] = [
    "cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "poetry.lock",
    "pipfile.lock",
    "pdm.lock",
    "uv.lock",
    "composer.lock",
    "gemfile.lock",
    "go.sum",
    "mix.lock",
    "flake.lock",
    "packages.lock.json",
    "podfile.lock",
    "pubspec.lock",
    "cartfile.resolved",
    "package.resolved",
    "gradle.lockfile",
    "conan.lock",
];

const SECRET_NAMES: [&str; 12] = [
    ".npmrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".htpasswd",
    ".pgpass",
    ".git-credentials",
    ".dockercfg",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];

const SECRET_ENDINGS: [&str; 9] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".tfstate",
    ".tfstate.backup",
    ".kdbx",
];

/// Files of these kinds named `credentials…` or `secrets…` hold them; source code only mentions them.
const DATA_ENDINGS: [&str; 10] = [
    "", "json", "yaml", "yml", "ini", "toml", "txt", "cfg", "conf", "xml",
];

/// Whether a file of this name (lower case) usually holds credentials.
pub(crate) fn is_secret(name: &str) -> bool {
    let environment = name == ".env" || name.starts_with(".env.") || name == ".envrc";
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let named = (name.starts_with("credentials") || name.starts_with("secrets."))
        && DATA_ENDINGS.contains(&extension);
    environment
        || named
        || SECRET_NAMES.contains(&name)
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The verdict on a file's content: binary or minified.
pub(crate) fn by_content(bytes: &[u8]) -> Option<Verdict> {
    let head = &bytes[..bytes.len().min(HEAD)];
    if memchr::memchr(0, head).is_some() {
        return Some((
            SkipReason::Binary,
            "a NUL byte near the beginning".to_string(),
        ));
    }
    let control = head
        .iter()
        .filter(|byte| **byte < 32 && !b"\t\n\r\x0b\x0c\x1b\x08".contains(byte))
        .count();
    if head.starts_with(b"%PDF-") || control * 10 > head.len() {
        return Some((SkipReason::Binary, "no text by its first bytes".to_string()));
    }
    minified(bytes)
}

fn minified(bytes: &[u8]) -> Option<Verdict> {
    let (mut start, mut longest, mut in_long) = (0, 0, 0);
    for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
        let length = end - start;
        longest = longest.max(length);
        in_long += if length > LONG_LINE { length } else { 0 };
        start = end + 1;
    }
    let minified = longest > LONGEST_LINE && in_long * 2 > bytes.len();
    minified.then(|| {
        (
            SkipReason::Minified,
            format!("its longest line has {longest} bytes"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged() {
        let cases = [
            (".env", Some("secret")),
            (".env.local", Some("secret")),
            ("server.pem", Some("secret")),
            ("id_ed25519", Some("secret")),
            ("id_ed25519.pub", None),
            ("credentials", Some("secret")),
            ("credentials.json", Some("secret")),
            ("credentials.rs", None),
            ("secrets.yaml", Some("secret")),
            ("secretary.yaml", None),
            ("prod.tfstate", Some("secret")),
            ("cargo.lock", Some("generated")),
            ("jquery.min.js", Some("minified")),
            ("environment.rs", None),
        ];
        for (name, expected) in cases {
            assert_eq!(
                by_name(name).map(|(reason, _)| reason.as_str()),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn contents_are_judged() {
        let long = "x".repeat(20_000);
        let some_long = format!("{}{}", "short line\n".repeat(4000), "y".repeat(12_000));
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"fn main() {}\n", None),
            (b"ELF\0\x01", Some("binary")),
            (b"%PDF-1.4\n", Some("binary")),
            (b"\x01\x02\x03\x04text", Some("binary")),
            (long.as_bytes(), Some("minified")),
            (some_long.as_bytes(), None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(
                by_content(bytes).map(|(reason, _)| reason.as_str()),
                expected
            );
        }
    }
}
