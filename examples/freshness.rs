//! How long after a save a change is searchable: `freshness [FILES [ROUNDS]]` writes that many
//! files into a temporary tree, lets a daemon watch it, saves files of it one after the other and
//! times each save until its words and its vectors are in the index.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fathom::config::Settings;
use fathom::daemon::client::{self, Wanted};
use fathom::daemon::{Options, serve};
use fathom::workspace::Workspace;
use support::{DISTINCT, report, text, write, write_all};

/// Nothing cancels it.
static NEVER: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|number| number.parse::<usize>());
    let files = numbers.next().transpose()?.unwrap_or(1_000);
    let rounds = numbers.next().transpose()?.unwrap_or(100);
    let dir = tempfile::tempdir()?;
    let root = dir.path().join("tree");
    write_all(&root, files)?;
    let settings = support::settings(&dir.path().join("data"))?;
    let workspace = Workspace::open_exactly(&root, &settings)?;
    let start = Instant::now();
    let never = AtomicBool::new(false);
    workspace.refresh(true, Duration::ZERO, &never, &|_| ())?;
    workspace.encode(Duration::ZERO, &never, &|_| ())?;
    let counts = workspace.snapshot()?.counts();
    let (chunks, took) = (counts.chunks, start.elapsed().as_secs_f64());
    println!("{files} files, {chunks} chunks, indexed and encoded in {took:.1} s");
    let (stop, (sender, told)) = (AtomicBool::new(false), channel());
    let on = Arc::new(move |line: &str| {
        let _ = sender.send((Instant::now(), line.to_owned()));
    });
    let options = Options {
        settings: settings.clone(),
        paths: vec![root.clone()],
        idle_exit: None,
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Err(error) = serve(options, &|| None, &stop, on) {
                eprintln!("{error}");
            }
        });
        let done = measure(&settings, &workspace, &root, files, rounds, &told);
        stop.store(true, Ordering::SeqCst);
        done
    })
}

fn measure(
    settings: &Settings,
    workspace: &Workspace,
    root: &Path,
    files: usize,
    rounds: usize,
    told: &Receiver<(Instant, String)>,
) -> Result<(), Box<dyn Error>> {
    while !told
        .recv_timeout(Duration::from_secs(120))?
        .1
        .starts_with("watching")
    {}
    // The time stamps of the tree are no longer too new to be trusted.
    std::thread::sleep(Duration::from_secs(3));
    while !client::catch_up(settings, root, Wanted::Everything, &NEVER) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut words, mut vectors, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let file = round * 37 % files;
        while told.try_recv().is_ok() {}
        write(
            root,
            file,
            &text(file % DISTINCT, &format!("passive{round}")),
        )?;
        let saved = Instant::now();
        words.push(until(told, "changed")?.duration_since(saved));
        vectors.push(until(told, "encoded")?.duration_since(saved));
        let snapshot = workspace.snapshot()?;
        let name = format!("passive{round}");
        if snapshot.symbols_named(&name, true)?.is_empty() || snapshot.missing() > 0 {
            return Err(format!("`{name}` is not searchable").into());
        }
        std::thread::sleep(Duration::from_millis(100));
        write(root, file, &text(file % DISTINCT, &format!("asked{round}")))?;
        let saved = Instant::now();
        if !client::catch_up(settings, root, Wanted::Everything, &NEVER) {
            return Err("the daemon did not catch up".into());
        }
        asked.push(saved.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    report("saved → words", &mut words);
    report("saved → vectors", &mut vectors);
    report("saved and asked for → vectors", &mut asked);
    let mut idle: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            client::catch_up(settings, root, Wanted::Encoded, &NEVER);
            start.elapsed()
        })
        .collect();
    report("asked for, nothing saved", &mut idle);
    Ok(())
}

/// When the daemon tells of something.
fn until(
    told: &Receiver<(Instant, String)>,
    what: &str,
) -> Result<Instant, std::sync::mpsc::RecvTimeoutError> {
    loop {
        let (when, line) = told.recv_timeout(Duration::from_secs(60))?;
        if line.contains(what) {
            return Ok(when);
        }
    }
}
