//! Bytes to text without moving an offset.

use std::borrow::Cow;

/// Stands for one byte that is not part of valid UTF-8.
const REPLACEMENT: u8 = b'?';

/// The text of `bytes`: every byte that is not part of valid UTF-8 becomes one
/// ASCII character, so that byte offsets in the result slice the original.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        text.extend(part.invalid().iter().map(|_| char::from(REPLACEMENT)));
    }
    Cow::Owned(text)
}

/// UTF-16 with a byte order mark as UTF-8; `None` for anything else.
pub(crate) fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xFF, 0xFE] => u16::from_le_bytes,
        [0xFE, 0xFF] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes[2..]
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn offsets_stay(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = decode(&bytes);
            prop_assert_eq!(text.len(), bytes.len());
            for (at, c) in text.char_indices() {
                let original = &bytes[at..at + c.len_utf8()];
                prop_assert!(c == '?' || original == c.to_string().as_bytes());
            }
        }
    }

    #[test]
    fn utf16_needs_its_mark() {
        assert_eq!(utf16(b"\xFF\xFEa\0\xE9\0").unwrap(), "aé".as_bytes());
        assert_eq!(
            utf16(b"\xFE\xFF\0a\xD8\0\0b").unwrap(),
            "a\u{FFFD}b".as_bytes()
        );
        assert_eq!(utf16(b"a\0b\0"), None);
    }
}
