//! Citations in an answer, checked against the lines they name.
