//! Answers as documents: files of fathom's own that the editor opens.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::client::{Client, Weight};
use super::uri;

/// Files kept, the latest first.
const KEPT: usize = 50;
/// Characters of a name.
const NAME: usize = 40;

/// Writes an answer below the data folder. The same title has the same file.
///
/// # Errors
/// If the file cannot be written.
pub fn write(data: &Path, title: &str, text: &str) -> io::Result<PathBuf> {
    let folder = data.join("shown");
    fs::create_dir_all(&folder)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    file.write_all(text.as_bytes())?;
    let path = folder.join(name(title));
    file.persist(&path)?;
    prune(&folder)?;
    Ok(path)
}

/// Letters of the title, and what tells it from titles with the same letters.
fn name(title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let words: String = title.chars().take(NAME).map(plain).collect();
    let hash = blake3::hash(title.as_bytes()).to_hex();
    format!("{}-{}.md", words.trim_matches('-'), &hash[..8])
}

fn prune(folder: &Path) -> io::Result<()> {
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let time = |path: PathBuf| Some((fs::metadata(&path).ok()?.modified().ok()?, path));
    let mut files: Vec<(SystemTime, PathBuf)> = files.filter_map(time).collect();
    files.sort_unstable();
    for (_, path) in files.iter().rev().skip(KEPT) {
        // Another process may have been faster.
        let _gone = fs::remove_file(path);
    }
    Ok(())
}

/// Has the client open a document, or tells where it is.
pub fn show(client: &Client, path: &Path) {
    if client.abilities().show_document {
        let params: Value = json!({"uri": uri::of(path), "takeFocus": true});
        client.request("window/showDocument", params);
    } else {
        let line = format!("the answer is in {}", path.display());
        client.tell(Weight::Info, &line);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_title_has_one_file_and_few_are_kept() {
        let data = tempfile::tempdir().unwrap();
        let first = write(data.path(), "Explain `../a`", "1").unwrap();
        let again = write(data.path(), "Explain `../a`", "2").unwrap();
        assert_eq!(first, again);
        assert_eq!(fs::read_to_string(&first).unwrap(), "2");
        assert_eq!(first.parent().unwrap(), data.path().join("shown"));
        for n in 0..KEPT + 5 {
            write(data.path(), &n.to_string(), "x").unwrap();
        }
        assert_eq!(
            fs::read_dir(data.path().join("shown")).unwrap().count(),
            KEPT
        );
    }
}
