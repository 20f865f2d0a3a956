//! Signals of real changes, and of events that only a test can make.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::event::{CreateKind, Flag, ModifyKind};

use super::*;

struct Watched {
    dir: tempfile::TempDir,
    watcher: Watcher,
    signals: Receiver<Signal>,
    cookies: usize,
}

/// A tree that is watched, with `folders` in it.
fn watched(folders: &[&str], allowance: usize) -> Watched {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    for folder in folders {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let cookies = dir.path().join("cookies");
    std::fs::create_dir(&cookies).unwrap();
    let (sender, signals) = channel();
    let sender = Mutex::new(sender);
    let on: OnSignal = Arc::new(move |signal| {
        let _ = sender.lock().unwrap().send(signal);
    });
    let mut watcher = Watcher::start(&root, &cookies, allowance, on);
    let names: Vec<Vec<u8>> = folders
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    watcher.follow(&names);
    Watched {
        dir,
        watcher,
        signals,
        cookies: 0,
    }
}

impl Watched {
    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("tree").join(path)
    }

    /// The paths that changed before now, each once; a cookie ends them.
    fn changed(&mut self) -> BTreeSet<String> {
        self.cookies += 1;
        let cookie = self.dir.path().join(format!("cookies/{}", self.cookies));
        std::fs::write(&cookie, "").unwrap();
        let mut paths = BTreeSet::new();
        loop {
            match self
                .signals
                .recv_timeout(Duration::from_secs(10))
                .expect("a cookie")
            {
                Signal::Cookie(seen) if seen == cookie => return paths,
                Signal::Cookie(_) => {}
                Signal::Lost => {
                    paths.insert("lost".to_owned());
                }
                Signal::Changed(path) => {
                    let below = path.strip_prefix(self.dir.path().join("tree")).unwrap();
                    paths.insert(below.to_str().unwrap().to_owned());
                }
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_kind_of_change_is_a_signal_and_reading_is_none() {
    type Act = fn(&Watched);
    let write = |watched: &Watched, path: &str| std::fs::write(watched.path(path), "x").unwrap();
    let mut watched = watched(&["", "a", "b"], 10);
    write(&watched, "a/old");
    assert_eq!(watched.changed(), ["a/old".to_owned()].into());
    let cases: &[(Act, &[&str])] = &[
        (|w| drop(std::fs::read(w.path("a/old")).unwrap()), &[]),
        (|w| assert!(std::fs::read_dir(w.path("a")).is_ok()), &[]),
        (
            |w| std::fs::write(w.path("a/old"), "changed").unwrap(),
            &["a/old"],
        ),
        (
            |w| std::fs::rename(w.path("a/old"), w.path("b/new")).unwrap(),
            &["a/old", "b/new"],
        ),
        (
            // How editors save: beside it, then over it.
            |w| {
                std::fs::write(w.path("b/new~"), "y").unwrap();
                std::fs::rename(w.path("b/new~"), w.path("b/new")).unwrap();
            },
            &["b/new", "b/new~"],
        ),
        (|w| std::fs::create_dir(w.path("c")).unwrap(), &["c"]),
        // Nobody has asked to watch it.
        (|w| std::fs::write(w.path("c/unseen"), "x").unwrap(), &[]),
        (
            |w| std::fs::remove_file(w.path("b/new")).unwrap(),
            &["b/new"],
        ),
    ];
    for (act, expected) in cases {
        act(&watched);
        let expected: BTreeSet<String> = expected.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(watched.changed(), expected);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_moved_folder_is_watched_under_its_new_name() {
    let mut watched = watched(&["", "a"], 10);
    std::fs::rename(watched.path("a"), watched.path("b")).unwrap();
    assert!(watched.watcher.follow(&[b"".to_vec(), b"b".to_vec()]));
    watched.changed();
    std::fs::write(watched.path("b/file"), "x").unwrap();
    assert_eq!(watched.changed(), ["b/file".to_owned()].into());
    assert!(!watched.watcher.follow(&[b"".to_vec(), b"b".to_vec()]));
    assert_eq!(watched.watcher.mode(), Mode::Events { folders: 2 });
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_was_made_anew_is_watched_again() {
    let mut watched = watched(&["", "a"], 10);
    let all = [b"".to_vec(), b"a".to_vec()];
    for signal in [Signal::Changed(watched.path("a")), Signal::Lost] {
        std::fs::remove_dir(watched.path("a")).unwrap();
        std::fs::create_dir(watched.path("a")).unwrap();
        assert_eq!(watched.changed(), ["a".to_owned()].into());
        watched.watcher.heed(&signal);
        assert!(watched.watcher.follow(&all));
        watched.changed();
        std::fs::write(watched.path("a/file"), "x").unwrap();
        assert_eq!(watched.changed(), ["a/file".to_owned()].into());
        std::fs::remove_file(watched.path("a/file")).unwrap();
        watched.changed();
    }
}

#[test]
fn too_many_folders_are_polled_and_it_says_so() {
    let watched = watched(&["", "a", "b"], 2);
    let Mode::Polling { reason } = watched.watcher.mode() else {
        panic!("{:?}", watched.watcher);
    };
    assert_eq!(
        reason,
        "3 folders, more than the 2 that are watched; ignore some of them"
    );
}

#[test]
fn what_the_system_cannot_watch_is_polled() {
    for (error, expected) in [
        (
            notify::Error::new(ErrorKind::MaxFilesWatch),
            "max_user_watches",
        ),
        (notify::Error::generic("no such device"), "no such device"),
    ] {
        assert!(!is_of_one_folder(&error));
        let reason = explained(&error);
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(is_of_one_folder(&notify::Error::path_not_found()));
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let watcher = Watcher::start(dir.path(), &nowhere, 10, Arc::new(|_| ()));
    assert!(
        matches!(watcher.mode(), Mode::Polling { .. }),
        "{watcher:?}"
    );
}

#[test]
fn events_without_a_path_mean_that_something_was_lost() {
    let cookies = Path::new("/cookies");
    let path = PathBuf::from("/tree/a");
    let event = |kind| Event::new(kind).add_path(path.clone());
    let any = EventKind::Modify(ModifyKind::Any);
    let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    let made = EventKind::Create(CreateKind::File);
    let cookie = PathBuf::from("/cookies/7");
    let changed = || vec![Signal::Changed(path.clone())];
    let cases = [
        (
            Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)),
            vec![Signal::Lost],
        ),
        (Err(notify::Error::generic("broken")), vec![Signal::Lost]),
        (Ok(event(any)), changed()),
        (Ok(event(written)), changed()),
        (Ok(event(opened)), vec![]),
        (
            Ok(Event::new(made).add_path(cookie.clone())),
            vec![Signal::Cookie(cookie.clone())],
        ),
        (Ok(Event::new(any).add_path(cookie)), vec![]),
    ];
    for (event, expected) in cases {
        let (shown, seen) = (format!("{event:?}"), Mutex::new(Vec::new()));
        translate(event, cookies, &|signal| seen.lock().unwrap().push(signal));
        assert_eq!(*seen.lock().unwrap(), expected, "{shown}");
    }
}
