//! `fathom model`: work on models, one file per command.

mod bench;
mod codebook;
mod encoders;
mod import;
mod installed;
mod list;
mod pull;
mod pull_encoder;
mod recommend;
mod remove;
mod select;
mod show;
mod speed;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};
use fathom::config::Settings;
use fathom::encoder::{self, ChoiceError};
use fathom_encoders::Profile;

use super::Global;
use crate::errors::{Exit, Failure};
use crate::progress::Step;

#[derive(Args, Debug)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// List the models on this machine, and those that can be fetched by name
    List(list::ListArgs),
    /// Show what a model is: size, quantisation, context, licence, origin, hash
    Show(show::ShowArgs),
    /// Say which reader model suits this machine, and why
    Recommend(recommend::RecommendArgs),
    /// Fetch a model from the hub, into the cache that its tools share
    Pull(pull::PullArgs),
    /// Copy a model from a file, a folder or a tar archive; needs no network
    Import(import::ImportArgs),
    /// Read every byte of models and compare them with their hashes
    Verify(verify::VerifyArgs),
    /// Delete models
    Remove(remove::RemoveArgs),
    /// Select the models that encode, and the one that reranks
    Use(select::UseArgs),
    /// Measure a reader model on this machine: prompt, answer, cost of a draft
    Bench(bench::BenchArgs),
    /// Train the codebook that a model's token vectors are stored with
    Codebook(codebook::CodebookArgs),
}

pub fn run(global: &Global, args: &ModelArgs) -> anyhow::Result<Exit> {
    match &args.command {
        ModelCommand::List(args) => list::run(global, args),
        ModelCommand::Show(args) => show::run(global, args),
        ModelCommand::Recommend(args) => recommend::run(global, args),
        ModelCommand::Pull(args) => pull::run(global, args),
        ModelCommand::Import(args) => import::run(global, args),
        ModelCommand::Verify(args) => verify::run(global, args),
        ModelCommand::Remove(args) => remove::run(global, args),
        ModelCommand::Use(args) => select::run(global, args),
        ModelCommand::Bench(args) => bench::run(global, args),
        ModelCommand::Codebook(args) => codebook::run(global, args),
    }
}

/// Progress in bytes.
fn bytes(stage: &'static str, done: u64, total: u64) -> Step {
    Step {
        stage,
        done: done / 1_000_000,
        total: total / 1_000_000,
        unit: "MB",
    }
}

/// The encoder of that name: `default`, an installed one, or a folder.
fn profile(name: &str, settings: &Settings) -> anyhow::Result<Profile> {
    let folder = Path::new(name);
    if folder.join("profile.toml").is_file() {
        return Ok(Profile::open(folder)?);
    }
    match encoder::open(name, settings) {
        Err(ChoiceError::NotHere { name }) => Err(Failure::new(
            format!("there is no model profile `{name}`"),
            "give `default`, the name of a model, or a folder that holds one",
        )
        .into()),
        other => Ok(other?),
    }
}
