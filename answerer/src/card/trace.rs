//! Places named in a stack trace or in a compiler's output.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

/// A file and a line that a text names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mention {
    /// As written, `/`-separated; of a Java frame the package's folders and the file.
    pub path: String,
    /// From 1.
    pub line: u32,
}

/// In this order; what one pattern took is not looked at by the next.
const PATTERNS: &[&str] = &[
    // Python: `File "a/b.py", line 12, in f`
    r#"File "(?<path>[^"\n]+)", line (?<line>\d+)"#,
    // Java, Kotlin, Scala: `at a.b.Type.method(Type.java:12)`
    r"at (?:[\w.]+/)?(?<package>[\w.$]+)\.[\w$<>]+\((?<path>[\w$]+\.\w+):(?<line>\d+)\)",
    // MSVC, TypeScript: `a/b.ts(12,5): error`
    r"(?<path>[\w@+.~/\\-]+\.\w+)\((?<line>\d+)(?:,\d+)?\)",
    // Everything else: `a/b.rs:12:5`, `(file:///a/b.js:12:5)`, `/a/b.go:12 +0x1d`
    r"(?:file://|webpack://)?(?<path>(?:[A-Za-z]:)?[\w@+.~/\\-]*[\w@+~-]\.\w+):(?<line>\d+)\b",
];

static REGEXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = PATTERNS.iter().map(|pattern| Regex::new(pattern));
    compiled.filter_map(Result::ok).collect()
});

/// The places that a text names, in its order, each once.
#[must_use]
pub fn mentions(text: &str) -> Vec<Mention> {
    let mut seen = HashSet::new();
    let all = text.lines().flat_map(on_line);
    all.filter(|mention| seen.insert(mention.clone())).collect()
}

fn on_line(line: &str) -> Vec<Mention> {
    let found = REGEXES.iter().map(|regex| {
        let found = regex.captures_iter(line);
        found.filter_map(|captures| mention(&captures)).collect()
    });
    let mut found = found.filter(|mentions: &Vec<Mention>| !mentions.is_empty());
    found.next().unwrap_or_default()
}

fn mention(captures: &regex::Captures<'_>) -> Option<Mention> {
    let file = captures["path"].replace('\\', "/");
    let line = captures["line"].parse().ok().filter(|&line| line > 0)?;
    let package = captures.name("package").map(|package| {
        let package = package.as_str();
        let folders = package.rsplit_once('.').map_or("", |(folders, _)| folders);
        folders.replace('.', "/")
    });
    let path = match package {
        Some(folders) if !folders.is_empty() => format!("{folders}/{file}"),
        _ => file,
    };
    Some(Mention { path, line })
}

/// Which of `files` (relative to the root) a mention means: the one that shares
/// the most components from the end. More than one when it cannot be told,
/// none when it is a file of somebody else.
#[must_use]
pub fn resolve<'f>(mention: &Mention, files: &[&'f [u8]]) -> Vec<&'f [u8]> {
    let is_absolute = mention.path.starts_with('/') || mention.path.get(1..2) == Some(":");
    let named: Vec<&str> = components(&mention.path);
    let shared = |path: &[u8]| {
        let path = String::from_utf8_lossy(path);
        let path = components(&path);
        let from_end = path.iter().rev().zip(named.iter().rev());
        let shared = from_end.take_while(|(a, b)| a == b).count();
        let enough = shared == path.len()
            || match is_absolute {
                true => shared >= 2,
                false => shared == named.len(),
            };
        if enough { shared } else { 0 }
    };
    let best = files.iter().map(|path| shared(path)).max().unwrap_or(0);
    let fits = files.iter().filter(|path| best > 0 && shared(path) == best);
    fits.copied().collect()
}

fn components(path: &str) -> Vec<&str> {
    let parts = path.split('/');
    parts
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .collect()
}
