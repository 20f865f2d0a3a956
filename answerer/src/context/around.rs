//! From an explanation card to what may be shown: the subject, and what it has to do with.

use fathom_indexes::StoreError;

use super::pack::piece;
use super::sources::{edited_file, read_file};
use super::{Context, File, Want, pack};
use crate::card::{Card, Link, Links, Place};
use crate::edited::View;

/// What each is worth beside the subject itself.
const CALLEE: f32 = 0.6;
const CALLER: f32 = 0.5;
const IMPLEMENTOR: f32 = 0.3;
const TEST: f32 = 0.3;
/// Each further entry of a list is worth this part of the one before.
const FURTHER: f32 = 0.8;
/// Lines shown on both sides of a mention.
const AROUND: u32 = 4;

/// Packs the subject of a card, the definitions that it uses, and the lines that use it.
///
/// # Errors
/// When the store cannot be read.
pub fn around<'a>(
    view: impl Into<View<'a>>,
    card: &Card,
    count: &dyn Fn(&str) -> usize,
    budget: usize,
) -> Result<Context, StoreError> {
    let mut wanted: Vec<(Place, f32)> = vec![(card.subject.place.clone(), 1.0)];
    add(&mut wanted, &card.callees, CALLEE, |link| {
        link.place.clone()
    });
    add(&mut wanted, &card.callers, CALLER, mention);
    add(&mut wanted, &card.implementors, IMPLEMENTOR, |link| {
        link.place.clone()
    });
    let tests = card.tests.iter().map(|test| mention(&test.test));
    wanted.extend(tests.zip(falling(TEST)));
    let mut files = Files::new(view.into());
    let mut wants = Vec::new();
    for (place, value) in wanted {
        if let Some(file) = files.index(&place.path)? {
            let lines = (place.start_line, place.end_line);
            wants.push(Want { file, lines, value });
        }
    }
    Ok(pack(&files.read, &wants, count, budget))
}

/// Shows exactly these places, as they are now; one that is not there any more is left out.
///
/// # Errors
/// When the store cannot be read.
pub fn at<'a>(
    view: impl Into<View<'a>>,
    places: impl Iterator<Item = Place>,
) -> Result<Context, StoreError> {
    let mut files = Files::new(view.into());
    let mut pieces = Vec::new();
    for place in places {
        if let Some(file) = files.index(&place.path)? {
            pieces.push(piece(&files.read[file], (place.start_line, place.end_line)));
        }
    }
    Ok(Context::of(pieces))
}

/// Files by path, read once each.
struct Files<'a> {
    view: View<'a>,
    read: Vec<File>,
}

impl Files<'_> {
    fn new(view: View<'_>) -> Files<'_> {
        let read = Vec::new();
        Files { view, read }
    }

    /// Where among the files read the one of a path is.
    fn index(&mut self, path: &[u8]) -> Result<Option<usize>, StoreError> {
        if let Some(known) = self.read.iter().position(|file| file.path == path) {
            return Ok(Some(known));
        }
        let file = match (self.view.edited_at(path), self.view.snapshot.file(path)?) {
            (Some(edited), _) => edited_file(edited),
            (None, Some(row)) => read_file(self.view.snapshot, row.id, path, &row.record.language)?,
            (None, None) => return Ok(None),
        };
        self.read.push(file);
        Ok(Some(self.read.len() - 1))
    }
}

fn add(wanted: &mut Vec<(Place, f32)>, links: &Links, value: f32, of: impl Fn(&Link) -> Place) {
    wanted.extend(links.listed.iter().map(of).zip(falling(value)));
}

/// Values for the entries of a list, the first worth most.
fn falling(value: f32) -> impl Iterator<Item = f32> {
    (0..).map(move |rank| value * FURTHER.powi(rank))
}

/// The lines around a mention, within the definition that mentions.
fn mention(link: &Link) -> Place {
    let (first, last) = (link.place.start_line, link.place.end_line);
    Place {
        path: link.place.path.clone(),
        start_line: link.line.saturating_sub(AROUND).max(first),
        end_line: (link.line + AROUND).min(last),
    }
}
