//! How long a hover takes: `hover REPOSITORY [HOVERS]` has `fathom lsp` (of the same build) index a
//! repository by its words in a data folder of its own, asks for hovers at random names in it, and
//! times those that have a card; then the same in documents that were edited and not saved. Build
//! the program first: `cargo build --release && cargo run --release --example hover REPOSITORY`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fathom::config::{Flags, Settings};
use fathom::workspace::Workspace;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("which repository?")?).canonicalize()?;
    let hovers = arguments.next().map_or(Ok(500), |number| number.parse())?;
    let data = tempfile::tempdir()?;
    let files = indexed(&root, data.path())?;
    let program = std::env::current_exe()?;
    let program = program
        .ancestors()
        .nth(2)
        .ok_or("no folder above")?
        .join("fathom");
    let mut child = Command::new(program)
        .args(["lsp", "--quiet", "--data-dir"])
        .arg(data.path())
        .env("FATHOM_DAEMON", "0")
        // Hovers need no model, and without one nothing is encoded meanwhile.
        .env("ORT_DYLIB_PATH", "none")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut client = Client {
        stdin: stdin.ok_or("no stdin")?,
        stdout: BufReader::new(stdout.ok_or("no stdout")?),
        process: child.id(),
        id: 0,
    };
    let began = Instant::now();
    let uri = address(&root);
    client.ask("initialize", json!({"rootUri": uri, "capabilities": {}}))?;
    println!("initialize after {:.1} ms", ms(began.elapsed()));
    for is_edited in [false, true] {
        let times = client.hovers(&files, hovers, is_edited)?;
        let (waited, worked): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        let of = if is_edited { " of unsaved text" } else { "" };
        println!("{} cards{of}: {}", waited.len(), spread(waited));
        println!("  on the processor: {}", spread(worked));
    }
    client.ask("shutdown", Value::Null)?;
    client.tell("exit", Value::Null)?;
    child.wait()?;
    Ok(())
}

/// Some of the times, by their order.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| ms(times[((times.len() - 1) as f64 * share) as usize]);
    format!(
        "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    )
}

/// What the threads of a process have had of processors, where the system tells it; on a busy
/// machine this says more than the clock.
fn worked(process: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let times = tasks.into_iter().flatten().flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

/// Indexes the words; gives the files of code.
fn indexed(root: &Path, data: &Path) -> Outcome<Vec<(String, String)>> {
    let flags = Flags {
        data_dir: Some(data.to_owned()),
        ..Flags::default()
    };
    let (mut settings, _) = Settings::load(&flags)?;
    settings.runtime_dir = None;
    let workspace = Workspace::open_exactly(root, &settings)?;
    let never = std::sync::atomic::AtomicBool::new(false);
    workspace.refresh(true, Duration::ZERO, &never, &|_| ())?;
    let snapshot = workspace.snapshot()?;
    let mut files = Vec::new();
    for row in snapshot.files()? {
        if !snapshot.symbols_of_file(row.id)?.is_empty() {
            let path = root.join(String::from_utf8_lossy(&row.record.path).as_ref());
            let text = String::from_utf8_lossy(&snapshot.text(row.id)?).into_owned();
            files.push((address(&path), text));
        }
    }
    println!(
        "{} files, {} with definitions",
        snapshot.file_count(),
        files.len()
    );
    Ok(files)
}

/// Paths of plain letters are all that is needed here.
fn address(path: &Path) -> String {
    format!("file://{}", path.display()).replace(' ', "%20")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The other side of the server's streams.
struct Client {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    process: u32,
    id: u64,
}

impl Client {
    /// Times of so many hovers that have a card, and what they took of processors.
    fn hovers(
        &mut self,
        files: &[(String, String)],
        wanted: usize,
        is_edited: bool,
    ) -> Outcome<Vec<(Duration, Duration)>> {
        let mut random = 42_u64;
        let mut next = move |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize % below.max(1)
        };
        let mut times = Vec::new();
        for _ in 0..100 * wanted {
            let (uri, text) = &files[next(files.len())];
            let lines: Vec<&str> = text.lines().collect();
            let line = next(lines.len());
            let Some(column) = lines.get(line).and_then(|line| name_in(line, next(64))) else {
                continue;
            };
            let document =
                json!({"uri": uri, "languageId": "x", "version": 1, "text": format!("\n{text}")});
            if is_edited {
                self.tell("textDocument/didOpen", json!({"textDocument": document}))?;
            }
            let place = json!({"line": line + usize::from(is_edited), "character": column});
            let params = json!({"textDocument": {"uri": uri}, "position": place});
            let (began, before) = (Instant::now(), worked(self.process));
            let hover = self.ask("textDocument/hover", params)?;
            let took = (began.elapsed(), worked(self.process).saturating_sub(before));
            if !hover.is_null() {
                times.push(took);
            }
            if is_edited {
                let closed = json!({"textDocument": {"uri": uri}});
                self.tell("textDocument/didClose", closed)?;
            }
            if times.len() == wanted {
                break;
            }
        }
        match times.is_empty() {
            true => Err("no hover has a card".into()),
            false => Ok(times),
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Outcome<Value> {
        self.id += 1;
        let id = self.id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut message = self.receive()?;
            if message["id"] == id && message.get("method").is_none() {
                return Ok(message["result"].take());
            }
        }
    }

    fn tell(&mut self, method: &str, params: Value) -> Outcome<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    fn send(&mut self, message: &Value) -> Outcome<()> {
        let text = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        Ok(self.stdin.flush()?)
    }

    fn receive(&mut self) -> Outcome<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                return Err("the server has ended".into());
            }
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(value) => length = value.parse()?,
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stdout.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// UTF-16 column of one of the names of a line.
fn name_in(line: &str, which: usize) -> Option<usize> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let starts: Vec<usize> = line
        .char_indices()
        .filter(|(at, c)| {
            let before = line[..*at].chars().next_back();
            c.is_alphabetic() && !before.is_some_and(is_name)
        })
        .map(|(at, _)| at)
        .collect();
    let at = *starts.get(which % starts.len().max(1))?;
    Some(line[..at].encode_utf16().count())
}
