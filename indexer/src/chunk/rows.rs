//! The lines of a file with their token counts: what chunks are made of.
//!
//! A row is a line, except that a line with more tokens than a chunk may hold is
//! several rows, cut at character boundaries. Tokens are counted once per row;
//! prefix sums give the size of any run of rows.

use std::ops::Range;

/// Lines longer than this (bytes) are cut before they are counted.
const LONG_LINE: usize = 4096;
/// Length (bytes) of the pieces such a line is first cut into.
const LONG_PIECE: usize = 1024;

/// All rows of a text.
pub(crate) struct Rows<'a> {
    text: &'a str,
    /// First byte of each row, and the end of the text.
    starts: Vec<u32>,
    /// Line (0-based) of each row.
    lines: Vec<u32>,
    /// Row of each line, and the number of rows.
    firsts: Vec<u32>,
    /// Tokens in all rows before each row.
    sums: Vec<u32>,
    blank: Vec<bool>,
}

impl<'a> Rows<'a> {
    /// Splits `text` and counts each row once; no row has more than `max_tokens`
    /// unless a single character has.
    pub(crate) fn new(text: &'a str, max_tokens: usize, count: &dyn Fn(&str) -> usize) -> Rows<'a> {
        let mut rows = Rows {
            text,
            starts: vec![],
            lines: vec![],
            firsts: vec![],
            sums: vec![0],
            blank: vec![],
        };
        let mut at = 0;
        for (line, content) in text.split_inclusive('\n').enumerate() {
            rows.firsts.push(rows.lines.len() as u32);
            rows.push_line(at..at + content.len(), line as u32, max_tokens, count);
            at += content.len();
        }
        rows.firsts.push(rows.lines.len() as u32);
        rows.starts.push(text.len() as u32);
        rows
    }

    fn push_line(
        &mut self,
        line_bytes: Range<usize>,
        line: u32,
        max: usize,
        count: &dyn Fn(&str) -> usize,
    ) {
        let mut waiting = long_pieces(self.text, line_bytes);
        waiting.reverse();
        while let Some(bytes) = waiting.pop() {
            let content = &self.text[bytes.clone()];
            let tokens = count(content);
            let middle = cut_near(self.text, bytes.start + bytes.len() / 2, &bytes);
            match middle {
                Some(middle) if tokens > max => {
                    waiting.push(middle..bytes.end);
                    waiting.push(bytes.start..middle);
                }
                _ => self.push_row(bytes, line, tokens),
            }
        }
    }

    fn push_row(&mut self, bytes: Range<usize>, line: u32, tokens: usize) {
        let before = self.sums.last().copied().unwrap_or(0);
        self.blank.push(
            self.text.as_bytes()[bytes.clone()]
                .iter()
                .all(u8::is_ascii_whitespace),
        );
        self.starts.push(bytes.start as u32);
        self.lines.push(line);
        self.sums.push(before.saturating_add(tokens as u32));
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Number of lines.
    pub(crate) fn line_count(&self) -> usize {
        self.firsts.len() - 1
    }

    /// Tokens in a run of rows.
    pub(crate) fn tokens(&self, rows: &Range<usize>) -> usize {
        (self.sums[rows.end] - self.sums[rows.start]) as usize
    }

    /// Bytes of a run of rows.
    pub(crate) fn bytes(&self, rows: &Range<usize>) -> Range<u32> {
        self.starts[rows.start]..self.starts[rows.end]
    }

    /// Text of a run of rows.
    pub(crate) fn text(&self, rows: &Range<usize>) -> &'a str {
        &self.text[self.starts[rows.start] as usize..self.starts[rows.end] as usize]
    }

    /// Line (0-based) of a row.
    pub(crate) fn line(&self, row: usize) -> u32 {
        self.lines[row]
    }

    /// First row of a line (0-based); the number of rows for lines past the end.
    pub(crate) fn first(&self, line: usize) -> usize {
        self.firsts
            .get(line)
            .map_or(self.len(), |&row| row as usize)
    }

    pub(crate) fn is_blank(&self, row: usize) -> bool {
        self.blank[row]
    }

    /// The run without blank rows at its ends; empty when all are blank.
    pub(crate) fn trimmed(&self, rows: Range<usize>) -> Range<usize> {
        let Range { mut start, mut end } = rows;
        while start < end && self.blank[start] {
            start += 1;
        }
        while start < end && self.blank[end - 1] {
            end -= 1;
        }
        start..end
    }

    /// Whether no row of the run has a letter or digit: closing brackets and the like.
    pub(crate) fn is_punctuation(&self, rows: &Range<usize>) -> bool {
        !self.text(rows).chars().any(char::is_alphanumeric)
    }
}

/// A long line in pieces; any other line as it is.
fn long_pieces(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    if line.len() <= LONG_LINE {
        return vec![line];
    }
    let mut pieces = Vec::with_capacity(line.len() / LONG_PIECE + 1);
    let mut start = line.start;
    while line.end - start > LONG_PIECE {
        let cut = cut_near(text, start + LONG_PIECE, &(start..line.end)).unwrap_or(line.end);
        pieces.push(start..cut);
        start = cut;
    }
    if start < line.end {
        pieces.push(start..line.end);
    }
    pieces
}

/// A place to cut inside `bytes`, at or a little before `wanted`: after a
/// separator where one is near, else at a character boundary.
fn cut_near(text: &str, wanted: usize, bytes: &Range<usize>) -> Option<usize> {
    let lowest = wanted.saturating_sub(64).max(bytes.start + 1);
    let after_separator = (lowest..=wanted)
        .rev()
        .find(|&at| at < bytes.end && b" ,;>)}]\t".contains(&text.as_bytes()[at - 1]));
    let cut = after_separator.or_else(|| {
        (bytes.start + 1..=wanted)
            .rev()
            .find(|&at| text.is_char_boundary(at))
    });
    let cut = cut.or_else(|| (wanted + 1..bytes.end).find(|&at| text.is_char_boundary(at)));
    cut.filter(|&at| bytes.start < at && at < bytes.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    #[test]
    fn a_long_line_becomes_rows_that_fit() {
        let text = format!("short line\n{}\nend", "word ".repeat(3000));
        let rows = Rows::new(&text, 50, &words);
        assert_eq!(rows.line_count(), 3);
        assert!((0..rows.len()).all(|row| rows.tokens(&(row..row + 1)) <= 50));
        assert_eq!(rows.text(&(0..rows.len())), text);
        assert_eq!(rows.tokens(&(0..rows.len())), 3003);
    }

    proptest! {
        #[test]
        fn rows_cover_the_text(text in "(\\PC{0,40}\n){0,20}\\PC{0,40}", max in 1usize..10) {
            let rows = Rows::new(&text, max, &words);
            prop_assert_eq!(rows.text(&(0..rows.len())), text.as_str());
            for row in 0..rows.len() {
                let content = rows.text(&(row..row + 1));
                prop_assert!(!content.is_empty());
                prop_assert!(words(content) <= max || content.chars().count() == 1);
            }
        }
    }
}
