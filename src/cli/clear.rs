//! `fathom clear`: delete an index.

use std::path::PathBuf;

use clap::Args;
use fathom::workspace::{Workspace, WorkspaceError};

use super::Global;
use crate::errors::Exit;

#[derive(Args, Debug)]
pub struct ClearArgs {
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
}

pub fn run(global: &Global, args: &ClearArgs) -> anyhow::Result<Exit> {
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
