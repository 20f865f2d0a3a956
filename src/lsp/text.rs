//! Positions in text: lines from 0 and columns in the client's units.

use gen_lsp_types::{Position, Range};

/// In what a client counts columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// What every client knows.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    /// The best that a client offers.
    pub fn of<'a>(offered: impl Iterator<Item = &'a str>) -> Encoding {
        let known = offered.filter_map(|name| match name {
            "utf-8" => Some(Encoding::Utf8),
            "utf-32" => Some(Encoding::Utf32),
            "utf-16" => Some(Encoding::Utf16),
            _ => None,
        });
        let known: Vec<Encoding> = known.collect();
        match known.contains(&Encoding::Utf8) {
            true => Encoding::Utf8,
            false => known.first().copied().unwrap_or_default(),
        }
    }

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
            Encoding::Utf32 => "utf-32",
        }
    }

    fn length(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }

    /// The byte of a line at a column: that of the character that it is in, or the line's end.
    pub fn byte(self, line: &str, column: u32) -> usize {
        let mut left = column as usize;
        for (at, c) in line.char_indices() {
            if left < self.length(c) {
                return at;
            }
            left -= self.length(c);
        }
        line.len()
    }

    /// The column of a byte of a line.
    pub fn column(self, line: &str, byte: usize) -> u32 {
        let before = line.char_indices().take_while(|(at, _)| *at < byte);
        before.map(|(_, c)| self.length(c)).sum::<usize>() as u32
    }

    /// The byte of a text at a position; what is behind the end is the end.
    pub fn offset(self, text: &str, position: Position) -> usize {
        let start = line_start(text, position.line);
        let line = line_at(&text[start..]);
        start + self.byte(line, position.character)
    }

    /// A part of one line.
    pub fn range(self, line: u32, text: &str, bytes: std::ops::Range<usize>) -> Range {
        Range {
            start: Position {
                line,
                character: self.column(text, bytes.start),
            },
            end: Position {
                line,
                character: self.column(text, bytes.end),
            },
        }
    }
}

/// Where a line begins, from 0.
fn line_start(text: &str, line: u32) -> usize {
    let mut ends = text.match_indices('\n');
    match line.checked_sub(1) {
        None => 0,
        Some(before) => ends
            .nth(before as usize)
            .map_or(text.len(), |(at, _)| at + 1),
    }
}

/// The text up to the end of its first line.
fn line_at(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

/// A line of a text, from 0, without its end.
pub fn line(text: &str, line: u32) -> &str {
    line_at(&text[line_start(text, line)..])
}

/// The name at a byte of a line, or right before it.
pub fn word(line: &str, byte: usize) -> Option<std::ops::Range<usize>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let before = line[..byte].char_indices().rev();
    let start = before.take_while(|(_, c)| is_word(*c)).last();
    let start = start.map_or(byte, |(at, _)| at);
    let length: usize = line[byte..]
        .chars()
        .take_while(|c| is_word(*c))
        .map(char::len_utf8)
        .sum();
    let word = start..byte + length;
    let digits = line[word.clone()].starts_with(|c: char| c.is_ascii_digit());
    (!word.is_empty() && !digits).then_some(word)
}

/// Where a line has a name as a whole word; the first time, or every time.
pub fn whole_words<'a>(
    line: &'a str,
    name: &'a str,
) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = line.match_indices(name).filter(move |(at, _)| {
        let end = at + name.len();
        let before = line[..*at].chars().next_back();
        let after = line[end..].chars().next();
        !name.is_empty() && !before.is_some_and(is_word) && !after.is_some_and(is_word)
    });
    found.map(move |(at, _)| at..at + name.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_count_what_the_client_counts() {
        // a, ö (2 bytes, 1 unit), 𝄞 (4 bytes, 2 units), b
        let line = "aö𝄞b";
        for (encoding, columns) in [
            (Encoding::Utf8, [0, 1, 3, 7, 8]),
            (Encoding::Utf16, [0, 1, 2, 4, 5]),
            (Encoding::Utf32, [0, 1, 2, 3, 4]),
        ] {
            let bytes = [0, 1, 3, 7, 8];
            for (byte, column) in bytes.into_iter().zip(columns) {
                assert_eq!(encoding.column(line, byte), column, "{encoding:?} {byte}");
                assert_eq!(encoding.byte(line, column), byte, "{encoding:?} {column}");
            }
            assert_eq!(encoding.byte(line, 99), 8);
        }
        assert_eq!(Encoding::Utf16.byte(line, 3), 3, "in the middle of a pair");
    }

    #[test]
    fn lines_end_where_they_end() {
        let text = "one\r\ntwo\n\nfour";
        let lines: Vec<&str> = (0..6).map(|n| line(text, n)).collect();
        assert_eq!(lines, ["one", "two", "", "four", "", ""]);
        let at = |line, character| Encoding::Utf8.offset(text, Position { line, character });
        assert_eq!([at(0, 9), at(1, 1), at(3, 4), at(9, 9)], [3, 6, 14, 14]);
    }

    #[test]
    fn words_are_found_around_a_column() {
        for (text, byte, expected) in [
            ("let höhe = 1;", 5, Some("höhe")),
            ("let höhe = 1;", 9, Some("höhe")),
            ("a.b", 1, Some("a")),
            ("f(x)", 2, Some("x")),
            ("1 + 22", 5, None),
            ("  ", 1, None),
            ("", 0, None),
        ] {
            assert_eq!(
                word(text, byte).map(|at| &text[at]),
                expected,
                "{text} {byte}"
            );
        }
        let found: Vec<_> = whole_words("run(rerun, run)", "run").collect();
        assert_eq!(found, [0..3, 11..14]);
    }

    #[test]
    fn utf8_is_taken_where_it_is_offered() {
        let of = |offered: &[&str]| Encoding::of(offered.iter().copied()).name();
        assert_eq!(of(&[]), "utf-16");
        assert_eq!(of(&["utf-16", "utf-8"]), "utf-8");
        assert_eq!(of(&["utf-32", "utf-16"]), "utf-32");
        assert_eq!(of(&["latin-1"]), "utf-16");
    }

    proptest! {
        #[test]
        fn any_position_is_somewhere(text in "[aö𝄞\r\n]{0,12}", line in 0u32..9, character in 0u32..9) {
            for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
                let offset = encoding.offset(&text, Position { line, character });
                prop_assert!(text.is_char_boundary(offset));
            }
        }
    }
}
