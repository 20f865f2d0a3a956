//! The file format of a segment.
//!
//! A segment is a row of sections, each padded with zeros to a multiple of 64
//! bytes, and a footer of fixed size at the end, so that it is written in one
//! pass. The footer holds no offsets: they follow from the lengths, so sections
//! can neither overlap nor leave holes. All numbers are little-endian. Sections
//! of another codec than the segment's are there and empty.
//!
//! ```text
//! footer: profile [16] | codebook [16] | token_dim u32 | dense_dim u32 | codec u32 | bits u32
//!       | centroids u32 | sections u32 | contents u64 | tokens u64 | lists u64 | postings u64
//!       | sections × { length u64, checksum [16] } | version u32 | bytes of the footer u32
//!       | magic [8] | checksum [16]
//! ```
//!
//! The last 32 bytes are laid out so in every version from 2 on.

use std::io::{self, Write};
use std::ops::Range;

use crate::codebook::{Bits, MOST_CENTROIDS};
use crate::records::ContentHash;
use crate::storage::NewFileWriter;

/// The sections, in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Content hashes by ordinal, 16 bytes each.
    Contents = 0,
    /// Token counts by ordinal, `u32`.
    TokenCounts = 1,
    /// int8: token rows, `[tokens, token_dim]`, `i8`.
    TokenCodes = 2,
    /// int8: scale of each token row, `f32`.
    TokenScales = 3,
    /// Coded: centroid of each token, `u16`.
    Centroids = 4,
    /// Coded: packed residuals, `[tokens, row_bytes]`.
    Residuals = 5,
    /// Coded: norm code of each token, `u8`.
    Norms = 6,
    /// Coded: centroids that occur, ascending, `u16`.
    PostingCentroids = 7,
    /// Coded: end of each occurring centroid's postings, `u32`.
    PostingEnds = 8,
    /// Coded: ordinals by centroid, distinct and ascending for each, `u32`.
    Postings = 9,
    /// Dense vectors, `[contents, dense_dim]`, `i8`.
    DenseCodes = 10,
    /// Scale of each dense vector, `f32`.
    DenseScales = 11,
}

impl Section {
    pub const ALL: [Section; 12] = [
        Section::Contents,
        Section::TokenCounts,
        Section::TokenCodes,
        Section::TokenScales,
        Section::Centroids,
        Section::Residuals,
        Section::Norms,
        Section::PostingCentroids,
        Section::PostingEnds,
        Section::Postings,
        Section::DenseCodes,
        Section::DenseScales,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Section::Contents => "content hashes",
            Section::TokenCounts => "token counts",
            Section::TokenCodes => "token codes",
            Section::TokenScales => "token scales",
            Section::Centroids => "token centroids",
            Section::Residuals => "token residuals",
            Section::Norms => "token norms",
            Section::PostingCentroids => "posting centroids",
            Section::PostingEnds => "posting ends",
            Section::Postings => "postings",
            Section::DenseCodes => "dense codes",
            Section::DenseScales => "dense scales",
        }
    }
}

const MAGIC: [u8; 8] = *b"fathomSG";
pub(super) const VERSION: u32 = 2;
const ALIGNMENT: usize = 64;
pub(super) const COUNTS_BYTES: usize = 16 + 16 + 6 * 4 + 4 * 8;
const END_BYTES: usize = 4 + 4 + 8 + 16;
pub(super) const FOOTER_BYTES: usize = COUNTS_BYTES + Section::ALL.len() * (8 + 16) + END_BYTES;

/// Version 1 had a footer of this size that began with magic and version.
const FOOTER_BYTES_1: usize = 216;

/// How the token matrices of a segment are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Bytes with one scale per row.
    Int8,
    /// A centroid and a residual per row.
    Coded {
        /// Id of the codebook.
        codebook: ContentHash,
        bits: Bits,
        /// Centroids of the codebook.
        centroids: u32,
    },
}

/// What a segment holds, apart from the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Hash of the model profile's id.
    pub profile: ContentHash,
    pub token_dim: u32,
    pub dense_dim: u32,
    pub codec: Codec,
    pub contents: u64,
    pub tokens: u64,
    /// Centroids that have postings.
    pub lists: u64,
    pub postings: u64,
}

impl Shape {
    /// The length a section must have; `None` if no file can be that long.
    fn section_bytes(&self, section: Section) -> Option<u64> {
        let dim = u64::from(self.token_dim);
        match (section, self.codec) {
            (Section::Contents, _) => self.contents.checked_mul(16),
            (Section::TokenCounts | Section::DenseScales, _) => self.contents.checked_mul(4),
            (Section::DenseCodes, _) => self.contents.checked_mul(self.dense_dim.into()),
            (Section::TokenCodes, Codec::Int8) => self.tokens.checked_mul(dim),
            (Section::TokenScales, Codec::Int8) => self.tokens.checked_mul(4),
            (Section::Centroids, Codec::Coded { .. }) => self.tokens.checked_mul(2),
            (Section::Residuals, Codec::Coded { bits, .. }) => {
                self.tokens.checked_mul(dim * bits.count() as u64 / 8)
            }
            (Section::Norms, Codec::Coded { .. }) => Some(self.tokens),
            (Section::PostingCentroids, Codec::Coded { .. }) => self.lists.checked_mul(2),
            (Section::PostingEnds, Codec::Coded { .. }) => self.lists.checked_mul(4),
            (Section::Postings, Codec::Coded { .. }) => self.postings.checked_mul(4),
            _ => Some(0),
        }
    }

    /// Counts that the sections' lengths do not show to be wrong.
    fn check(&self) -> Result<(), String> {
        let Codec::Coded {
            bits, centroids, ..
        } = self.codec
        else {
            return match (self.lists, self.postings) {
                (0, 0) => Ok(()),
                _ => Err("footer: postings of int8 tokens".into()),
            };
        };
        if !(self.token_dim as usize * bits.count()).is_multiple_of(8) {
            return Err("footer: rows are not whole bytes".into());
        }
        if !(1..=MOST_CENTROIDS as u32).contains(&centroids) || self.lists > centroids.into() {
            return Err(format!(
                "footer: {} of {centroids} centroids have postings",
                self.lists
            ));
        }
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (codec, codebook, bits, centroids) = match self.codec {
            Codec::Int8 => (0, ContentHash([0; 16]), 0, 0),
            Codec::Coded {
                codebook,
                bits,
                centroids,
            } => (1, codebook, bits.count() as u32, centroids),
        };
        out.extend_from_slice(&self.profile.0);
        out.extend_from_slice(&codebook.0);
        let sections = Section::ALL.len() as u32;
        let (dims, coding) = ([self.token_dim, self.dense_dim], [codec, bits, centroids]);
        for number in dims.into_iter().chain(coding).chain([sections]) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.contents, self.tokens, self.lists, self.postings] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Shape, String> {
        let profile = ContentHash(fields.take());
        let codebook = ContentHash(fields.take());
        let [token_dim, dense_dim, codec, bits, centroids, sections] =
            std::array::from_fn(|_| u32::from_le_bytes(fields.take()));
        let codec = match (codec, Bits::from_count(bits as usize)) {
            (0, None) if bits == 0 && centroids == 0 => Codec::Int8,
            (1, Some(bits)) => Codec::Coded {
                codebook,
                bits,
                centroids,
            },
            _ => return Err(format!("footer: codec {codec} of {bits} bits")),
        };
        if sections as usize != Section::ALL.len() {
            return Err(format!("footer: {sections} sections"));
        }
        let [contents, tokens, lists, postings] =
            std::array::from_fn(|_| u64::from_le_bytes(fields.take()));
        let shape = Shape {
            profile,
            token_dim,
            dense_dim,
            codec,
            contents,
            tokens,
            lists,
            postings,
        };
        shape.check().map(|()| shape)
    }
}

/// Why a file is not a segment that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What is wrong with it, with the section or field.
    Damaged(String),
    /// A sound segment, as far as can be told, of another version of the format.
    Version(u32),
    /// A sound segment that was coded with another codebook.
    Codebook(ContentHash),
}

impl From<String> for Refusal {
    fn from(problem: String) -> Refusal {
        Refusal::Damaged(problem)
    }
}

impl From<&str> for Refusal {
    fn from(problem: &str) -> Refusal {
        Refusal::Damaged(problem.into())
    }
}

/// A footer that was checked against the length of its file.
#[derive(Clone, Debug)]
pub(crate) struct Footer {
    pub shape: Shape,
    /// Checksum of the footer, which covers those of the sections.
    pub checksum: ContentHash,
    sections: [(Range<usize>, ContentHash); Section::ALL.len()],
}

impl Footer {
    /// Reads the footer of a file; the error names the field.
    pub fn read(file: &[u8]) -> Result<Footer, Refusal> {
        match version_of(file) {
            Some(VERSION) => {}
            Some(version) => return Err(Refusal::Version(version)),
            None => return Err("footer: not a segment".into()),
        }
        let split = file.len().checked_sub(FOOTER_BYTES);
        let (body, footer) = file.split_at(split.ok_or("too short for a segment")?);
        let (signed, checksum) = footer.split_at(FOOTER_BYTES - 16);
        let checksum = hash_at(checksum);
        if checksum != ContentHash::of(signed) {
            return Err("footer: checksum differs".into());
        }
        let mut fields = Fields(signed);
        let shape = Shape::read(&mut fields)?;
        let sections = sections(&shape, &mut fields, body.len())?;
        let _version: [u8; 4] = fields.take();
        match u32::from_le_bytes(fields.take()) as usize {
            FOOTER_BYTES => Ok(Footer {
                shape,
                checksum,
                sections,
            }),
            length => Err(format!("footer: it claims to have {length} bytes").into()),
        }
    }

    /// Where a section is.
    pub fn range(&self, section: Section) -> Range<usize> {
        self.sections[section as usize].0.clone()
    }

    /// Bytes of some sections.
    pub fn bytes(&self, sections: &[Section]) -> u64 {
        let bytes = |&section: &Section| self.range(section).len() as u64;
        sections.iter().map(bytes).sum()
    }

    /// Reads every byte and answers what is wrong with it, by section.
    pub fn verify(&self, file: &[u8]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut end = 0;
        for (section, (range, checksum)) in Section::ALL.into_iter().zip(&self.sections) {
            if ContentHash::of(&file[range.clone()]) != *checksum {
                problems.push(format!(
                    "{} (bytes {}..{}): checksum differs",
                    section.name(),
                    range.start,
                    range.end
                ));
            }
            if file[end..range.start].iter().any(|&byte| byte != 0) {
                problems.push(format!("padding before {}: not zero", section.name()));
            }
            end = range.end;
        }
        if file[end..file.len() - FOOTER_BYTES]
            .iter()
            .any(|&byte| byte != 0)
        {
            problems.push("padding before the footer: not zero".into());
        }
        problems
    }
}

type Sections = [(Range<usize>, ContentHash); Section::ALL.len()];

/// Reads where the sections are, which must fill a file of `body` bytes before its footer.
fn sections(shape: &Shape, fields: &mut Fields<'_>, body: usize) -> Result<Sections, String> {
    let mut end = 0;
    let mut sections = [const { (0..0, ContentHash([0; 16])) }; Section::ALL.len()];
    for (section, place) in Section::ALL.into_iter().zip(&mut sections) {
        let length = u64::from_le_bytes(fields.take());
        if shape.section_bytes(section) != Some(length) {
            return Err(format!(
                "{}: length {length} does not fit the counts",
                section.name()
            ));
        }
        let range = section_range(end, length, body)
            .ok_or_else(|| format!("{}: ends past the file", section.name()))?;
        end = range.end.next_multiple_of(ALIGNMENT);
        *place = (range, ContentHash(fields.take()));
    }
    match end == body {
        true => Ok(sections),
        false => Err("bytes between the last section and the footer".into()),
    }
}

/// The version that a file claims to have; `None` if it does not claim to be a segment.
fn version_of(file: &[u8]) -> Option<u32> {
    let (_, end) = file.split_at_checked(file.len().checked_sub(END_BYTES)?)?;
    let mut end = Fields(end);
    let (version, _, magic) = (end.take(), end.take::<4>(), end.take());
    if magic == MAGIC {
        return Some(u32::from_le_bytes(version));
    }
    let (_, footer) = file.split_at_checked(file.len().checked_sub(FOOTER_BYTES_1)?)?;
    let mut footer = Fields(footer);
    (footer.take() == MAGIC).then(|| u32::from_le_bytes(footer.take()))
}

fn section_range(start: usize, length: u64, most: usize) -> Option<Range<usize>> {
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (end.checked_next_multiple_of(ALIGNMENT)? <= most).then_some(start..end)
}

fn hash_at(bytes: &[u8]) -> ContentHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(bytes);
    ContentHash(hash)
}

/// The rest of a footer whose total length is known to suffice.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N);
        self.0 = rest;
        let mut taken = [0; N];
        taken.copy_from_slice(field);
        taken
    }
}

/// Writes the sections in order, then the footer.
pub(crate) struct SegmentWriter {
    out: io::BufWriter<Box<dyn NewFileWriter>>,
    written: u64,
    sections: Vec<(u64, ContentHash)>,
}

impl SegmentWriter {
    pub fn new(file: Box<dyn NewFileWriter>) -> SegmentWriter {
        SegmentWriter {
            out: io::BufWriter::with_capacity(1 << 18, file),
            written: 0,
            sections: Vec::new(),
        }
    }

    /// Writes the next section from its pieces.
    pub fn section<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        let mut length = 0;
        for piece in pieces {
            hasher.update(piece);
            self.out.write_all(piece)?;
            length += piece.len() as u64;
        }
        let padding = length.next_multiple_of(ALIGNMENT as u64) - length;
        self.out.write_all(&[0; ALIGNMENT][..padding as usize])?;
        self.written += length + padding;
        self.sections.push((length, hasher.finalize().into()));
        Ok(())
    }

    /// Leaves out sections that the codec does not have.
    pub fn no_sections(&mut self, count: usize) {
        self.sections.extend(vec![(0, ContentHash::of(&[])); count]);
    }

    /// Writes the footer and makes the file durable. Answers its length and checksum.
    pub fn finish(mut self, shape: &Shape) -> io::Result<(u64, ContentHash)> {
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        shape.write(&mut footer);
        for (length, checksum) in &self.sections {
            footer.extend_from_slice(&length.to_le_bytes());
            footer.extend_from_slice(&checksum.0);
        }
        footer.extend_from_slice(&VERSION.to_le_bytes());
        footer.extend_from_slice(&(FOOTER_BYTES as u32).to_le_bytes());
        footer.extend_from_slice(&MAGIC);
        let checksum = ContentHash::of(&footer);
        footer.extend_from_slice(&checksum.0);
        self.out.write_all(&footer)?;
        self.out.flush()?;
        self.out.get_mut().sync()?;
        Ok((self.written + footer.len() as u64, checksum))
    }
}
