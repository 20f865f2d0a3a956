//! What a file says of itself at its top: the first comment there that is neither a licence nor about
//! the first definition.

use std::ops::Range;

use super::describe;
use super::syntax::Syntax;
use crate::language::Language;

/// The comment that says what a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Without markers, at most 600 bytes, up to a licence.
    pub doc: String,
    /// The byte of the file that it begins with.
    pub start: u32,
}

/// The opening comment of a file that is parsed already.
pub(crate) fn of(language: &Language, text: &str, syntax: &Syntax) -> Option<Opening> {
    let definitions = syntax.units.iter().map(|unit| unit.lines.start);
    let before = definitions.min().unwrap_or(usize::MAX);
    let mut comments: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let leads = syntax.leads.iter().zip(&syntax.comments);
    for (content, (&leads, &is_comment)) in text.split_inclusive('\n').zip(leads).take(before) {
        let end = at + content.len();
        if is_comment || leads && !is_attribute(content) {
            match comments.last_mut() {
                Some(last) if last.end == at => last.end = end,
                _ => comments.push(at..end),
            }
        } else if !is_passed_over(content) {
            break;
        }
        at = end;
    }
    let docstring = docstring(language, text, at).into_iter();
    docstring.chain(comments).find_map(|comment| {
        let doc = doc(&text[comment.clone()]);
        let start = comment.start as u32;
        says_something(&doc).then_some(Opening { doc, start })
    })
}

/// A line of one word is a name, of the file or of the project.
fn says_something(doc: &str) -> bool {
    doc.lines()
        .any(|line| line.split_whitespace().nth(1).is_some())
}

/// Leads what follows, as a comment does, and says nothing.
fn is_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#!") || line.starts_with("#[") || line.starts_with(['@', '['])
}

/// What may stand above and between opening comments.
fn is_passed_over(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("#!") || line.starts_with("<?php")
}

/// The string that a Python file begins with, at `at`.
fn docstring(language: &Language, text: &str, at: usize) -> Option<Range<usize>> {
    let string = text[at..].trim_start_matches(['r', 'R', 'u', 'U']);
    let quotes = ["\"\"\"", "'''"]
        .into_iter()
        .find(|quotes| language.name == "python" && string.starts_with(quotes))?;
    let start = text.len() - string.len() + quotes.len();
    let length = text[start..].find(quotes)?;
    Some(at..start + length + quotes.len())
}

/// What a comment says before it comes to the licence.
fn doc(comment: &str) -> String {
    let mut doc = String::new();
    let mut paragraph = String::new();
    for line in comment.lines().chain([""]) {
        let before = paragraph.len();
        describe::push_doc(&mut paragraph, line);
        if paragraph.len() > before || paragraph.is_empty() {
            continue;
        }
        if is_licence(&paragraph) {
            break;
        }
        doc.push_str(&paragraph);
        paragraph.clear();
    }
    describe::trim_doc(doc)
}

fn is_licence(text: &str) -> bool {
    let text = text.to_lowercase();
    ["copyright", "licence", "license", "spdx"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::{ChunkOptions, parse_file};

    /// Kind, name and doc of the first chunk.
    fn first(path: &str, text: &str) -> (String, String, String) {
        let options = ChunkOptions::default();
        let parsed = parse_file(
            path.as_bytes(),
            text.as_bytes(),
            &|text| text.len(),
            &options,
        );
        let chunk = &parsed.chunks[0];
        (
            chunk.kind.to_string(),
            chunk.name.clone(),
            chunk.doc.clone(),
        )
    }

    #[test]
    fn files_say_what_they_are_for() {
        let licence = "Copyright 2026, see LICENSE";
        let cases = [
            (
                "a.rs",
                "#![no_std]\n//! Adds two numbers.\n//!\n//! Twice.\n\nuse a;\n".into(),
                "Adds two numbers.\nTwice.",
            ),
            (
                "a.go",
                format!("// {licence}\n\n// Package a adds.\npackage a\n"),
                "Package a adds.",
            ),
            (
                "a.py",
                format!(
                    "#!/usr/bin/python\n# {licence}\n'''Adds two numbers.\n\nTwice.'''\nimport b\n"
                ),
                "Adds two numbers.\nTwice.",
            ),
            (
                "a.c",
                format!("/*\n * Adds two numbers.\n *\n * {licence}\n */\n#include <b.h>\n"),
                "Adds two numbers.",
            ),
            (
                "a.js",
                "/**\n@file Adds two numbers.\n*/\nimport b from 'b';\n".into(),
                "@file Adds two numbers.",
            ),
            (
                "a/__init__.py",
                "\"\"\"Adds two numbers.\"\"\"\nimport b\n".into(),
                "Adds two numbers.",
            ),
        ];
        for (path, text, doc) in cases {
            assert_eq!(
                first(path, &text),
                ("module".into(), "a".into(), doc.into()),
                "{path}"
            );
        }
        let others = [
            ("a.py", "import b\n\n'''Not the first.'''\n", "code", ""),
            ("a.py", "'''Never ends.\nimport b\n", "code", ""),
            ("a.py", "# Copyright 2026\nimport b\n", "code", ""),
            (
                "a.swift",
                "//\n//  a.swift\n//  Project\n//\n//  Copyright x\n\nimport b\n",
                "code",
                "",
            ),
            (
                "a.c",
                "/* Adds. */\nint a(void) {\n  return 1;\n}\n",
                "function",
                "a",
            ),
            ("a.md", "Adds.\n", "section", ""),
        ];
        for (path, text, kind, name) in others {
            let (is, called, _) = first(path, text);
            assert_eq!(
                (is.as_str(), called.as_str()),
                (kind, name),
                "{path}: {text}"
            );
        }
    }
}
