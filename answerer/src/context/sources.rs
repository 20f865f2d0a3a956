//! From search results to what may be shown.

use std::collections::HashMap;

use fathom_indexes::{FileId, Snapshot, StoreError};
use fathom_retriever::SearchHit;

use super::{Context, File, Want, pack};
use crate::edited::Edited;

/// A definition of up to so many lines is shown whole when one of its chunks is found.
const WHOLE: u32 = 80;
/// What the rest of a definition is worth beside the chunk that was found.
const REST: f32 = 0.5;

/// Packs the chunks that a search found, and the rest of the definitions that they are cut from.
///
/// # Errors
/// When the store cannot be read.
pub fn gather(
    snapshot: &Snapshot,
    hits: &[SearchHit],
    count: &dyn Fn(&str) -> usize,
    budget: usize,
) -> Result<Context, StoreError> {
    let mut files: Vec<File> = Vec::new();
    let mut index: HashMap<FileId, usize> = HashMap::new();
    let mut wants = Vec::new();
    for hit in hits {
        let file = match index.get(&hit.chunk.file) {
            Some(&file) => file,
            None => {
                files.push(file_of(snapshot, hit)?);
                index.insert(hit.chunk.file, files.len() - 1);
                files.len() - 1
            }
        };
        add(&mut wants, &files[file], file, hit);
    }
    Ok(pack(&files, &wants, count, budget))
}

fn file_of(snapshot: &Snapshot, hit: &SearchHit) -> Result<File, StoreError> {
    let (path, language) = (&hit.chunk.path, &hit.chunk.language);
    read_file(snapshot, hit.chunk.file, path, language)
}

/// A file with its definitions.
pub(super) fn read_file(
    snapshot: &Snapshot,
    id: FileId,
    path: &[u8],
    language: &str,
) -> Result<File, StoreError> {
    let text = snapshot.text(id)?;
    let symbols = snapshot.symbols_of_file(id)?.into_iter();
    let definitions = symbols.map(|row| {
        let record = row.record;
        ((record.line, record.end_line), record.signature)
    });
    Ok(File {
        path: path.to_owned(),
        language: language.to_owned(),
        text: String::from_utf8_lossy(&text).into_owned(),
        definitions: definitions.collect(),
    })
}

/// A file as an editor holds it.
pub(super) fn edited_file(edited: &Edited) -> File {
    let symbols = edited.symbols.iter();
    let definitions = symbols.map(|one| ((one.line, one.end_line), one.signature.clone()));
    File {
        path: edited.path.clone(),
        language: edited.language.clone(),
        text: String::from_utf8_lossy(&edited.text).into_owned(),
        definitions: definitions.collect(),
    }
}

/// The chunk, and what is left of a short definition that the chunk is cut from.
fn add(wants: &mut Vec<Want>, from: &File, file: usize, hit: &SearchHit) {
    let lines = hit.chunk.record.lines;
    let want = |lines, value| Want { file, lines, value };
    wants.push(want(lines, hit.score));
    let holds = |of: &(u32, u32)| of.0 <= lines.1 && lines.0 <= of.1;
    let is_cut = |of: &(u32, u32)| of.0 < lines.0 || of.1 > lines.1;
    let whole = from
        .definitions
        .iter()
        .map(|definition| definition.0)
        .filter(|of| holds(of) && is_cut(of) && of.1 - of.0 < WHOLE)
        .min_by_key(|of| of.1 - of.0);
    let Some(whole) = whole else { return };
    if whole.0 < lines.0 {
        wants.push(want((whole.0, lines.0 - 1), hit.score * REST));
    }
    if whole.1 > lines.1 {
        wants.push(want((lines.1 + 1, whole.1), hit.score * REST));
    }
}
