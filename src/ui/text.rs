//! Text in columns: how wide it is, cut, wrapped and made safe to show.

use ratatui::text::Span;

use crate::output::escape;

/// Columns from one tab stop to the next.
const TAB: usize = 4;

/// Columns that text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Columns that a character takes by itself.
pub fn char_width(c: char) -> usize {
    width(c.encode_utf8(&mut [0; 4]))
}

/// A line of untrusted text as it may be shown: escaped, tabs as spaces.
pub fn safe(line: &str) -> String {
    untabbed(&escape::text(line.as_bytes()), 0)
}

/// Tabs as spaces, in text that begins in column `from`.
pub fn untabbed(text: &str, from: usize) -> String {
    if !text.contains('\t') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + TAB);
    let mut column = from;
    for c in text.chars() {
        let columns = match c {
            '\t' => TAB - column % TAB,
            c => char_width(c),
        };
        match c {
            '\t' => out.extend(std::iter::repeat_n(' ', columns)),
            c => out.push(c),
        }
        column += columns;
    }
    out
}

/// What of the text stands in the columns from `skip` on, `most` of them.
pub fn window(text: &str, skip: usize, most: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for grapheme in Span::raw(text).styled_graphemes(ratatui::style::Style::new()) {
        let end = column + width(grapheme.symbol);
        if column >= skip && end <= skip + most {
            out.push_str(grapheme.symbol);
        } else if end > skip && column < skip {
            // Half of a wide character is a space.
            out.push(' ');
        }
        column = end;
    }
    out
}

/// The beginning of the text, with `…` where it was cut.
pub fn fit(text: &str, most: usize) -> String {
    match width(text) {
        all if all <= most => text.to_owned(),
        _ if most == 0 => String::new(),
        _ => window(text, 0, most - 1) + "…",
    }
}

/// The end of the text, with `…` where it was cut: of a path the file's name counts most.
pub fn fit_end(text: &str, most: usize) -> String {
    match width(text) {
        all if all <= most => text.to_owned(),
        _ if most == 0 => String::new(),
        all => format!("…{}", window(text, all + 1 - most, most - 1)),
    }
}

/// The line in rows of `most` columns, broken between words where there is space; rows after the
/// first are as far in as the first.
pub fn wrap(line: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let indent = if indent.len() * 2 > most {
        String::new()
    } else {
        indent
    };
    let mut rows = vec![indent.clone()];
    for word in line.trim_start_matches(' ').split_inclusive(' ') {
        let room = most.saturating_sub(last_width(&rows));
        if width(word.trim_end()) > room && last_width(&rows) > indent.len() {
            rows.push(indent.clone());
        }
        break_into(&mut rows, word, &indent, most);
    }
    for row in &mut rows {
        row.truncate(row.trim_end().len());
    }
    rows
}

fn last_width(rows: &[String]) -> usize {
    rows.last().map_or(0, |row| width(row))
}

/// Appends a word to the last row; one that is longer than a row goes on in the next.
fn break_into(rows: &mut Vec<String>, word: &str, indent: &str, most: usize) {
    for c in word.chars() {
        let is_full = last_width(rows) + char_width(c) > most;
        if is_full && c != ' ' && last_width(rows) > indent.len() {
            rows.push(indent.to_owned());
        }
        if let Some(row) = rows.last_mut() {
            row.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(fit("where is it", 20), "where is it");
        assert_eq!(fit("where is it", 6), "where…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("ab", 0), "");
        assert_eq!(fit_end("src/ui/text.rs", 9), "…/text.rs");
        assert_eq!(fit_end("日本語", 4), "… 語");
        assert_eq!(window("日本", 1, 3), " 本");
    }

    #[test]
    fn tabs_go_to_the_next_stop() {
        assert_eq!(safe("\tlet\tx"), "    let x");
        assert_eq!(safe("日\tx"), "日  x");
        assert_eq!(safe("a\u{202e}\x1b[0m"), "a\\u{202e}\\u{1b}[0m");
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("  one two", 6), ["  one", "  two"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        for most in 0..5 {
            let rows = wrap("    日 x", most);
            assert!(rows.iter().all(|row| width(row) <= most.max(2)), "{rows:?}");
        }
    }
}
