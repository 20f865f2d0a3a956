//! Segments: immutable files of encoded contents, each under its hash.

mod cast;
mod format;
mod tokens;

#[cfg(test)]
mod tests;

use std::io;

use crate::StoreError;
use crate::catalog::{Identity, SegmentRow, segment_file_name};
use crate::maxsim::{self, Tokens};
use crate::records::{ContentHash, Encoding};
use crate::storage::{Bytes, Storage};
use format::{Footer, Section, SegmentWriter, Shape};
use tokens::TokenIndex;
pub(crate) use tokens::TokenView;

/// An open segment whose footer was checked; the data is checked by [`Segment::verify`].
#[derive(Debug)]
pub(crate) struct Segment {
    bytes: Bytes,
    footer: Footer,
    tokens: TokenIndex,
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
    /// Opens the segment that `row` of the catalog describes. A file that is not
    /// exactly that segment is [`StoreError::Damaged`].
    pub fn open(
        storage: &dyn Storage,
        row: &SegmentRow,
        identity: &Identity,
    ) -> Result<Segment, StoreError> {
        let name = row.file_name();
        let path = storage.locate(&name);
        let bytes = storage.open(&name).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => StoreError::damaged(&path, "the file is missing"),
            _ => StoreError::io("open", &path, e),
        })?;
        Segment::read(bytes, row, identity).map_err(|problem| StoreError::damaged(&path, problem))
    }

    fn read(bytes: Bytes, row: &SegmentRow, identity: &Identity) -> Result<Segment, String> {
        let footer = Footer::read(&bytes)?;
        if footer.checksum != row.checksum || bytes.len() as u64 != row.bytes {
            return Err("footer: not the segment that the catalog names".into());
        }
        let tokens = footer.shape.tokens;
        let contents = row.contents.len() as u64;
        if footer.shape != shape(identity, contents, tokens) {
            return Err("footer: profile, dimensions or counts differ from the catalog".into());
        }
        // An alignment that forbids the views would be a property of the memory, not of the file.
        cast::floats(&bytes[footer.range(Section::TokenScales)])?;
        cast::floats(&bytes[footer.range(Section::DenseScales)])?;
        let counts = &bytes[footer.range(Section::TokenCounts)];
        Ok(Segment {
            tokens: TokenIndex::open(counts, tokens, identity.token_dim)?,
            bytes,
            footer,
        })
    }

    fn section(&self, section: Section) -> &[u8] {
        &self.bytes[self.footer.range(section)]
    }

    /// The floats of a section; [`Segment::read`] has checked that they can be viewed.
    fn floats(&self, section: Section) -> &[f32] {
        cast::floats(self.section(section)).unwrap_or_default()
    }

    /// The token matrix of a content.
    pub fn tokens(&self, ordinal: usize) -> TokenView<'_> {
        let codes = self.section(Section::TokenCodes);
        self.tokens
            .get(codes, self.floats(Section::TokenScales), ordinal)
    }

    /// The dense vector of a content.
    pub fn dense(&self, ordinal: usize) -> DenseView<'_> {
        let dim = self.footer.shape.dense_dim as usize;
        let codes = self.section(Section::DenseCodes);
        DenseView {
            codes: cast::signed(&codes[ordinal * dim..(ordinal + 1) * dim]),
            scale: self.floats(Section::DenseScales)[ordinal],
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
            if !self.floats(section).iter().all(valid) {
                problems.push(format!("{}: not a finite number ≥ 0", section.name()));
            }
        }
        problems
    }
}

fn shape(identity: &Identity, contents: u64, tokens: u64) -> Shape {
    Shape {
        profile: ContentHash::of(identity.profile_id.as_bytes()),
        token_dim: identity.token_dim as u32,
        dense_dim: identity.dense_dim as u32,
        contents,
        tokens,
    }
}

/// Writes segment `id` and makes it durable. Answers its row for the catalog.
pub(crate) fn write(
    storage: &dyn Storage,
    id: u32,
    identity: &Identity,
    parts: &[Part<'_>],
) -> Result<SegmentRow, StoreError> {
    let name = segment_file_name(id);
    let (bytes, checksum) = write_file(storage, &name, identity, parts)
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
    identity: &Identity,
    parts: &[Part<'_>],
) -> io::Result<(u64, ContentHash)> {
    let mut out = SegmentWriter::new(storage.create(name)?);
    out.section(parts.iter().map(|part| part.hash.0.as_slice()))?;
    let views: Vec<TokenView<'_>> = parts.iter().map(|part| part.tokens).collect();
    let tokens = tokens::write(&mut out, &views)?;
    out.section(parts.iter().map(|part| cast::unsigned(part.dense.codes)))?;
    let scales: Vec<f32> = parts.iter().map(|part| part.dense.scale).collect();
    out.section(std::iter::once(cast::bytes_of(&scales)))?;
    let written = out.finish(&shape(identity, parts.len() as u64, tokens))?;
    storage.sync_dir("segments")?;
    Ok(written)
}

/// Quantised encodings, owned while their segment is written.
pub(crate) struct Quantized {
    contents: Vec<(u32, ContentHash)>,
    tokens: Vec<(Vec<i8>, Vec<f32>)>,
    dense: Vec<(Vec<i8>, f32)>,
}

impl Quantized {
    /// Quantises encodings, each given with its content's id. Their shapes and
    /// values must have been checked.
    pub fn new(identity: &Identity, encodings: &[(u32, &Encoding<'_>)]) -> Quantized {
        let quantize_dense = |dense: &[f32]| {
            let mut codes = vec![0; dense.len()];
            let scale = maxsim::quantize_row(dense, &mut codes);
            (codes, scale)
        };
        Quantized {
            contents: encodings.iter().map(|(id, e)| (*id, e.content)).collect(),
            tokens: encodings
                .iter()
                .map(|(_, e)| maxsim::quantize(e.tokens, identity.token_dim))
                .collect(),
            dense: encodings
                .iter()
                .map(|(_, e)| quantize_dense(e.dense))
                .collect(),
        }
    }

    /// What [`write`] takes.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let rows = self.contents.iter().zip(&self.tokens).zip(&self.dense);
        rows.map(
            |((&(content, hash), (codes, scales)), (dense, scale))| Part {
                content,
                hash,
                tokens: TokenView(Tokens { codes, scales }),
                dense: DenseView {
                    codes: dense,
                    scale: *scale,
                },
            },
        )
        .collect()
    }
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
