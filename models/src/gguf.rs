//! The header of GGUF files: what a model is, and whether its file can be whole.
//!
//! Bytes from disk are not trusted: every length is compared with the file's.
//! The format is llama.cpp's, <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Longest name or value that is kept.
const LONGEST_TEXT: u64 = 1 << 20;
/// Keys and tensors that no model has more of.
const MOST: u64 = 1 << 20;
/// Texts as values are skipped beyond so many bytes: chat templates, vocabularies.
const KEPT_TEXT: u64 = 4096;

/// Architectures with a memory that cannot roll back: recurrent and hybrid ones, as llama.cpp lists them.
const RECURRENT: &[&str] = &[
    "mamba",
    "mamba2",
    "rwkv6",
    "rwkv6qwen2",
    "rwkv7",
    "arwkv7",
    "jamba",
    "falcon-h1",
    "plamo2",
    "granitehybrid",
    "lfm2",
    "lfm2moe",
    "nemotron_h",
    "nemotron_h_moe",
    "qwen3next",
    "kimi-linear",
    "bailingmoe3",
    "kimi-k3",
    "glm5-next",
    "qwen35",
    "qwen35moe",
    "qwen4exp",
    "deepseek4",
    "minimax-01",
];

/// Why a file is no sound model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It begins as something else.
    #[error("it is not a GGUF file (it begins with `{0}`)")]
    Magic(String),
    /// Another version of the format.
    #[error("it has version {0} of the GGUF format, and 2 and 3 are known")]
    Version(u32),
    /// It ends too early.
    #[error("it is cut off: {has} bytes of {needs}")]
    CutOff {
        /// Bytes that there are.
        has: u64,
        /// Bytes that there should be at least.
        needs: u64,
    },
    /// Its header says something that cannot be.
    #[error("its header is damaged: {0}")]
    Damaged(&'static str),
}

impl From<io::Error> for GgufError {
    fn from(error: io::Error) -> GgufError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => GgufError::Damaged("it ends within the header"),
            _ => GgufError::Io(error),
        }
    }
}

/// A single value of the header.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(u64),
    Text(String),
}

/// What a GGUF file says of itself.
#[derive(Clone, Debug)]
pub struct Header {
    /// Version of the format.
    pub version: u32,
    /// Number of tensors in this file.
    pub tensors: u64,
    /// Number of weights in this file.
    pub parameters: u64,
    values: BTreeMap<String, Value>,
    /// Bytes of weights per type of tensor.
    types: BTreeMap<u32, u64>,
}

impl Header {
    /// Reads the header of a file, and compares it with the file's length.
    ///
    /// # Errors
    /// If the file cannot be read, is no GGUF file, is cut off or damaged.
    pub fn read(path: &Path) -> Result<Header, GgufError> {
        let file = File::open(path).map_err(GgufError::Io)?;
        let length = file.metadata().map_err(GgufError::Io)?.len();
        let mut source = Source {
            reader: BufReader::with_capacity(1 << 16, file),
            length,
        };
        source.header()
    }

    /// The family, such as `qwen2`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.text("general.architecture").unwrap_or("unknown")
    }

    /// The name that its makers gave it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("general.name")
    }

    /// Its licence, if the file names one.
    #[must_use]
    pub fn licence(&self) -> Option<&str> {
        self.text("general.license")
    }

    /// Longest context in tokens that it was trained for.
    #[must_use]
    pub fn context(&self) -> Option<u64> {
        self.number(&format!("{}.context_length", self.architecture()))
    }

    /// Experts per layer and experts that a token passes through, for a mixture of experts.
    #[must_use]
    pub fn experts(&self) -> Option<(u64, u64)> {
        let of = |key| self.number(&format!("{}.{key}", self.architecture()));
        of("expert_count").zip(of("expert_used_count"))
    }

    /// Number of files that the model is split into.
    #[must_use]
    pub fn parts(&self) -> u64 {
        self.number("split.count").unwrap_or(1).max(1)
    }

    /// Whether it has a memory that can roll back, which prompt lookup needs:
    /// recurrent and hybrid models have not.
    #[must_use]
    pub fn can_roll_back(&self) -> bool {
        let state = |key: &String| {
            [".ssm.", ".wkv.", ".shortconv.", ".kda."]
                .iter()
                .any(|part| key.contains(part))
        };
        !RECURRENT.contains(&self.architecture()) && !self.values.keys().any(state)
    }

    /// Name of the quantisation, such as `Q4_K_M`.
    #[must_use]
    pub fn quantisation(&self) -> String {
        let declared = self.number("general.file_type").and_then(file_type);
        let most = self.types.iter().max_by_key(|(_, bytes)| **bytes);
        let most = most.and_then(|(kind, _)| tensor_type(*kind));
        declared
            .or(most.map(|kind| kind.name))
            .unwrap_or("unknown")
            .to_owned()
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.values.get(key)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }
}

/// A file whose header is read.
struct Source<R> {
    reader: BufReader<R>,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    fn header(&mut self) -> Result<Header, GgufError> {
        let magic: [u8; 4] = self.bytes()?;
        if &magic != b"GGUF" {
            let shown = String::from_utf8_lossy(&magic).into_owned();
            return Err(GgufError::Magic(shown));
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let (tensors, keys) = (self.count()?, self.count()?);
        let mut values = BTreeMap::new();
        for _ in 0..keys {
            let key = self.string(LONGEST_TEXT)?;
            let kind = self.u32()?;
            if let Some(value) = self.value(kind)? {
                values.insert(key, value);
            }
        }
        let mut header = Header {
            version,
            tensors,
            parameters: 0,
            values,
            types: BTreeMap::new(),
        };
        self.tensors(&mut header)?;
        Ok(header)
    }

    /// Reads where the tensors are; the last one must end within the file.
    fn tensors(&mut self, header: &mut Header) -> Result<(), GgufError> {
        const OVERFLOW: GgufError = GgufError::Damaged("a tensor is larger than any can be");
        let mut end = 0;
        for _ in 0..header.tensors {
            self.skip_string()?;
            let dimensions = self.u32()?;
            if dimensions > 8 {
                return Err(GgufError::Damaged("a tensor has more than 8 dimensions"));
            }
            let mut elements = 1_u64;
            for _ in 0..dimensions {
                elements = elements.checked_mul(self.u64()?).ok_or(OVERFLOW)?;
            }
            let kind = self.u32()?;
            let offset = self.u64()?;
            header.parameters = header.parameters.saturating_add(elements);
            // Of a type that came later than this program, the size is not known.
            let bytes = tensor_type(kind).map_or(0, |known| known.bytes(elements));
            let sum = header.types.entry(kind).or_default();
            *sum = sum.saturating_add(bytes);
            end = end.max(offset.checked_add(bytes).ok_or(OVERFLOW)?);
        }
        let alignment = header.number("general.alignment").unwrap_or(32).max(1);
        let begin = self.reader.stream_position()?;
        let begin = begin.checked_next_multiple_of(alignment).ok_or(OVERFLOW)?;
        let needs = begin.checked_add(end).ok_or(OVERFLOW)?;
        match header.tensors > 0 && needs > self.length {
            true => Err(GgufError::CutOff {
                has: self.length,
                needs,
            }),
            false => Ok(()),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn count(&mut self) -> Result<u64, GgufError> {
        let count = self.u64()?;
        match count > MOST {
            true => Err(GgufError::Damaged(
                "it counts more entries than any model has",
            )),
            false => Ok(count),
        }
    }

    fn string(&mut self, longest: u64) -> Result<String, GgufError> {
        let length = self.u64()?;
        if length > longest {
            return Err(GgufError::Damaged("a name is longer than any is"));
        }
        let mut bytes = vec![0; length as usize];
        self.reader.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip_string(&mut self) -> Result<(), GgufError> {
        let length = self.u64()?;
        self.skip(length)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), GgufError> {
        if bytes > self.length {
            return Err(GgufError::Damaged("a value is longer than the file"));
        }
        self.reader.seek_relative(bytes as i64)?;
        Ok(())
    }

    /// A single value; `None` for those that are passed over.
    fn value(&mut self, kind: u32) -> Result<Option<Value>, GgufError> {
        let number = match kind {
            0 | 1 | 7 => u64::from(self.bytes::<1>()?[0]),
            2 | 3 => u64::from(u16::from_le_bytes(self.bytes()?)),
            4 | 5 => u64::from(self.u32()?),
            10 | 11 => self.u64()?,
            6 => return self.skip(4).map(|()| None),
            12 => return self.skip(8).map(|()| None),
            8 => return self.text(),
            9 => return self.array().map(|()| None),
            _ => return Err(GgufError::Damaged("a value is of an unknown type")),
        };
        Ok(Some(Value::Number(number)))
    }

    fn text(&mut self) -> Result<Option<Value>, GgufError> {
        let length = self.u64()?;
        if length > KEPT_TEXT {
            return self.skip(length).map(|()| None);
        }
        let mut bytes = vec![0; length as usize];
        self.reader.read_exact(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(Value::Text(text)))
    }

    fn array(&mut self) -> Result<(), GgufError> {
        let kind = self.u32()?;
        let count = self.u64()?;
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            8 if count <= self.length => {
                return (0..count).try_for_each(|_| self.skip_string());
            }
            _ => return Err(GgufError::Damaged("a list is of an unknown type or length")),
        };
        let bytes = count.checked_mul(width);
        self.skip(bytes.unwrap_or(u64::MAX))
    }
}

/// A type of tensor: so many bytes for so many weights.
#[derive(Clone, Copy)]
struct TensorType {
    name: &'static str,
    block: u64,
    size: u64,
}

impl TensorType {
    fn bytes(self, elements: u64) -> u64 {
        elements.div_ceil(self.block).saturating_mul(self.size)
    }
}

/// The types of ggml, by number.
fn tensor_type(number: u32) -> Option<TensorType> {
    let (name, block, size) = match number {
        0 => ("F32", 1, 4),
        1 => ("F16", 1, 2),
        2 => ("Q4_0", 32, 18),
        3 => ("Q4_1", 32, 20),
        6 => ("Q5_0", 32, 22),
        7 => ("Q5_1", 32, 24),
        8 => ("Q8_0", 32, 34),
        10 => ("Q2_K", 256, 84),
        11 => ("Q3_K", 256, 110),
        12 => ("Q4_K", 256, 144),
        13 => ("Q5_K", 256, 176),
        14 => ("Q6_K", 256, 210),
        16 => ("IQ2_XXS", 256, 66),
        17 => ("IQ2_XS", 256, 74),
        18 => ("IQ3_XXS", 256, 98),
        19 => ("IQ1_S", 256, 50),
        20 => ("IQ4_NL", 32, 18),
        21 => ("IQ3_S", 256, 110),
        22 => ("IQ2_S", 256, 82),
        23 => ("IQ4_XS", 256, 136),
        24 => ("I8", 1, 1),
        25 => ("I16", 1, 2),
        26 => ("I32", 1, 4),
        27 | 28 => ("F64", 1, 8),
        29 => ("IQ1_M", 256, 56),
        30 => ("BF16", 1, 2),
        34 => ("TQ1_0", 256, 54),
        35 => ("TQ2_0", 256, 66),
        39 => ("MXFP4", 32, 17),
        _ => return None,
    };
    Some(TensorType { name, block, size })
}

/// The mixtures of types that llama.cpp has names for.
fn file_type(number: u64) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4_MOE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("../answerer/tests/fixtures/{name}.gguf")).unwrap()
    }

    fn parse(bytes: &[u8]) -> Result<Header, GgufError> {
        let length = bytes.len() as u64;
        // A small buffer, so that skipping leaves it.
        let reader = BufReader::with_capacity(64, Cursor::new(bytes));
        Source { reader, length }.header()
    }

    #[test]
    fn a_header_describes_its_model() {
        let of = |name| {
            let header = parse(&fixture(name)).unwrap();
            let (context, quantisation) = (header.context(), header.quantisation());
            format!(
                "{} {} {context:?} {quantisation} {} {:?}",
                header.architecture(),
                header.parameters,
                header.can_roll_back(),
                header.licence(),
            )
        };
        insta::assert_snapshot!(of("reader-tiny"), @r#"qwen2 755712 Some(8192) Q8_0 true Some("Apache-2.0")"#);
        insta::assert_snapshot!(of("recurrent-tiny"), @r#"mamba 17024 Some(2048) F32 false Some("Apache-2.0")"#);
    }

    #[test]
    fn what_is_no_sound_model_is_told() {
        let whole = fixture("reader-tiny");
        let told = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        insta::assert_snapshot!(told(b"<!DOCTYPE html>"), @"it is not a GGUF file (it begins with `<!DO`)");
        insta::assert_snapshot!(told(b"GGUF\x01\0\0\0"), @"it has version 1 of the GGUF format, and 2 and 3 are known");
        insta::assert_snapshot!(told(&whole[..whole.len() - 1]), @"it is cut off: 869663 bytes of 869664");
        insta::assert_snapshot!(told(&whole[..5000]), @"its header is damaged: it ends within the header");
        let mut many = whole.clone();
        many[8..16].fill(0xff);
        insta::assert_snapshot!(told(&many), @"its header is damaged: it counts more entries than any model has");
    }

    proptest! {
        /// Damage in the header is an error or another description, and costs no time or memory.
        #[test]
        fn damage_does_no_harm(at in 0_usize..20_000, byte: u8, cut in 0_usize..20_000) {
            let mut bytes = fixture("recurrent-tiny");
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = parse(&bytes);
            let _ = parse(&bytes[..cut.min(len)]);
        }
    }
}
