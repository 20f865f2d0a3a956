//! The few things that are asked of git, with nothing of the repository's configuration run.

use std::path::Path;
use std::process::Command;

use crate::EvalError;

/// Configuration that could start programs.
const NOTHING_RUNS: [&str; 6] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.pager=cat",
];

/// What git answers in `dir`.
///
/// # Errors
/// If git is not there or fails.
pub fn git(dir: &Path, arguments: &[&str]) -> Result<String, EvalError> {
    let failed = |message: String| EvalError::Git {
        command: arguments.join(" "),
        dir: dir.to_owned(),
        message,
    };
    let run = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(NOTHING_RUNS)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .output();
    match run {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
        Err(error) => Err(failed(error.to_string())),
    }
}
