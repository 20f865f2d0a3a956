//! How token matrices are kept in a segment: int8 rows with one scale each, or
//! rows coded with a codebook and postings by centroid.

use super::cast;
use super::format::{Section, SegmentWriter};
use crate::late::{CodedSet, Postings, postings_of};
use crate::maxsim::Tokens;
use std::io;
use std::ops::Range;

/// Where the token matrices of a segment begin.
#[derive(Debug)]
pub(crate) struct TokenIndex {
    /// Row at which each content begins, and the end of the last.
    offsets: Vec<u32>,
}

impl TokenIndex {
    /// Reads the token counts, which must add up to `tokens`.
    pub fn open(counts: &[u8], tokens: u64) -> Result<TokenIndex, String> {
        let (counts, _) = counts.as_chunks::<4>();
        let mut offsets = Vec::with_capacity(counts.len() + 1);
        let mut end = 0u32;
        offsets.push(end);
        for count in counts {
            end = end
                .checked_add(u32::from_le_bytes(*count))
                .ok_or("token counts: sum overflows")?;
            offsets.push(end);
        }
        match u64::from(end) == tokens {
            true => Ok(TokenIndex { offsets }),
            false => Err(format!("token counts: sum is {end}, not {tokens}")),
        }
    }

    /// First row of each content, and the end of the last.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The rows of one content.
    pub fn rows(&self, ordinal: usize) -> Range<usize> {
        self.offsets[ordinal] as usize..self.offsets[ordinal + 1] as usize
    }
}

/// The coded token matrix of one content.
#[derive(Clone, Copy)]
pub(crate) struct CodedTokens<'a> {
    pub centroids: &'a [u16],
    pub residuals: &'a [u8],
    pub norms: &'a [u8],
}

/// One stored token matrix.
#[derive(Clone, Copy)]
pub(crate) enum TokenView<'a> {
    Int8(Tokens<'a>),
    Coded(CodedTokens<'a>),
}

impl<'a> TokenView<'a> {
    pub fn rows(&self) -> usize {
        match self {
            TokenView::Int8(tokens) => tokens.scales.len(),
            TokenView::Coded(tokens) => tokens.norms.len(),
        }
    }

    /// Everything that is stored of it.
    #[cfg(test)]
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            TokenView::Int8(Tokens { codes, scales }) => {
                [cast::unsigned(codes), cast::bytes_of(scales)].concat()
            }
            TokenView::Coded(tokens) => [
                cast::bytes_of(tokens.centroids),
                tokens.residuals,
                tokens.norms,
            ]
            .concat(),
        }
    }

    fn int8(&self) -> Option<Tokens<'a>> {
        match self {
            TokenView::Int8(tokens) => Some(*tokens),
            TokenView::Coded(_) => None,
        }
    }

    fn coded(&self) -> Option<CodedTokens<'a>> {
        match self {
            TokenView::Int8(_) => None,
            TokenView::Coded(tokens) => Some(*tokens),
        }
    }
}

/// How many there are of what a footer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub tokens: u64,
    pub lists: u64,
    pub postings: u64,
}

/// Writes the token sections of `views`, which are all of one kind, in [`Section`] order.
pub(super) fn write(out: &mut SegmentWriter, views: &[TokenView<'_>]) -> io::Result<Written> {
    let counts: Vec<u32> = views.iter().map(|view| view.rows() as u32).collect();
    debug_assert_eq!(Section::TokenCounts as usize, 1, "after the content hashes");
    out.section(std::iter::once(cast::bytes_of(&counts)))?;
    let int8: Option<Vec<Tokens<'_>>> = views.iter().map(TokenView::int8).collect();
    match int8 {
        Some(tokens) => write_int8(out, &tokens)?,
        None => {
            let tokens: Option<Vec<_>> = views.iter().map(TokenView::coded).collect();
            let mixed = || io::Error::other("int8 and coded tokens in one segment");
            return write_coded(out, &counts, &tokens.ok_or_else(mixed)?);
        }
    }
    Ok(Written {
        tokens: counts.iter().map(|&count| u64::from(count)).sum(),
        ..Written::default()
    })
}

fn write_int8(out: &mut SegmentWriter, tokens: &[Tokens<'_>]) -> io::Result<()> {
    out.section(tokens.iter().map(|t| cast::unsigned(t.codes)))?;
    out.section(tokens.iter().map(|t| cast::bytes_of(t.scales)))?;
    out.no_sections(6);
    Ok(())
}

fn write_coded(
    out: &mut SegmentWriter,
    counts: &[u32],
    tokens: &[CodedTokens<'_>],
) -> io::Result<Written> {
    out.no_sections(2);
    out.section(tokens.iter().map(|t| cast::bytes_of(t.centroids)))?;
    out.section(tokens.iter().map(|t| t.residuals))?;
    out.section(tokens.iter().map(|t| t.norms))?;
    let offsets = offsets(counts)?;
    let mut centroids = Vec::with_capacity(offsets.last().map_or(0, |&end| end as usize));
    tokens
        .iter()
        .for_each(|t| centroids.extend_from_slice(t.centroids));
    let postings = postings_of(&offsets, &centroids);
    out.section(std::iter::once(cast::bytes_of(&postings.centroids)))?;
    out.section(std::iter::once(cast::bytes_of(&postings.ends)))?;
    out.section(std::iter::once(cast::bytes_of(&postings.ordinals)))?;
    Ok(Written {
        tokens: centroids.len() as u64,
        lists: postings.centroids.len() as u64,
        postings: postings.ordinals.len() as u64,
    })
}

/// First row of each content, and the end of the last.
fn offsets(counts: &[u32]) -> io::Result<Vec<u32>> {
    let mut end = 0u32;
    let mut offsets = vec![end];
    for count in counts {
        let too_many = || io::Error::other("more tokens than a segment can hold");
        end = end.checked_add(*count).ok_or_else(too_many)?;
        offsets.push(end);
    }
    Ok(offsets)
}

/// What cheap looks find wrong with postings; the ordinals are left to [`verify_coded`].
pub(super) fn check_lists(postings: &Postings<'_>, centroids: usize) -> Result<(), String> {
    if !postings.centroids.is_sorted_by(|a, b| a < b) {
        return Err("posting centroids: not ascending".into());
    }
    let last = postings.centroids.last();
    if last.is_some_and(|&last| usize::from(last) >= centroids) {
        return Err(format!("posting centroids: there are {centroids}"));
    }
    let begins = std::iter::once(&0).chain(postings.ends);
    if !begins.zip(postings.ends).all(|(begin, end)| begin < end) {
        return Err("posting ends: not ascending".into());
    }
    let end = postings.ends.last().map_or(0, |&end| end as usize);
    match end == postings.ordinals.len() {
        true => Ok(()),
        false => Err(format!("posting ends: the last is {end}")),
    }
}

/// What only a look at every token finds wrong.
pub(super) fn verify_coded(set: &CodedSet<'_>, centroids: usize) -> Vec<String> {
    let mut problems = Vec::new();
    if set
        .centroids
        .iter()
        .any(|&centroid| usize::from(centroid) >= centroids)
    {
        problems.push(format!("token centroids: there are {centroids}"));
    }
    let expected = postings_of(set.offsets, set.centroids);
    let Postings {
        centroids,
        ends,
        ordinals,
    } = set.postings;
    if (centroids, ends, ordinals)
        != (
            &expected.centroids[..],
            &expected.ends[..],
            &expected.ordinals[..],
        )
    {
        problems.push("postings: not those of the tokens".into());
    }
    problems
}
