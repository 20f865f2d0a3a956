//! The file format of a segment.
//!
//! A segment is a row of sections, each padded with zeros to a multiple of 64
//! bytes, and a footer of fixed size at the end, so that it is written in one
//! pass. The footer holds no offsets: they follow from the lengths, so sections
//! can neither overlap nor leave holes. All numbers are little-endian.
//!
//! ```text
//! footer: magic [8] | version u32 | sections u32 | profile [16] | token_dim u32 | dense_dim u32
//!       | contents u64 | tokens u64 | sections × { length u64, checksum [16] } | checksum [16]
//! ```

use std::io::{self, Write};
use std::ops::Range;

use crate::records::ContentHash;
use crate::storage::NewFileWriter;

/// The sections, in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Content hashes by ordinal, 16 bytes each.
    Contents = 0,
    /// Token counts by ordinal, `u32`.
    TokenCounts = 1,
    /// Token rows, `[tokens, token_dim]`, `i8`.
    TokenCodes = 2,
    /// Scale of each token row, `f32`.
    TokenScales = 3,
    /// Dense vectors, `[contents, dense_dim]`, `i8`.
    DenseCodes = 4,
    /// Scale of each dense vector, `f32`.
    DenseScales = 5,
}

impl Section {
    pub const ALL: [Section; 6] = [
        Section::Contents,
        Section::TokenCounts,
        Section::TokenCodes,
        Section::TokenScales,
        Section::DenseCodes,
        Section::DenseScales,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Section::Contents => "content hashes",
            Section::TokenCounts => "token counts",
            Section::TokenCodes => "token codes",
            Section::TokenScales => "token scales",
            Section::DenseCodes => "dense codes",
            Section::DenseScales => "dense scales",
        }
    }
}

const MAGIC: [u8; 8] = *b"fathomSG";
const VERSION: u32 = 1;
const ALIGNMENT: usize = 64;
pub(super) const FOOTER_BYTES: usize =
    8 + 4 + 4 + 16 + 4 + 4 + 8 + 8 + Section::ALL.len() * (8 + 16) + 16;

/// What a segment holds, apart from the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Hash of the model profile's id.
    pub profile: ContentHash,
    pub token_dim: u32,
    pub dense_dim: u32,
    pub contents: u64,
    pub tokens: u64,
}

impl Shape {
    /// The length a section must have; `None` if no file can be that long.
    fn section_bytes(&self, section: Section) -> Option<u64> {
        match section {
            Section::Contents => self.contents.checked_mul(16),
            Section::TokenCounts | Section::DenseScales => self.contents.checked_mul(4),
            Section::TokenCodes => self.tokens.checked_mul(self.token_dim.into()),
            Section::TokenScales => self.tokens.checked_mul(4),
            Section::DenseCodes => self.contents.checked_mul(self.dense_dim.into()),
        }
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
    pub fn read(file: &[u8]) -> Result<Footer, String> {
        let split = file.len().checked_sub(FOOTER_BYTES);
        let (body, footer) = file.split_at(split.ok_or("too short for a segment")?);
        let (signed, checksum) = footer.split_at(FOOTER_BYTES - 16);
        let mut fields = Fields(signed);
        fields.expect_magic()?;
        let checksum = hash_at(checksum);
        if checksum != ContentHash::of(signed) {
            return Err("footer: checksum differs".into());
        }
        let shape = Shape {
            profile: ContentHash(fields.take()),
            token_dim: u32::from_le_bytes(fields.take()),
            dense_dim: u32::from_le_bytes(fields.take()),
            contents: u64::from_le_bytes(fields.take()),
            tokens: u64::from_le_bytes(fields.take()),
        };
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
            let range = section_range(end, length, body.len())
                .ok_or_else(|| format!("{}: ends past the file", section.name()))?;
            end = range.end.next_multiple_of(ALIGNMENT);
            *place = (range, ContentHash(fields.take()));
        }
        match end == body.len() {
            true => Ok(Footer {
                shape,
                checksum,
                sections,
            }),
            false => Err("bytes between the last section and the footer".into()),
        }
    }

    /// Where a section is.
    pub fn range(&self, section: Section) -> Range<usize> {
        self.sections[section as usize].0.clone()
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

    fn expect_magic(&mut self) -> Result<(), String> {
        if self.take() != MAGIC {
            return Err("footer: not a segment".into());
        }
        let version = u32::from_le_bytes(self.take());
        if version != VERSION {
            return Err(format!(
                "footer: segment format {version}, this build reads {VERSION}"
            ));
        }
        match u32::from_le_bytes(self.take()) as usize {
            count if count == Section::ALL.len() => Ok(()),
            count => Err(format!("footer: {count} sections")),
        }
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

    /// Writes the footer and makes the file durable. Answers its length and checksum.
    pub fn finish(mut self, shape: &Shape) -> io::Result<(u64, ContentHash)> {
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&MAGIC);
        footer.extend_from_slice(&VERSION.to_le_bytes());
        footer.extend_from_slice(&(Section::ALL.len() as u32).to_le_bytes());
        footer.extend_from_slice(&shape.profile.0);
        footer.extend_from_slice(&shape.token_dim.to_le_bytes());
        footer.extend_from_slice(&shape.dense_dim.to_le_bytes());
        footer.extend_from_slice(&shape.contents.to_le_bytes());
        footer.extend_from_slice(&shape.tokens.to_le_bytes());
        for (length, checksum) in &self.sections {
            footer.extend_from_slice(&length.to_le_bytes());
            footer.extend_from_slice(&checksum.0);
        }
        let checksum = ContentHash::of(&footer);
        footer.extend_from_slice(&checksum.0);
        self.out.write_all(&footer)?;
        self.out.flush()?;
        self.out.get_mut().sync()?;
        Ok((self.written + footer.len() as u64, checksum))
    }
}
