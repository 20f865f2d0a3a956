//! Labelled questions on disk: `repos.json` and `annotations/<name>.json`.

use std::fs;
use std::path::{Path, PathBuf};

use fathom_retriever::evaluate::Target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{EvalError, commits, io};

/// All repositories with their questions.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// In the order of `repos.json`.
    pub repositories: Vec<Repository>,
}

/// One repository with its questions.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its name, which is also the name of its folder below the sources.
    pub name: String,
    /// Its main language.
    pub language: String,
    /// The only folder of it to index; empty for all.
    pub root: String,
    /// What is asked.
    pub questions: Vec<Question>,
}

/// One question with its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// As typed.
    pub query: String,
    /// `architecture`, `semantic`, `symbol`, `docstring`, `commit` …
    pub category: String,
    /// Files, some with lines.
    pub targets: Vec<Target>,
    /// The commit whose tree is asked about, if not the one that is checked out.
    pub at: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RepositoryEntry {
    name: String,
    language: String,
    benchmark_root: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct QuestionEntry {
    query: String,
    category: String,
    relevant: Vec<TargetEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secondary: Vec<TargetEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TargetEntry {
    File(String),
    Lines {
        path: String,
        start_line: Option<u32>,
        end_line: Option<u32>,
    },
}

impl Labels {
    /// Reads the folder; `only` keeps the repositories of these names.
    ///
    /// # Errors
    /// If a file is missing or not as expected, or a name is unknown.
    pub fn read(dir: &Path, only: &[String]) -> Result<Labels, EvalError> {
        let entries: Vec<RepositoryEntry> = read_json(&dir.join("repos.json"))?;
        let unknown = only
            .iter()
            .find(|name| entries.iter().all(|entry| entry.name != **name));
        if let Some(name) = unknown {
            return Err(EvalError::Unknown {
                name: name.clone(),
                dir: dir.to_owned(),
            });
        }
        let repositories = entries
            .into_iter()
            .filter(|entry| only.is_empty() || only.contains(&entry.name))
            .map(|entry| repository(dir, entry))
            .collect::<Result<_, _>>()?;
        Ok(Labels { repositories })
    }

    /// Writes the folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), EvalError> {
        let annotations = dir.join("annotations");
        fs::create_dir_all(&annotations).map_err(io("make", &annotations))?;
        let entry = |repository: &Repository| RepositoryEntry {
            name: repository.name.clone(),
            language: repository.language.clone(),
            benchmark_root: Some(repository.root.clone()).filter(|root| !root.is_empty()),
        };
        let entries: Vec<_> = self.repositories.iter().map(entry).collect();
        write_json(&dir.join("repos.json"), &entries)?;
        for repository in &self.repositories {
            let questions: Vec<_> = repository
                .questions
                .iter()
                .map(QuestionEntry::from)
                .collect();
            let file = annotations.join(format!("{}.json", repository.name));
            write_json(&file, &questions)?;
        }
        Ok(())
    }
}

impl Repository {
    /// The folder to index.
    pub fn folder(&self, sources: &Path) -> PathBuf {
        sources.join(&self.name).join(&self.root)
    }

    /// A path below the indexed folder, relative to the repository.
    pub fn path_of(&self, below: &[u8]) -> String {
        let below = String::from_utf8_lossy(below);
        match self.root.as_str() {
            "" => below.into_owned(),
            root => format!("{root}/{below}"),
        }
    }

    /// The questions that ask about one tree, tree after tree: `None` is the one checked out.
    pub fn trees(&self) -> impl Iterator<Item = (Option<&str>, &[Question])> {
        let trees = self.questions.chunk_by(|one, next| one.at == next.at);
        trees.map(|questions| (questions[0].at.as_deref(), questions))
    }

    /// Checks a commit out in the folder of this repository, which is one that was built.
    ///
    /// # Errors
    /// If it was not built, or git fails.
    pub fn check_out(&self, sources: &Path, commit: &str) -> Result<(), EvalError> {
        commits::check_out(&sources.join(&self.name), commit)
    }
}

fn repository(dir: &Path, entry: RepositoryEntry) -> Result<Repository, EvalError> {
    let file = dir.join("annotations").join(format!("{}.json", entry.name));
    let questions: Vec<QuestionEntry> = read_json(&file)?;
    let root = entry.benchmark_root.unwrap_or_default();
    Ok(Repository {
        name: entry.name,
        language: entry.language,
        root: root.trim_matches(['.', '/']).to_owned(),
        questions: questions.into_iter().map(Question::from).collect(),
    })
}

impl From<QuestionEntry> for Question {
    fn from(entry: QuestionEntry) -> Question {
        let targets = entry.relevant.into_iter().chain(entry.secondary);
        Question {
            query: entry.query,
            category: entry.category,
            targets: targets.map(Target::from).collect(),
            at: entry.at,
        }
    }
}

impl From<&Question> for QuestionEntry {
    fn from(question: &Question) -> QuestionEntry {
        let target = |target: &Target| match target.lines {
            None => TargetEntry::File(target.path.clone()),
            Some((start, end)) => TargetEntry::Lines {
                path: target.path.clone(),
                start_line: Some(start),
                end_line: Some(end),
            },
        };
        QuestionEntry {
            query: question.query.clone(),
            category: question.category.clone(),
            relevant: question.targets.iter().map(target).collect(),
            secondary: Vec::new(),
            at: question.at.clone(),
        }
    }
}

impl From<TargetEntry> for Target {
    fn from(entry: TargetEntry) -> Target {
        match entry {
            TargetEntry::File(path) => Target { path, lines: None },
            TargetEntry::Lines {
                path,
                start_line,
                end_line,
            } => Target {
                path,
                lines: start_line.map(|start| (start, end_line.unwrap_or(start))),
            },
        }
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, EvalError> {
    let text = fs::read_to_string(path).map_err(io("read", path))?;
    serde_json::from_str(&text).map_err(|source| EvalError::Json {
        path: path.to_owned(),
        source,
    })
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), EvalError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| EvalError::Json {
        path: path.to_owned(),
        source,
    })?;
    text.push('\n');
    fs::write(path, text).map_err(io("write", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn labels_are_files_or_lines_of_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("annotations")).unwrap();
        fs::write(
            dir.path().join("repos.json"),
            r#"[{"name": "a", "language": "go", "benchmark_root": "src"}, {"name": "b", "language": "c", "benchmark_root": null}]"#,
        )
        .unwrap();
        fs::write(
            dir.path().join("annotations/a.json"),
            r#"[{"query": "q", "category": "symbol", "relevant": ["src/x.go"], "secondary": [{"path": "y.go", "start_line": 3, "end_line": 9}]}]"#,
        )
        .unwrap();
        let labels = Labels::read(dir.path(), &["a".into()]).unwrap();
        let repository = &labels.repositories[0];
        assert_eq!(repository.folder(Path::new("s")), Path::new("s/a/src"));
        assert_eq!(repository.path_of(b"x.go"), "src/x.go");
        let lines: Vec<_> = repository.questions[0]
            .targets
            .iter()
            .map(|t| t.lines)
            .collect();
        assert_eq!(lines, [None, Some((3, 9))]);
        assert!(Labels::read(dir.path(), &["c".into()]).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let question = |at: Option<&str>, lines| Question {
            query: "q".into(),
            category: "commit".into(),
            targets: vec![Target {
                path: "a.rs".into(),
                lines,
            }],
            at: at.map(str::to_owned),
        };
        let questions = vec![
            question(Some("1"), None),
            question(Some("1"), Some((2, 3))),
            question(Some("2"), None),
        ];
        let labels = Labels {
            repositories: vec![Repository {
                name: "a".into(),
                language: "rust".into(),
                root: String::new(),
                questions: questions.clone(),
            }],
        };
        labels.write(dir.path()).unwrap();
        let read = Labels::read(dir.path(), &[]).unwrap();
        assert_eq!(read.repositories[0].questions, questions);
        let trees = read.repositories[0].trees();
        let trees: Vec<_> = trees.map(|(at, of)| (at, of.len())).collect();
        assert_eq!(trees, [(Some("1"), 2), (Some("2"), 1)]);
    }
}
