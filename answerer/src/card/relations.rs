//! Callers, callees, implementors and tests.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;

use fathom_indexes::{
    ChunkId, ChunkKind, FileId, LexicalQuery, LexicalTerm, StoreError, SymbolRow, text,
};

use super::names::{Names, folder, is_code};
use super::{LISTED, Link, Place, Subject, TestLink};

/// Mentions of one name that are looked at; a name as common as that says little.
const MENTIONS: usize = 1000;
/// Callers whose own callers are looked through for tests.
const HOPS: usize = 12;
/// A mention that could mean more definitions than this tells nothing of what it means.
const VAGUE: usize = 4;
/// Chunks that are looked through for calls that are not catalogued.
const CHUNKS: usize = 40;
/// Names that the repository does not define, listed at most.
const OUTSIDE: usize = 24;

/// One definition that mentions the subject.
pub(super) struct Caller {
    pub link: Link,
    /// Its bare name and file, to look for its own callers.
    pub symbol: Option<SymbolRow>,
    pub is_test: bool,
}

/// Definitions that mention the subject's name and mean it, the nearest first.
pub(super) fn callers(names: &Names<'_>, subject: &Subject) -> Result<Vec<Caller>, StoreError> {
    if subject.name.is_empty() || !is_code(subject.kind) {
        return Ok(Vec::new());
    }
    callers_of(names, &subject.name, subject.file, &subject.place)
}

fn callers_of(
    names: &Names<'_>,
    name: &str,
    file: FileId,
    place: &Place,
) -> Result<Vec<Caller>, StoreError> {
    let mut seen = HashSet::new();
    let mut callers = Vec::new();
    for (at, link) in mentions_of(names, name, file, place)? {
        if seen.insert((at, link.place.start_line)) {
            let source = names.file(at)?;
            callers.push(Caller {
                symbol: source.enclosing(link.line).cloned(),
                is_test: source.is_test_line(link.line),
                link,
            });
        }
    }
    Ok(callers)
}

/// Lines outside of the definition that mention its name and mean it, the nearest first.
pub(super) fn mentions_of(
    names: &Names<'_>,
    name: &str,
    file: FileId,
    place: &Place,
) -> Result<Vec<(FileId, Link)>, StoreError> {
    let mut mentions = names.references_to(name)?;
    mentions.extend(calls_in_tests(names, name)?);
    mentions.sort_by_cached_key(|&(at, line)| (distance(names, at, file, place), at, line));
    mentions.dedup();
    mentions.truncate(MENTIONS);
    let mut found = Vec::new();
    for (at, line) in mentions {
        let inside = at == file && (place.start_line..=place.end_line).contains(&line);
        if inside {
            continue;
        }
        let source = names.file(at)?;
        let meant = names.meant(name, at, line)?;
        if meant.has(file, place.start_line) {
            found.push((at, source.link(line, meant.len())));
        }
    }
    Ok(found)
}

/// Lines of tests that call the name where no mention is catalogued: inside of
/// macros such as `assert_eq!(name(), 1)`.
fn calls_in_tests(names: &Names<'_>, name: &str) -> Result<Vec<(FileId, u32)>, StoreError> {
    // Among the words of a name the longest is the name itself, as it is indexed.
    let words = text::words(name);
    let Some(text) = words.into_iter().max_by_key(String::len) else {
        return Ok(Vec::new());
    };
    let query = LexicalQuery {
        terms: vec![LexicalTerm { text, weight: 1.0 }],
        ..LexicalQuery::default()
    };
    let hits = names.snapshot().lexical(&query, CHUNKS, None)?;
    let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    let mut found = Vec::new();
    for chunk in names.snapshot().chunks(&ids)? {
        if !names.is_edited(chunk.file) {
            let (first, last) = chunk.record.lines;
            calls_in_lines(names, name, chunk.file, first..=last, &mut found)?;
        }
    }
    for (id, _) in names.edited() {
        calls_in_lines(names, name, id, 1..=u32::MAX, &mut found)?;
    }
    Ok(found)
}

/// Adds those of the lines that are of tests and call the name.
fn calls_in_lines(
    names: &Names<'_>,
    name: &str,
    file: FileId,
    lines: RangeInclusive<u32>,
    found: &mut Vec<(FileId, u32)>,
) -> Result<(), StoreError> {
    let source = names.file(file)?;
    let lines = lines.clone().zip(source.lines_from(*lines.start())?);
    let called = lines.filter(|(line, text)| calls(text, name) && source.is_test_line(*line));
    found.extend(called.map(|(line, _)| (file, line)));
    Ok(())
}

/// Whether a line has the name, whole, in front of an opening bracket.
fn calls(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let whole = !line[..at].chars().next_back().is_some_and(is_word);
        whole && line[at + name.len()..].starts_with('(')
    })
}

/// 0 in the same file, 1 in the same folder, 2 elsewhere.
fn distance(names: &Names<'_>, at: FileId, file: FileId, place: &Place) -> u8 {
    let same_folder = |path: &[u8]| folder(path) == folder(&place.path);
    match names.head(at) {
        _ if at == file => 0,
        Some((path, _)) if same_folder(path) => 1,
        _ => 2,
    }
}

/// Links to the callers that are no tests.
pub(super) fn without_tests(callers: Vec<Caller>) -> Vec<Link> {
    let others = callers.into_iter().filter(|caller| !caller.is_test);
    others.map(|caller| caller.link).collect()
}

/// Tests among the callers, then tests among the callers' callers.
pub(super) fn tests(names: &Names<'_>, callers: &[Caller]) -> Result<Vec<TestLink>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut tests = Vec::new();
    let mut add = |tests: &mut Vec<TestLink>, test: &Link, through: Option<&str>| {
        if seen.insert(test.place.clone()) {
            tests.push(TestLink {
                test: test.clone(),
                through: through.map(str::to_owned),
            });
        }
    };
    for caller in callers.iter().filter(|caller| caller.is_test) {
        add(&mut tests, &caller.link, None);
    }
    let between = callers
        .iter()
        .filter(|caller| !caller.is_test && is_called(caller.link.kind));
    for caller in between.take(HOPS) {
        let Some(symbol) = &caller.symbol else {
            continue;
        };
        if tests.len() >= LISTED {
            break;
        }
        let further = callers_of(names, &symbol.record.name, symbol.file, &caller.link.place)?;
        let tests_of = |test: &&Caller| test.is_test && test.link.candidates <= VAGUE;
        for test in further.iter().filter(tests_of) {
            add(&mut tests, &test.link, Some(&caller.link.name));
        }
    }
    tests.truncate(LISTED);
    Ok(tests)
}

/// Whether things of this kind are called by their names.
fn is_called(kind: ChunkKind) -> bool {
    use ChunkKind::{Function, Interface, Macro, Method, Type};
    matches!(kind, Function | Method | Macro | Type | Interface)
}

/// Definitions that the subject's lines mention, and names defined nowhere here or
/// in too many places.
pub(super) fn callees(
    names: &Names<'_>,
    subject: &Subject,
) -> Result<(Vec<Link>, Vec<String>), StoreError> {
    let source = names.file(subject.file)?;
    let place = &subject.place;
    let lines = place.start_line..=place.end_line;
    let (mut links, mut outside) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for mention in source
        .references()?
        .iter()
        .filter(|r| lines.contains(&r.line))
    {
        if !seen.insert(mention.name.as_str()) || mention.name == subject.name {
            continue;
        }
        let meant = names.meant(&mention.name, subject.file, mention.line)?;
        match meant.first() {
            None => outside.push(mention.name.clone()),
            Some(row) if is_inside(row, subject) => {}
            Some(_) if meant.len() > VAGUE => outside.push(mention.name.clone()),
            Some(row) => links.push(link_to(row, mention.line, meant.len())),
        }
    }
    outside.truncate(OUTSIDE);
    Ok((links, outside))
}

/// Whether a definition is a part of the subject.
fn is_inside(row: &SymbolRow, subject: &Subject) -> bool {
    let place = &subject.place;
    row.file == subject.file
        && (place.start_line..=place.end_line).contains(&row.record.line)
        && !subject.name.is_empty()
}

fn link_to(row: &SymbolRow, line: u32, candidates: usize) -> Link {
    Link {
        name: row.record.qualified_name.clone(),
        kind: row.record.kind,
        place: Place {
            path: row.path.clone(),
            start_line: row.record.line,
            end_line: row.record.end_line,
        },
        line,
        candidates,
    }
}

/// Types that say in their heads that they implement or extend the subject.
pub(super) fn implementors(names: &Names<'_>, subject: &Subject) -> Result<Vec<Link>, StoreError> {
    use ChunkKind::{Interface, Type};
    if !matches!(subject.kind, Interface | Type) || subject.name.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    for (file, line) in heads(names, &subject.name)? {
        let source = names.file(file)?;
        let meant = names.meant_in(&subject.name, file)?;
        let is_meant = meant.has(subject.file, subject.place.start_line);
        let head = head(source.text()?, line);
        if let (true, Some(name)) = (is_meant, implementor(&head, &subject.name)) {
            let mut link = source.link(line, meant.len());
            let far = Reverse(u8::from(file == subject.file));
            name.clone_into(&mut link.name);
            found
                .entry((far, source.path.clone(), line))
                .or_insert(link);
        }
    }
    Ok(found.into_values().collect())
}

/// Places where a head may name the type: its mentions, and signatures that hold its name.
fn heads(names: &Names<'_>, name: &str) -> Result<BTreeSet<(FileId, u32)>, StoreError> {
    let mentions = names.references_to(name)?;
    let mut heads: BTreeSet<(FileId, u32)> = mentions.into_iter().take(MENTIONS).collect();
    let signed = names.snapshot().types_signed(name)?;
    heads.extend(
        signed
            .into_iter()
            .filter(|(file, _)| !names.is_edited(*file)),
    );
    for (id, file) in names.edited() {
        let types = file.symbols.iter().filter(|symbol| {
            let is_type = matches!(symbol.kind, ChunkKind::Type | ChunkKind::Interface);
            is_type && symbol.name != name && symbol.signature.contains(name)
        });
        heads.extend(types.map(|symbol| (id, symbol.line)));
    }
    Ok(heads)
}

/// The line and those after it up to the body, on one line.
fn head(text: &[u8], line: u32) -> String {
    let lines = text.split(|&byte| byte == b'\n');
    let from = lines.skip(line.saturating_sub(1) as usize).take(4);
    let text = from
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let end = text.find('{').or_else(|| text.find("):").map(|at| at + 2));
    text[..end.unwrap_or(text.len())].trim().to_owned()
}

/// The type that a head like `impl Base for Name` or `class Name(Base)` declares.
pub(super) fn implementor<'h>(head: &'h str, base: &str) -> Option<&'h str> {
    let words = words(head);
    let at = words.iter().rposition(|&(_, word)| word == base)?;
    let is = |word: &str| words.iter().position(|&(_, other)| other == word);
    if let (Some(_), Some(says_for)) = (is("impl"), is("for")) {
        return (at < says_for)
            .then(|| words.get(says_for + 1))
            .flatten()
            .map(|w| w.1);
    }
    let declares = [
        "class",
        "struct",
        "interface",
        "trait",
        "object",
        "enum",
        "protocol",
    ];
    let keyword = words.iter().position(|(_, word)| declares.contains(word))?;
    let (start, name) = *words.get(keyword + 1)?;
    let between = head.get(start + name.len()..words[at].0)?;
    let inherits = ["extends", "implements", ":", "(", "with", "<"];
    let says_so = inherits.iter().any(|sign| between.contains(sign));
    says_so.then_some(name)
}

fn words(text: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, &text[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}
