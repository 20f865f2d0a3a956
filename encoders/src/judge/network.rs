//! The judge's network: one layer of a transformer over the tokens of the question.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

const HEADS: usize = 4;
/// Added to a variance before its root is taken, as in training.
const LEAST: f32 = 1e-5;

struct Linear {
    /// `[inputs, outputs]`
    weight: Array2<f32>,
    bias: Array1<f32>,
}

struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
}

pub(super) struct Network {
    inputs: Linear,
    norm: Norm,
    /// `[tokens, width]`
    positions: Array2<f32>,
    before_attention: Norm,
    /// Queries, keys and values side by side.
    attention: Linear,
    attended: Linear,
    before_forward: Norm,
    forward: [Linear; 2],
    output: Linear,
}

impl Network {
    /// Reads the tensors and checks that their shapes fit together.
    pub fn read(tensors: &SafeTensors<'_>, tokens: usize) -> Result<Network, String> {
        let inputs = Linear::read(tensors, "inputs", None)?;
        let width = inputs.bias.len();
        if width % HEADS != 0 {
            return Err(format!(
                "a width of {width} does not divide into {HEADS} heads"
            ));
        }
        let linear = |name: &str, from, to| Linear::read(tensors, name, Some((from, to)));
        let norm = |name: &str| Norm::read(tensors, name, width);
        let first = Linear::read(tensors, "forward.0", None)?;
        let inner = first.bias.len();
        Ok(Network {
            norm: norm("norm")?,
            positions: shaped(matrix(tensors, "positions")?, "positions", (tokens, width))?,
            before_attention: norm("before_attention")?,
            attention: linear("attention", width, 3 * width)?,
            attended: linear("attended", width, width)?,
            before_forward: norm("before_forward")?,
            forward: [
                linear("forward.0", width, inner)?,
                linear("forward.1", inner, width)?,
            ],
            output: linear("output", width, 1)?,
            inputs,
        })
    }

    /// How many numbers the network takes for a token.
    pub fn inputs(&self) -> usize {
        self.inputs.weight.nrows()
    }

    /// A score for each chunk: `inputs` has `tokens` rows of each.
    pub fn scores(&self, inputs: &Array2<f32>, tokens: usize) -> Vec<f32> {
        let mut states = self.norm.apply(&self.inputs.apply(inputs));
        for mut chunk in states.axis_chunks_iter_mut(Axis(0), tokens) {
            chunk += &self.positions.slice(s![..tokens, ..]);
        }
        let projected = self.attention.apply(&self.before_attention.apply(&states));
        let mut attended = Array2::zeros(states.dim());
        let chunks = attended.axis_chunks_iter_mut(Axis(0), tokens);
        for (mut chunk, projected) in chunks.zip(projected.axis_chunks_iter(Axis(0), tokens)) {
            attend(projected, &mut chunk);
        }
        states += &self.attended.apply(&attended);
        let mut inner = self.forward[0].apply(&self.before_forward.apply(&states));
        inner.mapv_inplace(|value| value.max(0.0));
        states += &self.forward[1].apply(&inner);
        let parts = self.output.apply(&states);
        let parts = parts.axis_chunks_iter(Axis(0), tokens);
        parts
            .map(|chunk| chunk.sum() / (tokens as f32).sqrt())
            .collect()
    }
}

/// Attention among the tokens of one chunk, for each head.
fn attend(projected: ArrayView2<'_, f32>, out: &mut ndarray::ArrayViewMut2<'_, f32>) {
    let width = out.ncols();
    let size = width / HEADS;
    for head in 0..HEADS {
        let part = |of: usize| {
            let from = of * width + head * size;
            projected.slice(s![.., from..from + size])
        };
        let mut weights = part(0).dot(&part(1).t()) / (size as f32).sqrt();
        weights.rows_mut().into_iter().for_each(softmax);
        let from = head * size;
        out.slice_mut(s![.., from..from + size])
            .assign(&weights.dot(&part(2)));
    }
}

fn softmax(mut row: ndarray::ArrayViewMut1<'_, f32>) {
    let most = row.fold(f32::NEG_INFINITY, |most, &value| most.max(value));
    row.mapv_inplace(|value| (value - most).exp());
    let sum = row.sum();
    row /= sum;
}

impl Linear {
    fn read(
        tensors: &SafeTensors<'_>,
        name: &str,
        shape: Option<(usize, usize)>,
    ) -> Result<Linear, String> {
        let name_of_weight = format!("{name}.weight");
        // Stored as `[outputs, inputs]`.
        let stored = matrix(tensors, &name_of_weight)?;
        let (outputs, inputs) = stored.dim();
        let (from, to) = shape.unwrap_or((inputs, outputs));
        let weight = shaped(stored, &name_of_weight, (to, from))?;
        Ok(Linear {
            weight: weight.t().as_standard_layout().into_owned(),
            bias: vector(tensors, &format!("{name}.bias"), to)?,
        })
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        rows.dot(&self.weight) + &self.bias
    }
}

impl Norm {
    fn read(tensors: &SafeTensors<'_>, name: &str, width: usize) -> Result<Norm, String> {
        Ok(Norm {
            weight: vector(tensors, &format!("{name}.weight"), width)?,
            bias: vector(tensors, &format!("{name}.bias"), width)?,
        })
    }

    /// Each row with mean 0 and variance 1, then scaled and moved.
    fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut rows = rows.clone();
        for mut row in rows.rows_mut() {
            let mean = row.sum() / row.len() as f32;
            row -= mean;
            let variance = row.dot(&row) / row.len() as f32;
            row /= (variance + LEAST).sqrt();
            row *= &self.weight;
            row += &self.bias;
        }
        rows
    }
}

fn matrix(tensors: &SafeTensors<'_>, name: &str) -> Result<Array2<f32>, String> {
    let (tensor, values) = read(tensors, name)?;
    match *tensor.shape() {
        [rows, columns] => Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| format!("`{name}`: {error}")),
        _ => Err(format!("`{name}` is no matrix")),
    }
}

fn vector(tensors: &SafeTensors<'_>, name: &str, length: usize) -> Result<Array1<f32>, String> {
    let (_, values) = read(tensors, name)?;
    match values.len() == length {
        true => Ok(Array1::from_vec(values)),
        false => Err(format!(
            "`{name}` has {} numbers, not {length}",
            values.len()
        )),
    }
}

fn shaped(matrix: Array2<f32>, name: &str, shape: (usize, usize)) -> Result<Array2<f32>, String> {
    match matrix.dim() == shape {
        true => Ok(matrix),
        false => Err(format!("`{name}` is {:?}, not {shape:?}", matrix.dim())),
    }
}

fn read<'a>(tensors: &SafeTensors<'a>, name: &str) -> Result<(TensorView<'a>, Vec<f32>), String> {
    let tensor = tensors
        .tensor(name)
        .map_err(|error| format!("`{name}`: {error}"))?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("`{name}` is not of 32-bit floats"));
    }
    let values = tensor.data().as_chunks::<4>().0;
    let values: Vec<f32> = values
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    match values.iter().all(|value| value.is_finite()) {
        true => Ok((tensor, values)),
        false => Err(format!("`{name}` holds what is no number")),
    }
}
