//! Which contents may be found.

use super::set::CodedSet;
use rayon::prelude::*;
use std::ops::Range;

/// Contents asked about by one task.
const BLOCK: usize = 1 << 12;

/// Some contents of one set.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub set: usize,
    pub ordinals: Range<usize>,
}

/// All contents in blocks of at most `size`.
pub(super) fn blocks(sets: &[CodedSet<'_>], size: usize) -> Vec<Block> {
    let of_set = |(set, coded): (usize, &CodedSet<'_>)| {
        let contents = coded.contents();
        let firsts = (0..contents).step_by(size);
        firsts.map(move |first| Block {
            set,
            ordinals: first..contents.min(first + size),
        })
    };
    sets.iter().enumerate().flat_map(of_set).collect()
}

/// The contents that a filter accepts. A content's place is its number over all sets.
pub(super) struct Kept {
    /// First place of each set.
    begins: Vec<usize>,
    kept: Vec<bool>,
    /// Tokens of the contents that are kept.
    pub tokens: usize,
}

impl Kept {
    /// Asks `keep` once for each content, by set and ordinal.
    pub fn new(sets: &[CodedSet<'_>], keep: &(dyn Fn(usize, usize) -> bool + Sync)) -> Kept {
        let mut begins = Vec::with_capacity(sets.len());
        let mut end = 0;
        for set in sets {
            begins.push(end);
            end += set.contents();
        }
        let of_block = |block: &Block| {
            let ordinals = block.ordinals.clone();
            let kept: Vec<bool> = ordinals.map(|at| keep(block.set, at)).collect();
            let tokens = block.ordinals.clone().zip(&kept);
            let tokens = tokens.filter(|(_, kept)| **kept);
            let tokens: usize = tokens.map(|(at, _)| sets[block.set].tokens_of(at)).sum();
            (kept, tokens)
        };
        let parts: Vec<_> = blocks(sets, BLOCK).par_iter().map(of_block).collect();
        let mut all = Kept {
            begins,
            kept: Vec::with_capacity(end),
            tokens: 0,
        };
        for (kept, tokens) in parts {
            all.kept.extend(kept);
            all.tokens += tokens;
        }
        all
    }

    pub fn place(&self, set: usize, ordinal: usize) -> usize {
        self.begins[set] + ordinal
    }

    pub fn has(&self, place: usize) -> bool {
        self.kept[place]
    }

    /// Set and ordinal of a place.
    pub fn content(&self, place: usize) -> (usize, usize) {
        let set = self.begins.partition_point(|&begin| begin <= place) - 1;
        (set, place - self.begins[set])
    }

    /// Places of a block that are kept.
    pub fn of(&self, block: &Block) -> impl Iterator<Item = usize> {
        let places = block.ordinals.clone().map(|at| self.place(block.set, at));
        places.filter(|&place| self.kept[place])
    }
}
