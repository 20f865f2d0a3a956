//! What is changed in a text before it is parsed, without moving an offset.
//!
//! C and C++ attribute macros, which no grammar can know, are blanked:
//! `class MY_API Name {` would parse as a function. Bats tests become functions.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::language::Language;

/// One macro: capitals with an underscore, perhaps with arguments.
const MACRO: &str = r"[A-Z][A-Z0-9]*_[A-Z0-9_]*(?:\([^()\n]*\))?";

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // class MACRO Name
        format!(r"\b(?:class|struct|union|enum)\s+((?:{MACRO}\s+)+)[A-Za-z_]"),
        // void f() const MACRO;
        format!(r"\)\s*(?:const\s*|noexcept\s*|override\s*)*((?:{MACRO}\s*)+)[;{{]"),
        // MACRO int f(
        format!(r"(?m)^[ \t]*((?:{MACRO}\s+)+)[A-Za-z_][\w:<>, ]*[ *&]+[A-Za-z_][\w:]*\s*\("),
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// `text` as the parser should see it.
pub(crate) fn prepare<'a>(language: &Language, text: &'a str) -> Cow<'a, str> {
    match language.name {
        "c" | "cpp" => blank_macros(text),
        "bash" if text.contains("@test ") => Cow::Owned(name_bats_tests(text)),
        _ => Cow::Borrowed(text),
    }
}

fn blank_macros(text: &str) -> Cow<'_, str> {
    let found = PATTERNS
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
        .filter_map(|found| found.get(1));
    let ranges: Vec<_> = found.map(|group| group.range()).collect();
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        bytes[range]
            .iter_mut()
            .filter(|byte| !byte.is_ascii_whitespace())
            .for_each(|byte| *byte = b' ');
    }
    // Blanks replace whole characters only, so this is still UTF-8.
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// `@test "adds two numbers" {` as `test_adds_two_numbers() {`, each line as long as it was.
fn name_bats_tests(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| bats_test(line).unwrap_or_else(|| line.to_string()))
        .collect()
}

fn bats_test(line: &str) -> Option<String> {
    let title = line
        .trim_end()
        .strip_prefix("@test ")?
        .trim_end_matches('{')
        .trim()
        .trim_matches(['"', '\'']);
    let name: String = title
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte)
            } else {
                '_'
            }
        })
        .collect();
    let head = format!("test_{name}() {{");
    let end = if line.ends_with('\n') { "\n" } else { "" };
    let padding = line.len().checked_sub(head.len() + end.len())?;
    Some(format!("{head}{}{end}", " ".repeat(padding)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::language::named_language;

    #[test]
    fn macros_are_blanked_where_they_are_in_the_way() {
        let cases = [
            ("class MY_API Name {", "class        Name {"),
            (
                "void f() const LOCKS_(mu) NO_X;",
                "void f() const                ;",
            ),
            (
                "  FMT_INLINE int* f(int x) {",
                "             int* f(int x) {",
            ),
            ("MY_TYPE f(int x);", "MY_TYPE f(int x);"),
            ("x = MAX_SIZE;", "x = MAX_SIZE;"),
        ];
        let cpp = named_language("cpp").unwrap();
        for (text, expected) in cases {
            assert_eq!(prepare(cpp, text), expected);
        }
    }

    #[test]
    fn bats_tests_become_functions() {
        let bash = named_language("bash").unwrap();
        let text = "@test \"a + b = é\" {\n  run x\n}\n";
        assert_eq!(prepare(bash, text), "test_a___b_____() { \n  run x\n}\n");
        assert_eq!(prepare(bash, text).len(), text.len());
    }
}
