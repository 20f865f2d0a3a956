//! Where identifiers are cut into words.

/// What a character means for the cuts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    /// A letter without case, such as an ideograph.
    Letter,
    Other,
}

impl Class {
    fn of(c: char) -> Class {
        match c {
            'a'..='z' => Class::Lower,
            'A'..='Z' => Class::Upper,
            '0'..='9' => Class::Digit,
            _ if c.is_ascii() => Class::Other,
            _ if c.is_lowercase() => Class::Lower,
            _ if c.is_uppercase() => Class::Upper,
            _ if c.is_numeric() => Class::Digit,
            _ if c.is_alphabetic() => Class::Letter,
            _ => Class::Other,
        }
    }
}

/// Whether a cut is between `before` and `here`, given what comes after.
///
/// `fooBar`, `HTTPServer` and `utf8` become `foo Bar`, `HTTP Server` and
/// `utf 8`. Underscores need no rule: the tokenizer cuts at punctuation.
fn is_cut(before: Class, here: Class, after: Class) -> bool {
    match (before, here) {
        (Class::Lower, Class::Upper) => true,
        (Class::Upper, Class::Upper) => after == Class::Lower,
        (Class::Digit, Class::Lower | Class::Upper | Class::Letter) => true,
        (Class::Lower | Class::Upper | Class::Letter, Class::Digit) => true,
        _ => false,
    }
}

/// `text` with a space at every cut.
pub(crate) fn split(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut before = Class::Other;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let here = Class::of(c);
        let after = chars.peek().map_or(Class::Other, |&next| Class::of(next));
        if is_cut(before, here, after) {
            out.push(' ');
        }
        out.push(c);
        before = here;
    }
    out
}

/// The words of a run of ASCII letters and digits, cut as by [`split`].
pub(crate) fn ascii_words(run: &str, mut each: impl FnMut(&str)) {
    let bytes = run.as_bytes();
    let class = |i: usize| bytes.get(i).map_or(Class::Other, |&b| Class::of(b.into()));
    let mut start = 0;
    for i in 1..run.len() {
        if is_cut(class(i - 1), class(i), class(i + 1)) {
            each(&run[start..i]);
            start = i;
        }
    }
    if start < run.len() {
        each(&run[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts() {
        for (text, expected) in [
            ("fooBar", "foo Bar"),
            ("HTTPServer", "HTTP Server"),
            ("parseJSON", "parse JSON"),
            ("snake_case", "snake_case"),
            ("utf8ToUtf16", "utf 8 To Utf 16"),
            ("x86_64", "x 86_64"),
            ("SCREAMING_CASE", "SCREAMING_CASE"),
            ("ÄrgerÜber", "Ärger Über"),
            ("日本2語", "日本 2 語"),
            ("a+b", "a+b"),
            ("", ""),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn ascii_words_are_the_words_of_split() {
        for text in [
            "fooBarBAZQux12x",
            "A",
            "ABc",
            "aB1C",
            "1a2B3",
            "IOError",
            "i32",
        ] {
            let mut words = Vec::new();
            ascii_words(text, |word| words.push(word.to_owned()));
            assert_eq!(words.join(" "), split(text));
        }
    }
}
