//! Faults of disk, clock and tree, seen from the outside. After each of them `check` passes, and a
//! search for a word finds what reading all files finds.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::{Run, SMALL, Sandbox, finish};

/// In some of the files.
const WORD: &str = "quokka";

/// A tree with 40 files more, every third with the word.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(SMALL);
    (0..40).for_each(|file| write(&sandbox, file, file % 3 == 0));
    sandbox
}

fn text(file: usize, has_word: bool) -> String {
    let word = if has_word { WORD } else { "wallab" };
    format!("/// About a {word}.\npub fn part_{file}() -> usize {{\n    {file}\n}}\n")
}

fn write(sandbox: &Sandbox, file: usize, has_word: bool) {
    sandbox.write(
        &format!("src/dir{}/part{file}.rs", file % 4),
        &text(file, has_word),
    );
}

/// The program under another one, which may be a shell with more to say.
fn under(sandbox: &Sandbox, wrapper: &[&str], args: &[&str]) -> Run {
    let plain = sandbox.command(args);
    let mut command = Command::new(wrapper[0]);
    command
        .args(&wrapper[1..])
        .arg(plain.get_program())
        .args(args)
        .current_dir(sandbox.tree())
        .env_clear()
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    finish(command, args)
}

/// Files with the word, found by reading all of them.
fn scanned(dir: &Path, root: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scanned(&path, root, found);
        } else if fs::read_to_string(&path).unwrap().contains(WORD) {
            let relative = path.strip_prefix(root).unwrap();
            found.insert(relative.to_str().unwrap().to_owned());
        }
    }
}

fn paths(run: &Run) -> BTreeSet<String> {
    let json = run.json();
    let results = json["results"].as_array().unwrap().iter();
    results
        .map(|one| one["path"].as_str().unwrap().to_owned())
        .collect()
}

const SEARCH: &[&str] = &["search", "--json", "--mode", "lexical", "-k", "1000", WORD];

/// The index is sound and finds what is there.
#[track_caller]
fn is_whole(sandbox: &Sandbox) {
    let run = sandbox.run(SEARCH);
    let mut expected = BTreeSet::new();
    scanned(&sandbox.tree(), &sandbox.tree(), &mut expected);
    assert_eq!(paths(&run), expected, "{run}");
    sandbox.run(&["check"]).expect_code(0);
}

/// Fails with a reason, not with a panic or a signal; or has worked.
#[track_caller]
fn fails_well(run: &Run, reasons: &[&str]) {
    assert!(!run.stderr.contains("panicked"), "{run}");
    match run.code {
        Some(0) => {}
        Some(2) => {
            let named = reasons.iter().any(|reason| run.stderr.contains(reason));
            assert!(named, "{run}");
        }
        _ => panic!("{run}"),
    }
}

/// Sizes from far too small to enough, in KiB.
const SIZES: &[u32] = &[
    8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 65_536,
];

#[test]
fn files_that_may_not_grow_are_survived() {
    let sandbox = sandbox();
    let mut failed = 0;
    for (number, kib) in SIZES.iter().enumerate() {
        write(&sandbox, number, number % 2 == 0);
        let blocks = (kib * 2).to_string();
        // Larger writes fail with EFBIG instead of ending the process.
        let limit = "trap '' XFSZ; ulimit -f $0; exec \"$@\"";
        let run = under(&sandbox, &["/bin/sh", "-c", limit, &blocks], &["index"]);
        fails_well(&run, &["too large", "disk I/O error", "full"]);
        failed += usize::from(run.code != Some(0));
        if number % 4 == 3 {
            is_whole(&sandbox);
        }
    }
    assert!(failed > 3, "only {failed} runs met the limit");
    is_whole(&sandbox);
}

/// Runs the program on a data folder of a few KiB, and again after that was made larger. The shell
/// tells how each command ended, then shows the last one's output.
const FULL_DISK: &str = r#"
mount -t tmpfs -o size=$0k none "$1" || exit 91
data=$1; shift; program=$1
"$program" index >/dev/null; echo "ended $?"
"$program" search -l --mode lexical quokka >/dev/null; echo "ended $?"
"$program" index >/dev/null; echo "ended $?"
mount -o remount,size=256m "$data" || exit 92
"$program" search --json --mode lexical -k 1000 quokka || exit 93
"$program" index >/dev/null || exit 94
"$program" check >/dev/null || exit 95
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_survived() {
    let sandbox = sandbox();
    let mut expected = BTreeSet::new();
    scanned(&sandbox.tree(), &sandbox.tree(), &mut expected);
    let data = sandbox.path("data");
    let mut failed = 0;
    for kib in SIZES.iter().map(u32::to_string) {
        let args = ["/usr/bin/unshare", "-rm", "/bin/sh", "-c", FULL_DISK, &kib];
        let run = under(
            &sandbox,
            &[&args[..], &[data.to_str().unwrap()]].concat(),
            &[],
        );
        if run.code == Some(1) && run.stderr.contains("unshare") || run.code == Some(91) {
            // Nobody may mount here. The other way to a disk that takes no more:
            files_that_may_not_grow_are_survived();
            return;
        }
        assert_eq!(run.code, Some(0), "{kib} KiB: {run}");
        assert!(!run.stderr.contains("panicked"), "{kib} KiB: {run}");
        let (ends, json) = run.stdout.split_at(run.stdout.find('{').unwrap());
        let ends: Vec<&str> = ends.lines().collect();
        assert!(
            ends.iter()
                .all(|end| ["ended 0", "ended 1", "ended 2"].contains(end)),
            "{run}"
        );
        failed += usize::from(ends.contains(&"ended 2"));
        let last = Run {
            code: run.code,
            stdout: json.to_owned(),
            stderr: run.stderr.clone(),
        };
        assert_eq!(paths(&last), expected, "{kib} KiB: {run}");
    }
    assert!(failed > 3, "only {failed} disks were too small");
}

/// A user whom permissions bind, as they do not bind root.
fn bound() -> &'static [&'static str] {
    match rustix::process::geteuid().is_root() {
        true => &["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all"],
        false => &["/usr/bin/env"],
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// All folders and files below the data folder, the folders first.
fn all_of(dir: &Path, found: &mut Vec<(std::path::PathBuf, bool)>) {
    found.push((dir.to_owned(), true));
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_of(&path, found),
            false => found.push((path, false)),
        }
    }
}

#[test]
fn an_index_that_may_only_be_read_answers() {
    let sandbox = sandbox();
    sandbox.run(&["index"]).expect_code(0);
    let before = sandbox.run(SEARCH);
    let mut all = Vec::new();
    all_of(&sandbox.path("data"), &mut all);
    for (path, is_folder) in &all {
        set_mode(path, if *is_folder { 0o500 } else { 0o400 });
    }
    let mut as_it_is = SEARCH.to_vec();
    as_it_is.push("--no-refresh");
    let run = under(&sandbox, bound(), &as_it_is);
    assert_eq!(paths(&run), paths(&before), "{run}");
    write(&sandbox, 1, true);
    let run = under(&sandbox, bound(), &["index"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("ermission denied"), "{run}");
    let run = under(&sandbox, bound(), SEARCH);
    assert_eq!(paths(&run), paths(&before), "{run}");
    assert!(
        run.stderr.contains("answering from the last state"),
        "{run}"
    );
    for (path, is_folder) in &all {
        set_mode(path, if *is_folder { 0o700 } else { 0o600 });
    }
    is_whole(&sandbox);
}

#[test]
fn what_cannot_be_read_keeps_its_last_entry() {
    let sandbox = sandbox();
    let run = under(&sandbox, bound(), SEARCH);
    let before = paths(&run);
    let (file, folder) = (
        sandbox.tree().join("src/dir0/part0.rs"),
        sandbox.tree().join("src/dir3"),
    );
    fs::write(&file, text(0, false)).unwrap();
    fs::write(folder.join("part3.rs"), text(3, false)).unwrap();
    set_mode(&file, 0o000);
    set_mode(&folder, 0o000);
    let run = under(&sandbox, bound(), SEARCH);
    assert_eq!(paths(&run), before, "{run}");
    let status = under(&sandbox, bound(), &["status", "--json"]);
    assert!(status.stdout.contains("ermission denied"), "{status}");
    set_mode(&file, 0o600);
    set_mode(&folder, 0o700);
    is_whole(&sandbox);
}

#[test]
fn clocks_that_jump_and_times_that_are_kept_hide_nothing() {
    let sandbox = sandbox();
    let path = sandbox.tree().join("src/dir0/part0.rs");
    let year = Duration::from_secs(365 * 86_400);
    let times = [
        SystemTime::UNIX_EPOCH - 9 * year,
        SystemTime::UNIX_EPOCH,
        SystemTime::now() - year,
        SystemTime::now(),
        SystemTime::now() + Duration::from_secs(3_600),
        SystemTime::UNIX_EPOCH + 130 * year,
    ];
    // Equal in length, so that nothing but what is in it tells them apart.
    assert_eq!(text(0, true).len(), text(0, false).len());
    for (round, time) in times.iter().chain(times.iter().rev()).enumerate() {
        fs::write(&path, text(0, round % 2 == 0)).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(*time).unwrap();
        is_whole(&sandbox);
    }
    // Written again in the same moment as the first was indexed, with the time of the first.
    for round in 0..10 {
        let time = SystemTime::now();
        for again in 0..2 {
            fs::write(&path, text(0, (round + again) % 2 == 0)).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
            sandbox.run(&["index", "--lexical-only"]).expect_code(0);
        }
        is_whole(&sandbox);
    }
}

/// Something happens to the tree again and again while it is indexed.
fn while_indexed(sandbox: &Sandbox, happens: impl Fn(usize) + Sync) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::SeqCst) {
                happens(round);
                round += 1;
            }
        });
        let runs: Vec<Run> = (0..12)
            .map(|_| sandbox.run(&["index", "--lexical-only", "--force"]))
            .collect();
        stop.store(true, Ordering::SeqCst);
        other.join().unwrap();
        for run in runs {
            fails_well(&run, &["No such file"]);
        }
    });
    sandbox.run(&["check"]).expect_code(0);
    is_whole(sandbox);
}

#[test]
fn files_that_change_while_they_are_read_are_indexed_as_they_are() {
    let sandbox = sandbox();
    while_indexed(&sandbox, |round| {
        for file in 0..8 {
            // Cut off first, then written in two parts.
            let path = sandbox
                .tree()
                .join(format!("src/dir{}/part{file}.rs", file % 4));
            let text = text(file, (round + file) % 2 == 0);
            let (start, end) = text.split_at(text.len() / 2);
            fs::write(&path, start).unwrap();
            fs::write(&path, [start, end].concat()).unwrap();
        }
    });
}

#[test]
fn folders_that_move_while_they_are_listed_lose_nothing() {
    let sandbox = sandbox();
    let (here, there) = (sandbox.tree().join("src/dir1"), sandbox.tree().join("away"));
    while_indexed(&sandbox, |round| {
        let names: [&OsString; 2] = [&here.clone().into(), &there.clone().into()];
        fs::rename(names[round % 2], names[(round + 1) % 2]).unwrap();
    });
}
