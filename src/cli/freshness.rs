//! Brings an index up to date before a search, as far as there is time for it.

use std::collections::BTreeSet;
use std::time::Duration;

use fathom::daemon::client::{self, Wanted};
use fathom::workspace::Workspace;
use fathom_indexer::current::State;
use fathom_indexes::{Counts, Snapshot};

use super::Global;
use crate::errors::{INTERRUPTED, warn};
use crate::output::{Answer, escape};
use crate::progress::Progress;
use crate::signals;

/// What is encoded before the search rather than after it: about two seconds of work of one core.
const INLINE_BYTES_PER_THREAD: u64 = 48 * 1024;
/// How long a first search waits for another process that is making the index.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);

/// How long `--wait` waits for another process that writes.
const WHOLE_PATIENCE: Duration = Duration::from_secs(600);

/// How fresh an index has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Whatever is there.
    AsItIs,
    /// Words of all files as they are now.
    Words,
    /// Words, and vectors as far as they are quickly made; the rest follows in the background.
    Encoded,
    /// Words and vectors, however long it takes.
    Everything,
}

/// Does what is needed, and says on stderr what could not be done.
pub fn ensure(global: &Global, workspace: &Workspace, wanted: Freshness) -> anyhow::Result<()> {
    let asked = match wanted {
        Freshness::AsItIs => return Ok(()),
        Freshness::Words => Wanted::Words,
        Freshness::Encoded => Wanted::Encoded,
        Freshness::Everything => Wanted::Everything,
    };
    if client::catch_up(workspace.settings(), workspace.root(), asked) {
        return tell_coverage(global, workspace, wanted);
    }
    if wanted == Freshness::Everything {
        return everything(global, workspace);
    }
    let other_writer = refresh(global, workspace)?;
    if wanted == Freshness::Encoded {
        encode(global, workspace, other_writer)?;
    } else if other_writer {
        global.note("another process is writing the index; answering from its last state");
    }
    Ok(())
}

/// Compares each result with its file: what was found may have been edited since.
pub fn compare(
    workspace: &Workspace,
    snapshot: &Snapshot,
    answer: &mut Answer,
) -> anyhow::Result<()> {
    for item in &mut answer.results {
        item.state = workspace.compare(snapshot, &item.path, item.start_line, &item.text)?;
    }
    Ok(())
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

/// The daemon has caught up; says what it will still do.
fn tell_coverage(global: &Global, workspace: &Workspace, wanted: Freshness) -> anyhow::Result<()> {
    let counts = workspace.snapshot()?.counts();
    if wanted == Freshness::Encoded && counts.encoded < counts.distinct {
        let percent = 100 * counts.encoded / counts.distinct.max(1);
        global.note(&format!(
            "{percent} % of the code is encoded; the rest follows in the background"
        ));
    }
    Ok(())
}

/// Waits for other writers and for all vectors.
fn everything(global: &Global, workspace: &Workspace) -> anyhow::Result<()> {
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        let on = |event| progress.on(event);
        workspace.refresh(false, WHOLE_PATIENCE, cancel, &on)?;
        workspace.encode(WHOLE_PATIENCE, cancel, &on)
    })?;
    progress.finish();
    stop_if_cancelled();
    match result {
        // Without a runtime there are only words; the search says so itself.
        Err(error) if error.is_of_model() => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

/// Brings the words up to date. True when another process keeps this one from it.
fn refresh(global: &Global, workspace: &Workspace) -> anyhow::Result<bool> {
    let is_first = workspace.snapshot()?.generation() == 0;
    let patience = if is_first {
        FIRST_PATIENCE
    } else {
        Duration::ZERO
    };
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        workspace.refresh(false, patience, cancel, &|event| progress.on(event))
    })?;
    progress.finish();
    stop_if_cancelled();
    match result {
        Err(error) if error.is_busy() && !is_first => Ok(true),
        other => Ok(other.map(|_| false)?),
    }
}

fn encode(global: &Global, workspace: &Workspace, other_writer: bool) -> anyhow::Result<()> {
    let counts = workspace.snapshot()?.counts();
    if counts.encoded >= counts.distinct {
        return Ok(());
    }
    let budget = INLINE_BYTES_PER_THREAD * workspace.settings().threads as u64;
    let rest = match other_writer {
        true => "another process is encoding the rest",
        false if missing_bytes(&counts) <= budget => return encode_now(global, workspace),
        false => encode_later(workspace),
    };
    let percent = 100 * counts.encoded / counts.distinct.max(1);
    global.note(&format!("{percent} % of the code is encoded; {rest}"));
    Ok(())
}

/// Text still to be encoded, taking all chunks for equally long.
fn missing_bytes(counts: &Counts) -> u64 {
    let missing = counts.distinct.saturating_sub(counts.encoded);
    counts.text_bytes / counts.chunks.max(1) * missing
}

fn encode_now(global: &Global, workspace: &Workspace) -> anyhow::Result<()> {
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        workspace.encode(Duration::ZERO, cancel, &|event| progress.on(event))
    })?;
    progress.finish();
    stop_if_cancelled();
    match result {
        // Another process is at it, or there is no runtime: the search says so itself.
        Err(error) if error.is_busy() || error.is_of_model() => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

/// Starts the background process if that is allowed; returns what to tell.
fn encode_later(workspace: &Workspace) -> &'static str {
    if !workspace.settings().background {
        return "`fathom index` encodes the rest";
    }
    match workspace.encode_in_background() {
        Ok(()) => "the rest follows in the background",
        Err(error) => {
            warn(&format!("cannot start a background process: {error}"));
            "`fathom index` encodes the rest"
        }
    }
}

fn stop_if_cancelled() {
    if signals::cancelled() {
        crate::errors::tell("interrupted; what was indexed is kept");
        std::process::exit(INTERRUPTED);
    }
}
