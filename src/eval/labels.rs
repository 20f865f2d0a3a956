//! Reads the labelled questions: `repos.json` and `annotations/<name>.json`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fathom_retriever::evaluate::Target;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// All repositories with their questions.
pub struct Labels {
    /// In the order of `repos.json`.
    pub repositories: Vec<Repository>,
}

/// One repository with its questions.
pub struct Repository {
    /// Its name, which is also the name of its folder below the sources.
    pub name: String,
    /// Its main language.
    pub language: String,
    /// The only folder of it to index; empty for all.
    root: String,
    /// What is asked.
    pub questions: Vec<Question>,
}

/// One question with its answers.
pub struct Question {
    /// As typed.
    pub query: String,
    /// `architecture`, `semantic` or `symbol`.
    pub category: String,
    /// Files, some with lines.
    pub targets: Vec<Target>,
}

#[derive(Deserialize)]
struct RepositoryEntry {
    name: String,
    language: String,
    benchmark_root: Option<String>,
}

#[derive(Deserialize)]
struct QuestionEntry {
    query: String,
    category: String,
    relevant: Vec<TargetEntry>,
    #[serde(default)]
    secondary: Vec<TargetEntry>,
}

#[derive(Deserialize)]
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
    pub fn read(dir: &Path, only: &[String]) -> anyhow::Result<Labels> {
        let entries: Vec<RepositoryEntry> = read_json(&dir.join("repos.json"))?;
        if let Some(unknown) = only
            .iter()
            .find(|name| entries.iter().all(|e| e.name != **name))
        {
            anyhow::bail!("there is no repository `{unknown}` in `{}`", dir.display());
        }
        let repositories = entries
            .into_iter()
            .filter(|entry| only.is_empty() || only.contains(&entry.name))
            .map(|entry| repository(dir, entry))
            .collect::<anyhow::Result<_>>()?;
        Ok(Labels { repositories })
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
}

fn repository(dir: &Path, entry: RepositoryEntry) -> anyhow::Result<Repository> {
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

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is not as expected", path.display()))
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
}
