//! `fathom install` and `fathom uninstall`: coding agents get to know fathom, or forget it.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use fathom::output::json;
use fathom::output::style::Paint;
use fathom::workspace::Workspace;
use serde_json::json;

use super::Global;
use crate::errors::{Exit, Failure};
use crate::install::{self, AGENTS, Agent, Change, Homes, Scope, Server};

#[derive(Args, Debug)]
pub struct InstallArgs {
    /// Agents: claude-code, codex, cursor, vscode, gemini, zed, opencode, windsurf
    agents: Vec<String>,
    /// List the agents, which of them are found here, and which know fathom
    #[arg(long, conflicts_with_all = ["agents", "yes"])]
    list: bool,
    /// As one JSON document, with --list
    #[arg(long, requires = "list")]
    json: bool,
    /// Write the server's entry only, no instructions
    #[arg(long)]
    no_instructions: bool,
    #[command(flatten)]
    where_to: WhereArgs,
}

#[derive(Args, Debug)]
pub struct UninstallArgs {
    /// Agents, as for `fathom install`
    #[arg(required = true)]
    agents: Vec<String>,
    #[command(flatten)]
    where_to: WhereArgs,
}

#[derive(Args, Debug)]
struct WhereArgs {
    /// In the files of the current repository, for all who work in it; without, in the user's own
    #[arg(long)]
    project: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
}

pub fn run(global: &Global, args: &InstallArgs) -> anyhow::Result<Exit> {
    let homes = homes()?;
    let project = project(global, args.where_to.project || args.list)?;
    if args.list {
        let project = project.unwrap_or_default();
        return list(global, &homes, &project, args.json);
    }
    let scope = scope(args.where_to.project, &project);
    let server = server(args.where_to.project)?;
    let mut changes = Vec::new();
    for agent in chosen(&args.agents)? {
        let instructions = !args.no_instructions;
        changes.extend(install::install(
            agent,
            scope,
            &homes,
            &server,
            instructions,
        )?);
    }
    write(
        global,
        &changes,
        args.where_to.yes,
        "fathom is installed there already",
    )
}

pub fn run_uninstall(global: &Global, args: &UninstallArgs) -> anyhow::Result<Exit> {
    let homes = homes()?;
    let project = project(global, args.where_to.project)?;
    let scope = scope(args.where_to.project, &project);
    let mut changes = Vec::new();
    for agent in chosen(&args.agents)? {
        changes.extend(install::uninstall(agent, scope, &homes)?);
    }
    write(
        global,
        &changes,
        args.where_to.yes,
        "fathom is not installed there",
    )
}

fn homes() -> anyhow::Result<Homes> {
    let homes = Homes::new(&|name| std::env::var_os(name));
    let failure = || Failure::new("no home folder is known", "set HOME");
    Ok(homes.ok_or_else(failure)?)
}

/// The current repository, if it is asked for.
fn project(global: &Global, wanted: bool) -> anyhow::Result<Option<PathBuf>> {
    match wanted {
        true => {
            let settings = global.settings()?;
            let here = std::path::Path::new(".");
            Ok(Some(Workspace::locate(here, &settings)?.root))
        }
        false => Ok(None),
    }
}

fn scope(is_project: bool, project: &Option<PathBuf>) -> Scope<'_> {
    match project {
        Some(root) if is_project => Scope::Project(root),
        _ => Scope::User,
    }
}

/// How agents start fathom: for one user by its place, since editors often do not know the
/// shell's PATH; in a repository by its name, since others have it elsewhere.
fn server(is_project: bool) -> anyhow::Result<Server> {
    let command = match is_project {
        true => install::NAME.to_owned(),
        false => std::env::current_exe()?.to_string_lossy().into_owned(),
    };
    Ok(Server {
        command,
        args: vec!["mcp".to_owned()],
    })
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Agent>> {
    let all: Vec<&str> = AGENTS.iter().map(|agent| agent.id).collect();
    let all = all.join(", ");
    if names.is_empty() {
        let failure = Failure::new(
            "no agent is named",
            format!("give one or more of {all}; `--list` shows which are found here"),
        );
        return Err(failure.into());
    }
    let called = |name: &String| {
        let unknown = || {
            Failure::new(
                format!("there is no agent `{name}`"),
                format!("it is one of {all}"),
            )
        };
        Agent::called(name).ok_or_else(|| unknown().into())
    };
    names.iter().map(called).collect()
}

/// Shows the changes, asks, and writes them.
fn write(global: &Global, changes: &[Change], yes: bool, nothing: &str) -> anyhow::Result<Exit> {
    if changes.is_empty() {
        global.note(nothing);
        return Ok(Exit::Found);
    }
    let paint = Paint::for_stdout(global.settings()?.color);
    let mut out = BufWriter::new(io::stdout().lock());
    for change in changes {
        install::write_diff(&mut out, change, paint)?;
    }
    out.flush()?;
    drop(out);
    if !yes && !agreed()? {
        global.note("nothing was written");
        return Ok(Exit::Nothing);
    }
    for change in changes {
        let kept = install::apply(change)?;
        let path = change.path.display();
        global.note(&match kept {
            Some(kept) => format!("`{path}` is written; before: `{}`", kept.display()),
            None => format!("`{path}` is written"),
        });
    }
    Ok(Exit::Found)
}

fn agreed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        let failure = Failure::new("nothing was written", "`--yes` writes it without asking");
        return Err(failure.into());
    }
    let mut stderr = io::stderr().lock();
    stderr.write_all(b"write this? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// An agent, and what is known of it here.
struct Known {
    agent: &'static Agent,
    is_there: bool,
    user: String,
    project: String,
}

fn list(
    global: &Global,
    homes: &Homes,
    root: &std::path::Path,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let state = |agent: &Agent, scope: Scope<'_>| match agent.files(scope, homes) {
        None => "unsupported".to_owned(),
        Some(_) => match install::is_installed(agent, scope, homes) {
            Ok(true) => "installed".to_owned(),
            Ok(false) => "not installed".to_owned(),
            Err(error) => error.to_string(),
        },
    };
    let known: Vec<Known> = AGENTS
        .iter()
        .map(|agent| Known {
            agent,
            is_there: agent.is_there(homes),
            user: state(agent, Scope::User),
            project: state(agent, Scope::Project(root)),
        })
        .collect();
    let mut out = BufWriter::new(io::stdout().lock());
    if as_json {
        let all = known.iter().map(|one| {
            json!({
                "agent": one.agent.id,
                "name": one.agent.name,
                "found": one.is_there,
                "user": one.user,
                "project": one.project,
            })
        });
        json::pretty(&mut out, &all.collect::<Vec<_>>())?;
    } else {
        let paint = Paint::for_stdout(global.settings()?.color);
        for one in &known {
            let found = match one.is_there {
                true => paint.good("found    "),
                false => paint.faint("not found"),
            };
            writeln!(
                out,
                "{:12} {found}  user: {}; project: {}",
                one.agent.id, one.user, one.project
            )?;
        }
    }
    out.flush()?;
    Ok(Exit::Found)
}
