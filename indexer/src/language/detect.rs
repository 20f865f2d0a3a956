//! Which language a file is in: by name, extension, `#!` line, and for `.h` by content.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Language, all, named_language};

struct Tables {
    names: HashMap<&'static str, &'static Language>,
    extensions: HashMap<&'static str, &'static Language>,
    shebangs: HashMap<&'static str, &'static Language>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables = Tables {
        names: HashMap::new(),
        extensions: HashMap::new(),
        shebangs: HashMap::new(),
    };
    for language in all() {
        tables
            .names
            .extend(language.file_names.iter().map(|name| (*name, *language)));
        tables
            .extensions
            .extend(language.extensions.iter().map(|name| (*name, *language)));
        tables
            .shebangs
            .extend(language.shebangs.iter().map(|name| (*name, *language)));
    }
    tables
});

/// The language of the file at `path` (bytes, `/`-separated) that begins with
/// `head`; `None` when nothing says so.
pub fn detect(path: &[u8], head: &[u8]) -> Option<&'static Language> {
    let file_name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let file_name = String::from_utf8_lossy(file_name).to_lowercase();
    if let Some(language) = TABLES.names.get(file_name.as_str()) {
        return Some(language);
    }
    let found = by_extension(&file_name).or_else(|| by_shebang(head));
    match found {
        Some(language)
            if language.name == "c" && file_name.ends_with(".h") && looks_like_cpp(head) =>
        {
            named_language("cpp")
        }
        found => found,
    }
}

/// Tries `tar.gz`-like endings before the last extension, so `x.d.ts` or `a.cmake.in` work.
fn by_extension(file_name: &str) -> Option<&'static Language> {
    let mut rest = file_name.strip_prefix('.').unwrap_or(file_name);
    while let Some((_, extension)) = rest.split_once('.') {
        if let Some(language) = TABLES.extensions.get(extension) {
            return Some(language);
        }
        rest = extension;
    }
    // `Dockerfile.dev`, `Makefile.am`: the name before the dot decides.
    let stem = file_name.split('.').next()?;
    TABLES.names.get(stem).copied()
}

fn by_shebang(head: &[u8]) -> Option<&'static Language> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let program = line
        .split_whitespace()
        .filter(|word| !word.starts_with('-') && !word.contains('='))
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .find(|word| *word != "env")?;
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    TABLES.shebangs.get(program).copied()
}

/// A C header does not say these words at the start of a line.
fn looks_like_cpp(head: &[u8]) -> bool {
    const SIGNS: [&str; 8] = [
        "class ",
        "namespace ",
        "template <",
        "template<",
        "using ",
        "public:",
        "constexpr ",
        "extern \"C++\"",
    ];
    let text = String::from_utf8_lossy(head);
    text.lines().any(|line| {
        let line = line.trim_start();
        SIGNS.iter().any(|sign| line.starts_with(sign)) || line.contains("std::")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised() {
        let cases: &[(&str, &str, &str)] = &[
            ("src/main.rs", "", "rust"),
            ("a/b.TSX", "", "tsx"),
            ("types.d.ts", "", "typescript"),
            ("include/x.h", "int f(void);\n", "c"),
            ("include/x.h", "namespace a {\n", "cpp"),
            ("Makefile", "", "makefile"),
            ("Dockerfile.dev", "", "dockerfile"),
            ("bin/tool", "#!/usr/bin/env -S python3.11 -u\n", "python"),
            ("bin/tool", "#!/bin/sh\n", "bash"),
            ("CMakeLists.txt", "", "cmake"),
            (".bashrc", "", "bash"),
            ("README.md", "", "markdown"),
            ("notes.txt", "", "text"),
            ("lib.mli", "", "ocaml-interface"),
            ("mystery", "hello", "none"),
            ("mystery.unknown", "hello", "none"),
        ];
        for (path, head, expected) in cases {
            let found =
                detect(path.as_bytes(), head.as_bytes()).map_or("none", |language| language.name);
            assert_eq!(found, *expected, "{path}");
        }
    }
}
