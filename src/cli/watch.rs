//! `fathom watch`: keep indexes fresh and the model loaded, until told to stop.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use fathom::config::Settings;
use fathom::daemon::client::{self, Client};
use fathom::daemon::{DaemonError, Ended, Options, serve};
use fathom::encoder::selected;
use fathom::workspace::{Workspace, background};

use super::Global;
use crate::errors::{Exit, Failure, Notes};
use crate::signals;

/// How long a daemon that was just started may take to listen.
const START: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// Paths in the repositories to watch
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Go on in the background, and return when it is ready
    #[arg(long)]
    detach: bool,
    /// End after so many minutes in which nobody asked anything; 0: never [default: 240 with
    /// `--detach`, else 0]
    #[arg(long, value_name = "MINUTES")]
    idle_exit: Option<u64>,
    /// Be the process that goes on in the background
    #[arg(long, hide = true)]
    detached: bool,
}

pub fn run(global: &Global, args: &WatchArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let mut roots = Vec::new();
    for path in &args.paths {
        roots.push(Workspace::locate(path, &settings)?.root);
    }
    if let Some(client) = Client::connect(&settings) {
        return hand_over(global, client, &roots);
    }
    if args.detach {
        return detach(global, args, &settings, &roots);
    }
    if args.detached {
        background::detach();
    }
    watch(global, args, settings, roots)
}

/// There is a daemon: it watches these too.
fn hand_over(global: &Global, mut client: Client, roots: &[PathBuf]) -> anyhow::Result<Exit> {
    if !client.is_same {
        return Err(Failure::new(
            format!("process {} is a daemon of another version", client.pid),
            "`fathom daemon stop` ends it; then run this again",
        )
        .into());
    }
    for root in roots {
        client::watch(&mut client, root)?;
        global.note(&format!(
            "process {} watches `{}`",
            client.pid,
            root.display()
        ));
    }
    Ok(Exit::Found)
}

fn watch(
    global: &Global,
    args: &WatchArgs,
    settings: Settings,
    paths: Vec<PathBuf>,
) -> anyhow::Result<Exit> {
    let (quiet, notes) = (global.quiet, Notes::new());
    let tell = notes.teller();
    let on = Arc::new(move |line: &str| {
        if !quiet {
            tell(line);
        }
    });
    let minutes = args
        .idle_exit
        .unwrap_or(if args.detached { 240 } else { 0 });
    let (mut settings, mut paths) = (settings, paths);
    loop {
        let options = Options {
            settings: settings.clone(),
            paths: paths.clone(),
            idle_exit: (minutes > 0).then(|| Duration::from_secs(60 * minutes)),
        };
        let selected_now = || Some(selected(&global.settings().ok()?).ok()?.id().to_owned());
        match signals::during(|cancel| serve(options, &selected_now, cancel, on.clone()))? {
            // Two were started at once: the other one serves.
            Err(DaemonError::Running { .. }) if args.detached => return Ok(Exit::Found),
            Ok(Ended::Stopped) => return Ok(Exit::Found),
            Ok(Ended::OtherModels(roots)) => (settings, paths) = (global.settings()?, roots),
            Err(error) => return Err(error.into()),
        }
    }
}

fn detach(
    global: &Global,
    args: &WatchArgs,
    settings: &Settings,
    roots: &[PathBuf],
) -> anyhow::Result<Exit> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["watch", "--quiet", "--detached", "--threads"])
        .arg(settings.threads.to_string())
        .arg("--data-dir")
        .arg(&settings.data_dir)
        .args(
            args.idle_exit
                .map(|minutes| format!("--idle-exit={minutes}")),
        )
        .arg("--")
        .args(roots)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let start = Instant::now();
    while start.elapsed() < START {
        if let Some(client) = Client::connect(settings) {
            return hand_over(global, client, roots);
        }
        if child.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(
        "the daemon did not start",
        "run `fathom watch` without `--detach` to see why",
    )
    .into())
}
