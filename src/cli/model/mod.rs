//! `fathom model`: work on models, one file per command.

mod codebook;

use std::path::Path;

use clap::{Args, Subcommand};
use fathom_encoders::Profile;

use super::Global;
use crate::errors::{Exit, Failure};

#[derive(Args, Debug)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Train the codebook that a model's token vectors are stored with
    Codebook(codebook::CodebookArgs),
}

pub fn run(global: &Global, args: &ModelArgs) -> anyhow::Result<Exit> {
    match &args.command {
        ModelCommand::Codebook(args) => codebook::run(global, args),
    }
}

/// The profile of that name: `default`, or a folder with `profile.toml`.
fn profile(name: &str) -> anyhow::Result<Profile> {
    let bundled = Profile::bundled();
    if name == bundled.name() {
        return Ok(bundled);
    }
    let folder = Path::new(name);
    if !folder.join("profile.toml").is_file() {
        return Err(Failure::new(
            format!("there is no model profile `{name}`"),
            "give `default`, or a folder that holds `profile.toml`",
        )
        .into());
    }
    Ok(Profile::open(folder)?)
}
