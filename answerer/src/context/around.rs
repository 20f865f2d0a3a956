//! From an explanation card to what may be shown: the subject, and what it has to do with.

use std::collections::BTreeMap;

use fathom_indexes::{Snapshot, StoreError};

use super::sources::read_file;
use super::{Context, File, Want, pack};
use crate::card::{Card, Link, Links, Place};

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
pub fn around(
    snapshot: &Snapshot,
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
    let by_path: BTreeMap<Vec<u8>, _> = snapshot
        .files()?
        .into_iter()
        .map(|row| (row.record.path.clone(), row))
        .collect();
    let mut files: Vec<File> = Vec::new();
    let mut wants = Vec::new();
    for (place, value) in wanted {
        let known = files.iter().position(|file| file.path == place.path);
        let file = match (known, by_path.get(&place.path)) {
            (Some(known), _) => known,
            (None, Some(row)) => {
                let language = &row.record.language;
                files.push(read_file(snapshot, row.id, &place.path, language)?);
                files.len() - 1
            }
            (None, None) => continue,
        };
        let lines = (place.start_line, place.end_line);
        wants.push(Want { file, lines, value });
    }
    Ok(pack(&files, &wants, count, budget))
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
