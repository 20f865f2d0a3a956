//! Linear layers in safetensors files.

use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// `y = activation(W x + b)`, and a residual if there is one.
pub(super) struct Linear {
    /// `[outputs, inputs]`, row-major.
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    inputs: usize,
}

impl Linear {
    /// The layer called `name` in the bytes of a file; `None` if there is no such layer.
    pub fn named(bytes: &[u8], name: &str) -> Result<Option<Linear>, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let Ok(weight) = file.tensor(&format!("{name}.weight")) else {
            return Ok(None);
        };
        let [outputs, inputs] = *weight.shape() else {
            return Err(format!("`{name}.weight` is no matrix"));
        };
        let bias = file.tensor(&format!("{name}.bias")).ok();
        let bias = bias.map(|bias| numbers(&bias)).transpose()?;
        if bias.as_ref().is_some_and(|bias| bias.len() != outputs) {
            return Err(format!("`{name}.bias` has not {outputs} numbers"));
        }
        Ok(Some(Linear {
            weight: numbers(&weight)?,
            bias,
            inputs,
        }))
    }

    /// Length of what goes in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// One row through the layer.
    pub fn apply(&self, row: &[f32], out: &mut Vec<f32>) {
        let dot = |weights: &[f32]| weights.iter().zip(row).map(|(w, x)| w * x).sum::<f32>();
        let before = out.len();
        out.extend(self.weight.chunks_exact(self.inputs.max(1)).map(dot));
        if let Some(bias) = &self.bias {
            let values = out[before..].iter_mut().zip(bias);
            values.for_each(|(value, bias)| *value += bias);
        }
    }
}

/// Numbers of a tensor in 32 bits.
fn numbers(tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let bytes = tensor.data();
    Ok(match tensor.dtype() {
        Dtype::F32 => bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
        Dtype::BF16 => {
            let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            bytes.as_chunks::<2>().0.iter().map(wide).collect()
        }
        Dtype::F16 => {
            let halves = bytes.as_chunks::<2>().0.iter();
            halves.map(|b| half(u16::from_le_bytes(*b))).collect()
        }
        other => return Err(format!("weights of type {other:?} are not read")),
    })
}

/// A number of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * (-24f32).exp2(),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * ((exponent - 15) as f32).exp2(),
    }
}

/// The file of a layer.
pub(super) fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("model.safetensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_16_bits() {
        for (bits, expected) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
            (0x0000, 0.0),
        ] {
            assert_eq!(half(bits), expected, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan() && half(0xfc00).is_infinite());
    }
}
