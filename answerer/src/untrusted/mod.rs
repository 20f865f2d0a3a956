//! Repository text as data: fences, secrets, neutral output.
