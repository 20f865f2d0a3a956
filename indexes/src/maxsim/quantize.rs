//! Symmetric int8 quantisation with one scale per row.

/// Quantises `rows`, `[n, dim]`, to bytes `[n, dim]` and scales `[n]`.
///
/// # Panics
/// If `dim` is zero or does not divide the length of `rows`.
pub fn quantize(rows: &[f32], dim: usize) -> (Vec<i8>, Vec<f32>) {
    assert!(dim > 0 && rows.len().is_multiple_of(dim), "row shape");
    let mut codes = vec![0; rows.len()];
    let scales = rows
        .chunks_exact(dim)
        .zip(codes.chunks_exact_mut(dim))
        .map(|(row, codes)| quantize_row(row, codes))
        .collect();
    (codes, scales)
}

/// Quantises one row and gives its scale: `row ≈ scale * codes`, each component within half a
/// scale, codes within ±127. A row of zeros, or one that is not finite, becomes zeros.
pub fn quantize_row(row: &[f32], codes: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let scale = largest / 127.0;
    let inverse = 127.0 / largest;
    let finite = row.iter().all(|x| x.is_finite());
    if !finite || !inverse.is_finite() || scale < f32::MIN_POSITIVE {
        codes.fill(0);
        return 0.0;
    }
    for (code, x) in codes.iter_mut().zip(row) {
        *code = (x * inverse).round() as i8;
    }
    scale
}
