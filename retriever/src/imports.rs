//! Lines that bring in names: they hold words of a question without saying anything about it.

/// How such lines begin in the languages that fathom cuts.
const BEGINNINGS: [&str; 20] = [
    "use ",
    "pub use ",
    "pub(crate) use ",
    "mod ",
    "pub mod ",
    "extern crate ",
    "import ",
    "import(",
    "@import ",
    "#import ",
    "from ",
    "#include",
    "using ",
    "require ",
    "require(",
    "require_relative ",
    "alias ",
    "open import ",
    "package ",
    "export * from ",
];

/// Whether a line does no more than bring in, name or pass on what is defined elsewhere.
#[must_use]
pub fn is_import(line: &str) -> bool {
    let line = line.trim_start();
    let begins = BEGINNINGS.iter().any(|start| line.starts_with(start));
    begins && !is_prose(line) || assigns_required(line)
}

/// `from` and `use` begin sentences too, in docs and comments that go on over several lines.
fn is_prose(line: &str) -> bool {
    let words = line.split_whitespace().count();
    let marks = ["import", "::", ";", "\"", "'", "<", "{", "/", "("];
    words > 4 && !marks.iter().any(|mark| line.contains(mark))
}

/// `const fs = require("fs");` and the like.
fn assigns_required(line: &str) -> bool {
    let declares = ["const ", "let ", "var "];
    declares.iter().any(|start| line.starts_with(start))
        && (line.contains("= require(") || line.contains("= await import("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_told_from_code_and_prose() {
        for line in [
            "use crate::StoreError;",
            "    pub use text::words;",
            "import os",
            "from os import path",
            "#include <lock.h>",
            "#include \"lock.h\"",
            "using System.IO;",
            "import { lock } from './lock'",
            "const fs = require('fs');",
            "require_relative \"store\"",
            "package store",
            "mod recover;",
        ] {
            assert!(is_import(line), "{line}");
        }
        for line in [
            "fn use_lock() {",
            "user = store.open()",
            "from there the store is opened again",
            "use the lock before the store is opened",
            "const lock = take();",
            "// use crate::lock",
            "imports = []",
            "",
        ] {
            assert!(!is_import(line), "{line}");
        }
    }
}
