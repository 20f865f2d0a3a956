//! A look at a text before it is parsed: does it nest so deeply that a grammar
//! could run out of its stack or of the room that its scanner has for state?
//!
//! Grammars are C code. Their scanners keep open indentations, here-documents
//! and the like in a buffer of 1,024 bytes, and some of them abort the process
//! when it does not suffice; so the limits here are well below that.

use crate::language::Language;

/// Brackets and tags nested deeper are not parsed; real code reaches a few dozen.
const MAX_NESTING: usize = 1000;
/// Indentations nested deeper are not parsed.
const MAX_INDENTATIONS: usize = 100;
/// Here-documents opened on one line, and the length of their words in bytes.
const MAX_HEREDOCS: usize = 20;
const MAX_HEREDOC_WORD: usize = 100;

/// Whether a text is not to be given to its grammar.
pub(crate) fn too_deep(language: &Language, text: &str) -> bool {
    let bytes = text.as_bytes();
    brackets(bytes) > MAX_NESTING
        || match language.name {
            "html" => tags(bytes) > MAX_NESTING,
            "yaml" => {
                indentations(text) + text.lines().map(markers).max().unwrap_or(0) > MAX_INDENTATIONS
            }
            "python" | "haskell" | "scala" | "markdown" => indentations(text) > MAX_INDENTATIONS,
            "ruby" | "php" | "bash" => text.lines().any(hostile_heredocs),
            _ => false,
        }
}

/// The deepest nesting of brackets, strings and comments included.
fn brackets(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The deepest nesting of tags, those that are never closed included.
fn tags(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for pair in bytes.windows(2) {
        match pair {
            b"</" | b"/>" => depth = depth.saturating_sub(1),
            [b'<', next] if next.is_ascii_alphabetic() => depth += 1,
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The most indentations that are open at once.
fn indentations(text: &str) -> usize {
    let (mut open, mut deepest) = (Vec::new(), 0);
    for line in text.lines() {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if indentation == line.len() {
            continue;
        }
        while open.last().is_some_and(|last| *last >= indentation) {
            open.pop();
        }
        open.push(indentation);
        deepest = deepest.max(open.len());
    }
    deepest
}

/// What may open blocks within one line of YAML: `- - - x`, `? - ? x`.
fn markers(line: &str) -> usize {
    let bytes = line.as_bytes();
    let marks = |(at, byte): (usize, &u8)| {
        b"-?:".contains(byte) && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace)
    };
    bytes.iter().enumerate().filter(|mark| marks(*mark)).count()
}

/// More here-documents on a line, or longer words for their ends, than anyone writes.
fn hostile_heredocs(line: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let starts: Vec<usize> = line.match_indices("<<").map(|(at, _)| at + 2).collect();
    let longest = starts.iter().map(|&at| {
        let word = line.as_bytes()[at..]
            .iter()
            .skip_while(|byte| b"<-~\"'`\\ ".contains(byte));
        word.take_while(|byte| is_word(byte)).count()
    });
    starts.len() > MAX_HEREDOCS || longest.max().unwrap_or(0) > MAX_HEREDOC_WORD
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::language::named_language;

    #[test]
    fn depths() {
        let brackets_of = [("", 0), ("a(b[c]{d})", 2), (")))(", 1), ("((((", 4)];
        for (text, expected) in brackets_of {
            assert_eq!(brackets(text.as_bytes()), expected, "{text}");
        }
        let tags_of = [("<a><b/></a>", 2), ("<a<b<c", 3), ("a < b", 0)];
        for (text, expected) in tags_of {
            assert_eq!(tags(text.as_bytes()), expected, "{text}");
        }
        let indentations_of = [("a\nb\n", 1), ("a\n  b\n    c\n  d\n\n      e\n", 3)];
        for (text, expected) in indentations_of {
            assert_eq!(indentations(text), expected, "{text}");
        }
    }

    #[test]
    fn what_scanners_cannot_take_is_refused() {
        let cases = [
            ("yaml", "- ".repeat(300), true),
            ("yaml", "a: b - c\n".repeat(300), false),
            ("ruby", format!("<<~{}\n", "A".repeat(300)), true),
            ("ruby", "f(<<A, ".repeat(300), true),
            ("ruby", "x << y\n".repeat(300), false),
            (
                "python",
                (0..200)
                    .map(|n| format!("{}if x:\n", " ".repeat(n)))
                    .collect(),
                true,
            ),
            (
                "c",
                (0..200).map(|n| format!("{}x\n", " ".repeat(n))).collect(),
                false,
            ),
        ];
        for (name, text, expected) in cases {
            assert_eq!(
                too_deep(named_language(name).unwrap(), &text),
                expected,
                "{name}"
            );
        }
    }
}
