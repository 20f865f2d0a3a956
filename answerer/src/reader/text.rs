//! From bytes as they come to text as it is shown: whole characters, nothing
//! of a stop text.

/// Collects an answer and says what of it can be shown.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Complete characters so far.
    text: String,
    /// Bytes of a character that is not complete.
    rest: Vec<u8>,
    /// Bytes of `text` that were shown.
    shown: usize,
}

impl Answer {
    /// Adds bytes. True if a stop text is complete: it and what follows are
    /// cut off.
    pub(super) fn push(&mut self, bytes: &[u8], stop: &[String]) -> bool {
        let from = self.text.len();
        self.rest.extend_from_slice(bytes);
        self.take_complete();
        let longest = stop.iter().map(String::len).max().unwrap_or(0);
        let mut begin = from.saturating_sub(longest).max(self.shown);
        while !self.text.is_char_boundary(begin) {
            begin -= 1;
        }
        let found = stop.iter().filter(|stop| !stop.is_empty());
        let found = found
            .filter_map(|stop| self.text[begin..].find(stop.as_str()))
            .min();
        if let Some(at) = found {
            self.text.truncate(begin + at);
            self.rest.clear();
        }
        found.is_some()
    }

    fn take_complete(&mut self) {
        loop {
            match std::str::from_utf8(&self.rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.rest.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    self.text
                        .push_str(&String::from_utf8_lossy(&self.rest[..valid]));
                    let Some(wrong) = error.error_len() else {
                        self.rest.drain(..valid);
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.rest.drain(..valid + wrong);
                }
            }
        }
    }

    /// What can be shown now: all but an ending that may become a stop text.
    pub(super) fn ready(&mut self, stop: &[String]) -> &str {
        let held = stop
            .iter()
            .map(|stop| overlap(&self.text, stop))
            .max()
            .unwrap_or(0);
        let end = (self.text.len() - held).max(self.shown);
        let from = std::mem::replace(&mut self.shown, end);
        &self.text[from..end]
    }

    /// What is left to show at the end, and everything.
    pub(super) fn finish(mut self) -> (String, String) {
        self.text.push_str(&String::from_utf8_lossy(&self.rest));
        (self.text[self.shown..].to_owned(), self.text)
    }
}

/// Bytes at the end of `text` with which `stop` begins, but not all of it.
fn overlap(text: &str, stop: &str) -> usize {
    (1..stop.len())
        .rev()
        .find(|&length| stop.is_char_boundary(length) && text.ends_with(&stop[..length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shows what each piece of bytes makes visible, then what the end does.
    fn shown(pieces: &[&[u8]], stop: &[&str]) -> (Vec<String>, String) {
        let stop: Vec<String> = stop.iter().map(|&text| text.to_owned()).collect();
        let mut answer = Answer::default();
        let mut visible = Vec::new();
        for piece in pieces {
            let stopped = answer.push(piece, &stop);
            if stopped {
                break;
            }
            visible.push(answer.ready(&stop).to_owned());
        }
        let (last, all) = answer.finish();
        visible.push(last);
        (visible, all)
    }

    #[test]
    fn characters_are_shown_whole() {
        let (visible, all) = shown(&[b"a\xe2", b"\x82", b"\xac!"], &[]);
        assert_eq!(
            (visible.join("|"), all.as_str()),
            ("a||€!|".to_owned(), "a€!")
        );
        assert_eq!(shown(&[b"a\xffb\xe2"], &[]).1, "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_stop_text_is_never_shown() {
        let (visible, all) = shown(&[b"one <", b"end", b"> two"], &["<end>"]);
        assert_eq!(
            (visible.join("|"), all.as_str()),
            ("one ||".to_owned(), "one ")
        );
        let (visible, all) = shown(&[b"1 < 2"], &["<end>", ""]);
        assert_eq!(
            (visible.concat(), all.as_str()),
            ("1 < 2".to_owned(), "1 < 2")
        );
        assert_eq!(shown(&[b"a<", b"b"], &["<end>"]).0, ["a", "<b", ""]);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_answer(text in "[ab€<]{0,30}", cuts in prop::collection::vec(0..60_usize, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < bytes.len()).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([bytes.len()]);
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let pieces: Vec<&[u8]> = starts.zip(ends).map(|(a, b)| &bytes[a..b]).collect();
            let (visible, all) = shown(&pieces, &["€<"]);
            prop_assert_eq!(visible.concat(), all.clone());
            prop_assert_eq!(all, text.split("€<").next().unwrap_or_default());
        }
    }
}
