//! Commit → files: the message of a commit is the question, the files that it changed are the
//! answer, its parent is the tree that is asked about.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fathom_indexer::language;
use fathom_indexes::ChunkKind;
use fathom_retriever::evaluate::Target;

use crate::git::git;
use crate::labels::{Question, Repository};
use crate::{EvalError, io};

/// Made beside the checkouts that belong to us, so that no other one is ever touched.
const OURS: &str = "fathom-eval";
/// Code files that a commit may change.
const FILES: std::ops::RangeInclusive<usize> = 1..=5;
/// Words of a message at least.
const WORDS: usize = 5;
/// Bytes of a message that are asked.
const LONGEST: usize = 600;
/// Commits that are looked at for each question.
const LOOKED_AT: usize = 20;
/// Lines of a message that begin so say nothing of the change.
const TRAILERS: [&str; 7] = [
    "Signed-off-by:",
    "Co-authored-by:",
    "Reviewed-by:",
    "Change-Id:",
    "Fixes #",
    "Closes #",
    "Refs #",
];

/// Messages that begin so are about versions, not about code.
const HOUSEKEEPING: [&str; 7] = [
    "bump", "prepare", "release", "revert", "update", "upgrade", "chore",
];

/// Clones `source` (a git repository with its history) to `target` without copying it, and asks
/// about at most `most` of its latest commits, the oldest first. Returns how many commits git could
/// not read, too.
///
/// # Errors
/// If git fails.
pub fn build(
    name: &str,
    source: &Path,
    target: &Path,
    most: usize,
) -> Result<(Repository, usize), EvalError> {
    let mut languages: BTreeMap<String, usize> = BTreeMap::new();
    let Latest {
        mut commits,
        unread,
    } = latest(source, most)?;
    for (_, language) in commits.iter().flat_map(|commit| &commit.files) {
        *languages.entry(language.clone()).or_default() += 1;
    }
    commits.reverse();
    clone(source, target)?;
    let main = languages.iter().max_by_key(|(_, count)| **count);
    let repository = Repository {
        name: name.to_owned(),
        language: main.map_or(String::new(), |(name, _)| name.clone()),
        root: String::new(),
        questions: commits.into_iter().map(question).collect(),
    };
    Ok((repository, unread))
}

/// A commit that may be asked about.
pub(crate) struct Commit {
    /// Its hash.
    pub id: String,
    /// What its message says.
    pub query: String,
    /// The commit before it.
    pub parent: String,
    /// The code that it changed or removed: paths and languages.
    pub files: Vec<(String, String)>,
}

/// Commits of one repository.
pub(crate) struct Latest {
    /// Those that may be asked about, the latest first.
    pub commits: Vec<Commit>,
    /// How many git could not read, as in a partial clone; these are left out.
    pub unread: usize,
}

/// The latest commits of a repository, at most `most` of which may be asked about.
pub(crate) fn latest(source: &Path, most: usize) -> Result<Latest, EvalError> {
    let limit = format!("-{}", most.saturating_mul(LOOKED_AT));
    let list = git(
        source,
        &["rev-list", "--no-merges", "--min-parents=1", &limit, "HEAD"],
    )?;
    let mut found = Latest {
        commits: Vec::new(),
        unread: 0,
    };
    for id in list.lines() {
        if found.commits.len() == most {
            break;
        }
        match commit(source, id) {
            Ok(commit) => found.commits.extend(commit),
            Err(_) => found.unread += 1,
        }
    }
    Ok(found)
}

fn commit(source: &Path, id: &str) -> Result<Option<Commit>, EvalError> {
    let message = git(source, &["show", "-s", "--format=%B", id])?;
    let query = asked(&message);
    let begin = query.to_lowercase();
    let is_housekeeping = HOUSEKEEPING.iter().any(|word| begin.starts_with(word));
    if query.split_whitespace().count() < WORDS || is_housekeeping {
        return Ok(None);
    }
    let parent = format!("{id}^");
    let changes = git(
        source,
        &[
            "diff-tree",
            "-r",
            "-z",
            "--name-status",
            "--no-renames",
            &parent,
            id,
        ],
    )?;
    let files = changed_code(&changes);
    if !FILES.contains(&files.len()) {
        return Ok(None);
    }
    let parent = git(source, &["rev-parse", &parent])?.trim().to_owned();
    Ok(Some(Commit {
        id: id.to_owned(),
        query,
        parent,
        files,
    }))
}

fn question(commit: Commit) -> Question {
    let targets = commit
        .files
        .into_iter()
        .map(|(path, _)| Target { path, lines: None });
    Question {
        query: commit.query,
        category: "commit".to_owned(),
        targets: targets.collect(),
        at: Some(commit.parent),
    }
}

/// Subject and body without trailers.
fn asked(message: &str) -> String {
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !TRAILERS.iter().any(|mark| line.starts_with(mark)));
    let text = lines.collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

/// The code files that were there before and were changed or removed, with their languages; tests
/// are left out, as in SWE-bench. What is new cannot be found in the tree before it, so a commit that
/// only adds has none.
fn changed_code(changes: &str) -> Vec<(String, String)> {
    let mut parts = changes.split('\0');
    let mut files = Vec::new();
    while let (Some(status), Some(path)) = (parts.next(), parts.next()) {
        let lower = path.to_lowercase();
        if ["test", "spec/", "spec.", "_spec"]
            .iter()
            .any(|mark| lower.contains(mark))
        {
            continue;
        }
        let language = language::detect(path.as_bytes(), b"");
        let Some(language) = language.filter(|language| language.loose == ChunkKind::Code) else {
            continue;
        };
        if matches!(status, "M" | "D") && language.grammar.is_some() {
            files.push((path.to_owned(), language.name.to_owned()));
        }
    }
    files
}

fn clone(source: &Path, target: &Path) -> Result<(), EvalError> {
    let source = source.canonicalize().map_err(io("open", source))?;
    if target.exists() {
        fs::remove_dir_all(target).map_err(io("replace", target))?;
    }
    fs::create_dir_all(target).map_err(io("make", target))?;
    let from = source.display().to_string();
    git(
        target,
        &["clone", "-q", "--shared", "--no-checkout", &from, "."],
    )?;
    let mark = target.join(".git").join(OURS);
    fs::write(&mark, "").map_err(io("write", mark))
}

/// Checks a commit out in a clone that [`build`] made.
///
/// # Errors
/// If it is not one of ours, or git fails.
pub fn check_out(dir: &Path, commit: &str) -> Result<(), EvalError> {
    if !dir.join(".git").join(OURS).is_file() {
        return Err(EvalError::NotOurs {
            dir: dir.to_owned(),
        });
    }
    git(dir, &["checkout", "-q", "--force", "--detach", commit]).map(drop)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) fn commit(dir: &Path, files: &[(&str, &str)], message: &str) {
        for (path, text) in files {
            fs::write(dir.join(path), text).unwrap();
        }
        let author = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        git(dir, &["add", "-A"]).unwrap();
        git(
            dir,
            &[&author[..], &["commit", "-q", "-m", message]].concat(),
        )
        .unwrap();
    }

    #[test]
    fn commits_ask_about_the_tree_before_them() {
        let source = tempfile::tempdir().unwrap();
        let (dir, out) = (source.path(), tempfile::tempdir().unwrap());
        git(dir, &["init", "-q", "-b", "main"]).unwrap();
        commit(
            dir,
            &[("a.rs", "fn a() {}\n"), ("b.md", "# B\n")],
            "Begin with all of it here",
        );
        commit(
            dir,
            &[("a.rs", "fn a() { b() }\n"), ("test_a.rs", "fn t() {}\n")],
            "Call b from a, so that it is called\n\nSigned-off-by: A",
        );
        commit(
            dir,
            &[("test_a.rs", "fn t() { a() }\n")],
            "Test what a does when it is called",
        );
        commit(
            dir,
            &[("b.md", "# C\n")],
            "Say something else in the documentation",
        );
        commit(
            dir,
            &[("a.rs", "fn a() {}\n"), ("c.rs", "fn c() {}\n")],
            "Short",
        );
        commit(
            dir,
            &[("a.rs", "fn a() { c() }\n"), ("d.rs", "fn d() {}\n")],
            "Have a call c and add d",
        );
        let target = out.path().join("x");
        let (built, unread) = build("x", dir, &target, 10).unwrap();
        assert_eq!(unread, 0);
        let asked: Vec<_> = built
            .questions
            .iter()
            .map(|one| (one.query.as_str(), one.targets.len()))
            .collect();
        assert_eq!(
            asked,
            [
                ("Call b from a, so that it is called", 1),
                ("Have a call c and add d", 1)
            ]
        );
        assert_eq!(built.language, "rust");
        let at = |index: usize| built.questions[index].at.clone().unwrap();
        check_out(&target, &at(0)).unwrap();
        let text = |path: &str| fs::read_to_string(target.join(path));
        assert_eq!(text("a.rs").unwrap(), "fn a() {}\n");
        check_out(&target, &at(1)).unwrap();
        assert!(text("c.rs").is_ok() && text("d.rs").is_err());
        let error = check_out(dir, &at(0)).unwrap_err().to_string();
        assert!(error.contains("are left as they are"), "{error}");
    }

    #[test]
    fn commits_that_cannot_be_read_are_counted() {
        let source = tempfile::tempdir().unwrap();
        let (dir, out) = (source.path(), tempfile::tempdir().unwrap());
        git(dir, &["init", "-q", "-b", "main"]).unwrap();
        for (text, message) in [
            ("fn a() {}\n", "Begin with all of it here"),
            ("fn a() { 1 }\n", "Give one where there was nothing"),
            ("fn a() { 2 }\n", "Give two where there was one"),
            ("fn a() { 3 }\n", "Give three where there was two"),
        ] {
            commit(dir, &[("a.rs", text)], message);
        }
        let tree = git(dir, &["rev-parse", "HEAD~2^{tree}"]).unwrap();
        let (begin, end) = tree.trim().split_at(2);
        fs::remove_file(dir.join(".git/objects").join(begin).join(end)).unwrap();
        let (built, unread) = build("x", dir, &out.path().join("x"), 10).unwrap();
        let asked: Vec<&str> = built.questions.iter().map(|one| &one.query[..]).collect();
        assert_eq!(asked, ["Give three where there was two"]);
        assert_eq!(unread, 2, "it and its child");
    }
}
