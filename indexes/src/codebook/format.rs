//! The bytes of a codebook.
//!
//! All numbers are little-endian:
//!
//! ```text
//! magic [8] | version u32 | dim u32 | bits u32 | K u32 | lowest norm f32 | highest norm f32
//! | residual step f32 | residual values [levels] i8 | cutoffs [levels - 1] f32
//! | centroid scales [K] f32 | centroids [K, dim] i8 | BLAKE3 of all before [16]
//! ```

use super::assign::WhenNeeded;
use super::{Bits, Codebook, MOST_CENTROIDS, check_dim, spread};
use crate::ContentHash;
use crate::maxsim::ResidualValues;

const MAGIC: [u8; 8] = *b"fathomCB";
const VERSION: u32 = 1;
const CHECKSUM: usize = 16;

impl Codebook {
    /// The codebook as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, self.dim as u32, self.bits.count() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.len() as u32).to_le_bytes());
        let floats = |bytes: &mut Vec<u8>, numbers: &[f32]| {
            bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        };
        floats(&mut bytes, &[self.norms[0], self.norms[255]]);
        floats(&mut bytes, &[self.values.step]);
        bytes.extend(self.values.bytes.iter().map(|&code| code as u8));
        floats(&mut bytes, &self.cutoffs);
        floats(&mut bytes, &self.scales);
        bytes.extend(self.codes.iter().map(|&code| code as u8));
        let checksum = ContentHash::of(&bytes);
        bytes.extend(checksum.0);
        bytes
    }

    /// Reads what [`Codebook::to_bytes`] wrote.
    ///
    /// # Errors
    /// If `bytes` are anything else; the error says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Codebook, String> {
        let short = || "too short for a codebook".to_owned();
        let split = bytes.len().checked_sub(CHECKSUM).ok_or_else(short)?;
        let (signed, checksum) = bytes.split_at(split);
        let mut fields = Fields(signed);
        if fields.array()? != MAGIC {
            return Err("not a codebook".into());
        }
        match fields.number()? {
            VERSION => {}
            version => {
                return Err(format!(
                    "codebook format {version}, this build reads {VERSION}"
                ));
            }
        }
        if ContentHash::of(signed).0 != checksum {
            return Err("checksum differs".into());
        }
        let codebook = read(&mut fields)?;
        match fields.0 {
            [] => Ok(codebook),
            rest => Err(format!("{} bytes too many", rest.len())),
        }
    }
}

fn read(fields: &mut Fields) -> Result<Codebook, String> {
    let dim = fields.number()? as usize;
    let bits = fields.number()? as usize;
    let bits = Bits::from_count(bits).ok_or_else(|| format!("{bits} bits per dimension"))?;
    check_dim(dim, bits)?;
    let centroids = fields.number()? as usize;
    if centroids > MOST_CENTROIDS {
        return Err(format!("{centroids} centroids"));
    }
    let norms = spread(fields.float()?..=fields.float()?);
    let step = fields.float()?;
    let values = fields.bytes(bits.levels())?;
    let codebook = Codebook {
        dim,
        bits,
        norms,
        values: ResidualValues {
            step,
            bytes: values,
        },
        cutoffs: fields.floats(bits.levels() - 1)?,
        scales: fields.floats(centroids)?,
        codes: fields.bytes(centroids * dim)?,
        nearest: WhenNeeded::default(),
    };
    codebook.check()?;
    Ok(codebook)
}

/// What is left of a file.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let ends_early = || "ends before what its header tells".to_owned();
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn number(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn float(&mut self) -> Result<f32, String> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, String> {
        let (numbers, _) = self.take(count * 4)?.as_chunks();
        Ok(numbers
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect())
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<i8>, String> {
        Ok(self.take(count)?.iter().map(|&byte| byte as i8).collect())
    }
}
