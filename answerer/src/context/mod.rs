//! What the reader is shown: chunks chosen by value within a token budget.
