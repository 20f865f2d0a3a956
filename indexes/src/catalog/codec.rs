//! Packed columns: chunk heads, sorted number lists, content lists, compressed texts.
//!
//! Every decoder treats its input as untrusted: it answers `None` for bytes that
//! no encoder wrote, and allocates no more than the input's length justifies.

use crate::records::ChunkKind;

/// What a snapshot keeps in memory of each chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub kind: ChunkKind,
    /// Id in the `contents` table.
    pub content: u32,
}

const HEAD_BYTES: usize = 5;

/// Heads of a file's chunks: one byte for the kind, four for the content.
pub(crate) fn pack_heads(heads: &[Head]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(heads.len() * HEAD_BYTES);
    for head in heads {
        packed.push(head.kind as u8);
        packed.extend_from_slice(&head.content.to_le_bytes());
    }
    packed
}

/// The inverse of [`pack_heads`], appended to `heads`.
pub(crate) fn unpack_heads(packed: &[u8], heads: &mut Vec<Head>) -> Option<()> {
    let (whole, rest) = packed.as_chunks::<HEAD_BYTES>();
    heads.reserve(whole.len());
    for &[kind, a, b, c, d] in whole {
        heads.push(Head {
            kind: ChunkKind::from_number(kind)?,
            content: u32::from_le_bytes([a, b, c, d]),
        });
    }
    rest.is_empty().then_some(())
}

/// Numbers as four little-endian bytes each.
pub(crate) fn pack_numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// The inverse of [`pack_numbers`].
pub(crate) fn unpack_numbers(packed: &[u8]) -> Option<Vec<u32>> {
    let (whole, rest) = packed.as_chunks::<4>();
    rest.is_empty()
        .then(|| whole.iter().map(|n| u32::from_le_bytes(*n)).collect())
}

/// Ascending numbers (repeats allowed) as LEB128 differences.
pub(crate) fn pack_sorted(numbers: &[u32]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(numbers.len() + 4);
    let mut last = 0;
    for &number in numbers {
        let mut rest = number.wrapping_sub(last);
        while rest >= 0x80 {
            packed.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        packed.push(rest as u8);
        last = number;
    }
    packed
}

/// The inverse of [`pack_sorted`].
pub(crate) fn unpack_sorted(packed: &[u8]) -> Option<Vec<u32>> {
    let mut numbers = Vec::with_capacity(packed.len());
    let (mut last, mut value, mut shift) = (0u32, 0u64, 0);
    for byte in packed {
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            last = last.checked_add(u32::try_from(value).ok()?)?;
            numbers.push(last);
            (value, shift) = (0, 0);
        } else if shift > 28 {
            return None;
        }
    }
    (shift == 0).then_some(numbers)
}

/// LZ4 block of a text.
pub(crate) fn pack_text(text: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(text)
}

/// The inverse of [`pack_text`]; `length` is the text's length in bytes.
pub(crate) fn unpack_text(packed: &[u8], length: u64) -> Option<Vec<u8>> {
    // LZ4 expands by less than 255: a larger claim is a lie, not a reason to allocate.
    let most = (packed.len() as u64).checked_mul(255)?.checked_add(64)?;
    let length = usize::try_from(length).ok().filter(|_| length <= most)?;
    let text = lz4_flex::block::decompress(packed, length).ok()?;
    (text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorted_numbers_round_trip(mut numbers: Vec<u32>) {
            numbers.sort();
            prop_assert_eq!(unpack_sorted(&pack_sorted(&numbers)), Some(numbers));
        }

        #[test]
        fn numbers_round_trip(numbers: Vec<u32>) {
            prop_assert_eq!(unpack_numbers(&pack_numbers(&numbers)), Some(numbers));
        }

        #[test]
        fn texts_round_trip(text: Vec<u8>) {
            prop_assert_eq!(unpack_text(&pack_text(&text), text.len() as u64), Some(text));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, length: u64) {
            unpack_sorted(&bytes);
            unpack_numbers(&bytes);
            unpack_heads(&bytes, &mut Vec::new());
            unpack_text(&bytes, length);
        }
    }

    #[test]
    fn heads_round_trip() {
        let heads = [ChunkKind::Function, ChunkKind::Code].map(|kind| Head {
            kind,
            content: 0xdead_beef,
        });
        let mut back = Vec::new();
        unpack_heads(&pack_heads(&heads), &mut back).unwrap();
        assert_eq!(back, heads);
    }
}
