//! The one verifier: reads every byte of a store and compares its parts.

mod catalog;
mod derived;

use crate::StoreError;
use crate::catalog::load::{self, Heads};
use crate::catalog::{Catalog, SegmentRow, State};
use crate::store::{CATALOG, Place};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part of the store: `catalog`, `segments`, `lexical` or `dense`.
    pub part: &'static str,
    /// The file, row or section.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub next_step: &'static str,
}

/// What a check has looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The generation that was checked.
    pub generation: u64,
    /// Files whose texts were compared with their hashes.
    pub files: u64,
    /// Chunks that were looked at.
    pub chunks: u64,
    /// Chunks that are not encoded yet, which is no fault.
    pub not_encoded: u64,
    /// Segments whose checksums were computed.
    pub segments: u64,
    /// Chunks in the lexical index that no file has any more, which is no fault.
    pub dead_chunks: u64,
    /// Everything that is wrong; empty for a sound store.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, part: &'static str, place: impl Into<String>, problem: impl Into<String>) {
        self.findings.push(Finding {
            part,
            place: place.into(),
            problem: problem.into(),
            next_step: match part {
                "catalog" => "run `fathom clear`, then `fathom index`",
                _ => "run `fathom index --force`",
            },
        });
    }

    /// Damage is a finding; any other error ends the check.
    fn sort_out<T>(
        &mut self,
        part: &'static str,
        place: &str,
        result: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Damaged { problem, .. } | StoreError::Lexical { problem, .. }) => {
                self.find(part, place, problem);
                Ok(None)
            }
            Err(error @ (StoreError::Version { .. } | StoreError::Codebook { .. }))
                if part == "segments" =>
            {
                self.findings.push(Finding {
                    part,
                    place: place.into(),
                    problem: error.to_string(),
                    next_step: "run `fathom index`",
                });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What is compared.
struct Parts<'p> {
    place: &'p Place,
    catalog: Catalog,
    state: State,
    heads: Heads,
    rows: Vec<SegmentRow>,
}

/// Checks the newest generation.
pub(crate) fn check(place: &Place) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    let opened = open(place);
    let Some(parts) = report.sort_out("catalog", CATALOG, opened)? else {
        return Ok(report);
    };
    report.generation = parts.state.generation;
    parts.check_catalog(&mut report)?;
    parts.check_segments(&mut report)?;
    parts.check_lexical(&mut report)?;
    #[cfg(feature = "faiss")]
    parts.check_dense(&mut report)?;
    Ok(report)
}

fn open(place: &Place) -> Result<Parts<'_>, StoreError> {
    let catalog = place.catalog_reader()?;
    Ok(Parts {
        place,
        state: catalog.state()?,
        heads: catalog.check(Heads::load)?,
        rows: catalog.check(load::segments)?,
        catalog,
    })
}
