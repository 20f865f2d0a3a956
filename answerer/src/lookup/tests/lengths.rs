//! How much is drafted, and from where.

use super::super::{CostCurve, Drafter, Lookup, Token};

fn curve(slope: f64) -> CostCurve {
    CostCurve::measured(&[(1, 1.0), (64, 1.0 + 63.0 * slope)]).unwrap()
}

fn lookup(prompt: &[Token], slope: f64) -> Lookup {
    Lookup::new(prompt, Vec::new(), curve(slope))
}

/// A text of 100 tokens, then its first `matched` ones again.
fn repeated(matched: usize) -> Vec<Token> {
    (0..100).chain(0..matched as Token).collect()
}

fn drafted(matched: usize, slope: f64) -> usize {
    lookup(&repeated(matched), slope).propose(64).len()
}

#[test]
fn long_matches_and_cheap_batches_make_long_drafts() {
    assert_eq!(drafted(2, 0.0), 0);
    assert_eq!(drafted(3, 1.0), 0);
    assert!((1..8).contains(&drafted(3, 0.08)), "{}", drafted(3, 0.08));
    assert!((5..25).contains(&drafted(16, 0.2)), "{}", drafted(16, 0.2));
    assert_eq!(drafted(16, 0.0), 63);
    assert_eq!(lookup(&repeated(16), 0.0).propose(10).len(), 10);
}

#[test]
fn a_draft_is_what_followed() {
    assert_eq!(lookup(&repeated(5), 0.0).propose(4), [5, 6, 7, 8]);
}

#[test]
fn drafting_stops_when_it_fails_and_begins_again_at_a_quotation() {
    // `0 1 2` is always followed by something new.
    let mut lookup = lookup(&[], 0.05);
    for round in 0..30 {
        for token in [0, 1, 2, 1000 + round] {
            lookup.observe(token);
        }
    }
    for token in [0, 1, 2] {
        lookup.observe(token);
    }
    assert!(lookup.propose(64).is_empty());
    Drafter::<()>::rearm(&mut lookup);
    assert!(!lookup.propose(64).is_empty());
}

#[test]
fn drafting_begins_again_when_what_it_watched_was_right() {
    let mut lookup = lookup(&[], 0.05);
    for round in 0..30 {
        for token in [0, 1, 2, 1000 + round] {
            lookup.observe(token);
        }
    }
    for token in (0..8).flat_map(|_| [0, 1, 2, 7]) {
        lookup.observe(token);
    }
    for token in [0, 1, 2] {
        lookup.observe(token);
    }
    assert!(!lookup.propose(64).is_empty());
}

#[test]
fn the_chunk_being_quoted_comes_first() {
    // Two chunks share `1 2 3`; the answer is quoting the first.
    let first = [50, 51, 52, 53, 1, 2, 3, 10, 11];
    let second = [60, 61, 62, 63, 1, 2, 3, 20, 21];
    let prompt = [&first[..], &second[..]].concat();
    let next = |chunks: Vec<std::ops::Range<usize>>| {
        let mut lookup = Lookup::new(&prompt, chunks, curve(0.0));
        // Quotes the first, leaves out a token, goes on with what both have.
        for token in [50, 51, 52, 99, 1, 2, 3] {
            lookup.observe(token);
        }
        lookup.propose(1)[0]
    };
    assert_eq!(next(vec![0..9, 9..18]), 10);
    assert_eq!(next(Vec::new()), 20);
}
