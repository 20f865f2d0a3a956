//! The header of a `.npy` file: versions 1 to 3, one or two dimensions.

use std::fmt;
use std::io::Read;

use super::npy::Dtype;

/// What precedes the header's text in version 1.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Length of every header that is written, so that it can be written again with another shape,
/// and so that numbers can be mapped where they lie.
const LENGTH: usize = 128;

/// No text that describes one or two dimensions is longer.
const LONGEST: usize = 1 << 16;

/// What an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Type of the numbers.
    pub dtype: Dtype,
    /// First dimension.
    pub rows: usize,
    /// Second dimension, if there is one.
    pub columns: Option<usize>,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.columns {
            None => write!(f, "{}", self.rows),
            Some(columns) => write!(f, "{}, {columns}", self.rows),
        }
    }
}

/// The bytes before the numbers.
pub fn bytes(header: &Header) -> [u8; LENGTH] {
    let descr = match header.dtype {
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::I32 => "<i4",
        Dtype::I64 => "<i8",
        Dtype::U8 => "|u1",
    };
    let comma = if header.columns.is_none() { "," } else { "" };
    let text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({header}{comma}), }}");
    let mut bytes = [b' '; LENGTH];
    bytes[..6].copy_from_slice(MAGIC);
    bytes[6..8].copy_from_slice(&[1, 0]);
    bytes[8..10].copy_from_slice(&(LENGTH as u16 - 10).to_le_bytes());
    bytes[10..10 + text.len()].copy_from_slice(text.as_bytes());
    bytes[LENGTH - 1] = b'\n';
    bytes
}

/// Reads the header of a file of `length` bytes and leaves `input` at the first number.
pub fn read(input: &mut impl Read, length: u64) -> Result<Header, String> {
    let mut start = [0; 8];
    take(input, &mut start)?;
    if &start[..6] != MAGIC {
        return Err("not an array in `.npy` format".into());
    }
    let (before, text) = match start[6] {
        1 => (10, take_u16(input)?),
        2 | 3 => (12, take_u32(input)?),
        other => return Err(format!("version {other} of the `.npy` format is not known")),
    };
    if text > LONGEST {
        return Err(format!("header: {text} bytes are too many"));
    }
    let mut bytes = vec![0; text];
    take(input, &mut bytes)?;
    let header = parse(std::str::from_utf8(&bytes).map_err(|_| "header: not text")?)?;
    let numbers = header.rows.checked_mul(header.columns.unwrap_or(1));
    let expected = numbers
        .and_then(|numbers| numbers.checked_mul(header.dtype.size()))
        .and_then(|bytes| bytes.checked_add(before + text))
        .ok_or_else(|| format!("shape: [{header}] overflows"))?;
    match length == expected as u64 {
        true => Ok(header),
        false => Err(format!("{length} bytes instead of {expected}")),
    }
}

fn take(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    let taken = input.read_exact(bytes);
    taken.map_err(|e| format!("header: {e}"))
}

fn take_u16(input: &mut impl Read) -> Result<usize, String> {
    let mut bytes = [0; 2];
    take(input, &mut bytes)?;
    Ok(usize::from(u16::from_le_bytes(bytes)))
}

fn take_u32(input: &mut impl Read) -> Result<usize, String> {
    let mut bytes = [0; 4];
    take(input, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn parse(text: &str) -> Result<Header, String> {
    let descr = value(text, "descr")?.trim_matches(['\'', '"']);
    let dtype = match descr {
        "<f2" => Dtype::F16,
        "<f4" => Dtype::F32,
        "<i4" => Dtype::I32,
        "<i8" => Dtype::I64,
        "|u1" | "<u1" => Dtype::U8,
        other => return Err(format!("type `{}` is not read", other.escape_debug())),
    };
    match value(text, "fortran_order")? {
        "False" => {}
        "True" => return Err("stored column by column; save it with `order=\"C\"`".into()),
        _ => return Err("header: `fortran_order` is not a truth value".into()),
    }
    let shape = value(text, "shape")?;
    let inner = shape
        .strip_prefix('(')
        .and_then(|shape| shape.strip_suffix(')'))
        .ok_or("header: `shape` is not a tuple")?;
    let sizes = inner
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let sizes: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
    match sizes.map_err(|_| "header: `shape` is not made of numbers")?[..] {
        [rows] => Ok(Header {
            dtype,
            rows,
            columns: None,
        }),
        [rows, columns] => Ok(Header {
            dtype,
            rows,
            columns: Some(columns),
        }),
        _ => Err(format!("shape: {shape} has not one or two dimensions")),
    }
}

/// What a key of the dictionary stands for, up to the comma after it.
fn value<'t>(text: &'t str, key: &str) -> Result<&'t str, String> {
    let missing = || format!("header: `{key}` is missing");
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let after = quoted
        .iter()
        .find_map(|key| Some(&text[text.find(key)? + key.len()..]))
        .ok_or_else(missing)?;
    let value = after
        .trim_start()
        .strip_prefix(':')
        .ok_or_else(missing)?
        .trim_start();
    let end = match value.starts_with('(') {
        true => value.find(')').map(|at| at + 1),
        false => value.find([',', '}']),
    };
    Ok(value[..end.ok_or_else(missing)?].trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn file(text: &str, data: usize) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &[1, 0]].concat();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn header(text: &str, data: usize) -> Result<Header, String> {
        let file = file(text, data);
        read(&mut file.as_slice(), file.len() as u64)
    }

    #[test]
    fn headers_of_other_writers_are_read() {
        let expected = Header {
            dtype: Dtype::F32,
            rows: 3,
            columns: Some(2),
        };
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }   \n",
            "{\"shape\": (3,2), \"fortran_order\": False, \"descr\": \"<f4\"}",
        ] {
            assert_eq!(header(text, 24), Ok(expected), "{text}");
        }
        let one = header("{'descr': '<u1', 'fortran_order': False, 'shape': (5,)}", 5);
        assert_eq!(
            one,
            Ok(Header {
                dtype: Dtype::U8,
                rows: 5,
                columns: None
            })
        );
    }

    #[test]
    fn other_headers_are_refused_with_a_reason() {
        let huge = usize::MAX / 2;
        let cases = [
            (
                "<f4', 'fortran_order': True, 'shape': (3, 2)",
                "column by column",
            ),
            (
                ">f4', 'fortran_order': False, 'shape': (3, 2)",
                "type `>f4`",
            ),
            (
                "<f4', 'fortran_order': False, 'shape': (3, 2, 1)",
                "dimensions",
            ),
            ("<f4', 'fortran_order': False, 'shape': ()", "dimensions"),
            (
                "<f4', 'fortran_order': False, 'shape': (-3, 2)",
                "not made of numbers",
            ),
            (
                "<f4', 'fortran_order': False, 'shape': (3, 3)",
                "bytes instead of",
            ),
            (
                "<f4', 'fortran_order': False, 'shape': (3, 1)",
                "bytes instead of",
            ),
            ("<f4', 'fortran_order': False", "`shape` is missing"),
            (
                &format!("<f4', 'fortran_order': False, 'shape': ({huge}, 8)"),
                "overflows",
            ),
        ];
        for (text, reason) in cases {
            let problem = header(&format!("{{'descr': '{text}, }}"), 24).unwrap_err();
            assert!(problem.contains(reason), "{problem}");
        }
        assert!(read(&mut b"PK\x03\x04....".as_slice(), 8).is_err());
    }

    proptest! {
        #[test]
        fn a_header_is_read_back(rows in 0..usize::MAX / 1024, columns in proptest::option::of(0usize..128)) {
            let header = Header { dtype: Dtype::I64, rows, columns };
            let bytes = bytes(&header);
            let length = LENGTH + rows * columns.unwrap_or(1) * 8;
            prop_assert_eq!(read(&mut bytes.as_slice(), length as u64), Ok(header));
            prop_assert!(read(&mut bytes.as_slice(), length as u64 + 1).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200, seed: bool) {
            if seed {
                let mut whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24);
                for (index, byte) in bytes.iter().enumerate().take(3) {
                    let at = (at + index) % whole.len();
                    whole[at] = *byte;
                }
                bytes = whole;
            }
            let _ = read(&mut bytes.as_slice(), bytes.len() as u64);
        }
    }
}
