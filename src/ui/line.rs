//! A line of text that is typed: a cursor, and what editing keys do.

use super::text;

/// Bytes that fit into a line.
const LONGEST: usize = 4096;

/// A line with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// Byte before which the cursor stands.
    at: usize,
}

/// What a key does to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Writes a character.
    Insert(char),
    /// Takes the character before the cursor away.
    Backspace,
    /// Takes the character after the cursor away.
    Delete,
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Takes the word before the cursor away.
    DeleteWord,
    /// Takes everything before the cursor away.
    DeleteToStart,
    /// Takes everything after the cursor away.
    DeleteToEnd,
}

impl Line {
    /// With the cursor at the end.
    pub fn new(text: &str) -> Line {
        let mut line = Line::default();
        line.insert(text);
        line
    }

    /// What is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing but space is written.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The words of it, separated by space or commas.
    pub fn words(&self) -> Vec<String> {
        let words = self.text.split([' ', ',']);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Writes text at the cursor: one line of it, without control characters.
    pub fn insert(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if !c.is_control() && self.text.len() + c.len_utf8() <= LONGEST {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
            }
        }
    }

    /// Does what a key does; whether the text is another one then.
    pub fn edit(&mut self, edit: Edit) -> bool {
        let before = self.text.len();
        match edit {
            Edit::Insert(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Edit::Backspace => self.delete(self.previous(), self.at),
            Edit::Delete => self.delete(self.at, self.next()),
            Edit::Left => self.at = self.previous(),
            Edit::Right => self.at = self.next(),
            Edit::Home => self.at = 0,
            Edit::End => self.at = self.text.len(),
            Edit::DeleteWord => self.delete(self.word(), self.at),
            Edit::DeleteToStart => self.delete(0, self.at),
            Edit::DeleteToEnd => self.delete(self.at, self.text.len()),
        }
        self.text.len() != before
    }

    /// As it is shown in `width` columns, and the column of the cursor.
    pub fn shown(&self, width: usize) -> (String, usize) {
        let before = text::safe(&self.text[..self.at]);
        let skipped = text::width(&before).saturating_sub(width.saturating_sub(1));
        let all = before.clone() + &text::safe(&self.text[self.at..]);
        let shown = text::window(&all, skipped, width);
        (shown, text::width(&before) - skipped)
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
    }

    /// Where the character before the cursor begins, with the marks on it.
    fn previous(&self) -> usize {
        let mut before = self.text[..self.at].char_indices().rev();
        let start = before.find(|(_, c)| text::char_width(*c) > 0);
        start.map_or(0, |(at, _)| at)
    }

    /// Where the character after the cursor ends, with the marks on it.
    fn next(&self) -> usize {
        let after = &self.text[self.at..];
        let mut rest = after.char_indices().skip(1);
        let end = rest.find(|(_, c)| text::char_width(*c) > 0);
        end.map_or(self.text.len(), |(at, _)| self.at + at)
    }

    fn word(&self) -> usize {
        let before = self.text[..self.at].trim_end();
        before.rfind(' ').map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line after some edits, with `|` where the cursor is.
    fn after(text: &str, edits: &[Edit]) -> String {
        let mut line = Line::new(text);
        for edit in edits {
            line.edit(*edit);
        }
        let (before, after) = line.text.split_at(line.at);
        format!("{before}|{after}")
    }

    #[test]
    fn keys_edit_the_line() {
        use Edit::*;
        assert_eq!(after("lock", &[]), "lock|");
        assert_eq!(after("lock", &[Left, Insert('s')]), "locs|k");
        assert_eq!(after("lock", &[Home, Delete, Backspace]), "|ock");
        assert_eq!(after("the lock", &[DeleteWord]), "the |");
        assert_eq!(after("the lock  ", &[DeleteWord, DeleteWord]), "|");
        assert_eq!(after("lock", &[Left, Left, DeleteToStart]), "|ck");
        assert_eq!(after("lock", &[Left, DeleteToEnd, End, Right]), "loc|");
        // An accent of its own goes with its letter.
        assert_eq!(after("ae\u{301}b", &[Left, Left]), "a|e\u{301}b");
        assert_eq!(after("ae\u{301}b", &[Left, Backspace]), "a|b");
    }

    #[test]
    fn pasted_text_becomes_one_line() {
        assert_eq!(after("a\n\tb\x1b[31m\n", &[]), "a  b[31m|");
        assert_eq!(Line::new(&"é".repeat(5000)).text().len(), LONGEST);
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        let line = Line::new("where is the lock taken");
        assert_eq!(line.shown(40), ("where is the lock taken".into(), 23));
        assert_eq!(line.shown(8), ("k taken".into(), 7));
        assert_eq!(Line::new("日本語").shown(5), ("本語".into(), 4));
        assert_eq!(
            Line::new("a\u{202e}b").shown(20),
            ("a\\u{202e}b".into(), 10)
        );
    }
}
