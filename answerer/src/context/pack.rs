//! Chooses lines by value and merges them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::{Context, Piece};

/// Lines between two wanted stretches that are shown rather than left out.
const GAP: u32 = 3;
/// Each further chunk of a file is worth this part of what it would be alone.
const FURTHER: f32 = 0.8;

/// A file of which lines may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the root, as bytes.
    pub path: Vec<u8>,
    /// Name of the language.
    pub language: String,
    /// All of it.
    pub text: String,
    /// Definitions, for the heads of what is cut out: lines and signature.
    pub definitions: Vec<((u32, u32), String)>,
}

/// Lines that are worth something to the question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Want {
    /// Which file.
    pub file: usize,
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// 0 to 1.
    pub value: f32,
}

/// Fills `budget` tokens (by `count`) with what is worth most for its length.
/// Overlapping and neighbouring lines become one piece; nothing is shown twice,
/// and what [`Context::render`] gives never takes more than `budget`.
#[must_use]
pub fn pack(
    files: &[File],
    wants: &[Want],
    count: &dyn Fn(&str) -> usize,
    budget: usize,
) -> Context {
    let mut chosen: Vec<Want> = Vec::new();
    let mut sizes = Sizes {
        files,
        count,
        known: HashMap::new(),
    };
    let mut left: Vec<Want> = wants
        .iter()
        .filter_map(|want| clipped(files, *want))
        .collect();
    while let Some(best) = sizes.best(&chosen, &left) {
        let want = left.swap_remove(best);
        chosen.push(want);
        if sizes.of(&chosen) > budget {
            chosen.pop();
        }
    }
    // Tokens are not exactly additive: the whole is counted once, and cut if need be.
    loop {
        let context = context(files, &chosen);
        if chosen.is_empty() || count(&context.render()) <= budget {
            return context;
        }
        chosen.pop();
    }
}

/// A want within its file.
fn clipped(files: &[File], want: Want) -> Option<Want> {
    let total = files.get(want.file)?.text.lines().count() as u32;
    let lines = (want.lines.0.max(1), want.lines.1.min(total));
    (lines.0 <= lines.1).then_some(Want { lines, ..want })
}

/// Tokens of stretches, counted once each.
struct Sizes<'a> {
    files: &'a [File],
    count: &'a dyn Fn(&str) -> usize,
    known: HashMap<(usize, u32, u32), usize>,
}

impl Sizes<'_> {
    /// Tokens of all the stretches that wants come to.
    fn of(&mut self, wants: &[Want]) -> usize {
        let all = stretches(wants);
        all.into_iter()
            .map(|(file, lines)| self.stretch(file, lines))
            .sum()
    }

    fn stretch(&mut self, file: usize, lines: (u32, u32)) -> usize {
        let (files, count) = (self.files, self.count);
        let known = self.known.entry((file, lines.0, lines.1));
        // One for the empty line after it.
        *known.or_insert_with(|| count(&piece(&files[file], lines).render(10)) + 1)
    }

    /// Which want brings most for its length, beside what is chosen.
    fn best(&mut self, chosen: &[Want], left: &[Want]) -> Option<usize> {
        let mut best: Option<(f32, usize)> = None;
        for (i, want) in left.iter().enumerate() {
            let of_file = chosen
                .iter()
                .filter(|other| other.file == want.file)
                .count();
            let tokens = self.stretch(want.file, want.lines).max(1);
            let worth = want.value * FURTHER.powi(of_file as i32) / (tokens as f32).powf(0.3);
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, i));
            }
        }
        best.map(|(_, i)| i)
    }
}

/// Wanted lines by file, overlaps and short gaps closed.
fn stretches(wants: &[Want]) -> Vec<(usize, (u32, u32))> {
    let mut all: Vec<(usize, (u32, u32))> = wants.iter().map(|w| (w.file, w.lines)).collect();
    all.sort_unstable();
    let mut merged: Vec<(usize, (u32, u32))> = Vec::new();
    for (file, lines) in all {
        match merged.last_mut() {
            Some((last, before)) if *last == file && lines.0 <= before.1 + 1 + GAP => {
                before.1 = before.1.max(lines.1);
            }
            _ => merged.push((file, lines)),
        }
    }
    merged
}

/// The pieces in their order: files by their best value, the best last; within a file by line.
fn context(files: &[File], chosen: &[Want]) -> Context {
    let mut value: BTreeMap<usize, f32> = BTreeMap::new();
    for want in chosen {
        let best = value.entry(want.file).or_default();
        *best = best.max(want.value);
    }
    let mut order: Vec<usize> = value.keys().copied().collect();
    order.sort_by(|a, b| value[a].total_cmp(&value[b]).then(b.cmp(a)));
    let all = stretches(chosen);
    let of = |file| all.iter().filter(move |stretch| stretch.0 == file);
    let pieces = order.into_iter().flat_map(of);
    Context::of(
        pieces
            .map(|&(file, lines)| piece(&files[file], lines))
            .collect(),
    )
}

/// Lines of a file as they are shown.
pub(super) fn piece(file: &File, lines: (u32, u32)) -> Piece {
    let first = lines.0.saturating_sub(1) as usize;
    let count = (lines.1 + 1 - lines.0) as usize;
    let text: String = file
        .text
        .split_inclusive('\n')
        .skip(first)
        .take(count)
        .collect();
    Piece {
        inside: inside(file, lines),
        ..Piece::new(&file.path, &file.language, lines, &text)
    }
}

/// Heads of the definitions that begin before the lines and go on in them, outermost first.
fn inside(file: &File, lines: (u32, u32)) -> Vec<String> {
    let around = |of: &(u32, u32)| of.0 < lines.0 && lines.0 <= of.1;
    let mut around: Vec<&((u32, u32), String)> = file
        .definitions
        .iter()
        .filter(|definition| around(&definition.0))
        .collect();
    around.sort_by_key(|definition| (definition.0.0, Reverse(definition.0.1)));
    let heads = around.into_iter().map(|definition| definition.1.clone());
    heads.filter(|head| !head.is_empty()).collect()
}
