//! Which lines of a result are shown.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use fathom_retriever::is_import;

use super::{Item, escape, highlight::Highlighter};

/// Chunks up to this many lines are shown whole.
const WHOLE: usize = 12;
/// Lines shown before and after the best line of a longer chunk.
const AROUND: (u32, u32) = (3, 5);

/// How much of each result to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    /// A short chunk whole, of a long one the head and the best lines.
    #[default]
    Short,
    /// The whole chunk.
    Whole,
    /// Lines before and after each match, beyond the chunk if need be.
    Around {
        /// `-B`
        before: u32,
        /// `-A`
        after: u32,
    },
}

/// A line to show.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Number in the file, from 1.
    pub number: u32,
    /// Made safe to print, without its line end.
    pub text: String,
    /// Whether it matches (rather than being context).
    pub matches: bool,
}

/// The lines of `item` to show, in order; a jump in the numbers is a gap.
pub fn lines(item: &Item, asked: &Highlighter, amount: Amount) -> Vec<Line> {
    let (first, source) = match (&item.file_text, amount) {
        (Some(file), Amount::Around { .. }) => (1, file.as_slice()),
        _ => (item.start_line, item.text.as_slice()),
    };
    let source = split(source);
    let available = first..=first + source.len().saturating_sub(1) as u32;
    let at = |number: u32| {
        source
            .get((number - first) as usize)
            .copied()
            .unwrap_or(b"")
    };
    let anchors = anchors(item, asked, &at, &available);
    let matches = |number: &u32| {
        anchors.contains(number)
            && (!item.matches.is_empty() || asked.weight(&String::from_utf8_lossy(at(*number))) > 0)
    };
    let head = head(item, &at, &available);
    choose(item, head, &anchors, amount)
        .into_iter()
        .filter(|number| available.contains(number) && !source.is_empty())
        .map(|number| Line {
            number,
            text: escape::text(at(number)),
            matches: matches(&number),
        })
        .collect()
}

/// The line in which a result defines what it is called after: doc comments may stand above it.
pub fn definition(item: &Item) -> u32 {
    let source = split(&item.text);
    let at = |number: u32| {
        let line = source.get((number - item.start_line) as usize);
        line.copied().unwrap_or_default()
    };
    head(item, &at, &(item.start_line..=item.end_line))
}

fn split(text: &[u8]) -> Vec<&[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect()
}

/// The matching lines, else the one line that holds most words of the query.
fn anchors<'a>(
    item: &Item,
    asked: &Highlighter,
    at: &impl Fn(u32) -> &'a [u8],
    available: &RangeInclusive<u32>,
) -> Vec<u32> {
    if !item.matches.is_empty() {
        return item.matches.clone();
    }
    let best = (item.start_line..=item.end_line)
        .filter(|number| available.contains(number))
        // Of equally good lines `max_by_key` keeps the last, so later lines count less.
        .map(|number| (number, weight(asked, at(number))))
        .max_by_key(|&(number, weight)| (weight, std::cmp::Reverse(number)));
    vec![best.map_or(item.start_line, |(number, _)| number)]
}

/// How many words of the query a line holds; one that brings in names holds none.
fn weight(asked: &Highlighter, line: &[u8]) -> usize {
    let line = String::from_utf8_lossy(line);
    match is_import(&line) {
        true => 0,
        false => asked.weight(&line),
    }
}

/// The line that the signature begins on, else the first line.
fn head<'a>(item: &Item, at: &impl Fn(u32) -> &'a [u8], available: &RangeInclusive<u32>) -> u32 {
    let signature = item.signature.as_bytes();
    // A signature may go on over several lines, and a line may go on after it.
    let begins = |line: &[u8]| {
        line.len() >= 4 && (signature.starts_with(line) || line.starts_with(signature))
    };
    (item.start_line..=item.end_line)
        .filter(|number| available.contains(number) && !signature.is_empty())
        .find(|&number| begins(at(number).trim_ascii()))
        .unwrap_or(item.start_line)
}

fn choose(item: &Item, head: u32, anchors: &[u32], amount: Amount) -> BTreeSet<u32> {
    let chunk = item.start_line..=item.end_line;
    let within = |line: &u32| chunk.contains(line);
    match amount {
        Amount::Whole => chunk.collect(),
        Amount::Around { before, after } => around(anchors, before, after).collect(),
        Amount::Short if !item.matches.is_empty() => anchors.iter().copied().collect(),
        Amount::Short if chunk.clone().count() <= WHOLE => chunk.collect(),
        Amount::Short => std::iter::once(head)
            .chain(around(anchors, AROUND.0, AROUND.1))
            .filter(within)
            .collect(),
    }
}

fn around(anchors: &[u32], before: u32, after: u32) -> impl Iterator<Item = u32> {
    anchors
        .iter()
        .flat_map(move |&line| line.saturating_sub(before).max(1)..=line.saturating_add(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_where_the_signature_begins() {
        let doc = "/// Words about it.\n".repeat(20);
        let item = Item {
            start_line: 1,
            end_line: 40,
            text: format!("{doc}    pub fn lock(\n{}", "        body();\n".repeat(19)).into(),
            signature: "pub fn lock(path: &Path)".into(),
            ..Item::default()
        };
        let shown = lines(&item, &Highlighter::words("words"), Amount::Short);
        let numbers: Vec<u32> = shown.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 21]);
        assert_eq!(definition(&item), 21);
    }

    /// Shown line numbers of a chunk at lines 11.. of a file of 60 numbered lines.
    fn shown(lines_in_chunk: u32, asked: &str, matches: &[u32], amount: Amount) -> Vec<u32> {
        let file: String = (1..=60).map(|n| format!("line n{n}\n")).collect();
        let end = 10 + lines_in_chunk;
        let text: String = (11..=end).map(|n| format!("line n{n}\n")).collect();
        let item = Item {
            start_line: 11,
            end_line: end,
            text: text.into(),
            file_text: Some(file.into()),
            matches: matches.to_vec(),
            ..Item::default()
        };
        let lines = lines(&item, &Highlighter::words(asked), amount);
        for line in &lines {
            assert_eq!(line.text, format!("line n{}", line.number));
        }
        lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn short_excerpts_show_the_head_and_the_best_lines() {
        let short = |lines, asked, matches| shown(lines, asked, matches, Amount::Short);
        assert_eq!(short(3, "x", &[]), [11, 12, 13]);
        assert_eq!(
            short(40, "n30", &[]),
            [11, 27, 28, 29, 30, 31, 32, 33, 34, 35]
        );
        assert_eq!(short(40, "x", &[]), [11, 12, 13, 14, 15, 16]);
        assert_eq!(short(40, "x", &[20, 45]), [20, 45]);
    }

    #[test]
    fn context_may_leave_the_chunk_but_not_the_file() {
        let around =
            |before, after, matches| shown(3, "n11", matches, Amount::Around { before, after });
        assert_eq!(around(2, 1, &[]), [9, 10, 11, 12]);
        assert_eq!(around(0, 100, &[59]), [59, 60]);
        assert_eq!(around(100, 0, &[2]), [1, 2]);
    }
}
