//! Whether what an index says of a place still holds on disk.

use std::path::Path;

use fathom_indexes::FileRecord;
use memchr::memmem;

use crate::source::{self, Reading};

/// How an indexed piece of a file compares with the file as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It is there, in the same lines.
    #[default]
    Unchanged,
    /// It is there, unchanged, but begins in another line.
    Moved {
        /// Its first line now, from 1.
        line: u32,
    },
    /// The file no longer holds it as it was indexed.
    Changed,
    /// The file is no longer there, or cannot be read.
    Gone,
}

impl State {
    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unchanged => "unchanged",
            State::Moved { .. } => "moved",
            State::Changed => "changed",
            State::Gone => "gone",
        }
    }
}

/// Compares `piece`, which begins in `line` of the indexed `file`, with the file below `root`.
/// A file that was only touched is read and found to be the same; a piece is looked for by its
/// bytes, and of several places the one nearest to the old is taken.
pub fn compare(root: &Path, file: &FileRecord, line: u32, piece: &[u8], max_bytes: u64) -> State {
    let path = source::locate(root, &file.path);
    match std::fs::symlink_metadata(&path) {
        Ok(meta) if !file.racy && source::file_stat(&meta) == file.stat => return State::Unchanged,
        Ok(_) => {}
        Err(_) => return State::Gone,
    }
    match source::read(root, &file.path, max_bytes) {
        Reading::Text { hash, .. } if hash == file.hash => State::Unchanged,
        Reading::Text { text, .. } => find(&text, line, piece),
        Reading::Skip { .. } => State::Changed,
        Reading::Unreadable(_) | Reading::Gone => State::Gone,
    }
}

fn find(text: &[u8], line: u32, piece: &[u8]) -> State {
    if piece.is_empty() {
        return State::Changed;
    }
    let (mut counted, mut number) = (0, 1_u32);
    let mut nearest: Option<u32> = None;
    for at in memmem::find_iter(text, piece) {
        let newlines = memchr::memchr_iter(b'\n', &text[counted..at]).count();
        number = number.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        counted = at;
        if nearest.is_none_or(|best| number.abs_diff(line) < best.abs_diff(line)) {
            nearest = Some(number);
        }
    }
    match nearest {
        Some(found) if found == line => State::Unchanged,
        Some(found) => State::Moved { line: found },
        None => State::Changed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fathom_indexes::ContentHash;

    use super::*;

    const INDEXED: &str = "fn a() {}\n\nfn b() {\n    1\n}\n\nfn c() {}\n";
    const PIECE: &str = "fn b() {\n    1\n}";

    /// The state of `fn b` when the indexed file holds `now`, or is gone.
    fn state(now: Option<&str>) -> State {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.rs");
        std::fs::write(&path, INDEXED).unwrap();
        let file = FileRecord {
            path: b"f.rs".to_vec(),
            stat: source::file_stat(&std::fs::metadata(&path).unwrap()),
            hash: ContentHash::of(INDEXED.as_bytes()),
            racy: true,
            language: "rust".into(),
            lossy: false,
            note: None,
            generated: false,
            lines: 7,
        };
        match now {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        compare(dir.path(), &file, 3, PIECE.as_bytes(), 1 << 20)
    }

    #[test]
    fn a_piece_is_found_where_it_is_now() {
        let two = format!("{INDEXED}{PIECE}\n");
        let cases = [
            (Some(INDEXED), State::Unchanged),
            (
                Some("fn a() {}\n\nfn b() {\n    1\n}\n\nfn d() {}\n"),
                State::Unchanged,
            ),
            (Some("fn b() {\n    1\n}\n"), State::Moved { line: 1 }),
            (
                Some("\n\n\n\nfn b() {\n    1\n}\n"),
                State::Moved { line: 5 },
            ),
            (Some(two.as_str()), State::Unchanged),
            (Some("fn a() {}\n\nfn b() {\n    2\n}\n"), State::Changed),
            (Some(""), State::Changed),
            (Some("\0binary now"), State::Changed),
            (None, State::Gone),
        ];
        for (now, expected) in cases {
            assert_eq!(state(now), expected, "{now:?}");
        }
    }
}
