//! The lines of a text that a regular expression matches.

use memchr::{memchr, memchr_iter, memrchr};
use regex::bytes::{Regex, RegexBuilder};

use crate::error::RetrieveError;

/// Compiled size limit in bytes, as generous as it can be without letting a pattern eat the memory.
const SIZE_LIMIT: usize = 16 << 20;

/// Compiles a pattern: `^` and `$` match at lines, `.` stops at them, case counts unless `(?i)` says otherwise.
pub fn compile(pattern: &str) -> Result<Regex, RetrieveError> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| RetrieveError::Regex {
            pattern: pattern.to_owned(),
            reason: one_line(&error),
        })
}

/// The parser draws the pattern with a caret below over several lines; its last line says what is wrong.
fn one_line(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("it compiles to more than {} MiB", limit >> 20);
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.trim_start_matches("error: ").to_owned()
}

/// The lines (1-based, ascending) that match on their own, as grep has it. A match over several lines counts only if
/// the pattern asks for line ends by `\n`, and then counts for all its lines.
pub fn matching(regex: &Regex, text: &[u8]) -> Vec<u32> {
    let across = regex.as_str().contains("\\n") || regex.as_str().contains('\n');
    let mut numbers = LineNumbers {
        text,
        at: 0,
        number: 1,
    };
    let mut found = Vec::new();
    let mut from = 0;
    while from <= text.len() {
        let Some(hit) = regex.find_at(text, from) else {
            break;
        };
        let line = line_around(text, hit.start());
        if is_past_the_end(text, hit.start()) {
            break;
        }
        let first = numbers.of(hit.start());
        if across {
            let last_byte = hit.end().max(hit.start() + 1) - 1;
            found.extend(first..=numbers.of(last_byte));
            from = line_around(text, last_byte.min(text.len())).1 + 1;
        } else {
            if hit.end() <= line.1 || matches_within(regex, text, line) {
                found.push(first);
            }
            from = line.1 + 1;
        }
    }
    found
}

/// After the last line's end there is no further line.
fn is_past_the_end(text: &[u8], at: usize) -> bool {
    at == text.len() && (at == 0 || text[at - 1] == b'\n')
}

/// Whether the line matches without what follows it.
fn matches_within(regex: &Regex, text: &[u8], line: (usize, usize)) -> bool {
    regex.find_at(&text[..line.1], line.0).is_some()
}

/// Start and end (without its `\n`) of the line that holds the byte `at`.
fn line_around(text: &[u8], at: usize) -> (usize, usize) {
    let start = memrchr(b'\n', &text[..at]).map_or(0, |i| i + 1);
    let end = memchr(b'\n', &text[at..]).map_or(text.len(), |i| at + i);
    (start, end)
}

/// Counts lines up to ascending offsets.
struct LineNumbers<'a> {
    text: &'a [u8],
    at: usize,
    number: u32,
}

impl LineNumbers<'_> {
    fn of(&mut self, offset: usize) -> u32 {
        let passed = memchr_iter(b'\n', &self.text[self.at..offset]).count();
        self.number += u32::try_from(passed).unwrap_or(u32::MAX);
        self.at = offset;
        self.number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn lines(pattern: &str, text: &str) -> Vec<u32> {
        matching(&compile(pattern).unwrap(), text.as_bytes())
    }

    #[test]
    fn lines_match_as_grep_has_it() {
        for (pattern, text, expected) in [
            ("b", "a\nb\nc\nb", vec![2, 4]),
            ("b", "a\nb b b\n", vec![2]),
            ("^b", "ab\nb\n", vec![2]),
            ("a$", "a\nab\na\n", vec![1, 3]),
            ("^$", "a\n\nb\n", vec![2]),
            ("^$", "", vec![]),
            ("", "a\nb\n", vec![1, 2]),
            (r"\s*foo", "a\n\n  foo\n", vec![3]),
            (r"a\s+b", "a\nb\na b\n", vec![3]),
            (r"a\nb", "x\na\nb\na b\n", vec![2, 3]),
            (r"\bfn\b", "fn a\nfna\nx fn", vec![1, 3]),
            ("(?i)B", "a\nb", vec![2]),
            (".", "a\r\n\r\n", vec![1, 2]),
        ] {
            assert_eq!(lines(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_utf_8_is_searched() {
        assert_eq!(matching(&compile("b").unwrap(), b"\xff\nb\xff"), [2]);
    }

    #[test]
    fn broken_patterns_say_what_is_wrong() {
        let errors: Vec<String> = ["a(b", "a{1000}{1000}{1000}", "[z-a]"]
            .iter()
            .map(|pattern| compile(pattern).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        `a(b` is not a usable regular expression: unclosed group; escape special characters or search without `--mode regex`
        `a{1000}{1000}{1000}` is not a usable regular expression: it compiles to more than 16 MiB; escape special characters or search without `--mode regex`
        `[z-a]` is not a usable regular expression: invalid character class range, the start must be <= the end; escape special characters or search without `--mode regex`
        ");
    }

    const PATTERNS: &[&str] = &[
        "a", "ab", r"a\s*b", r"\s+a", "^a", "b$", "^$", r"\ba", "", r"[^a]+b",
    ];

    proptest! {
        #[test]
        fn the_same_lines_as_one_by_one(text in "[ab \\n]{0,40}", pattern in proptest::sample::select(PATTERNS)) {
            let regex = compile(pattern).unwrap();
            let mut all: Vec<&str> = text.split('\n').collect();
            if all.last() == Some(&"") {
                all.pop();
            }
            let expected: Vec<u32> = (1..).zip(all).filter(|(_, line)| regex.is_match(line.as_bytes())).map(|(n, _)| n).collect();
            prop_assert_eq!(matching(&regex, text.as_bytes()), expected, "{:?}", pattern);
        }
    }
}
