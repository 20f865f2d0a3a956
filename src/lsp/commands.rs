//! `workspace/executeCommand`: explain, find similar, ask. The answer is a document that the
//! client is asked to show, and the result of the request.

use fathom_answerer::card::{Graph, Place as Lines, Subject, Target};
use fathom_answerer::conversation::Conversation;
use fathom_retriever::SearchRequest;
use gen_lsp_types::{Position, Range};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::Asked;
use super::markdown;
use super::message::{INVALID_PARAMS, METHOD_NOT_FOUND, Refusal};
use super::named::meant;
use super::progress::Progress;
use super::shown;
use super::streamed::Streamed;
use super::uri;
use super::world::{Here, Word};
use crate::engine::Place;
use crate::engine::explanation::Wanted;
use crate::engine::freshness::Freshness;
use crate::engine::question::AnswerLimits;
use crate::output::answer::Given;

/// Places of similar code.
const SIMILAR: usize = 10;
/// Chunks without vectors that are waited for: they take a few seconds.
const SOON: u64 = 500;

/// What a command is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    /// The document.
    uri: String,
    /// What is selected in it; empty: the cursor.
    range: Option<Range>,
    /// The cursor, where nothing is selected.
    position: Option<Position>,
    /// A question in plain words.
    question: String,
    /// Asks the reader anew, also where its answer of before is kept.
    refresh: bool,
    /// Whether the client is asked to show the answer.
    show: Option<bool>,
}

/// Runs a command.
pub fn run(asked: &Asked) -> Result<Value, Refusal> {
    let command = asked.raw.get("command").and_then(Value::as_str);
    let about = asked.raw.pointer("/arguments/0").cloned();
    let about: About = match about {
        Some(about) => serde_json::from_value(about)
            .map_err(|error| Refusal::new(INVALID_PARAMS, error.to_string()))?,
        None => About::default(),
    };
    asked.go_on()?;
    match command {
        Some("fathom.explain") => explain(asked, &about),
        Some("fathom.similar") => similar(asked, &about),
        Some("fathom.ask") => ask(asked, &about),
        _ => {
            let name = command.unwrap_or_default();
            let why = format!("`{name}` is no command of fathom");
            Err(Refusal::new(METHOD_NOT_FOUND, why))
        }
    }
}

impl About {
    fn range(&self) -> Range {
        let at = self.position.unwrap_or_default();
        self.range.unwrap_or(Range { start: at, end: at })
    }
}

/// The file that is meant; whoever asks first waits until there is an index.
fn here(asked: &Asked, about: &About) -> Result<Here, Refusal> {
    let outside = || {
        let why = format!("`{}` is in no folder that is open in the editor", about.uri);
        Refusal::failed(why)
    };
    let here = asked.here(&about.uri)?.ok_or_else(outside)?;
    if here.snapshot.generation() > 0 {
        return Ok(here);
    }
    let words = Freshness::Words;
    asked.world.catch_up(&here.place, words, &asked.cancel);
    asked.go_on()?;
    asked.here(&about.uri)?.ok_or_else(outside)
}

/// Progress of a command; by its token the client can cancel it.
fn progress(asked: &Asked, title: &str) -> Progress {
    let token = asked.raw.get("workDoneToken").cloned();
    let progress = Progress::new(&asked.world.client, token, title);
    if let Some(token) = progress.token() {
        asked.running.add_token(&asked.id, token);
    }
    progress
}

/// The definition that the name under the cursor stands for, or what is selected, or what holds
/// the cursor. Some editors always have something selected: a selection within a name is a cursor.
fn subject(
    asked: &Asked,
    here: &Here,
    graph: &Graph<'_>,
    range: Range,
) -> Result<Subject, Refusal> {
    let (start, end) = (range.start.line + 1, range.end.line.saturating_add(1));
    let word: Option<Word> = here.word(graph, range.start, asked.world.encoding)?;
    let at = |position: Position| (position.line, position.character);
    if let Some(word) = word.filter(|word| at(range.end) <= at(word.range.end)) {
        let mut meant = meant(graph, here, &word)?;
        if let (1, Some(only)) = (meant.len(), meant.pop()) {
            return Ok(only);
        }
    }
    let found = graph.at(&here.path, start, end.max(start))?;
    found.ok_or_else(|| Refusal::failed(format!("there is nothing to explain on line {start}")))
}

fn title_of(subject: &Subject) -> String {
    match subject.qualified_name.as_str() {
        "" => {
            let path = String::from_utf8_lossy(&subject.place.path);
            format!("{path}:{}", subject.place.start_line)
        }
        name => name.to_owned(),
    }
}

fn explain(asked: &Asked, about: &About) -> Result<Value, Refusal> {
    let here = here(asked, about)?;
    let subject = subject(asked, &here, &here.graph()?, about.range())?;
    let title = title_of(&subject);
    let progress = progress(asked, &format!("Explaining {title}"));
    let (start, end) = match subject.name.as_str() {
        "" => (subject.place.start_line, subject.place.end_line),
        _ => (subject.place.start_line, subject.place.start_line),
    };
    let wanted = Wanted::One(Target::Lines {
        path: String::from_utf8_lossy(&subject.place.path).into_owned(),
        start,
        end,
    });
    let engine = &asked.world.engine;
    let seen = engine.explain(&here.place, &wanted)?;
    asked.go_on()?;
    let Some(explained) = seen.cards.first() else {
        return Err(Refusal::failed(format!("`{wanted}` is not there any more")));
    };
    let at = |place: &Lines, line: u32| link(asked, &here.place, place, line);
    let heading = format!("# {}\n\n", markdown::code(title.as_bytes()));
    let card = markdown::explained(explained, &at);
    let mut streamed = Streamed::new(asked, &progress);
    streamed.part(&format!("{heading}{card}\n"));
    let limits = (AnswerLimits::default(), about.refresh);
    let prose = engine.tell(&here.place, explained, limits, &mut streamed);
    let mut text = format!("{heading}{card}");
    match prose {
        _ if asked.go_on().is_err() => return Err(Refusal::cancelled()),
        Ok(prose) => {
            if let Some(given) = &prose.given {
                text.push_str("\n## In words\n\n");
                text.push_str(&answer(asked, &here.place, given));
            }
        }
        // The card stands without a reader's words.
        Err(error) => streamed_warning(asked, &error.to_string(), &mut text),
    }
    finish(asked, about, &format!("Explain {title}"), text)
}

fn streamed_warning(asked: &Asked, error: &str, text: &mut String) {
    asked
        .world
        .client
        .log(super::client::Weight::Warning, error);
    text.push_str(&format!("\n{}\n", markdown::code(error.as_bytes())));
}

fn similar(asked: &Asked, about: &About) -> Result<Value, Refusal> {
    let here = here(asked, about)?;
    let line = about.range().start.line + 1;
    let progress = progress(asked, "Looking for similar code");
    let vectors = match here.place.repository.snapshot()?.missing() {
        0..=SOON => Freshness::Everything,
        _ => Freshness::Encoded,
    };
    asked.world.catch_up(&here.place, vectors, &asked.cancel);
    asked.go_on()?;
    let place = Place {
        under: Some(here.path.clone()),
        ..here.place.clone()
    };
    let line = indexed_line(&here, line)?;
    let request = SearchRequest {
        top_k: SIMILAR,
        ..SearchRequest::new("")
    };
    let answer = asked.world.engine.similar(&place, line, request)?;
    drop(progress);
    asked.go_on()?;
    let from = Lines {
        path: here.path.clone(),
        start_line: line,
        end_line: line,
    };
    let name = markdown::at(&from, line);
    let mut text = format!("# Code like {name}\n");
    for item in &answer.results {
        let found = Lines {
            path: item.path.clone(),
            start_line: item.start_line,
            end_line: item.end_line,
        };
        let link = link(asked, &here.place, &found, item.start_line);
        let name = markdown::code(item.name.as_bytes());
        let shown = String::from_utf8_lossy(&item.text);
        let code = markdown::block(&item.language, &shown);
        text.push_str(&format!(
            "\n## {link}\n\n{name} · {:.2}\n\n{code}",
            item.score
        ));
    }
    let title = format!("Similar to {}:{line}", String::from_utf8_lossy(&here.path));
    finish(asked, about, &title, text)
}

/// The line of the index that a line of an unsaved document was, as far as its definition tells.
fn indexed_line(here: &Here, line: u32) -> Result<u32, Refusal> {
    let Some(now) = here.graph()?.at(&here.path, line, line)? else {
        return Ok(line);
    };
    let Some(row) = here.snapshot.file(&here.path)? else {
        return Ok(line);
    };
    let symbols = here.snapshot.symbols_of_file(row.id)?;
    let then = symbols
        .iter()
        .find(|row| !now.name.is_empty() && row.record.qualified_name == now.qualified_name);
    Ok(then.map_or(line, |row| {
        let below = line - now.place.start_line.min(line);
        (row.record.line + below).min(row.record.end_line)
    }))
}

fn ask(asked: &Asked, about: &About) -> Result<Value, Refusal> {
    let (place, question) = match about.uri.as_str() {
        "" => (only_place(asked)?, about.question.clone()),
        _ => {
            let here = here(asked, about)?;
            let subject = subject(asked, &here, &here.graph()?, about.range())?;
            (here.place.clone(), question(&about.question, &subject))
        }
    };
    if question.trim().is_empty() {
        let why = "there is no question; send it as `question`";
        return Err(Refusal::new(INVALID_PARAMS, why));
    }
    let progress = progress(asked, "Answering");
    let vectors = Freshness::Encoded;
    asked.world.catch_up(&place, vectors, &asked.cancel);
    asked.go_on()?;
    let heading = format!("# {}\n\n", markdown::code(question.as_bytes()));
    let mut streamed = Streamed::new(asked, &progress);
    streamed.part(&heading);
    let answered = asked.world.engine.ask(
        &place,
        (&question, AnswerLimits::default()),
        SearchRequest::new(""),
        &mut Conversation::default(),
        &mut streamed,
    );
    asked.go_on()?;
    let answered = answered?;
    let mut text = heading;
    if let Some(given) = &answered.given {
        text.push_str(&answer(asked, &place, given));
    }
    let at = |lines: &Lines, line: u32| link(asked, &place, lines, line);
    if let Some(card) = &answered.card {
        text.push('\n');
        text.push_str(&markdown::explained(card, &at));
    }
    if !answered.spans.is_empty() {
        text.push_str("\n## Evidence\n");
    }
    for span in &answered.spans {
        let found = link(asked, &place, &span.place(), span.start_line);
        let code = markdown::block("", &span.text);
        let name = markdown::code(span.name.as_bytes());
        text.push_str(&format!("\n{found} {name}\n\n{code}"));
    }
    finish(asked, about, &question, text)
}

/// The repository that is meant where no file is named.
fn only_place(asked: &Asked) -> Result<Place, Refusal> {
    match asked.world.engine.roots() {
        [root] => Ok(asked.world.open(root, &asked.documents)?.0),
        [] => Err(Refusal::failed("no folder is open in the editor")),
        _ => Err(Refusal::failed(
            "several folders are open; send the `uri` of a file in one",
        )),
    }
}

/// The question, and what it is about.
fn question(written: &str, subject: &Subject) -> String {
    let name = title_of(subject);
    match written.trim() {
        "" => format!("What does `{name}` do, and who depends on it?"),
        written => format!("{written} (about `{name}`)"),
    }
}

/// A place as a link of our own making: nothing of a path is left as it is in an address.
fn link(asked: &Asked, place: &Place, lines: &Lines, line: u32) -> String {
    let label = markdown::at(lines, line);
    let uri = asked.world.uri(place, &lines.path);
    format!("[{label}]({uri}#L{line})")
}

/// What a reader said, with links to its sources.
fn answer(asked: &Asked, place: &Place, given: &Given) -> String {
    let at = |lines: &Lines, line: u32| link(asked, place, lines, line);
    let sources = given.cited().map(|(number, lines)| {
        let link = at(lines, lines.start_line);
        format!("- \\[{number}\\] {link}\n")
    });
    let sources: String = sources.collect();
    // Sources come first: an answer that is cut off may leave a block of code open.
    match sources.is_empty() {
        true => markdown::prose(given),
        false => format!("{sources}\n{}", markdown::prose(given)),
    }
}

fn finish(asked: &Asked, about: &About, title: &str, text: String) -> Result<Value, Refusal> {
    let data = &asked.world.engine.settings().data_dir;
    let path = shown::write(data, title, &text).map_err(Refusal::failed)?;
    asked.go_on()?;
    if about.show != Some(false) {
        shown::show(&asked.world.client, &path);
    }
    Ok(json!({"uri": uri::of(&path), "markdown": text}))
}
