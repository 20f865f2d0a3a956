//! Prompt lookup: drafts copied from the prompt and the output so far.
