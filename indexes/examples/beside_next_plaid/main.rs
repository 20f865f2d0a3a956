//! Fathom's side of the comparison with next-plaid (`benches/next-plaid`): exact rankings, indexes
//! in the shared layout, a store of its own, and how alike two rankings are. Measurements go to
//! stdout, one JSON object per run.
//!
//! A folder of matrices holds `tokens.npy` `[tokens, dim]`, `lengths.npy` `[documents]`,
//! `queries.npy` `[query tokens, dim]` and `query_lengths.npy` `[queries]`, all vectors of length 1.

#![allow(clippy::print_stdout)]

mod matrices;
mod rankings;
mod shared;
mod store;
mod timing;

use std::error::Error;
use std::path::Path;

use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage:
  exact MATRICES RANKINGS            exact MaxSim of the vectors as they are
  codebook MATRICES CENTROIDS FILE   train a codebook
  export MATRICES CODEBOOK INDEX     an index in the shared layout
  rank INDEX MATRICES RANKINGS       search one
  build MATRICES CODEBOOK STORE      a store
  search STORE CODEBOOK MATRICES RANKINGS
  add STORE CODEBOOK MATRICES        one more document
  compare RANKINGS RANKINGS";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    println!("{}", run(&arguments)?);
    Ok(())
}

fn run(arguments: &[&str]) -> Result<Value> {
    let paths: Vec<&Path> = arguments.iter().map(Path::new).collect();
    match arguments {
        ["exact", ..] if paths.len() == 3 => rankings::exact(paths[1], paths[2]),
        ["codebook", _, centroids, _] => shared::codebook(paths[1], centroids.parse()?, paths[3]),
        ["export", ..] if paths.len() == 4 => shared::export(paths[1], paths[2], paths[3]),
        ["rank", ..] if paths.len() == 4 => shared::rank(paths[1], paths[2], paths[3]),
        ["build", ..] if paths.len() == 4 => store::build(paths[1], paths[2], paths[3]),
        ["search", ..] if paths.len() == 5 => store::search(paths[1], paths[2], paths[3], paths[4]),
        ["add", ..] if paths.len() == 4 => store::add(paths[1], paths[2], paths[3]),
        ["compare", ..] if paths.len() == 3 => rankings::compare(paths[1], paths[2]),
        _ => Err(USAGE.into()),
    }
}
