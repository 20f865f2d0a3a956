//! The context of a question: what was found, and for one about the whole a map of it.

use fathom_indexes::{Snapshot, StoreError};
use fathom_retriever::SearchHit;
use fathom_retriever::understand::understand;

use super::{Context, gather};
use crate::map::map;

/// One token of so many may go to the map.
const SHARE: usize = 4;

/// What a reader is shown with `question` about what lies below `under`: chunks of the hits, in
/// at most `budget` tokens by `count`. A question about the architecture takes a part of them for
/// the repository map, which no chunk could stand for.
///
/// # Errors
/// When the store cannot be read.
pub fn for_question(
    snapshot: &Snapshot,
    question: &str,
    under: Option<&[u8]>,
    hits: &[SearchHit],
    count: &dyn Fn(&str) -> usize,
    budget: usize,
) -> Result<Context, StoreError> {
    let overview = match understand(question).intents.overview {
        true => map(snapshot, under, budget / SHARE, count)?.render(),
        false => String::new(),
    };
    let left = budget.saturating_sub(count(&overview));
    Ok(gather(snapshot, hits, count, left)?.with_overview(&overview))
}
