//! From definitions to pieces: which run of rows becomes a chunk of its own.
//!
//! A definition that fits is one piece. A larger one gives its head, its members
//! and what lies between them; one without members is cut at statements. Then
//! small neighbours of the same scope merge.

use std::ops::Range;

use fathom_indexes::ChunkKind;

use super::ChunkOptions;
use super::partition::partition;
use super::rows::Rows;
use super::syntax::Unit;

/// A run of rows on its way to a chunk.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) rows: Range<usize>,
    /// The definition it belongs to; `None` between the definitions of a file.
    pub(crate) unit: Option<usize>,
    /// The definition whose members it is merged with.
    level: Option<usize>,
    /// Not the beginning of its unit.
    pub(crate) part: bool,
    /// Between definitions, not one itself.
    loose: bool,
}

pub(crate) struct Layout<'a> {
    pub(crate) rows: &'a Rows<'a>,
    pub(crate) units: &'a [Unit],
    pub(crate) cuts: &'a [u16],
    pub(crate) leads: &'a [bool],
    pub(crate) options: &'a ChunkOptions,
}

impl Layout<'_> {
    /// All pieces of a file in order; together they hold every row that is not blank.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let pieces = self.join_comments(self.join_punctuation(self.divide()));
        self.merge(pieces)
    }

    /// Takes the file apart along its definitions.
    fn divide(&self) -> Vec<Piece> {
        let members = self.members();
        let mut pieces = Vec::new();
        // What is still to be laid out, last first: a definition or what lies between.
        let mut waiting = vec![Region {
            rows: 0..self.rows.len(),
            unit: None,
            level: None,
            open: true,
            part: false,
        }];
        while let Some(region) = waiting.pop() {
            let rows = self.rows.trimmed(region.rows.clone());
            if rows.is_empty() {
                continue;
            }
            let inside = &members[region.unit.map_or(0, |unit| unit + 1)];
            let fits = self.rows.tokens(&rows) <= self.options.max_tokens;
            if region.open && !inside.is_empty() && (region.unit.is_none() || !fits) {
                let inner = self.regions(rows, region.unit, inside);
                waiting.extend(inner.into_iter().rev());
            } else {
                self.push_parts(&mut pieces, rows, &region);
            }
        }
        pieces
    }

    /// Members of each unit; of the file at index 0. Small functions inside a
    /// function are statements of it, not members.
    fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.units.len() + 1];
        for (index, unit) in self.units.iter().enumerate() {
            let in_function = unit
                .parent
                .is_some_and(|parent| is_function(self.units[parent].kind));
            let rows = self.rows.first(unit.lines.start)..self.rows.first(unit.lines.end);
            if !in_function || self.rows.tokens(&rows) >= self.options.min_tokens {
                members[unit.parent.map_or(0, |parent| parent + 1)].push(index);
            }
        }
        members
    }

    /// A definition's members and what lies before, between and after them.
    fn regions(&self, rows: Range<usize>, owner: Option<usize>, members: &[usize]) -> Vec<Region> {
        let mut regions = Vec::with_capacity(2 * members.len() + 1);
        let mut at = rows.start;
        let between = |rows: Range<usize>| {
            let part = owner.is_some()
                && rows.start > at_start(&self.units[owner.unwrap_or(0)], self.rows);
            Region {
                rows,
                unit: owner,
                level: owner,
                open: false,
                part,
            }
        };
        for &member in members {
            let lines = &self.units[member].lines;
            let start = self.rows.first(lines.start).clamp(at, rows.end);
            let end = self.rows.first(lines.end).clamp(start, rows.end);
            if start == end {
                continue;
            }
            if at < start {
                regions.push(between(at..start));
            }
            regions.push(Region {
                rows: start..end,
                unit: Some(member),
                level: owner,
                open: true,
                part: false,
            });
            at = end;
        }
        if at < rows.end {
            regions.push(between(at..rows.end));
        }
        regions
    }

    fn push_parts(&self, pieces: &mut Vec<Piece>, rows: Range<usize>, region: &Region) {
        for (index, part) in partition(self.rows, rows, self.cuts, self.options.max_tokens)
            .into_iter()
            .enumerate()
        {
            let rows = self.rows.trimmed(part);
            if !rows.is_empty() {
                let part = region.part || index > 0;
                pieces.push(Piece {
                    rows,
                    unit: region.unit,
                    level: region.level,
                    part,
                    loose: !region.open,
                });
            }
        }
    }

    /// Closing brackets go to the piece before them.
    fn join_punctuation(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match joined.last_mut() {
                Some(before)
                    if piece.loose
                        && self.rows.is_punctuation(&piece.rows)
                        && self.fits(before.rows.start..piece.rows.end) =>
                {
                    before.rows.end = piece.rows.end;
                }
                _ => joined.push(piece),
            }
        }
        joined
    }

    /// A comment of its own goes to what follows it.
    fn join_comments(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match joined.last_mut() {
                Some(before)
                    if before.loose
                        && before.level == piece.level
                        && self.is_comment(before)
                        && self.fits(before.rows.start..piece.rows.end) =>
                {
                    *before = Piece {
                        rows: before.rows.start..piece.rows.end,
                        ..piece
                    };
                }
                _ => joined.push(piece),
            }
        }
        joined
    }

    fn is_comment(&self, piece: &Piece) -> bool {
        let is_lead = |row| {
            self.leads
                .get(self.rows.line(row) as usize)
                .copied()
                .unwrap_or(false)
        };
        piece
            .rows
            .clone()
            .all(|row| self.rows.is_blank(row) || is_lead(row))
    }

    fn fits(&self, rows: Range<usize>) -> bool {
        self.rows.tokens(&rows) <= self.options.max_tokens
    }

    /// Small neighbours of the same scope become one piece, named by its weightiest member.
    fn merge(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
        let mut heaviest = 0;
        for piece in pieces {
            let weight = self.weight(&piece);
            match merged.last_mut() {
                Some(last) if self.belong_together(last, &piece) => {
                    last.rows.end = piece.rows.end;
                    let level = if self.is_head(last, &piece) {
                        piece.level
                    } else {
                        last.level
                    };
                    if weight > heaviest {
                        heaviest = weight;
                        *last = Piece {
                            rows: last.rows.clone(),
                            ..piece
                        };
                    }
                    last.level = level;
                }
                _ => {
                    heaviest = weight;
                    merged.push(piece);
                }
            }
        }
        merged
    }

    /// How much a piece has to say about the name of a merged one: its tokens,
    /// less for what has no name.
    fn weight(&self, piece: &Piece) -> usize {
        let tokens = self.rows.tokens(&piece.rows);
        if piece.unit.is_none() {
            tokens / 2
        } else {
            tokens
        }
    }

    fn belong_together(&self, last: &Piece, next: &Piece) -> bool {
        let (a, b) = (self.rows.tokens(&last.rows), self.rows.tokens(&next.rows));
        let smaller = a.min(b);
        let near = last.level == next.level || self.is_head(last, next) || self.is_tail(last, next);
        let limit = if smaller < self.options.tiny_tokens {
            self.options.max_tokens
        } else {
            self.options.target_tokens
        };
        near && self.is_test(last) == self.is_test(next)
            && smaller < self.options.min_tokens
            && self.rows.tokens(&(last.rows.start..next.rows.end))
                <= limit.min(self.options.max_tokens)
    }

    /// `module A` in front of the first thing inside it.
    fn is_head(&self, last: &Piece, next: &Piece) -> bool {
        last.loose && !last.part && self.tiny(last) && self.inside(next.level, last.unit)
    }

    /// `end` behind the last thing inside.
    fn is_tail(&self, last: &Piece, next: &Piece) -> bool {
        next.loose && self.tiny(next) && self.inside(last.level, next.unit)
    }

    fn tiny(&self, piece: &Piece) -> bool {
        self.rows.tokens(&piece.rows) < self.options.tiny_tokens
    }

    /// Whether a level lies in a definition, at any depth.
    fn inside(&self, level: Option<usize>, unit: Option<usize>) -> bool {
        let mut level = level;
        while level.is_some() && level != unit {
            level = level.and_then(|level| self.units[level].parent);
        }
        level == unit
    }

    fn is_test(&self, piece: &Piece) -> bool {
        piece
            .unit
            .is_some_and(|unit| self.units[unit].kind == ChunkKind::Test)
    }
}

/// Something still to be laid out.
struct Region {
    rows: Range<usize>,
    unit: Option<usize>,
    level: Option<usize>,
    /// A whole definition (or the file), not what lies between members.
    open: bool,
    part: bool,
}

fn is_function(kind: ChunkKind) -> bool {
    matches!(kind, ChunkKind::Function | ChunkKind::Method)
}

fn at_start(unit: &Unit, rows: &Rows) -> usize {
    rows.first(unit.lines.start)
}
