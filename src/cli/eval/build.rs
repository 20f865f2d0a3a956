//! `fathom eval build`: make questions with known answers from repositories, without labels.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fathom_encoders::{Profile, TextEncoder};
use fathom_eval::docstrings::Asked;
use fathom_eval::labels::{Labels, Repository};
use fathom_eval::{EvalError, commits, docstrings};

use crate::cli::Global;
use crate::errors::{Exit, Failure};

/// What asks for what.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// The first sentence of a doc comment asks for its function, whose comment is taken away
    Docstrings,
    /// The first sentence of a doc comment asks for the file of its type, whose comment is taken away
    Types,
    /// The message of a commit asks for the files that it changed, in the tree before it
    Commits,
    /// No questions, but pairs of what may be asked and the code that answers, to train models on
    Pairs,
}

#[derive(Args, Debug)]
pub struct BuildArgs {
    /// What to ask
    kind: Kind,
    /// Folders of code; for `commits`, git repositories with their history
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// Folder to write: `repos.json`, `annotations/` and `sources/`; for `pairs` one file
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Questions about each of them at most; for `pairs` commits
    #[arg(long, value_name = "N", default_value_t = 50)]
    most: usize,
}

pub fn run(global: &Global, args: &BuildArgs) -> anyhow::Result<Exit> {
    if let Kind::Pairs = args.kind {
        return pairs(global, args);
    }
    let mut labels = Labels::default();
    for source in &args.sources {
        let name = name(source)?;
        if labels.repositories.iter().any(|known| known.name == name) {
            let what = format!("two of the sources are called `{name}`");
            return Err(Failure::new(what, "rename one of the folders").into());
        }
        let (built, unread) = build(args, &name, source)?;
        note_unread(global, &name, unread);
        let (questions, language) = (built.questions.len(), &built.language);
        global.note(&format!("{name} ({language}): {questions} questions"));
        if questions > 0 {
            labels.repositories.push(built);
        }
    }
    labels.write(&args.out)?;
    let out = args.out.display();
    global.note(&format!(
        "now: `fathom eval {out} --sources {out}/sources --mode all`"
    ));
    Ok(match labels.repositories.is_empty() {
        true => Exit::Nothing,
        false => Exit::Found,
    })
}

/// Says that commits are left out, so that nothing is silently missing.
fn note_unread(global: &Global, name: &str, unread: usize) {
    if unread > 0 {
        global.note(&format!(
            "{name}: left out {unread} commits that git cannot read; clone it whole, without \
             `--filter` or `--depth`"
        ));
    }
}

/// With the number of commits that could not be read.
fn build(args: &BuildArgs, name: &str, source: &Path) -> Result<(Repository, usize), EvalError> {
    let target = args.out.join("sources").join(name);
    let documented = |asked| docstrings::build(name, source, &target, args.most, asked);
    match args.kind {
        Kind::Docstrings => Ok((documented(Asked::Functions)?, 0)),
        Kind::Types => Ok((documented(Asked::Types)?, 0)),
        Kind::Commits | Kind::Pairs => commits::build(name, source, &target, args.most),
    }
}

/// One line for each pair.
fn pairs(global: &Global, args: &BuildArgs) -> anyhow::Result<Exit> {
    let text = TextEncoder::open(&Profile::bundled())?;
    let mut out = BufWriter::new(File::create(&args.out)?);
    let mut written = 0;
    for source in &args.sources {
        let name = name(source)?;
        let done = fathom_eval::pairs::write(&name, source, args.most, &text, &mut out)?;
        note_unread(global, &name, done.unread);
        global.note(&format!("{name}: {} pairs", done.pairs));
        written += done.pairs;
    }
    out.flush()?;
    Ok(match written {
        0 => Exit::Nothing,
        _ => Exit::Found,
    })
}

/// What a source is called: its folder, or the one around it where that is only `repo` or `.git`.
fn name(source: &Path) -> anyhow::Result<String> {
    let path = source.canonicalize().map_err(|error| {
        let what = format!("cannot open `{}`: {error}", source.display());
        Failure::new(what, "give the path of a folder")
    })?;
    let mut names = path.iter().rev().map(|name| name.to_string_lossy());
    let is_plain = |name: &str| matches!(name, "repo" | ".git");
    let name = names.find(|name| !is_plain(name)).unwrap_or_default();
    Ok(name.trim_end_matches(".git").to_owned())
}
