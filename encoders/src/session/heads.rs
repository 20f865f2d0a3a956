//! What follows a published graph: pooling and linear layers.

use super::tensors::{self, Linear};
use crate::EncoderError;
use crate::profile::Published;
use crate::profile::recipe::{Activation, Pooling, Step};

/// A step with its weights.
pub(super) enum Head {
    Pool {
        pooling: Pooling,
        with_prompt: bool,
    },
    Linear {
        linear: Linear,
        activation: Activation,
        residual: Option<Residual>,
    },
}

/// What is added to a layer's result.
pub(super) enum Residual {
    /// Its input.
    Plain,
    /// Its input through another layer.
    Through(Linear),
}

/// Rows of `dim` numbers, one after another.
pub(super) struct Rows {
    pub dim: usize,
    pub values: Vec<f32>,
}

impl Rows {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[f32]> + ExactSizeIterator {
        self.values.chunks_exact(self.dim.max(1))
    }
}

/// Reads the weights of the steps.
pub(super) fn open(published: &Published, steps: &[Step]) -> Result<Vec<Head>, EncoderError> {
    steps.iter().map(|step| head(published, step)).collect()
}

fn head(published: &Published, step: &Step) -> Result<Head, EncoderError> {
    let (folder, activation, residual) = match step {
        Step::Pool {
            pooling,
            with_prompt,
        } => {
            return Ok(Head::Pool {
                pooling: *pooling,
                with_prompt: *with_prompt,
            });
        }
        Step::Linear {
            folder,
            activation,
            residual,
        } => (folder, *activation, *residual),
    };
    let file = tensors::file(folder);
    let bytes = published.read(&file)?;
    let layers = || -> Result<Head, String> {
        let linear = Linear::named(&bytes, "linear")?.ok_or("it has no tensor `linear.weight`")?;
        let through = match residual {
            true => Linear::named(&bytes, "residual")?,
            false => None,
        };
        let residual = residual.then(|| through.map_or(Residual::Plain, Residual::Through));
        Ok(Head::Linear {
            linear,
            activation,
            residual,
        })
    };
    layers().map_err(|reason| EncoderError::Profile {
        path: published.path(&file),
        reason,
    })
}

impl Head {
    /// The step; `prompt_rows` of the rows are the prompt's.
    pub fn apply(&self, rows: Rows, prompt_rows: usize) -> Result<Rows, String> {
        match self {
            Head::Pool {
                pooling,
                with_prompt,
            } => {
                let skipped = if *with_prompt { 0 } else { prompt_rows };
                Ok(pool(&rows, *pooling, skipped))
            }
            Head::Linear {
                linear,
                activation,
                residual,
            } => layer(&rows, linear, *activation, residual.as_ref()),
        }
    }
}

fn layer(
    rows: &Rows,
    linear: &Linear,
    activation: Activation,
    residual: Option<&Residual>,
) -> Result<Rows, String> {
    if linear.inputs() != rows.dim {
        let (wanted, given) = (linear.inputs(), rows.dim);
        return Err(format!("a layer for {wanted} numbers is given {given}"));
    }
    let (mut values, mut added) = (Vec::new(), Vec::new());
    for row in rows.iter() {
        linear.apply(row, &mut values);
        match residual {
            None => {}
            Some(Residual::Plain) => added.extend_from_slice(row),
            Some(Residual::Through(linear)) => linear.apply(row, &mut added),
        }
    }
    values
        .iter_mut()
        .for_each(|value| *value = activate(activation, *value));
    values.iter_mut().zip(&added).for_each(|(v, a)| *v += a);
    let dim = values.len() / rows.iter().len().max(1);
    Ok(Rows { dim, values })
}

/// One row from all but the first `skipped`.
fn pool(rows: &Rows, pooling: Pooling, skipped: usize) -> Rows {
    let kept = || rows.iter().skip(skipped);
    let count = kept().len().max(1) as f32;
    let sum = || {
        kept().fold(vec![0.0; rows.dim], |mut sum, row| {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            sum
        })
    };
    let scaled = |by: f32| sum().into_iter().map(|x: f32| x / by).collect();
    let values: Vec<f32> = match pooling {
        Pooling::Mean => scaled(count),
        Pooling::MeanSqrt => scaled(count.sqrt()),
        // The first token is the model's own, whatever the prompt.
        Pooling::First => rows.iter().next().unwrap_or_default().to_vec(),
        Pooling::Last => kept().next_back().unwrap_or_default().to_vec(),
        Pooling::Max => kept().fold(vec![f32::NEG_INFINITY; rows.dim], |mut most, row| {
            most.iter_mut().zip(row).for_each(|(m, x)| *m = m.max(*x));
            most
        }),
    };
    Rows {
        dim: rows.dim,
        values,
    }
}

/// An element-wise function of one number.
pub(super) fn activate(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Identity | Activation::Softmax => x,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
        Activation::Relu => x.max(0.0),
        Activation::Gelu => 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)),
    }
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [
        0.254_829_6,
        -0.284_496_74,
        1.421_413_7,
        -1.453_152,
        1.061_405_4,
    ];
    let polynomial = series.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    (1.0 - polynomial * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_one_number() {
        for (activation, x, expected) in [
            (Activation::Gelu, 1.0, 0.841_345),
            (Activation::Gelu, -0.5, -0.154_269),
            (Activation::Sigmoid, 2.0, 0.880_797),
            (Activation::Tanh, -1.0, -0.761_594),
            (Activation::Relu, -3.0, 0.0),
        ] {
            let found = activate(activation, x);
            assert!((found - expected).abs() < 1e-5, "{activation:?} {found}");
        }
    }

    #[test]
    fn prompts_can_be_left_out_of_pooling() {
        let rows = |values: &[f32]| Rows {
            dim: 2,
            values: values.to_vec(),
        };
        let all = rows(&[1.0, 0.0, 3.0, 4.0, 5.0, 8.0]);
        for (pooling, skipped, expected) in [
            (Pooling::Mean, 0, [3.0, 4.0]),
            (Pooling::Mean, 1, [4.0, 6.0]),
            (Pooling::Last, 1, [5.0, 8.0]),
            (Pooling::First, 1, [1.0, 0.0]),
            (Pooling::Max, 0, [5.0, 8.0]),
        ] {
            assert_eq!(pool(&all, pooling, skipped).values, expected, "{pooling:?}");
        }
    }
}
