//! Names: how they are taken apart and joined, which definitions are tests, and
//! which names a line mentions.

use std::collections::HashSet;

use fathom_indexes::ChunkKind::{
    self, Data, Function, Impl, Interface, Method, Module, Section, Test, Type,
};
use fathom_indexes::{ReferenceRecord, SymbolRecord};

use crate::chunk::{Unit, truncate};
use crate::language::Language;

/// Longest name kept, in bytes.
const MAX_NAME: usize = 120;
/// Most mentions kept for one file.
const MAX_MENTIONS: usize = 5000;

/// A name used on a line (1-based).
pub(crate) type Mention = ReferenceRecord;

/// Takes `Server::run` apart into `run` and `Server`; generics are dropped. Titles
/// of tests and sections, and keys of data files, stay whole.
pub(crate) fn split_name(raw: &str, language: &Language) -> (String, String) {
    let raw = raw.trim();
    let quoted = raw.starts_with(['"', '\'', '`']);
    let raw = if quoted {
        raw.trim_matches(['"', '\'', '`'])
    } else {
        raw
    };
    let raw = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let raw = truncate(&raw, MAX_NAME);
    if language.loose != ChunkKind::Code || raw.starts_with("operator") {
        return (raw.to_string(), String::new());
    }
    let plain = without_generics(raw.trim_start_matches(['&', '*']).trim());
    if !plain
        .chars()
        .all(|c| c.is_alphanumeric() || "_$.:!?~@'".contains(c))
    {
        return (plain, String::new());
    }
    match plain
        .rfind(['.', ':'])
        .filter(|&at| at > 0 && at + 1 < plain.len())
    {
        Some(at) => {
            let scope = plain[..at].trim_end_matches(':');
            let scope = scope
                .strip_prefix("self")
                .unwrap_or(scope)
                .trim_matches(['.', ':']);
            (
                plain[at + 1..].to_string(),
                scope.replace("::", language.separator),
            )
        }
        None => (plain, String::new()),
    }
}

/// `HashMap<K, V>::get` as `HashMap::get`.
fn without_generics(name: &str) -> String {
    let mut depth = 0usize;
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '<' | '[' if !plain.is_empty() => depth += 1,
            '>' | ']' if depth > 0 => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.trim().to_string()
}

/// A scope and a name as one qualified name.
pub(crate) fn join(scope: &str, name: &str, language: &Language) -> String {
    match (scope.is_empty(), name.is_empty()) {
        (true, _) => name.to_string(),
        (_, true) => scope.to_string(),
        // A name is capped, so only very deep nesting could grow this without end.
        _ => format!(
            "{}{}{name}",
            truncate(scope, 4 * MAX_NAME),
            language.separator
        ),
    }
}

const TEST_MARKS: [&str; 16] = [
    "#[test]",
    "::test]",
    "#[test(",
    "::test(",
    "#[cfg(test)]",
    "#[bench]",
    "#[rstest",
    "#[test_case",
    "@Test",
    "@ParameterizedTest",
    "[Fact",
    "[Theory",
    "[Test",
    "#[Test]",
    "#[DataProvider",
    "_test]",
];

/// A function in a type is a method; what is marked as a test, or stands in one, is a test.
pub(crate) fn settle_kind(
    kind: ChunkKind,
    name: &str,
    head: &str,
    parent: Option<ChunkKind>,
) -> ChunkKind {
    let testable = matches!(kind, Function | Method | Module | Impl | Type);
    let marked = testable
        && (TEST_MARKS.iter().any(|mark| head.contains(mark)) || is_named_test(kind, name, head));
    let inside = parent == Some(Test) && matches!(kind, Function | Method | Module | Impl);
    match (kind, parent) {
        _ if marked || inside => Test,
        (Function, Some(Type | Interface | Impl)) => Method,
        _ => kind,
    }
}

/// pytest, unittest and shell test runners find tests by name.
fn is_named_test(kind: ChunkKind, name: &str, head: &str) -> bool {
    let scripted = head.contains("def ") || head.contains("() {");
    let function = matches!(kind, Function | Method) && name.starts_with("test_") && scripted;
    let class = kind == Type && name.starts_with("Test") && head.contains("TestCase");
    function || class
}

/// Equations of one function that follow each other become one unit.
pub(crate) fn merge_clauses(units: &mut Vec<Unit>, language: &Language) {
    if !language.clauses
        || units
            .iter()
            .any(|unit| unit.parent.is_some_and(|parent| parent >= units.len()))
    {
        return;
    }
    let mut moved: Vec<usize> = Vec::with_capacity(units.len());
    let mut merged: Vec<Unit> = Vec::with_capacity(units.len());
    let mut last_at_depth: Vec<usize> = Vec::new();
    for mut unit in units.drain(..) {
        unit.parent = unit.parent.map(|parent| moved[parent]);
        last_at_depth.truncate(unit.depth + 1);
        let last = last_at_depth.get(unit.depth).copied();
        match last.filter(|&last| continues(&merged[last], &unit)) {
            Some(last) => {
                merged[last].lines.end = merged[last].lines.end.max(unit.lines.end);
                moved.push(last);
            }
            None => {
                last_at_depth.resize(unit.depth, usize::MAX);
                last_at_depth.push(merged.len());
                moved.push(merged.len());
                merged.push(unit);
            }
        }
    }
    *units = merged;
}

fn continues(before: &Unit, unit: &Unit) -> bool {
    before.kind == unit.kind
        && before.qualified_name == unit.qualified_name
        && before.parent == unit.parent
        && unit.lines.start <= before.lines.end + 1
        && !matches!(unit.kind, Type | Impl | Module | Test)
}

/// The symbol table of a file: definitions of code, not of documents or data.
pub(crate) fn definitions(units: &[Unit]) -> Vec<SymbolRecord> {
    let kept = units
        .iter()
        .filter(|unit| !unit.declares && !matches!(unit.kind, Data | Section | Impl));
    kept.map(|unit| SymbolRecord {
        name: unit.name.clone(),
        qualified_name: unit.qualified_name.clone(),
        kind: unit.kind,
        line: unit.line as u32 + 1,
        end_line: unit.lines.end as u32,
        signature: unit.signature.clone(),
    })
    .collect()
}

/// Adds the names in a callee or type: its last word, and the type in front of it (`Foo::new`).
pub(crate) fn push_mentions(mentions: &mut Vec<Mention>, text: &str, line: u32) {
    if mentions.len() >= MAX_MENTIONS {
        return;
    }
    let tail = &text[text.ceil_char_boundary(text.len().saturating_sub(200))..];
    let (name, before) = last_word(tail);
    if name.len() > 1 && name.len() <= MAX_NAME && !name.starts_with(|c: char| c.is_ascii_digit()) {
        mentions.push(Mention {
            name: name.to_string(),
            line,
        });
    }
    let before = before.trim_end_matches(['.', ':', '?', '!']);
    if before.len() < tail.len() - name.len() {
        let (owner, _) = last_word(before);
        if owner.starts_with(char::is_uppercase) && owner.len() <= MAX_NAME {
            mentions.push(Mention {
                name: owner.to_string(),
                line,
            });
        }
    }
}

/// The last identifier, bracketed parts behind it skipped, and what is in front of it.
fn last_word(text: &str) -> (&str, &str) {
    let mut end = text.trim_end();
    while let Some(open) = end.chars().next_back().and_then(opening) {
        end = skip_group(end, open).trim_end().trim_end_matches("::");
    }
    let end = end.trim_end_matches(['!', '?']);
    let start = end
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .map_or(0, |at| {
            at + end[at..].chars().next().map_or(1, char::len_utf8)
        });
    (&end[start..], &end[..start])
}

fn opening(close: char) -> Option<char> {
    match close {
        ')' => Some('('),
        ']' => Some('['),
        '>' => Some('<'),
        '}' => Some('{'),
        _ => None,
    }
}

/// `text` without the bracketed group at its end.
fn skip_group(text: &str, open: char) -> &str {
    let close = text.chars().next_back().unwrap_or(open);
    let mut depth = 0usize;
    for (at, c) in text.char_indices().rev() {
        depth += usize::from(c == close);
        depth -= usize::from(c == open);
        if depth == 0 {
            return &text[..at];
        }
    }
    ""
}

/// Each name once per line, without the names that the line defines.
pub(crate) fn references(
    mentions: Vec<Mention>,
    definitions: &[SymbolRecord],
) -> Vec<ReferenceRecord> {
    let defined: HashSet<(&str, u32)> = definitions
        .iter()
        .map(|symbol| (symbol.name.as_str(), symbol.line))
        .collect();
    let mut references: Vec<ReferenceRecord> = mentions
        .into_iter()
        .filter(|mention| !defined.contains(&(mention.name.as_str(), mention.line)))
        .collect();
    references.sort_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    references.dedup();
    references
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::language::named_language;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("rust", "HashMap<K, V>", "HashMap", ""),
            ("cpp", "Foo::bar", "bar", "Foo"),
            ("cpp", "a::b::~C", "~C", "a::b"),
            ("cpp", "operator<<", "operator<<", ""),
            ("cpp", "Counter<Page>::record", "record", "Counter"),
            ("lua", "M.sub.run", "run", "M.sub"),
            ("lua", "M:total", "total", "M"),
            ("ruby", "Foo::Bar", "Bar", "Foo"),
            ("elixir", "Foo.Bar", "Bar", "Foo"),
            ("haskell", "go'", "go'", ""),
            ("json", "\"a.b\"", "a.b", ""),
            (
                "javascript",
                "GET /users.json works",
                "GET /users.json works",
                "",
            ),
        ];
        for (language, raw, name, scope) in cases {
            let language = named_language(language).unwrap();
            assert_eq!(
                split_name(raw, language),
                (name.to_string(), scope.to_string()),
                "{raw}"
            );
        }
    }

    #[test]
    fn callees_mention_their_last_word_and_its_type() {
        let cases: &[(&str, &[&str])] = &[
            ("foo", &["foo"]),
            ("self.store.read", &["read"]),
            ("Vec::<u8>::with_capacity", &["with_capacity", "Vec"]),
            ("collect::<Vec<_>>", &["collect"]),
            ("a(x).bc[0]", &["bc"]),
            ("println!", &["println"]),
            ("x", &[]),
            ("(", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let mut mentions = Vec::new();
            push_mentions(&mut mentions, text, 1);
            let names: Vec<&str> = mentions
                .iter()
                .map(|mention| mention.name.as_str())
                .collect();
            assert_eq!(names, *expected, "{text}");
        }
    }
}
