//! The deterministic explanation of one place in the code: what it is, where it
//! is defined, who uses it and what it uses.
//!
//! Names are resolved by name alone: the catalog knows mentions, not types. A
//! [`Link`] says between how many definitions of that name it had to choose.

mod change;
mod defined;
mod docs;
mod graph;
mod names;
mod relations;
mod subject;
#[cfg(test)]
mod tests;
mod trace;

use fathom_indexes::{ChunkKind, FileId, StoreError};

pub use change::{Change, last_change};
pub use graph::{Graph, Site};
pub use subject::{Choice, Found, Target, find, find_symbol, parse};
pub use trace::{Mention, mentions, resolve};

use crate::edited::View;
use names::Names;

/// Entries of each list of a card.
pub const LISTED: usize = 12;

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, included.
    pub end_line: u32,
}

/// What is explained: a definition, or lines that belong to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its file.
    pub file: FileId,
    /// The lines of the definition, or those asked for.
    pub place: Place,
    /// The line that was asked for, if it was a line.
    pub asked: Option<u32>,
    /// Name of the language.
    pub language: String,
    /// What it is.
    pub kind: ChunkKind,
    /// The bare name; empty for lines that belong to no definition.
    pub name: String,
    /// Name with its scopes, may be empty.
    pub qualified_name: String,
    /// Signature, may be empty.
    pub signature: String,
}

/// Another definition that has to do with the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Name with its scopes; empty for code outside of any definition.
    pub name: String,
    /// What it is.
    pub kind: ChunkKind,
    /// Its file, and the first and last line of its definition.
    pub place: Place,
    /// The line that mentions the name: in the other place for a caller, in the
    /// subject for a callee.
    pub line: u32,
    /// Definitions of the name that this could be as well; 1 is certain as far
    /// as names go.
    pub candidates: usize,
}

/// Some of the links there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The nearest ones, at most [`LISTED`].
    pub listed: Vec<Link>,
    /// How many there are.
    pub total: usize,
}

/// A test that reaches the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLink {
    /// The test.
    pub test: Link,
    /// What it calls that calls the subject; `None` if it calls the subject itself.
    pub through: Option<String>,
}

/// The explanation of one place.
#[derive(Clone, Debug)]
pub struct Card {
    /// What is explained.
    pub subject: Subject,
    /// Its doc comment without the comment signs, may be empty.
    pub doc: String,
    /// Definitions that mention it, the nearest first.
    pub callers: Links,
    /// Definitions of this repository that it mentions, in the order of its lines.
    pub callees: Links,
    /// Names that it mentions and this repository does not define, or defines in too
    /// many places to tell which is meant.
    pub outside: Vec<String>,
    /// Types that say that they implement or extend it.
    pub implementors: Links,
    /// Tests that call it, or call what calls it.
    pub tests: Vec<TestLink>,
}

/// Makes the card of a subject.
///
/// # Errors
/// When the store cannot be read.
pub fn card<'a>(view: impl Into<View<'a>>, subject: Subject) -> Result<Card, StoreError> {
    of_names(&Names::new(view.into())?, subject)
}

fn of_names(names: &Names<'_>, subject: Subject) -> Result<Card, StoreError> {
    let callers = relations::callers(names, &subject)?;
    let tests = relations::tests(names, &callers)?;
    let (callees, outside) = relations::callees(names, &subject)?;
    Ok(Card {
        doc: docs::doc(names.file(subject.file)?.text()?, &subject),
        implementors: relations::implementors(names, &subject)?.into(),
        callers: relations::without_tests(callers).into(),
        callees: callees.into(),
        outside,
        tests,
        subject,
    })
}

impl From<Vec<Link>> for Links {
    fn from(mut links: Vec<Link>) -> Links {
        let total = links.len();
        links.truncate(LISTED);
        Links {
            listed: links,
            total,
        }
    }
}
