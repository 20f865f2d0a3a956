//! Several agents at once: `clients [FILES [CLIENTS [QUERIES [PROGRAM]]]]` lets a daemon watch a
//! tree and has that many processes search it, each by that many queries, first while nothing
//! changes, then while files are saved as fast as the daemon indexes them: two at a time, and every
//! 50th time 200, which leaves a backlog to encode.
//!
//! A client does what a server or an editor does: it stays, asks the daemon to catch up, opens the
//! newest generation, searches and compares what it found with the files. With PROGRAM, each query
//! is a run of `PROGRAM search` instead. Nothing may fail, and each answer has to show one
//! generation: the saved file has two functions with one number, which never differ.
#![allow(clippy::print_stdout)]

mod support;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fathom::config::Settings;
use fathom::daemon::client::{self, Wanted};
use fathom::daemon::{Options, serve};
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_encoders::Profile;
use fathom_retriever::{Mode, SearchRequest};
use support::{DISTINCT, WORDS, report, text, write, write_all};

type Failure = Box<dyn Error>;

/// Nothing cancels it.
static NEVER: AtomicBool = AtomicBool::new(false);
/// Every so many saves there are [`MANY`].
const STORM: usize = 50;
const MANY: usize = 200;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--daemon", root, data] => daemon(Path::new(root), Path::new(data)),
        ["--client", root, data, number, queries, program] => {
            let (number, queries) = (number.parse()?, queries.parse()?);
            let searcher = Searcher::new(Path::new(root), Path::new(data), program)?;
            be_client(&searcher, number, queries)
        }
        _ => measure(&words),
    }
}

fn measure(words: &[&str]) -> Result<(), Failure> {
    let number = |at: usize, otherwise| words.get(at).map_or(Ok(otherwise), |word| word.parse());
    let (files, clients, queries) = (number(0, 1_000)?, number(1, 8)?, number(2, 1_000)?);
    let program = words.get(3).copied().unwrap_or_default();
    let dir = tempfile::tempdir()?;
    let (root, data) = (dir.path().join("tree"), dir.path().join("data"));
    write_all(&root, files)?;
    pair(&root, 0)?;
    let settings = support::settings(&data)?;
    index(&root, &settings)?;
    let mut daemon = Running::start(&["--daemon".as_ref(), root.as_os_str(), data.as_os_str()])?;
    while !client::catch_up(&settings, &root, Wanted::Everything, &NEVER) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // The time stamps of the tree are no longer too new to be trusted.
    std::thread::sleep(Duration::from_secs(3));
    let run = |clients, queries| clients_at_once(&root, &data, clients, queries, program);
    report("one client, nothing saved", &mut run(1, queries)?);
    report(
        &format!("{clients} clients, nothing saved"),
        &mut run(clients, queries)?,
    );
    let (stop, saves) = (AtomicBool::new(false), AtomicUsize::new(0));
    let before = generation(&root, &settings)?;
    let mut busy = std::thread::scope(|scope| {
        let editor = scope.spawn(|| {
            let edited = edit(&root, files, &mut daemon, &stop, &saves);
            edited.map_err(|error| error.to_string())
        });
        let times = run(clients, queries);
        stop.store(true, Ordering::SeqCst);
        editor.join().map_err(|_| "the editor panicked")??;
        times
    })?;
    report(&format!("{clients} clients, saved all the time"), &mut busy);
    let generations = generation(&root, &settings)? - before;
    let log = std::fs::metadata(store(&root, &settings)?.join("catalog.db-wal"));
    println!(
        "{} saves, {generations} generations; log of {} KiB, daemon of {} MiB",
        saves.load(Ordering::SeqCst),
        log.map_or(0, |log| log.len() >> 10),
        daemon.memory().unwrap_or(0) >> 20,
    );
    drop(daemon);
    let report = Workspace::open_exactly(&root, &settings)?.check()?;
    match report.is_sound() {
        true => Ok(()),
        false => Err(format!("the index is damaged: {report:?}").into()),
    }
}

fn index(root: &Path, settings: &Settings) -> Result<(), Failure> {
    let workspace = Workspace::open_exactly(root, settings)?;
    workspace.refresh(true, Duration::ZERO, &NEVER, &|_| ())?;
    workspace.encode(Duration::ZERO, &NEVER, &|_| ())?;
    let counts = workspace.snapshot()?.counts();
    println!(
        "{} files, {} chunks, all encoded",
        counts.files, counts.chunks
    );
    Ok(())
}

fn generation(root: &Path, settings: &Settings) -> Result<u64, Failure> {
    Ok(Workspace::open_exactly(root, settings)?
        .snapshot()?
        .generation())
}

fn store(root: &Path, settings: &Settings) -> Result<std::path::PathBuf, Failure> {
    Ok(Workspace::locate(root, settings)?.store)
}

/// Two functions with one number, long enough to be two chunks.
fn pair(root: &Path, number: usize) -> std::io::Result<()> {
    let lines: String = (0..60)
        .map(|line| format!("    let step_{line} = {number} + {line};\n"))
        .collect();
    let half = |side: &str| format!("pub fn {side}_half_{number}() -> usize {{\n{lines}}}\n");
    let long =
        "/// Between the halves.\npub fn between(input: usize) -> usize {\n    input + 1\n}\n";
    let both = [half("left"), long.into(), half("right")].join("\n");
    let beside = root.join("pair.tmp");
    std::fs::write(&beside, both)?;
    std::fs::rename(beside, root.join("pair.rs"))
}

/// Saves, waits until that is indexed, and saves again, until it is told to stop.
fn edit(
    root: &Path,
    files: usize,
    daemon: &mut Running,
    stop: &AtomicBool,
    saves: &AtomicUsize,
) -> Result<(), Failure> {
    while !stop.load(Ordering::SeqCst) {
        let save = saves.fetch_add(1, Ordering::SeqCst) + 1;
        pair(root, save)?;
        let first = save * 37 % files;
        let many = if save.is_multiple_of(STORM) { MANY } else { 1 };
        for file in (0..many).map(|next| (first + next) % files) {
            write(root, file, &text(file % DISTINCT, &format!("save{save}")))?;
        }
        while !daemon.line()?.contains("changed") {}
    }
    Ok(())
}

/// Times of all queries of clients that begin together.
fn clients_at_once(
    root: &Path,
    data: &Path,
    clients: usize,
    queries: usize,
    program: &str,
) -> Result<Vec<Duration>, Failure> {
    let mut running = Vec::new();
    for number in 0..clients {
        let (number, queries) = (number.to_string(), queries.to_string());
        let arguments = [
            "--client".as_ref(),
            root.as_os_str(),
            data.as_os_str(),
            number.as_ref(),
            queries.as_ref(),
            program.as_ref(),
        ];
        running.push(Running::start(&arguments)?);
    }
    running
        .iter_mut()
        .try_for_each(|client| client.expect("ready"))?;
    for client in &mut running {
        let mut input = client.child.stdin.take().ok_or("no stdin")?;
        input.write_all(b"go\n")?;
    }
    let mut times = Vec::new();
    for client in &mut running {
        for _ in 0..queries {
            times.push(Duration::from_micros(client.line()?.parse()?));
        }
    }
    Ok(times)
}

/// A process of this example, which ends with it.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(arguments: &[&std::ffi::OsStr]) -> Result<Running, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Running { child, output })
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err("a client ended early".into()),
            _ => Ok(line.trim().to_owned()),
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), Failure> {
        match self.line()? {
            line if line == word => Ok(()),
            line => Err(format!("a client said `{line}`").into()),
        }
    }

    fn memory(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * 4096)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn daemon(root: &Path, data: &Path) -> Result<(), Failure> {
    let options = Options {
        settings: support::settings(data)?,
        paths: vec![root.to_owned()],
        idle_exit: None,
    };
    let tell = Arc::new(|line: &str| println!("{line}"));
    serve(options, &|| None, &NEVER, tell)?;
    Ok(())
}

fn be_client(searcher: &Searcher, number: usize, queries: usize) -> Result<(), Failure> {
    for query in 0..20 {
        searcher.search(number + query)?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    let mut go = String::new();
    std::io::stdin().read_line(&mut go)?;
    for query in 0..queries {
        let start = Instant::now();
        searcher.search(number * 131 + query)?;
        writeln!(out, "{}", start.elapsed().as_micros())?;
    }
    Ok(())
}

/// What a client keeps between queries.
struct Searcher {
    settings: Settings,
    workspace: Workspace,
    model: QueryModel,
    program: String,
}

impl Searcher {
    fn new(root: &Path, data: &Path, program: &str) -> Result<Searcher, Failure> {
        let mut settings = support::settings(data)?;
        settings.background = false;
        Ok(Searcher {
            workspace: Workspace::open_exactly(root, &settings)?,
            model: QueryModel::start(&Profile::bundled(), &settings, None),
            program: program.to_owned(),
            settings,
        })
    }

    /// One in eight looks at the pair, the others ask for something.
    fn search(&self, number: usize) -> Result<(), Failure> {
        let word = |by: usize| WORDS[number / by % WORDS.len()];
        let query = format!("where is the {} of a {} done", word(1), word(5));
        match number % 8 {
            0 => self.look_at_pair(),
            _ if self.program.is_empty() => self.search_here(&query, Mode::Hybrid).map(drop),
            _ => self.run(&["search", "--json", &query]).map(drop),
        }
    }

    fn search_here(&self, query: &str, mode: Mode) -> Result<Vec<String>, Failure> {
        if !client::catch_up(
            &self.settings,
            self.workspace.root(),
            Wanted::Encoded,
            &NEVER,
        ) {
            let patience = Duration::from_secs(60);
            self.workspace.refresh(false, patience, &NEVER, &|_| ())?;
        }
        let snapshot = self.workspace.snapshot()?;
        let request = SearchRequest {
            mode,
            ..SearchRequest::new(query)
        };
        let outcome = self
            .workspace
            .search(&snapshot, Some(&self.model), request)?;
        if outcome.hits.is_empty() {
            return Err(format!("nothing found for `{query}`").into());
        }
        let mut texts = Vec::new();
        for hit in outcome.hits {
            let (path, line) = (&hit.chunk.path, hit.chunk.record.lines.0);
            self.workspace.compare(&snapshot, path, line, &hit.text)?;
            texts.push(String::from_utf8(hit.text)?);
        }
        Ok(texts)
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.settings.data_dir)
            .env_remove("XDG_RUNTIME_DIR")
            .current_dir(self.workspace.root())
            .stdin(Stdio::null())
            .output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => Err(String::from_utf8_lossy(&output.stderr).into()),
        }
    }

    /// Both halves are of one save.
    fn look_at_pair(&self) -> Result<(), Failure> {
        const PATTERN: &str = "(left|right)_half_[0-9]+";
        let text = match self.program.is_empty() {
            true => self.search_here(PATTERN, Mode::Regex)?.concat(),
            false => self.run(&["search", "--json", "--mode", "regex", PATTERN])?,
        };
        let mut numbers: Vec<&str> = text
            .split("_half_")
            .skip(1)
            .filter_map(|rest| rest.split('(').next())
            .collect();
        numbers.retain(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        let one = numbers.windows(2).all(|two| two[0] == two[1]);
        match numbers.len() >= 2 && one {
            true => Ok(()),
            false => Err(format!("halves of different saves: {text}").into()),
        }
    }
}
