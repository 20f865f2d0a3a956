//! A map of the repository by importance of its symbols.
