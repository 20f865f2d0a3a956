//! The sweep: every file operation fails in turn, once or for good, and every
//! time the store must be sound afterwards and hold the old or the new state.

use std::path::Path;
use std::sync::Arc;

use crate::storage::faulty::{Fault, Faults, FaultyStorage};
use crate::storage::{OsStorage, sqlite_vfs};
use crate::testing::*;
use crate::*;

/// Steps that each publish something or nothing; `done` is called after each.
fn workload(store: &Store, mut done: impl FnMut()) -> Result<(), StoreError> {
    let mut writer = store.writer(std::time::Duration::ZERO)?;
    let mut update = writer.begin()?;
    update.put_file(&file("a.rs", "fn alpha\nbeta\n\ngamma delta\n"))?;
    update.put_file(&file("new.rs", "fn gamma\n\nshared\n"))?;
    update.remove_file(b"b.rs")?;
    update.rename_file(b"c.rs", b"moved/c.rs", stat(3))?;
    update.commit()?;
    done();
    encode(&mut writer, 1)?;
    done();
    encode(&mut writer, usize::MAX)?;
    done();
    let mut update = writer.begin()?;
    update.set_unreadable(b"a.rs", "I/O error")?;
    update.put_file(&file("d.rs", "fn delta\nalpha\n"))?;
    update.set_skipped(&[SkipRecord {
        path: b"x".to_vec(),
        reason: SkipReason::Binary,
        detail: String::new(),
        stat: None,
    }])?;
    update.commit()?;
    done();
    writer.maintain_thoroughly()?;
    done();
    Ok(())
}

fn base(dir: &Path) {
    let store = open(dir);
    let mut writer = writer(&store);
    let files = [
        ("a.rs", "fn alpha\n\nshared\n"),
        ("b.rs", "fn beta\nalpha alpha\n\nshared\n"),
        ("c.rs", "fn gamma\ndelta\n"),
    ];
    put(&mut writer, &files);
    encode(&mut writer, 2).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What happens when the k-th operation fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// The next one works again.
    Once,
    /// All later ones fail too.
    ForGood,
    /// So they do, and what was not synced is lost.
    PowerCut,
}

type Disk = Arc<FaultyStorage<OsStorage>>;

fn disk(dir: &Path, faults: &Arc<Faults>) -> Disk {
    Arc::new(FaultyStorage::new(
        OsStorage::create(dir).unwrap(),
        faults.clone(),
    ))
}

/// Runs `work` on a copy of `base` with the k-th operation failing, for every k.
/// `states` are those before and after each step of the work.
fn sweep(
    base: &Path,
    states: &[Image],
    mode: Mode,
    work: impl Fn(&Store, &mut usize) -> Result<(), StoreError>,
) -> u64 {
    let faults = Arc::new(Faults::none());
    let vfs = sqlite_vfs::register(faults.clone());
    for k in 0.. {
        let dir = temporary();
        copy(base, dir.path());
        let fault = [Fault::Io, Fault::NoSpace, Fault::ShortWrite][k as usize % 3];
        let disk = disk(dir.path(), &faults);
        faults.arm(k, mode != Mode::Once, fault);
        let mut done = 0;
        let result = Store::open_on(dir.path(), &[&options()], disk.clone(), Some(vfs))
            .and_then(|store| work(&store, &mut done));
        let fired = faults.disarm();
        if mode == Mode::PowerCut {
            disk.cut_power().unwrap();
        }
        let context = format!("operation {k} ({fault:?}, {mode:?}), {done} steps done, {result:?}");
        verify(dir.path(), states, done, &context);
        if !fired {
            assert!(result.is_ok(), "{context}");
            assert_eq!(done + 1, states.len(), "{context}");
            return k;
        }
    }
    unreachable!()
}

fn verify(dir: &Path, states: &[Image], done: usize, context: &str) {
    let store = open(dir);
    let allowed = &states[done..(done + 2).min(states.len())];
    // A reader finds it so, before any writer has cleared or repaired something.
    assert_eq!(store.check().unwrap().findings, [], "{context}");
    let image = Image::of(&store);
    assert!(
        allowed.contains(&image),
        "{context}: {image:#?}\nis none of {allowed:#?}"
    );
    let mut writer = writer(&store);
    assert_eq!(writer.repairs(), [] as [String; 0], "{context}");
    assert_eq!(Image::of(&store), image, "{context}");
    // Life goes on: no id is used twice, nothing is left in the way.
    put(&mut writer, &[("later.rs", "fn shared\nbeta gamma\n")]);
    encode(&mut writer, usize::MAX).unwrap();
    let report = store.check().unwrap();
    assert_eq!(
        (report.findings, report.not_encoded),
        (vec![], 0),
        "{context}, later"
    );
    let hits = store
        .snapshot()
        .unwrap()
        .lexical(&words("shared"), 99, None)
        .unwrap();
    let mut ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), hits.len(), "{context}: a chunk is found twice");
}

fn sweep_changes(mode: Mode) {
    let dir = temporary();
    base(dir.path());
    let unharmed = temporary();
    copy(dir.path(), unharmed.path());
    let store = open(unharmed.path());
    let mut states = vec![Image::of(&store)];
    workload(&store, || states.push(Image::of(&store))).unwrap();
    let operations = sweep(dir.path(), &states, mode, |store, done| {
        workload(store, || *done += 1)
    });
    assert!(
        operations > 100,
        "only {operations} operations were counted"
    );
}

#[test]
fn every_operation_may_fail_once() {
    sweep_changes(Mode::Once);
}

#[test]
fn every_operation_may_fail_for_good() {
    sweep_changes(Mode::ForGood);
}

#[test]
fn the_power_may_fail_at_every_operation() {
    sweep_changes(Mode::PowerCut);
}

#[test]
fn creating_a_store_may_fail_at_any_point() {
    for mode in [Mode::Once, Mode::ForGood, Mode::PowerCut] {
        let (nothing, unharmed) = (temporary(), temporary());
        let fill = |store: &Store, done: &mut usize| -> Result<(), StoreError> {
            let mut writer = store.writer(std::time::Duration::ZERO)?;
            let mut update = writer.begin()?;
            update.put_file(&file("a.rs", "fn alpha\n"))?;
            update.commit()?;
            *done += 1;
            Ok(())
        };
        let store = open(unharmed.path());
        let empty = Image::of(&store);
        fill(&store, &mut 0).unwrap();
        sweep(nothing.path(), &[empty, Image::of(&store)], mode, fill);
    }
}

#[test]
fn a_writer_that_failed_to_commit_refuses_to_go_on() {
    let dir = temporary();
    let faults = Arc::new(Faults::none());
    let vfs = sqlite_vfs::register(faults.clone());
    let disk = disk(dir.path(), &faults);
    let store = Store::open_on(dir.path(), &[&options()], disk, Some(vfs)).unwrap();
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    update.put_file(&file("a.rs", "fn alpha\n")).unwrap();
    faults.arm(0, true, Fault::NoSpace);
    update.commit().unwrap_err();
    faults.disarm();
    assert!(matches!(
        writer.begin().map(drop),
        Err(StoreError::Poisoned { .. })
    ));
    assert!(matches!(
        encode(&mut writer, 1),
        Ok(()) | Err(StoreError::Poisoned { .. })
    ));
    assert!(matches!(
        writer.maintain(),
        Err(StoreError::Poisoned { .. })
    ));
    drop(writer);
    put(&mut self::writer(&store), &[("a.rs", "fn alpha\n")]);
}
