//! A store with damaged or missing files says so, deletes nothing, and is
//! repaired by the next writer as far as it can be.

use std::fs;
use std::path::{Path, PathBuf};

use crate::testing::*;
use crate::*;

fn filled() -> (tempfile::TempDir, Store, Image) {
    let (dir, store) = store();
    let mut writer = writer(&store);
    put(
        &mut writer,
        &[
            ("a.rs", "fn alpha\nbeta\n\nshared\n"),
            ("b.rs", "fn gamma\n\nshared\n"),
        ],
    );
    encode(&mut writer, 2).unwrap();
    encode(&mut writer, 2).unwrap();
    drop(writer);
    let image = Image::of(&store);
    (dir, store, image)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Replaces a file, whatever its mode.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x40;
    overwrite(path, &bytes);
}

/// The damage is reported, a repair makes the store what it was, and what was
/// damaged is still there under another name.
#[track_caller]
fn found_and_repaired(dir: &Path, store: &Store, image: &Image, aside: &str) {
    assert_ne!(store.check().unwrap().findings, []);
    let mut writer = writer(store);
    writer.repair().unwrap();
    assert_eq!(writer.repairs().len(), 1, "{:?}", writer.repairs());
    encode(&mut writer, usize::MAX).unwrap();
    assert_sound(store);
    assert_eq!(Image::of(store), *image);
    let kept = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains(".damaged-");
    let mut entries = fs::read_dir(dir.join(aside)).unwrap().map(Result::unwrap);
    assert!(entries.any(kept), "nothing was set aside");
}

#[test]
fn a_damaged_segment_is_found_and_encoded_again() {
    for at in [0, 70, 130, 9999] {
        let (dir, store, image) = filled();
        flip(&files(&dir.path().join("segments"))[0], at);
        found_and_repaired(dir.path(), &store, &image, "segments");
    }
}

#[test]
fn a_missing_segment_lowers_the_coverage_and_is_encoded_again() {
    let (dir, store, image) = filled();
    fs::remove_file(&files(&dir.path().join("segments"))[0]).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert!(snapshot.coverage() < 1.0);
    assert!(
        snapshot.problems()[0].contains("missing"),
        "{:?}",
        snapshot.problems()
    );
    let mut writer = writer(&store);
    encode(&mut writer, usize::MAX).unwrap();
    assert_eq!(Image::of(&store), image);
    assert_sound(&store);
}

#[test]
fn a_damaged_lexical_index_is_found_and_rebuilt() {
    let (dir, _, _) = filled();
    for n in 0..files(&dir.path().join("lexical")).len() {
        let (dir, store, image) = filled();
        let file = &files(&dir.path().join("lexical"))[n];
        if fs::metadata(file).unwrap().len() > 0 {
            flip(file, 33);
            found_and_repaired(dir.path(), &store, &image, "");
        }
    }
}

#[test]
fn a_missing_file_of_the_lexical_index_is_found_and_it_is_rebuilt() {
    let (dir, _, _) = filled();
    for n in 0..files(&dir.path().join("lexical")).len() {
        let (dir, store, image) = filled();
        fs::remove_file(&files(&dir.path().join("lexical"))[n]).unwrap();
        found_and_repaired(dir.path(), &store, &image, "");
    }
}

#[test]
fn a_lexical_index_that_is_gone_is_no_empty_answer() {
    let (dir, store, image) = filled();
    fs::remove_dir_all(dir.path().join("lexical")).unwrap();
    let error = store
        .snapshot()
        .unwrap()
        .lexical(&words("alpha"), 9, None)
        .unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_ne!(store.check().unwrap().findings, []);
    drop(writer(&store));
    assert_eq!(Image::of(&store), image);
}

#[test]
fn a_store_without_its_catalog_is_not_taken_for_a_new_one() {
    for empty in [false, true] {
        let (dir, store, _) = filled();
        drop(store);
        let catalog = dir.path().join("catalog.db");
        fs::remove_file(&catalog).unwrap();
        if empty {
            fs::write(&catalog, "").unwrap();
        }
        let error = Store::open(dir.path(), &options()).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(files(&dir.path().join("segments")).len(), 2);
    }
}

#[test]
fn a_newer_format_is_refused_and_kept() {
    let (dir, store, _) = filled();
    let catalog = rusqlite::Connection::open(dir.path().join("catalog.db")).unwrap();
    catalog.pragma_update(None, "user_version", 99).unwrap();
    drop(catalog);
    let error = store.snapshot().map(drop).unwrap_err().to_string();
    assert!(
        error.contains("format 99") && error.contains("newer fathom"),
        "{error}"
    );
    assert!(store.writer(std::time::Duration::ZERO).is_err());
}

/// Every page of the catalog is hit in many places: each answer is an error, a
/// finding, or the truth; there is no panic, and nothing is thrown away.
#[test]
fn changed_bytes_of_the_catalog_are_found_or_harmless() {
    let (dir, store, image) = filled();
    let catalog = dir.path().join("catalog.db");
    let sound = fs::read(&catalog).unwrap();
    let mut unnoticed = Vec::new();
    for at in (0..sound.len()).step_by(61) {
        if sound[at] == 0 {
            continue;
        }
        flip(&catalog, at);
        let found = !store.check().is_ok_and(|report| report.is_sound());
        if !found && Image::of(&store) != image {
            unnoticed.push(at);
        }
        overwrite(&catalog, &sound);
    }
    assert_eq!(unnoticed, [] as [usize; 0]);
}

#[test]
fn a_truncated_catalog_is_an_error() {
    let (dir, store, _) = filled();
    let catalog = dir.path().join("catalog.db");
    let sound = fs::read(&catalog).unwrap();
    for length in (1..sound.len()).step_by(1021) {
        overwrite(&catalog, &sound[..length]);
        let sound = store.check().is_ok_and(|report| report.is_sound());
        assert!(!sound, "length {length}");
    }
}

/// Run with another user's rights: the superuser may write everywhere.
#[cfg(unix)]
#[test]
fn a_read_only_directory_can_be_searched() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store, image) = filled();
    let set_mode =
        |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o500);
    let searched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Image::of(&store)));
    set_mode(0o700);
    assert_eq!(searched.unwrap(), image);
}
