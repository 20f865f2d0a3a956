//! Arrays in NumPy's `.npy` format, little-endian and row by row, read and written as streams.
//!
//! A header is checked before it is believed: its shape must account for every byte of the file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::PlaidError;
use super::npy_header::{self, Header};

/// What one number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE half precision, only read.
    F16,
    /// IEEE single precision.
    F32,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// A byte.
    U8,
}

impl Dtype {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F16 => 2,
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::I64 => 8,
        }
    }
}

/// A number that arrays are written of.
pub trait Number: bytemuck::NoUninit {
    /// Its type in a header.
    const DTYPE: Dtype;
}

impl Number for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Number for i32 {
    const DTYPE: Dtype = Dtype::I32;
}

impl Number for i64 {
    const DTYPE: Dtype = Dtype::I64;
}

impl Number for u8 {
    const DTYPE: Dtype = Dtype::U8;
}

/// An array that is read from its first row to its last.
#[derive(Debug)]
pub struct NpyReader {
    path: PathBuf,
    input: BufReader<File>,
    header: Header,
    /// Rows that were not read yet.
    left: usize,
}

impl NpyReader {
    /// Opens an array of one or two dimensions.
    ///
    /// # Errors
    /// [`PlaidError::Invalid`] if it is not such an array, is not as long as its header says, or
    /// is stored column by column.
    pub fn open(path: &Path) -> Result<NpyReader, PlaidError> {
        let file = File::open(path).map_err(|e| PlaidError::io("open", path, e))?;
        let length = file
            .metadata()
            .map_err(|e| PlaidError::io("read", path, e))?;
        let mut input = BufReader::with_capacity(1 << 18, file);
        let header = npy_header::read(&mut input, length.len())
            .map_err(|problem| PlaidError::invalid(path, problem))?;
        Ok(NpyReader {
            path: path.to_path_buf(),
            input,
            left: header.rows,
            header,
        })
    }

    /// Number of rows, or of numbers of a one-dimensional array.
    pub fn rows(&self) -> usize {
        self.header.rows
    }

    /// Numbers in a row; 1 for a one-dimensional array.
    pub fn columns(&self) -> usize {
        self.header.columns.unwrap_or(1)
    }

    /// What the numbers are.
    pub fn dtype(&self) -> Dtype {
        self.header.dtype
    }

    /// Refuses an array of another shape; `None` stands for any number of rows.
    pub fn expect(&self, rows: Option<usize>, columns: Option<usize>) -> Result<(), PlaidError> {
        if rows.is_none_or(|rows| rows == self.header.rows) && columns == self.header.columns {
            return Ok(());
        }
        let rows = rows.map_or_else(|| "n".to_owned(), |rows| rows.to_string());
        let expected = columns.map_or_else(|| rows.clone(), |columns| format!("{rows}, {columns}"));
        Err(self.invalid(format!("shape: [{}] instead of [{expected}]", self.header)))
    }

    /// At most `rows` further rows of floats, `[n, columns]`; empty at the end.
    pub fn floats(&mut self, rows: usize) -> Result<Vec<f32>, PlaidError> {
        match self.header.dtype {
            Dtype::F32 => self.numbers(rows, f32::from_le_bytes),
            Dtype::F16 => self.numbers(rows, |bytes| half(u16::from_le_bytes(bytes))),
            _ => Err(self.wrong_type("floats")),
        }
    }

    /// At most `rows` further rows of whole numbers, `[n, columns]`; empty at the end.
    pub fn integers(&mut self, rows: usize) -> Result<Vec<i64>, PlaidError> {
        match self.header.dtype {
            Dtype::I64 => self.numbers(rows, i64::from_le_bytes),
            Dtype::I32 => self.numbers(rows, |bytes| i64::from(i32::from_le_bytes(bytes))),
            _ => Err(self.wrong_type("whole numbers")),
        }
    }

    /// At most `rows` further rows of bytes, `[n, columns]`; empty at the end.
    pub fn bytes(&mut self, rows: usize) -> Result<Vec<u8>, PlaidError> {
        match self.header.dtype {
            Dtype::U8 => self.raw(rows),
            _ => Err(self.wrong_type("bytes")),
        }
    }

    fn numbers<const N: usize, T>(
        &mut self,
        rows: usize,
        decode: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, PlaidError> {
        let raw = self.raw(rows)?;
        Ok(raw.as_chunks::<N>().0.iter().copied().map(decode).collect())
    }

    fn raw(&mut self, rows: usize) -> Result<Vec<u8>, PlaidError> {
        let rows = rows.min(self.left);
        // Cannot overflow nor ask for more than the file holds: the header was compared with it.
        let mut raw = vec![0; rows * self.columns() * self.header.dtype.size()];
        self.input
            .read_exact(&mut raw)
            .map_err(|e| PlaidError::io("read", &self.path, e))?;
        self.left -= rows;
        Ok(raw)
    }

    fn wrong_type(&self, wanted: &str) -> PlaidError {
        self.invalid(format!("type: {:?} instead of {wanted}", self.dtype()))
    }

    /// An error about this array.
    pub fn invalid(&self, problem: impl Into<String>) -> PlaidError {
        PlaidError::invalid(&self.path, problem)
    }
}

/// An array that is written from its first row to its last; the number of rows need not be known
/// before.
#[derive(Debug)]
pub struct NpyWriter<T> {
    path: PathBuf,
    output: BufWriter<File>,
    columns: Option<usize>,
    numbers: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Number> NpyWriter<T> {
    /// Creates a file, which must not exist. `columns` is `None` for a one-dimensional array.
    pub fn create(path: &Path, columns: Option<usize>) -> Result<NpyWriter<T>, PlaidError> {
        let file = File::create_new(path).map_err(|e| PlaidError::io("create", path, e))?;
        let mut writer = NpyWriter {
            path: path.to_path_buf(),
            output: BufWriter::with_capacity(1 << 18, file),
            columns,
            numbers: 0,
            of: std::marker::PhantomData,
        };
        writer.header()?;
        Ok(writer)
    }

    /// Adds numbers; whole rows when the array is finished.
    pub fn write(&mut self, numbers: &[T]) -> Result<(), PlaidError> {
        self.numbers += numbers.len();
        self.output
            .write_all(bytemuck::cast_slice(numbers))
            .map_err(|e| PlaidError::io("write", &self.path, e))
    }

    /// Writes the final number of rows and makes the file durable.
    ///
    /// # Panics
    /// If the last row is not whole.
    pub fn finish(mut self) -> Result<(), PlaidError> {
        self.header()?;
        let synced = self
            .output
            .flush()
            .and_then(|()| self.output.get_ref().sync_all());
        synced.map_err(|e| PlaidError::io("write", &self.path, e))
    }

    fn header(&mut self) -> Result<(), PlaidError> {
        let columns = self.columns.unwrap_or(1);
        assert!(self.numbers.is_multiple_of(columns.max(1)), "whole rows");
        let header = Header {
            dtype: T::DTYPE,
            rows: self.numbers / columns.max(1),
            columns: self.columns,
        };
        let written = self
            .output
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.output.write_all(&npy_header::bytes(&header)));
        written.map_err(|e: io::Error| PlaidError::io("write", &self.path, e))
    }
}

/// Writes one array.
pub fn write<T: Number>(
    path: &Path,
    columns: Option<usize>,
    numbers: &[T],
) -> Result<(), PlaidError> {
    let mut writer = NpyWriter::create(path, columns)?;
    writer.write(numbers)?;
    writer.finish()
}

/// Replaces an array by one of `count` equal numbers.
#[cfg(test)]
pub(super) fn write_again<T: Number>(path: &Path, count: usize, number: T) {
    let removed = std::fs::remove_file(path);
    let written = write(path, None, &vec![number; count]);
    assert!(removed.is_ok() && written.is_ok());
}

/// The value of a half-precision float.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn written<T: Number>(columns: Option<usize>, numbers: &[T]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write(&path, columns, numbers).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_written_is_read_back_in_pieces() {
        let numbers: Vec<f32> = (0..30).map(|n| n as f32 / 7.0).collect();
        let (_dir, path) = written(Some(3), &numbers);
        let mut reader = NpyReader::open(&path).unwrap();
        assert_eq!((reader.rows(), reader.columns()), (10, 3));
        let mut read = Vec::new();
        for rows in [0, 4, 5, 9] {
            read.extend(reader.floats(rows).unwrap());
        }
        assert_eq!(read, numbers);
        assert!(reader.floats(1).unwrap().is_empty());
    }

    #[test]
    fn whole_numbers_and_bytes_keep_their_values() {
        let wide = [i64::MIN, -1, 0, 7, i64::MAX];
        let (_dir, path) = written(None, &wide);
        assert_eq!(NpyReader::open(&path).unwrap().integers(9).unwrap(), wide);
        let (_dir, path) = written(None, &[i32::MIN, 5]);
        let read = NpyReader::open(&path).unwrap().integers(9).unwrap();
        assert_eq!(read, [i64::from(i32::MIN), 5]);
        let (_dir, path) = written(Some(2), &[1u8, 2, 3, 255]);
        assert_eq!(
            NpyReader::open(&path).unwrap().bytes(9).unwrap(),
            [1, 2, 3, 255]
        );
        let (_dir, path) = written::<i64>(None, &[]);
        assert_eq!(NpyReader::open(&path).unwrap().rows(), 0);
    }

    #[test]
    fn another_type_or_shape_is_refused() {
        let (_dir, path) = written(Some(2), &[1u8, 2]);
        let mut reader = NpyReader::open(&path).unwrap();
        assert!(reader.floats(1).is_err());
        assert!(reader.integers(1).is_err());
        assert!(reader.expect(Some(1), Some(2)).is_ok());
        let message = reader.expect(None, None).unwrap_err().to_string();
        assert!(message.contains("[1, 2] instead of [n]"), "{message}");
    }

    #[test]
    fn half_precision() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan());
    }
}
