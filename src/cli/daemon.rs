//! `fathom daemon`: how the process that watches is, and its end.

use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use fathom::daemon::client::Client;
use fathom::daemon::protocol::{DaemonStatus, Reply, RepositoryStatus, Request};

use super::Global;
use crate::errors::{Exit, Failure};
use fathom::output::style::Paint;
use fathom::output::{escape, json};

/// How long it may take to finish what it is at.
const STOP: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
pub struct DaemonArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what it watches, what is left to do, and what failed
    Status(DaemonStatusArgs),
    /// End it; what it has done is kept
    Stop,
}

#[derive(Args, Debug)]
struct DaemonStatusArgs {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &DaemonArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let Some(mut client) = Client::connect(&settings) else {
        global.note("no daemon is running; `fathom watch` starts one");
        return Ok(Exit::Nothing);
    };
    match &args.action {
        Action::Status(args) => {
            let status = client.status()?;
            let mut out = BufWriter::new(io::stdout().lock());
            match args.json {
                true => json::pretty(&mut out, &status)?,
                false => write(&mut out, &status, Paint::for_stdout(settings.color))?,
            }
            out.flush()?;
        }
        Action::Stop => {
            let pid = client.pid;
            match client.ask(&Request::Stop, STOP)? {
                Reply::Done => {}
                other => anyhow::bail!("process {pid} answered {other:?}"),
            }
            drop(client);
            let start = Instant::now();
            while Client::connect(&settings).is_some() || settings.daemon_place().socket().exists()
            {
                if start.elapsed() > STOP {
                    return Err(Failure::new(
                        format!("process {pid} has not ended in {} s", STOP.as_secs()),
                        format!("`kill {pid}` ends it; that is safe at any time"),
                    )
                    .into());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            global.note(&format!("process {pid} has ended"));
        }
    }
    Ok(Exit::Found)
}

fn write(out: &mut dyn Write, status: &DaemonStatus, paint: Paint) -> io::Result<()> {
    let memory = status.memory_bytes.map_or_else(String::new, |bytes| {
        format!(", {}", super::status::bytes(bytes))
    });
    writeln!(
        out,
        "process {}, up {} s, {} requests{memory}",
        status.pid, status.up_seconds, status.requests
    )?;
    for repository in &status.repositories {
        writeln!(out)?;
        write_repository(out, repository, paint)?;
    }
    Ok(())
}

fn write_repository(
    out: &mut dyn Write,
    repository: &RepositoryStatus,
    paint: Paint,
) -> io::Result<()> {
    writeln!(
        out,
        "{}",
        paint.path(escape::path(repository.root.as_bytes()))
    )?;
    let looked = repository.looked_seconds_ago;
    for (what, detail) in [
        ("state", repository.state.clone()),
        ("watching", repository.watching.clone()),
        (
            "index",
            format!(
                "generation {}, {} files",
                repository.generation, repository.files
            ),
        ),
        (
            "encoded",
            format!(
                "{:.0} %, {} chunks in the queue",
                100.0 * repository.coverage,
                repository.queue
            ),
        ),
        (
            "looked",
            looked.map_or("not yet".into(), |seconds| {
                format!("{seconds} s ago, {} times", repository.looks)
            }),
        ),
        (
            "errors",
            match &repository.last_error {
                None => "0".into(),
                Some(error) => format!("{}, the last: {error}", repository.errors),
            },
        ),
    ] {
        writeln!(out, "  {what:9} {}", escape::text(detail.as_bytes()))?;
    }
    Ok(())
}
