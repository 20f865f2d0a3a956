//! A second, smaller model that drafts.

use super::context::Context;

/// A draft model with its context.
pub(super) struct Draft {
    pub(super) context: Context,
    /// Time of one of its tokens in units of one of the target's; measured
    /// with the first answer.
    pub(super) own_cost: Option<f32>,
}

impl Draft {
    pub(super) fn new(context: Context) -> Draft {
        Draft {
            context,
            own_cost: None,
        }
    }
}
