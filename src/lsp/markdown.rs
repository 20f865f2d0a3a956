//! Cards, results and answers as Markdown. What comes from a repository stands in code, where
//! nothing of it is rendered; answers of readers were made inert before.

use std::fmt::Write;
use std::sync::LazyLock;

use fathom_answerer::card::{Card, Choice, Link, Links, Place, Subject};
use fathom_answerer::untrusted::fence;

use regex::Regex;

use crate::output::answer::Given;
use crate::output::card::Explained;
use crate::output::escape;

/// How a place is written: as text, or as a link that opens it.
pub type At<'a> = &'a dyn Fn(&Place, u32) -> String;

/// Text on one line, in which nothing is rendered.
pub fn code(text: &[u8]) -> String {
    let text = escape::path(text);
    let longest = fence(&text).len();
    // A fence is at least three long; a span needs one more than the text has.
    let ticks = match text.contains('`') {
        true => "`".repeat(longest),
        false => "`".to_owned(),
    };
    match text.is_empty() || text.contains('`') || text.trim() != text {
        true => format!("{ticks} {text} {ticks}"),
        false => format!("{ticks}{text}{ticks}"),
    }
}

/// Lines in which nothing is rendered.
pub fn block(language: &str, text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| escape::text(line.as_bytes()))
        .collect();
    let text = lines.join("\n");
    let fence = fence(&text);
    let language = language.chars().filter(char::is_ascii_alphanumeric);
    format!("{fence}{}\n{text}\n{fence}\n", language.collect::<String>())
}

/// `path:line`.
pub fn at(place: &Place, line: u32) -> String {
    let mut text = place.path.clone();
    text.extend(format!(":{line}").bytes());
    code(&text)
}

/// `path:first-last`.
pub fn range(place: &Place) -> String {
    let mut text = place.path.clone();
    let (first, last) = (place.start_line, place.end_line);
    text.extend(format!(":{first}").bytes());
    if last != first {
        text.extend(format!("-{last}").bytes());
    }
    code(&text)
}

/// A card with at most so many entries in each list.
pub fn card(card: &Card, most: usize, at: At) -> String {
    let mut out = head(&card.subject);
    if !card.doc.is_empty() {
        out.push('\n');
        out.push_str(&block("text", &card.doc));
    }
    links(&mut out, "Called by", &card.callers, most, at, true);
    links(&mut out, "Calls", &card.callees, most, at, false);
    if !card.outside.is_empty() {
        let names = card.outside.iter().take(2 * most);
        let names: Vec<String> = names.map(|name| code(name.as_bytes())).collect();
        let _ = writeln!(out, "\n**Also names** {}", names.join(" "));
    }
    links(
        &mut out,
        "Implemented by",
        &card.implementors,
        most,
        at,
        false,
    );
    if !card.tests.is_empty() {
        out.push_str("\n**Tests that reach it**\n\n");
    }
    for test in card.tests.iter().take(most) {
        let through = test.through.as_ref().map(|name| code(name.as_bytes()));
        let through = through.map_or(String::new(), |name| format!(" through {name}"));
        let place = at(&test.test.place, test.test.line);
        let _ = writeln!(out, "- {} {place}{through}", name(&test.test));
    }
    out
}

/// What it is and where, and how it is declared.
pub fn head(subject: &Subject) -> String {
    let name = match subject.qualified_name.as_str() {
        "" => String::new(),
        name => format!(" {}", code(name.as_bytes())),
    };
    let place = range(&subject.place);
    let mut out = format!("**{}**{name} · {place}\n", subject.kind);
    if !subject.signature.is_empty() {
        out.push('\n');
        out.push_str(&block(&subject.language, &subject.signature));
    }
    out
}

fn links(out: &mut String, title: &str, links: &Links, most: usize, at: At, at_mention: bool) {
    if links.total == 0 {
        return;
    }
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "\n**{title}** (by name)\n");
    for link in links.listed.iter().take(most) {
        let line = match at_mention {
            true => link.line,
            false => link.place.start_line,
        };
        let choice = match link.candidates {
            0 | 1 => String::new(),
            n => format!(" (one of {n})"),
        };
        let _ = writeln!(out, "- {} {}{choice}", name(link), at(&link.place, line));
    }
    let left = links.total - links.listed.len().min(most);
    if left > 0 {
        let _ = writeln!(out, "- and {left} more");
    }
}

fn name(link: &Link) -> String {
    match link.name.as_str() {
        "" => link.kind.to_string(),
        name => code(name.as_bytes()),
    }
}

/// A card with what does not come from the catalog.
pub fn explained(explained: &Explained, at: At) -> String {
    let mut out = card(&explained.card, usize::MAX, at);
    if !explained.similar.is_empty() {
        out.push_str("\n**Similar code**\n\n");
    }
    for like in &explained.similar {
        let place = at(like.place(), like.place().start_line);
        let _ = writeln!(out, "- {} {place}", code(like.name().as_bytes()));
    }
    if let Some(change) = &explained.change {
        let text = format!(
            "{} {} {}: {}",
            change.commit, change.date, change.author, change.subject
        );
        let _ = writeln!(out, "\n**Last change** {}", code(text.as_bytes()));
    }
    out
}

/// What a reader said. Nothing of it can be rendered but lists, code and emphasis; addresses of
/// mail are taken apart here.
pub fn prose(given: &Given) -> String {
    let model = code(given.model.as_bytes());
    let text = MAIL.as_ref().map_or_else(
        || given.answered.text.clone(),
        |mail| {
            mail.replace_all(&given.answered.text, "$a [at] $b")
                .into_owned()
        },
    );
    format!("*{model}, {}*\n\n{text}\n", given.proof())
}

static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<a>[\w.+-])@(?<b>[\w-]+\.\w)").ok());

/// Definitions to choose from.
pub fn choices(name: &str, choices: &[Choice], at: At) -> String {
    let name = code(name.as_bytes());
    let mut out = format!("{name} has {} definitions:\n\n", choices.len());
    for choice in choices {
        let place = at(&choice.place, choice.place.start_line);
        let name = code(choice.name.as_bytes());
        let _ = writeln!(out, "- {} {name} {place}", choice.kind);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_repository_is_rendered() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("[x](command:y)", "`[x](command:y)`"),
            ("a`b", "```` a`b ````"),
            ("```\n# x", "```` ```\\n# x ````"),
            ("", "`  `"),
            ("<img src=x>\u{202e}", "`<img src=x>\\u{202e}`"),
        ] {
            let shown = code(text.as_bytes());
            assert!(
                shown == expected || shown.trim_matches('`') == expected.trim_matches('`'),
                "{shown}"
            );
            let ticks = shown.chars().take_while(|&c| c == '`').count();
            let inner = &shown[ticks..shown.len() - ticks];
            assert!(!inner.contains(&"`".repeat(ticks)), "{shown}");
        }
        let shown = block("ru`st", "a\n````\n[x](y)\u{1b}");
        assert!(
            shown.starts_with("`````rust\n") && shown.ends_with("`````\n"),
            "{shown}"
        );
        assert!(shown.contains("\\u{1b}"), "{shown}");
    }
}
