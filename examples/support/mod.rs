//! A tree to measure with, and how times are told. Beyond 2,000 files texts repeat, so that not
//! everything has to be encoded first: what is measured depends on the number of files and
//! chunks, not on how many contents there are.
#![allow(dead_code, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use fathom::config::{ConfigError, Flags, Settings};

/// Contents that differ.
pub const DISTINCT: usize = 2_000;
/// What the code in it does.
pub const WORDS: [&str; 12] = [
    "parse", "render", "commit", "merge", "lock", "query", "route", "stream", "cache", "score",
    "token", "filter",
];

/// Settings with a data folder of their own, and a daemon of their own in it.
pub fn settings(data: &Path) -> Result<Settings, ConfigError> {
    let flags = Flags {
        data_dir: Some(data.to_owned()),
        ..Flags::default()
    };
    let (mut settings, _) = Settings::load(&flags)?;
    settings.runtime_dir = None;
    Ok(settings)
}

/// Where a file of the tree is.
pub fn path(root: &Path, file: usize) -> PathBuf {
    root.join(format!("part{}/file{file}.rs", file / 100))
}

/// Writes a file of the tree.
pub fn write(root: &Path, file: usize, text: &str) -> std::io::Result<()> {
    let path = path(root, file);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Writes all files.
pub fn write_all(root: &Path, files: usize) -> std::io::Result<()> {
    (0..files).try_for_each(|file| write(root, file, &text(file % DISTINCT, "")))
}

/// A few functions; `extra` names one more.
pub fn text(number: usize, extra: &str) -> String {
    let word = |shift: usize| WORDS[(number >> shift) % WORDS.len()];
    let (a, b) = (word(0), word(3));
    let mut text = format!(
        "/// Does the {a} of every {b}, number {number}.\npub fn {a}_{b}_{number}(input: u32) -> u32 {{\n    let {a} = input + {number};\n    {a} * 2\n}}\n"
    );
    if !extra.is_empty() {
        text += &format!(
            "\n/// Told apart by {extra}.\npub fn {extra}(input: u32) -> u32 {{\n    {a}_{b}_{number}(input) + 1\n}}\n"
        );
    }
    text
}

/// The time that a share of `times`, which are sorted, does not exceed; in milliseconds.
pub fn percentile(times: &[Duration], share: f64) -> f64 {
    let at = (times.len() as f64 * share) as usize;
    times[at.min(times.len() - 1)].as_secs_f64() * 1e3
}

/// One line about `times`.
pub fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let [median, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(|share| percentile(times, share));
    println!(
        "{what:30} median {median:.0} ms, p95 {p95:.0} ms, p99 {p99:.0} ms, most {most:.0} ms"
    );
}
