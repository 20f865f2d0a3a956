//! Which parts of a line answer the words of the query.

use std::collections::HashSet;
use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::style::Paint;

/// Words that say nothing about code.
const STOP_WORDS: &[&str] = &[
    "and", "are", "does", "for", "from", "has", "how", "into", "its", "not", "that", "the", "this",
    "what", "when", "where", "which", "who", "why", "with",
];

/// Finds the query's words, or the query as a regular expression, in lines.
pub struct Highlighter {
    pattern: Option<Regex>,
}

impl Highlighter {
    /// Looks for the words of a question, regardless of case.
    pub fn words(query: &str) -> Highlighter {
        let words: Vec<String> = query
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| word.chars().count() > 2)
            .filter(|word| !STOP_WORDS.contains(&word.to_lowercase().as_str()))
            .map(regex::escape)
            .collect();
        Highlighter {
            pattern: (!words.is_empty())
                .then(|| words.join("|"))
                .and_then(|pattern| {
                    RegexBuilder::new(&pattern)
                        .case_insensitive(true)
                        .build()
                        .ok()
                }),
        }
    }

    /// Looks for a regular expression.
    pub fn regex(pattern: &str) -> Highlighter {
        Highlighter {
            pattern: Regex::new(pattern).ok(),
        }
    }

    /// How many different words of the query the line holds.
    pub fn weight(&self, line: &str) -> usize {
        let Some(pattern) = &self.pattern else {
            return 0;
        };
        let words: HashSet<String> = pattern
            .find_iter(line)
            .map(|found| found.as_str().to_lowercase())
            .collect();
        words.len()
    }

    /// What was found in the line, from left to right.
    pub fn ranges(&self, line: &str) -> Vec<Range<usize>> {
        let found = self.pattern.iter();
        let found = found.flat_map(|pattern| pattern.find_iter(line));
        let found = found.map(|found| found.range());
        found.filter(|range| !range.is_empty()).collect()
    }

    /// The line with what was found painted.
    pub fn paint(&self, line: &str, paint: Paint) -> String {
        match &self.pattern {
            Some(pattern) if paint.is_on() => pattern
                .replace_all(line, |found: &regex::Captures| paint.found(&found[0]))
                .into_owned(),
            _ => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_counts_different_words() {
        let asked = Highlighter::words("where is the file lock taken?");
        assert_eq!(asked.weight("let lock = Lock::take(file)?;"), 2);
        assert_eq!(asked.weight("where is the"), 0);
        assert_eq!(Highlighter::words("?").weight("anything"), 0);
    }
}
