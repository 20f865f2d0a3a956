//! What goes into a model and what comes out: ids, token matrices, vectors.

/// One token vector per row: shape `[rows, dim]`, `f32`, row-major, each row
/// L2-normalised, so that a dot product of two rows is their cosine.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenMatrix {
    dim: usize,
    data: Vec<f32>,
}

impl TokenMatrix {
    /// A matrix over `data`; what does not fill a whole row is left out.
    ///
    /// A `dim` of 0 gives the empty matrix.
    pub fn new(dim: usize, mut data: Vec<f32>) -> Self {
        let rows = data.len().checked_div(dim).unwrap_or(0);
        data.truncate(rows * dim);
        Self { dim, data }
    }

    /// Length of each row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of token vectors; 0 for a text without tokens.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.dim).unwrap_or(0)
    }

    /// The vector of token `index`.
    ///
    /// # Panics
    /// If `index` is not below [`rows`](Self::rows).
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.dim..(index + 1) * self.dim]
    }

    /// All rows, one after another.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }
}

/// What one forward pass gives for one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Token vectors for late interaction; may have no rows.
    pub tokens: TokenMatrix,
    /// One L2-normalised vector for the whole text.
    pub dense: Vec<f32>,
    /// The same query by the model of docs, where docs have one of their own.
    pub docs: Option<Box<Embedding>>,
}

impl Embedding {
    /// Vectors by one model.
    pub fn new(tokens: TokenMatrix, dense: Vec<f32>) -> Embedding {
        Embedding {
            tokens,
            dense,
            docs: None,
        }
    }
}

/// A complete model input: special tokens and text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Token ids, from the first special token to the last.
    pub ids: Vec<u32>,
    /// The same text for a dense vector by a second model; empty if one model does all.
    pub dense_ids: Vec<u32>,
    /// How many tokens of the text did not fit and are left out. 0 for a
    /// chunk that was sized by the tokenizer.
    pub cut: usize,
    /// It is for the model of docs, where docs have one of their own.
    pub docs: bool,
}

impl Document {
    /// An input for one model.
    pub fn new(ids: Vec<u32>, cut: usize) -> Document {
        Document {
            ids,
            cut,
            ..Document::default()
        }
    }

    /// All ids, which are what the embedding is made of.
    pub fn all_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.iter().chain(&self.dense_ids).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_slices_of_the_data() {
        let matrix = TokenMatrix::new(2, vec![1.0, 0.0, 0.0, 1.0, 0.5]);
        assert_eq!((matrix.dim(), matrix.rows()), (2, 2));
        assert_eq!(matrix.row(1), [0.0, 1.0]);
        assert_eq!(matrix.as_slice().len(), 4);
    }

    #[test]
    fn a_matrix_without_columns_is_empty() {
        let matrix = TokenMatrix::new(0, vec![1.0]);
        assert_eq!(matrix.rows(), 0);
        assert!(matrix.as_slice().is_empty());
    }
}
