//! `fathom clear`: delete an index.

use std::path::PathBuf;

use clap::Args;
use fathom::workspace::{Workspace, WorkspaceError};

use super::Global;
use super::status::bytes;
use crate::errors::Exit;

#[derive(Args, Debug)]
pub struct ClearArgs {
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only the indexes by models that are not selected any more
    #[arg(long)]
    unused: bool,
}

pub fn run(global: &Global, args: &ClearArgs) -> anyhow::Result<Exit> {
    if args.unused {
        return unused(global, args);
    }
    let root = match Workspace::clear(&args.path, &global.settings()?) {
        Err(WorkspaceError::NotIndexed { root }) => {
            global.note(&format!("`{}` is not indexed", root.display()));
            return Ok(Exit::Found);
        }
        other => other?,
    };
    global.note(&format!("deleted the index of `{}`", root.display()));
    Ok(Exit::Found)
}

fn unused(global: &Global, args: &ClearArgs) -> anyhow::Result<Exit> {
    let deleted = Workspace::clear_unused(&args.path, &global.settings()?)?;
    let size: u64 = deleted.iter().map(|one| one.bytes).sum();
    global.note(&match deleted.len() {
        0 => "there are no unused indexes".to_owned(),
        count => format!("deleted {count} unused indexes, {}", bytes(size)),
    });
    Ok(Exit::Found)
}
