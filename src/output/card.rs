//! Explanation cards, as text and as JSON.

use std::io::{self, Write};

use fathom_answerer::card::{Card, Change, Choice, Link, Links, Place, TestLink};
use fathom_retriever::SearchHit;
use serde_json::{Value, json};

use super::style::Paint;
use super::{escape, json};

/// What was explained.
pub struct Seen {
    /// As it was asked for; `-` for a trace.
    pub target: String,
    /// Generation of the index that answered.
    pub generation: u64,
    /// One for each place.
    pub cards: Vec<Explained>,
    /// Definitions to choose from, where the name is ambiguous.
    pub choices: Vec<Choice>,
    /// What is not in the index.
    pub missing: Vec<String>,
    /// Files of the cards that are no longer as they were indexed.
    pub changed: Vec<Vec<u8>>,
}

/// A card, with what does not come from the catalog.
pub struct Explained {
    /// The card.
    pub card: Card,
    /// The last change, if git knows.
    pub change: Option<Change>,
    /// Code that is like it, if it is encoded.
    pub similar: Vec<Like>,
}

/// A chunk that is like the subject.
pub struct Like {
    /// Qualified name, or empty.
    name: String,
    place: Place,
    score: f32,
}

impl Like {
    /// Qualified name, or empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl From<SearchHit> for Like {
    fn from(hit: SearchHit) -> Like {
        let (start_line, end_line) = hit.chunk.record.lines;
        Like {
            name: hit.chunk.record.qualified_name,
            place: Place {
                path: hit.chunk.path,
                start_line,
                end_line,
            },
            score: hit.score,
        }
    }
}

impl Seen {
    /// For people.
    pub fn text(&self, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
        for (i, explained) in self.cards.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            write_card(out, explained, paint)?;
        }
        if !self.choices.is_empty() {
            let name = escape::path(self.target.as_bytes());
            writeln!(
                out,
                "`{name}` has {} definitions; explain one of them:",
                self.choices.len()
            )?;
        }
        for choice in &self.choices {
            let what = format!("{} {}", paint.faint(choice.kind), name(&choice.name, paint));
            writeln!(out, "  {}  {what}", start(&choice.place, paint))?;
        }
        Ok(())
    }

    /// For programs.
    pub fn document(&self) -> Value {
        let cards = self.cards.iter();
        let cards = cards.map(|card| fresh_card_json(card, &self.changed));
        json!({
            "target": self.target,
            "generation": self.generation,
            "cards": cards.collect::<Vec<_>>(),
            "choices": self.choices.iter().map(choice_json).collect::<Vec<_>>(),
            "missing": self.missing,
        })
    }
}

/// A card for people.
pub fn write_card(out: &mut dyn Write, explained: &Explained, paint: Paint) -> io::Result<()> {
    let Card {
        subject,
        doc,
        callers,
        callees,
        outside,
        implementors,
        tests,
    } = &explained.card;
    let head = match subject.qualified_name.as_str() {
        "" => paint.faint(subject.kind),
        qualified => format!("{} {}", paint.faint(subject.kind), name(qualified, paint)),
    };
    writeln!(out, "{}  {head}", range(&subject.place, paint))?;
    if !subject.signature.is_empty() {
        writeln!(out, "  {}", one_line(&subject.signature))?;
    }
    for line in doc.lines() {
        writeln!(
            out,
            "  {} {}",
            paint.faint("│"),
            escape::text(line.as_bytes())
        )?;
    }
    write_links(out, "called by (by name)", callers, paint, true)?;
    write_links(out, "calls (by name)", callees, paint, false)?;
    if !outside.is_empty() {
        let names = escape::path(outside.join(", ").as_bytes());
        writeln!(out, "{}", paint.faint("also names"))?;
        writeln!(out, "  {names}")?;
    }
    write_links(out, "implemented by", implementors, paint, false)?;
    write_tests(out, tests, paint)?;
    if !explained.similar.is_empty() {
        writeln!(out, "{}", paint.faint("similar code"))?;
    }
    for like in &explained.similar {
        let score = paint.faint(format_args!("{:.2}", like.score));
        writeln!(
            out,
            "  {}  {} {score}",
            range(&like.place, paint),
            name(&like.name, paint)
        )?;
    }
    if let Some(change) = &explained.change {
        let line = format!(
            "{} {} {}: {}",
            change.commit, change.date, change.author, change.subject
        );
        writeln!(out, "{}", paint.faint("last change"))?;
        writeln!(out, "  {}", escape::path(line.as_bytes()))?;
    }
    Ok(())
}

fn write_links(
    out: &mut dyn Write,
    title: &str,
    links: &Links,
    paint: Paint,
    at_mention: bool,
) -> io::Result<()> {
    if links.total == 0 {
        return Ok(());
    }
    writeln!(out, "{}", paint.faint(title))?;
    for link in &links.listed {
        let line = if at_mention {
            link.line
        } else {
            link.place.start_line
        };
        writeln!(
            out,
            "  {}  {}",
            at(&link.place, line, paint),
            what(link, paint)
        )?;
    }
    let left = links.total - links.listed.len();
    if left > 0 {
        writeln!(out, "  {}", paint.faint(format_args!("and {left} more")))?;
    }
    Ok(())
}

fn write_tests(out: &mut dyn Write, tests: &[TestLink], paint: Paint) -> io::Result<()> {
    if !tests.is_empty() {
        writeln!(out, "{}", paint.faint("tests that reach it (by name)"))?;
    }
    for TestLink { test, through } in tests {
        let through = through.as_ref().map_or(String::new(), |through| {
            paint.faint(format_args!(
                " through {}",
                escape::path(through.as_bytes())
            ))
        });
        let place = at(&test.place, test.line, paint);
        writeln!(out, "  {place}  {}{through}", what(test, paint))?;
    }
    Ok(())
}

/// `name`, and between how many definitions the name leaves the choice.
fn what(link: &Link, paint: Paint) -> String {
    let name = match link.name.as_str() {
        "" => paint.faint(link.kind),
        qualified => name(qualified, paint),
    };
    match link.candidates {
        0 | 1 => name,
        n => format!("{name} {}", paint.faint(format_args!("(one of {n})"))),
    }
}

fn name(text: &str, paint: Paint) -> String {
    paint.name(escape::path(text.as_bytes()))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escape::text(words.join(" ").as_bytes())
}

fn start(place: &Place, paint: Paint) -> String {
    at(place, place.start_line, paint)
}

fn at(place: &Place, line: u32, paint: Paint) -> String {
    format!(
        "{}:{}",
        paint.path(escape::path(&place.path)),
        paint.line(line)
    )
}

/// `path:start-end`, or `path:line`.
pub fn range(place: &Place, paint: Paint) -> String {
    if place.start_line == place.end_line {
        return start(place, paint);
    }
    let lines = format!("{}-{}", place.start_line, place.end_line);
    format!(
        "{}:{}",
        paint.path(escape::path(&place.path)),
        paint.line(lines)
    )
}

/// A card for programs, with whether its file is still as it was indexed.
pub fn fresh_card_json(explained: &Explained, changed: &[Vec<u8>]) -> Value {
    let mut value = card_json(explained);
    let path = &explained.card.subject.place.path;
    value["freshness"] = json::freshness(changed, path).into();
    value
}

/// A card for programs.
fn card_json(explained: &Explained) -> Value {
    let card = &explained.card;
    let mut value = place_json(&card.subject.place);
    let more = json!({
        "asked_line": card.subject.asked,
        "language": card.subject.language,
        "kind": card.subject.kind.as_str(),
        "name": card.subject.qualified_name,
        "signature": card.subject.signature,
        "doc": card.doc,
        "callers": links_json(&card.callers),
        "callers_total": card.callers.total,
        "callees": links_json(&card.callees),
        "callees_total": card.callees.total,
        "outside": card.outside,
        "implementors": links_json(&card.implementors),
        "implementors_total": card.implementors.total,
        "tests": card.tests.iter().map(test_json).collect::<Vec<_>>(),
        "resolved": "by-name",
        "similar": explained.similar.iter().map(like_json).collect::<Vec<_>>(),
        "last_change": explained.change.as_ref().map(change_json),
    });
    merge(&mut value, more);
    value
}

/// `path`, `path_b64` where needed, `start_line`, `end_line`.
pub fn place_json(place: &Place) -> Value {
    let (path, path_b64) = json::path(&place.path);
    let mut value = json!({
        "path": path,
        "start_line": place.start_line,
        "end_line": place.end_line,
    });
    if let Some(path_b64) = path_b64 {
        merge(&mut value, json!({ "path_b64": path_b64 }));
    }
    value
}

fn merge(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

fn links_json(links: &Links) -> Vec<Value> {
    links.listed.iter().map(link_json).collect()
}

fn link_json(link: &Link) -> Value {
    let mut value = place_json(&link.place);
    let more = json!({
        "name": link.name,
        "kind": link.kind.as_str(),
        "line": link.line,
        "candidates": link.candidates,
    });
    merge(&mut value, more);
    value
}

fn test_json(test: &TestLink) -> Value {
    let mut value = link_json(&test.test);
    merge(&mut value, json!({ "through": test.through }));
    value
}

fn like_json(like: &Like) -> Value {
    let mut value = place_json(&like.place);
    let more = json!({ "name": like.name, "score": json::rounded(like.score) });
    merge(&mut value, more);
    value
}

fn choice_json(choice: &Choice) -> Value {
    let mut value = place_json(&choice.place);
    let more = json!({
        "name": choice.name,
        "kind": choice.kind.as_str(),
        "signature": choice.signature,
    });
    merge(&mut value, more);
    value
}

fn change_json(change: &Change) -> Value {
    json!({
        "commit": change.commit,
        "date": change.date,
        "author": change.author,
        "subject": change.subject,
    })
}
