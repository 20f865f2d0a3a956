//! `--store`: a copy of the vectors elsewhere, kept up and asked.

use clap::Args;
use fathom::workspace::Workspace;
use fathom_indexes::Snapshot;
use fathom_retriever::{QueryEncoder, SearchOutcome, SearchRequest};

use super::Global;

/// Where the vectors are asked for.
#[derive(Args, Debug)]
pub struct StoreArgs {
    /// Keep a copy of the vectors in Qdrant and ask it [env: QDRANT_API_KEY]
    #[cfg(feature = "qdrant")]
    #[arg(long, value_name = "qdrant://HOST[:PORT]/NAME")]
    store: Option<String>,
}

#[cfg(feature = "qdrant")]
impl StoreArgs {
    /// Brings the copy up to date, whatever was done before.
    pub fn sync(&self, global: &Global, workspace: &Workspace) -> anyhow::Result<()> {
        let Some(address) = &self.store else {
            return Ok(());
        };
        let remote = connect(address, workspace)?;
        copy(global, workspace, address, &remote, &workspace.snapshot()?)
    }

    /// Searches, in the copy where one is named.
    pub fn search(
        &self,
        global: &Global,
        workspace: &Workspace,
        (snapshot, encoder): (&Snapshot, Option<&dyn QueryEncoder>),
        request: SearchRequest,
    ) -> anyhow::Result<SearchOutcome> {
        // Words, symbols and patterns need no vectors.
        let (Some(address), Some(_)) = (&self.store, encoder) else {
            return Ok(workspace.search(snapshot, encoder, request)?);
        };
        let remote = connect(address, workspace)?;
        if copied(workspace, address) != Some(snapshot.generation()) {
            copy(global, workspace, address, &remote, snapshot)?;
        }
        let vectors = remote.vectors(snapshot)?;
        Ok(workspace.search_with(snapshot, &vectors, encoder, request)?)
    }
}

#[cfg(not(feature = "qdrant"))]
impl StoreArgs {
    /// There are no copies in this build.
    pub fn sync(&self, _: &Global, _: &Workspace) -> anyhow::Result<()> {
        Ok(())
    }

    /// Searches.
    pub fn search(
        &self,
        _: &Global,
        workspace: &Workspace,
        (snapshot, encoder): (&Snapshot, Option<&dyn QueryEncoder>),
        request: SearchRequest,
    ) -> anyhow::Result<SearchOutcome> {
        Ok(workspace.search(snapshot, encoder, request)?)
    }
}

#[cfg(feature = "qdrant")]
fn connect(address: &str, workspace: &Workspace) -> anyhow::Result<fathom::qdrant::Remote> {
    let key = std::env::var(fathom::env::QDRANT_API_KEY).ok();
    let profile = workspace.profile();
    Ok(fathom::qdrant::Remote::new(address, key, profile)?)
}

/// Brings a copy up to date with a snapshot, and notes which.
#[cfg(feature = "qdrant")]
fn copy(
    global: &Global,
    workspace: &Workspace,
    address: &str,
    remote: &fathom::qdrant::Remote,
    snapshot: &Snapshot,
) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let progress = crate::progress::Progress::new(global.quiet);
    let report = remote.sync(snapshot, &|done, total| {
        progress.step(&crate::progress::Step {
            stage: "uploading",
            done: done as u64,
            total: total as u64,
            unit: "chunks",
        })
    })?;
    progress.finish();
    let seconds = began.elapsed().as_secs_f64();
    global.note(&format!(
        "vectors in Qdrant: {} uploaded, {} moved, {} deleted, {} unchanged in {seconds:.1} s",
        report.uploaded, report.moved, report.deleted, report.unchanged
    ));
    if report.left > 0 {
        let left = report.left;
        global.note(&format!(
            "{left} chunks are not encoded yet; `fathom index --store` sends them later"
        ));
    }
    // Without the note the next search compares again.
    let _ = std::fs::write(note(workspace, address), snapshot.generation().to_string());
    Ok(())
}

/// The generation that was copied last.
#[cfg(feature = "qdrant")]
fn copied(workspace: &Workspace, address: &str) -> Option<u64> {
    let text = std::fs::read_to_string(note(workspace, address)).ok()?;
    text.trim().parse().ok()
}

#[cfg(feature = "qdrant")]
fn note(workspace: &Workspace, address: &str) -> std::path::PathBuf {
    let name = blake3::hash(address.as_bytes()).to_hex();
    workspace
        .store_dir()
        .join(format!("qdrant-{}", &name[..16]))
}
