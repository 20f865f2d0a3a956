//! Segments: immutable files of encoded contents, each under its hash.

mod cast;
mod format;
pub(crate) mod fuzzing;
mod prepare;
mod tokens;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use crate::StoreError;
use crate::catalog::{Identity, SegmentRow, segment_file_name};
use crate::codebook::Codebook;
use crate::collection::Collection;
use crate::late::{CodedSet, Postings};
use crate::maxsim::Tokens;
use crate::records::{ContentHash, Encoding};
use crate::storage::{Bytes, Storage};
use format::{Codec, Footer, Refusal, Section, SegmentWriter, Shape};
pub use prepare::Prepared;
pub(crate) use prepare::{Recoded, floats};
use tokens::TokenIndex;
pub(crate) use tokens::{CodedTokens, TokenView};

/// A codebook and its id, which takes a while to compute.
#[derive(Clone, Debug)]
pub(crate) struct NamedCodebook {
    pub id: ContentHash,
    pub codebook: Arc<Codebook>,
}

impl NamedCodebook {
    pub fn new(codebook: Arc<Codebook>) -> NamedCodebook {
        NamedCodebook {
            id: codebook.id(),
            codebook,
        }
    }

    fn codec(&self) -> Codec {
        Codec::Coded {
            codebook: self.id,
            bits: self.codebook.bits(),
            centroids: self.codebook.len() as u32,
        }
    }
}

/// What the segments of a store are made for, and coded with if there is a codebook.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub identity: &'a Identity,
    pub codebook: Option<&'a NamedCodebook>,
}

impl Layout<'_> {
    /// The codec of new segments.
    fn codec(&self) -> Codec {
        self.codebook.map_or(Codec::Int8, NamedCodebook::codec)
    }

    /// Whether segments of a codec can be read.
    fn knows(&self, codec: Codec) -> Result<(), Refusal> {
        match codec {
            Codec::Int8 => Ok(()),
            known if known == self.codec() => Ok(()),
            Codec::Coded { codebook, .. } if self.codebook.is_none_or(|c| c.id != codebook) => {
                Err(Refusal::Codebook(codebook))
            }
            Codec::Coded { .. } => Err("footer: bits or centroids differ from the codebook".into()),
        }
    }
}

/// An open segment whose footer was checked; the data is checked by [`Segment::verify`].
#[derive(Debug)]
pub(crate) struct Segment {
    bytes: Bytes,
    footer: Footer,
    tokens: TokenIndex,
    /// Whose vectors it holds.
    pub collection: Collection,
}

/// The dense vector of one content: `vector ≈ scale * codes`.
#[derive(Clone, Copy)]
pub(crate) struct DenseView<'a> {
    pub codes: &'a [i8],
    pub scale: f32,
}

/// One content on its way into a segment.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    /// Id in the catalog.
    pub content: u32,
    pub hash: ContentHash,
    pub tokens: TokenView<'a>,
    pub dense: DenseView<'a>,
}

impl Segment {
    /// Opens the segment that `row` of the catalog describes; `layouts` are those of the collections
    /// that it may be of. A file that is not
    /// exactly that segment is [`StoreError::Damaged`]; one that another build or
    /// another codebook could read is [`StoreError::Version`] or [`StoreError::Codebook`].
    pub fn open(
        storage: &dyn Storage,
        row: &SegmentRow,
        layouts: &[Layout<'_>],
    ) -> Result<Segment, StoreError> {
        let name = row.file_name();
        let path = storage.locate(&name);
        let bytes = storage.open(&name).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => StoreError::damaged(&path, "the file is missing"),
            _ => StoreError::io("open", &path, e),
        })?;
        let collection = of_profile(&bytes, layouts);
        let layout = layouts[collection as usize];
        let read = Segment::read(bytes, row, layout).map(|segment| Segment {
            collection,
            ..segment
        });
        read.map_err(|refusal| match refusal {
            Refusal::Damaged(problem) => StoreError::damaged(&path, problem),
            Refusal::Version(found) => StoreError::Version {
                path,
                found: found.into(),
                supported: format::VERSION.into(),
                next_step: "run `fathom index` to encode its contents again",
            },
            Refusal::Codebook(found) => StoreError::Codebook {
                path,
                found,
                known: layout.codebook.map(|known| known.id),
            },
        })
    }

    fn read(bytes: Bytes, row: &SegmentRow, layout: Layout<'_>) -> Result<Segment, Refusal> {
        let footer = Footer::read(&bytes)?;
        if footer.checksum != row.checksum || bytes.len() as u64 != row.bytes {
            return Err("footer: not the segment that the catalog names".into());
        }
        let found = &footer.shape;
        layout.knows(found.codec)?;
        let expected = Shape {
            contents: row.contents.len() as u64,
            ..shape(layout.identity, found)
        };
        if *found != expected {
            return Err("footer: profile, dimensions or counts differ from the catalog".into());
        }
        let counts = &bytes[footer.range(Section::TokenCounts)];
        let segment = Segment {
            tokens: TokenIndex::open(counts, found.tokens)?,
            bytes,
            footer,
            collection: Collection::Main,
        };
        segment.check_views()?;
        if let (Some(set), Some(known)) = (segment.coded(), layout.codebook) {
            tokens::check_lists(&set.postings, known.codebook.len())?;
        }
        Ok(segment)
    }

    /// An alignment that forbids the views would be a property of the memory, not of the file.
    fn check_views(&self) -> Result<(), String> {
        for section in [Section::TokenScales, Section::DenseScales] {
            cast::numbers::<f32>(self.section(section))?;
        }
        for section in [Section::Centroids, Section::PostingCentroids] {
            cast::numbers::<u16>(self.section(section))?;
        }
        for section in [Section::PostingEnds, Section::Postings] {
            cast::numbers::<u32>(self.section(section))?;
        }
        Ok(())
    }

    fn section(&self, section: Section) -> &[u8] {
        &self.bytes[self.footer.range(section)]
    }

    /// The numbers of a section; [`Segment::check_views`] has seen that they can be viewed.
    fn numbers<T: bytemuck::AnyBitPattern>(&self, section: Section) -> &[T] {
        cast::numbers(self.section(section)).unwrap_or_default()
    }

    /// Number of token rows.
    pub fn rows(&self) -> u64 {
        self.footer.shape.tokens
    }

    /// Residual bits per dimension; `None` for int8 tokens.
    pub fn bits(&self) -> Option<usize> {
        match self.footer.shape.codec {
            Codec::Int8 => None,
            Codec::Coded { bits, .. } => Some(bits.count()),
        }
    }

    /// Bytes of token vectors, and of their postings.
    pub fn token_bytes(&self) -> (u64, u64) {
        use Section::*;
        let vectors = [TokenCodes, TokenScales, Centroids, Residuals, Norms];
        let postings = [PostingCentroids, PostingEnds, Postings];
        (self.footer.bytes(&vectors), self.footer.bytes(&postings))
    }

    /// The coded token matrices; `None` if they are int8.
    pub fn coded(&self) -> Option<CodedSet<'_>> {
        self.bits()?;
        Some(CodedSet {
            offsets: self.tokens.offsets(),
            centroids: self.numbers(Section::Centroids),
            residuals: self.section(Section::Residuals),
            norms: self.section(Section::Norms),
            postings: Postings {
                centroids: self.numbers(Section::PostingCentroids),
                ends: self.numbers(Section::PostingEnds),
                ordinals: self.numbers(Section::Postings),
            },
        })
    }

    /// The token matrix of a content.
    pub fn tokens(&self, ordinal: usize) -> TokenView<'_> {
        let rows = self.tokens.rows(ordinal);
        let wide = |bytes: usize| rows.start * bytes..rows.end * bytes;
        let dim = self.footer.shape.token_dim as usize;
        match self.bits() {
            None => TokenView::Int8(Tokens {
                codes: cast::signed(&self.section(Section::TokenCodes)[wide(dim)]),
                scales: &self.numbers(Section::TokenScales)[rows],
            }),
            Some(bits) => TokenView::Coded(CodedTokens {
                residuals: &self.section(Section::Residuals)[wide(dim * bits / 8)],
                centroids: &self.numbers(Section::Centroids)[rows.clone()],
                norms: &self.section(Section::Norms)[rows],
            }),
        }
    }

    /// The dense vector of a content.
    pub fn dense(&self, ordinal: usize) -> DenseView<'_> {
        let dim = self.footer.shape.dense_dim as usize;
        let codes = self.section(Section::DenseCodes);
        DenseView {
            codes: cast::signed(&codes[ordinal * dim..(ordinal + 1) * dim]),
            scale: self.numbers(Section::DenseScales)[ordinal],
        }
    }

    /// The hash of a content.
    pub fn hash(&self, ordinal: usize) -> ContentHash {
        let (hashes, _) = self.section(Section::Contents).as_chunks::<16>();
        ContentHash(hashes[ordinal])
    }

    /// Everything about a content, for copying it into another segment.
    pub fn part(&self, content: u32, ordinal: usize) -> Part<'_> {
        Part {
            content,
            hash: self.hash(ordinal),
            tokens: self.tokens(ordinal),
            dense: self.dense(ordinal),
        }
    }

    /// Reads every byte; answers what is wrong, by section.
    pub fn verify(&self) -> Vec<String> {
        let mut problems = self.footer.verify(&self.bytes);
        for section in [Section::TokenScales, Section::DenseScales] {
            let valid = |scale: &f32| scale.is_finite() && *scale >= 0.0;
            if !self.numbers(section).iter().all(valid) {
                problems.push(format!("{}: not a finite number ≥ 0", section.name()));
            }
        }
        if let (Some(set), Codec::Coded { centroids, .. }) = (self.coded(), self.footer.shape.codec)
        {
            problems.extend(tokens::verify_coded(&set, centroids as usize));
        }
        problems
    }
}

/// The collection whose profile made a segment; the main one if none did, which then tells why.
fn of_profile(bytes: &[u8], layouts: &[Layout<'_>]) -> Collection {
    // Mostly there is but one, and the footer need not be read twice.
    let Some(docs) = layouts.get(Collection::Docs as usize) else {
        return Collection::Main;
    };
    let profile = ContentHash::of(docs.identity.profile_id.as_bytes());
    match Footer::read(bytes) {
        Ok(footer) if footer.shape.profile == profile => Collection::Docs,
        _ => Collection::Main,
    }
}

/// The shape of a segment of a store with the counts of another.
fn shape(identity: &Identity, like: &Shape) -> Shape {
    Shape {
        profile: ContentHash::of(identity.profile_id.as_bytes()),
        token_dim: identity.token_dim as u32,
        dense_dim: identity.dense_dim as u32,
        ..like.clone()
    }
}

/// Writes segment `id` and makes it durable. The parts are all of one kind; coded ones
/// with the codebook of `layout`. Answers the segment's row for the catalog.
pub(crate) fn write(
    storage: &dyn Storage,
    id: u32,
    layout: Layout<'_>,
    parts: &[Part<'_>],
) -> Result<SegmentRow, StoreError> {
    let name = segment_file_name(id);
    let (bytes, checksum) = write_file(storage, &name, layout, parts)
        .map_err(|e| StoreError::io("write", storage.locate(&name), e))?;
    Ok(SegmentRow {
        id,
        bytes,
        checksum,
        contents: parts.iter().map(|part| part.content).collect(),
    })
}

fn write_file(
    storage: &dyn Storage,
    name: &str,
    layout: Layout<'_>,
    parts: &[Part<'_>],
) -> io::Result<(u64, ContentHash)> {
    let mut out = SegmentWriter::new(storage.create(name)?);
    out.section(parts.iter().map(|part| part.hash.0.as_slice()))?;
    let views: Vec<TokenView<'_>> = parts.iter().map(|part| part.tokens).collect();
    let written = tokens::write(&mut out, &views)?;
    out.section(parts.iter().map(|part| cast::unsigned(part.dense.codes)))?;
    let scales: Vec<f32> = parts.iter().map(|part| part.dense.scale).collect();
    out.section(std::iter::once(cast::bytes_of(&scales)))?;
    let Identity {
        profile_id,
        token_dim,
        dense_dim,
    } = layout.identity;
    let durable = out.finish(&Shape {
        profile: ContentHash::of(profile_id.as_bytes()),
        token_dim: *token_dim as u32,
        dense_dim: *dense_dim as u32,
        codec: match views.first() {
            Some(TokenView::Coded(_)) => layout.codec(),
            _ => Codec::Int8,
        },
        contents: parts.len() as u64,
        tokens: written.tokens,
        lists: written.lists,
        postings: written.postings,
    })?;
    storage.sync_dir("segments")?;
    Ok(durable)
}

/// Refuses an encoding of the wrong shape or with values that are not numbers.
pub(crate) fn validate(identity: &Identity, encoding: &Encoding<'_>) -> Result<(), StoreError> {
    let refuse = |problem: String| {
        Err(StoreError::input(
            format!("the encoding of {}", encoding.content),
            problem,
        ))
    };
    let (tokens, dense) = (encoding.tokens.len(), encoding.dense.len());
    if !tokens.is_multiple_of(identity.token_dim) {
        return refuse(format!(
            "{tokens} token values are not rows of {}",
            identity.token_dim
        ));
    }
    if dense != identity.dense_dim {
        return refuse(format!(
            "{dense} dense values instead of {}",
            identity.dense_dim
        ));
    }
    let mut values = encoding.tokens.iter().chain(encoding.dense);
    match values.all(|value| value.is_finite()) {
        true => Ok(()),
        false => refuse("a value is not a finite number".into()),
    }
}
