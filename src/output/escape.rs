//! Makes untrusted text safe to print.
//!
//! A file name or a line of code may hold terminal control sequences or
//! bidirectional overrides that make it read as something else. They are shown
//! as escapes; everything else stays as it is.

use std::fmt::Write;

/// A file name on one line: bytes that are not UTF-8 are shown as `\xNN`.
pub fn path(bytes: &[u8]) -> String {
    escape(bytes, false, |bytes, out| {
        for byte in bytes {
            let _ = write!(out, "\\x{byte:02x}");
        }
    })
}

/// A line of text: tabs stay, bytes that are not UTF-8 become U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    escape(bytes, true, |_, out| out.push('\u{fffd}'))
}

fn escape(bytes: &[u8], tabs: bool, invalid: impl Fn(&[u8], &mut String)) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for c in part.valid().chars() {
            match c {
                '\t' if tabs => out.push(c),
                c if is_unsafe(c) => {
                    let _ = write!(out, "{}", c.escape_default());
                }
                c => out.push(c),
            }
        }
        if !part.invalid().is_empty() {
            invalid(part.invalid(), &mut out);
        }
    }
    out
}

/// Control characters (C0, DEL, C1), bidirectional controls, and line separators.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_bytes_are_shown_not_obeyed() {
        let cases: &[(&[u8], &str)] = &[
            (b"src/main.rs", "src/main.rs"),
            ("höhe.rs".as_bytes(), "höhe.rs"),
            (b"a\x1b[31mb", "a\\u{1b}[31mb"),
            (b"new\nline\ttab", "new\\nline\\ttab"),
            (b"\xff.rs", "\\xff.rs"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(path(bytes), *shown);
        }
    }

    #[test]
    fn lines_keep_tabs() {
        assert_eq!(text(b"\tlet x = 1;\r\xff"), "\tlet x = 1;\\r\u{fffd}");
    }
}
