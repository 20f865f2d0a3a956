//! Runs the built program in a temporary tree, with folders of its own.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No command may take longer, whatever it is given.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A source tree and the folders that fathom may write to.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// A tree with these files.
    pub fn new(files: &[(&str, &str)]) -> Sandbox {
        let sandbox = Sandbox {
            dir: tempfile::tempdir().unwrap(),
        };
        for folder in ["tree", "home", "data", "cache", "config", "tmp"] {
            fs::create_dir(sandbox.path(folder)).unwrap();
        }
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// A file or folder of the sandbox (not of the tree in it).
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The source tree.
    pub fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    /// Writes a file of the tree.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program, to be run in the tree.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fathom"));
        command
            .args(args)
            .current_dir(self.tree())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("TMPDIR", self.path("tmp"))
            .env("FATHOM_BACKGROUND", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(library) = runtime_library() {
            command.env("ORT_DYLIB_PATH", library);
        }
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args), args)
    }

    /// Like [`Sandbox::run`], with variables.
    pub fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Run {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        finish(command, args)
    }

    /// Paths of the results, in order, of a search that must find something.
    pub fn found(&self, args: &[&str]) -> Vec<String> {
        let args = [&["search", "--json"], args].concat();
        let run = self.run(&args);
        let json = run.json();
        let results = json["results"].as_array().expect("results");
        results
            .iter()
            .map(|result| result["path"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every file below the sandbox, with its size, sorted.
    pub fn files(&self, below: &str) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        collect(&self.path(below), &mut files);
        files.sort();
        files
    }
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            collect(&path, files);
        } else {
            files.push((path, meta.len()));
        }
    }
}

/// ONNX Runtime as `make runtime` leaves it in the user's own cache.
fn runtime_library() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH") {
        return Some(path.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let versions = fs::read_dir(cache.join("fathom/runtime")).ok()?;
    versions
        .flatten()
        .flat_map(|version| fs::read_dir(version.path()).into_iter().flatten().flatten())
        .map(|file| file.path())
        .find(|path| path.to_string_lossy().contains("libonnxruntime."))
}

/// Waits for the program's end, but not longer than [`TIME_LIMIT`].
pub fn finish(mut command: Command, args: &[&str]) -> Run {
    let child = command.spawn().unwrap();
    wait(child, args)
}

/// Waits for a running program's end.
pub fn wait(child: Child, args: &[&str]) -> Run {
    let started = Instant::now();
    let pid = child.id();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if ended.recv_timeout(TIME_LIMIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    watchdog.join().unwrap();
    assert!(started.elapsed() < TIME_LIMIT, "`fathom {args:?}` hangs");
    Run::from(output)
}

/// What a run left.
pub struct Run {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// stdout as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("signal".into(), |code| code.to_string());
        write!(
            f,
            "exit {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        )
    }
}

/// Compares a run with an inline snapshot.
macro_rules! check {
    ($sandbox:expr, $run:expr, @$expected:literal) => {
        insta::assert_snapshot!($crate::common::masked(&$sandbox, &$run), @$expected);
    };
}
pub(crate) use check;

/// A run as text, with what differs from run to run (times, scores, folders) masked.
pub fn masked(sandbox: &Sandbox, run: &Run) -> String {
    let dir = sandbox.path("").canonicalize().unwrap();
    let dir = dir.to_str().unwrap().trim_end_matches('/');
    let mut text = run.to_string().replace(dir, "[SANDBOX]");
    for (pattern, mask) in [
        (r"repos/[0-9a-f]{16}", "repos/[ID]"),
        (r"\b\d+(\.\d+)? ?(ms|s|chunks/s|KiB|MiB)\b", "[N]"),
        (r"\b[01]\.\d\d (high|medium|low)", "[SCORE]"),
        // Vectors differ a little from processor to processor, and so their centroids.
        (r"\b\d+\.\d of postings", "[N] of postings"),
    ] {
        let pattern = regex::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, mask).into_owned();
    }
    text
}

/// Three small files that talk about different things.
pub const SMALL: &[(&str, &str)] = &[
    (
        "src/lock.rs",
        "//! Locks.\n\n/// Takes the writer lock and waits for it.\npub fn acquire_lock(path: &str) -> bool {\n    std::fs::File::create(path).is_ok()\n}\n",
    ),
    (
        "src/colour.py",
        "def parse_colour(text):\n    \"\"\"Parses a hexadecimal colour such as #ff0000.\"\"\"\n    return int(text[1:], 16)\n",
    ),
    (
        "docs/guide.md",
        "# Guide\n\n## Installation\n\nRun the installer, then restart the service.\n",
    ),
];
