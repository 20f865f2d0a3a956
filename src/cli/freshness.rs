//! Brings an index up to date before a command uses it, and says what could not be done.

use std::collections::BTreeSet;

use fathom::engine::freshness::{Notice, Upkeep};
use fathom::output::{Answer, escape};
use fathom::workspace::Workspace;
use fathom_indexer::current::State;

pub use fathom::engine::freshness::Freshness;

use super::Global;
use crate::errors::{INTERRUPTED, warn};
use crate::progress::Progress;
use crate::signals;

/// Does what is needed, with progress; Ctrl-C ends the program, and keeps what was indexed.
pub fn ensure(global: &Global, workspace: &Workspace, wanted: Freshness) -> anyhow::Result<()> {
    if wanted == Freshness::AsItIs {
        return Ok(());
    }
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        let upkeep = Upkeep {
            workspace,
            cancel,
            on: &|event| progress.on(event),
        };
        upkeep.ensure(wanted)
    })?;
    progress.finish();
    if signals::cancelled() {
        crate::errors::tell("interrupted; what was indexed is kept");
        std::process::exit(INTERRUPTED);
    }
    for notice in result? {
        match notice {
            Notice::Note(note) => global.note(&note),
            Notice::Warning(warning) => warn(&warning),
        }
    }
    Ok(())
}

/// Says so when files of an answer are no longer as they were read for it.
pub fn warn_of_changed(paths: &[Vec<u8>]) {
    for path in paths {
        let path = escape::path(path);
        warn(&format!(
            "`{path}` has changed since it was indexed; ask again, without `--no-refresh`"
        ));
    }
}

/// Says so when results of an index that was not refreshed are not what is in the files.
pub fn warn_of_changes(answer: &Answer) {
    let changed = answer
        .results
        .iter()
        .filter(|item| item.state != State::Unchanged);
    let paths: BTreeSet<&[u8]> = changed.map(|item| item.path.as_slice()).collect();
    for path in paths {
        let path = escape::path(path);
        warn(&format!(
            "`{path}` has changed since it was indexed; search without `--no-refresh`"
        ));
    }
}
