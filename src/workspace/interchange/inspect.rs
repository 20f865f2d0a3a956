//! Looking at an index in the shared layout, whoever wrote it, without a repository.

use std::path::Path;

use fathom_indexes::late::{self, LateQuery, SearchOptions};
use fathom_indexes::plaid::npy::NpyReader;
use fathom_indexes::plaid::{CodedDocuments, PlaidError, PlaidIndex};

use super::sidecar::{self, Document, Origin};

/// An index that was read and found sound.
pub struct Inspection {
    documents: CodedDocuments,
    /// What documents are, if fathom wrote the index.
    places: Vec<Document>,
}

/// One document that was found.
pub struct Inspected {
    /// Its number.
    pub document: usize,
    /// MaxSim.
    pub score: f32,
    /// Where it is, as `path:line name`; empty if nothing tells.
    pub place: String,
}

impl Inspection {
    /// Reads the index in `dir` and compares all its parts with each other.
    pub fn open(dir: &Path) -> Result<Inspection, PlaidError> {
        let mut index = PlaidIndex::open(dir)?;
        let mut places = Vec::new();
        if Origin::read(dir)?.is_some() {
            index = index.with_codebook(sidecar::read_codebook(dir)?)?;
            places = sidecar::read_documents(dir)?;
        }
        let documents = index.documents()?;
        index.check_postings(&documents)?;
        Ok(Inspection { documents, places })
    }

    /// `40 documents, 434 tokens of 32 dimensions in 4 bits, 32 centroids`
    pub fn summary(&self) -> String {
        let codebook = &self.documents.codebook;
        format!(
            "{} documents, {} tokens of {} dimensions in {} bits, {} centroids",
            self.documents.len(),
            self.documents.centroids.len(),
            codebook.dim(),
            codebook.bits().count(),
            codebook.len()
        )
    }

    /// The `n` best documents for the token vectors in a file.
    pub fn search(&self, query: &Path, n: usize) -> Result<Vec<Inspected>, PlaidError> {
        let codebook = &self.documents.codebook;
        let mut array = NpyReader::open(query)?;
        array.expect(None, Some(codebook.dim()))?;
        let rows = array.floats(array.rows())?;
        if !rows.iter().all(|x| x.is_finite()) {
            return Err(array.invalid("a value is not a finite number"));
        }
        let query = LateQuery::new(&rows, codebook);
        let set = [self.documents.as_set()];
        let found = late::search(&query, &set, n, &|_, _| true, &SearchOptions::default());
        let hit = |found: late::Found| Inspected {
            document: found.ordinal as usize,
            score: found.score,
            place: self.place(found.ordinal as usize),
        };
        Ok(found.into_iter().map(hit).collect())
    }

    fn place(&self, document: usize) -> String {
        let document = self.places.get(document);
        match document.and_then(|document| document.chunks.first()) {
            None => String::new(),
            Some(place) => format!("{}:{} {}", place.path, place.start_line, place.name),
        }
    }
}
