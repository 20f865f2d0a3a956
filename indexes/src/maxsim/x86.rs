//! AVX-512 VNNI and AVX2 kernels.
#![allow(unsafe_code)]
// Registers are indexed by block and row at once; iterators would hide which.
#![allow(clippy::needless_range_loop)]

use super::kernel::{Kernel, Packed, Rows};
use super::x86_unpack::{unpack_256, unpack_512};
use std::arch::x86_64::*;

/// `vpdpbusd` multiplies unsigned by signed bytes: document bytes are moved to `byte + 128` by
/// flipping the top bit, and the accumulators start at [`Packed::bias`].
pub(super) static AVX512_VNNI: Kernel = Kernel {
    name: "avx512-vnni",
    lanes: 16,
    group: 4,
    maxima: maxima_512,
    dots: dots_512,
    table: table_512,
    unpack: unpack_512,
};

/// Signed 16-bit products (`vpmaddwd`), exact where `vpmaddubsw` would saturate.
pub(super) static AVX2: Kernel = Kernel {
    name: "avx2",
    lanes: 8,
    group: 2,
    maxima: maxima_256,
    dots: dots_256,
    table: table_256,
    unpack: unpack_256,
};

/// Four bytes of `codes` from `at`, zeros past the end.
#[inline(always)]
fn four(codes: &[i8], at: usize) -> i32 {
    let mut bytes = [0_u8; 4];
    for (byte, code) in bytes.iter_mut().zip(&codes[at..]) {
        *byte = *code as u8;
    }
    i32::from_le_bytes(bytes)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn maxima_512(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    let mut block = 0;
    while block + 2 <= query.blocks {
        blocks_512::<2>(query, block, rows, out);
        block += 2;
    }
    if block < query.blocks {
        blocks_512::<1>(query, block, rows, out);
    }
}

/// Document rows that share each load of query entries; with two query blocks 12 of the 32
/// registers are accumulators.
const ROWS_512: usize = 6;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn blocks_512<const B: usize>(query: &Packed, block: usize, rows: Rows<'_>, out: &mut [f32]) {
    let mut best = [_mm512_set1_ps(f32::NEG_INFINITY); B];
    let count = rows.scales.len();
    let whole = count / ROWS_512 * ROWS_512;
    for at in (0..whole).step_by(ROWS_512) {
        let codes = &rows.codes[at * query.dim..][..ROWS_512 * query.dim];
        prefetch(codes);
        let sums = sums_512::<B, ROWS_512>(query, block, codes);
        max_512(query, block, rows, at, &sums, &mut best);
    }
    for at in whole..count {
        let codes = &rows.codes[at * query.dim..][..query.dim];
        let sums = sums_512::<B, 1>(query, block, codes);
        max_512(query, block, rows, at, &sums, &mut best);
    }
    for (best, out) in best.iter().zip(out[block * 16..].chunks_exact_mut(16)) {
        // SAFETY: `out` is a chunk of 16 numbers.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), *best) };
    }
}

/// Raises `best` by the scores of rows `at..at + R`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn max_512<const B: usize, const R: usize>(
    query: &Packed,
    block: usize,
    rows: Rows<'_>,
    at: usize,
    sums: &[[__m512i; R]; B],
    best: &mut [__m512; B],
) {
    for b in 0..B {
        for r in 0..R {
            let mut score = _mm512_cvtepi32_ps(sums[b][r]);
            if let Some(bases) = rows.bases {
                let base = &bases.of(at + r, query.lanes())[(block + b) * 16..][..16];
                // SAFETY: `base` is a slice of 16 numbers.
                let base = unsafe { _mm512_loadu_ps(base.as_ptr()) };
                score = _mm512_add_ps(_mm512_mul_ps(score, _mm512_set1_ps(bases.step)), base);
            }
            let score = _mm512_mul_ps(score, _mm512_set1_ps(rows.scales[at + r]));
            best[b] = _mm512_max_ps(best[b], score);
        }
    }
}

/// Bytes between what is read and what is asked for.
pub(super) const AHEAD: usize = 4096;

/// Asks for the rows that come some groups later, which usually belong to the next documents:
/// four-byte broadcasts alone do not wake the processor's own prefetcher in time.
#[inline(always)]
fn prefetch(codes: &[i8]) {
    for line in (0..codes.len()).step_by(64) {
        let address = codes.as_ptr().wrapping_add(AHEAD + line);
        // SAFETY: a prefetch reads nothing; addresses outside of the matrix are ignored.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
}

/// Dot products of R document rows with the query rows of B blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn sums_512<const B: usize, const R: usize>(
    query: &Packed,
    block: usize,
    codes: &[i8],
) -> [[__m512i; R]; B] {
    let dim = query.dim;
    let entries = &query.entries[block * query.stride..][..B * query.stride];
    let biases = &query.bias[block * 16..][..B * 16];
    assert!(codes.len() == R * dim);
    let mut sums = [[_mm512_setzero_si512(); R]; B];
    for b in 0..B {
        // SAFETY: `biases` holds 16 numbers for each of the B blocks.
        sums[b] = [unsafe { _mm512_loadu_si512(biases.as_ptr().add(b * 16).cast()) }; R];
    }
    let flip = _mm512_set1_epi32(0x8080_8080_u32 as i32);
    let whole = dim / 4;
    for at in 0..whole {
        // SAFETY: entry `at` of a block is 16 numbers below `stride`; four bytes from `4 * at`
        // lie within a row because `at < dim / 4`.
        unsafe {
            let row: [__m512i; B] = std::array::from_fn(|b| {
                _mm512_loadu_si512(entries.as_ptr().add(b * query.stride + at * 16).cast())
            });
            for r in 0..R {
                let bytes = codes
                    .as_ptr()
                    .add(r * dim + at * 4)
                    .cast::<i32>()
                    .read_unaligned();
                let bytes = _mm512_xor_si512(_mm512_set1_epi32(bytes), flip);
                for b in 0..B {
                    sums[b][r] = _mm512_dpbusd_epi32(sums[b][r], bytes, row[b]);
                }
            }
        }
    }
    if whole * 4 < dim {
        for b in 0..B {
            // SAFETY: the last, partial group is entry `whole`, below `stride`.
            let row = unsafe {
                _mm512_loadu_si512(entries.as_ptr().add(b * query.stride + whole * 16).cast())
            };
            for r in 0..R {
                let bytes = four(&codes[..(r + 1) * dim], r * dim + whole * 4);
                let bytes = _mm512_xor_si512(_mm512_set1_epi32(bytes), flip);
                sums[b][r] = _mm512_dpbusd_epi32(sums[b][r], bytes, row);
            }
        }
    }
    sums
}

/// Writes the scaled dot product of each row with each query row, `[rows, lanes]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn table_512(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    let lanes = query.lanes();
    for (at, out) in out.chunks_exact_mut(lanes).enumerate() {
        let codes = &rows.codes[at * query.dim..][..query.dim];
        let scale = _mm512_set1_ps(rows.scales[at]);
        for (block, out) in out.chunks_exact_mut(16).enumerate() {
            let [[sum]] = sums_512::<1, 1>(query, block, codes);
            let score = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
            // SAFETY: `out` is a chunk of 16 numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), score) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dots_512(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dim = query.len();
    if dim == 0 {
        return out.fill(0);
    }
    let bias = -128 * query.iter().map(|&code| i32::from(code)).sum::<i32>();
    let flip = _mm512_set1_epi8(i8::MIN);
    let tail = (1_u64 << (dim % 64)) - 1;
    for (row, out) in rows.chunks_exact(dim).zip(out) {
        let mut sum = _mm512_setzero_si512();
        let mut at = 0;
        // SAFETY: both slices hold `dim` bytes: whole vectors end at or before `dim`, and the
        // masked loads read `dim % 64` bytes only. Masked query bytes are zero, so what the
        // flipped row has there adds nothing.
        unsafe {
            while at + 64 <= dim {
                let a = _mm512_loadu_si512(row.as_ptr().add(at).cast());
                let b = _mm512_loadu_si512(query.as_ptr().add(at).cast());
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(a, flip), b);
                at += 64;
            }
            if tail != 0 {
                let a = _mm512_maskz_loadu_epi8(tail, row.as_ptr().add(at));
                let b = _mm512_maskz_loadu_epi8(tail, query.as_ptr().add(at));
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(a, flip), b);
            }
        }
        *out = bias + _mm512_reduce_add_epi32(sum);
    }
}

#[target_feature(enable = "avx2")]
fn maxima_256(query: &Packed, rows: Rows<'_>, wide: &mut Vec<i16>, out: &mut [f32]) {
    let padded = widen(rows.codes, query.dim, wide);
    let mut block = 0;
    while block + 2 <= query.blocks {
        blocks_256::<2>(query, block, wide, padded, rows, out);
        block += 2;
    }
    if block < query.blocks {
        blocks_256::<1>(query, block, wide, padded, rows, out);
    }
}

/// Copies byte rows to 16-bit rows of an even length, which it returns.
fn widen(codes: &[i8], dim: usize, wide: &mut Vec<i16>) -> usize {
    let padded = dim.next_multiple_of(2);
    wide.clear();
    if padded == dim {
        wide.extend(codes.iter().map(|&code| i16::from(code)));
        return padded;
    }
    for row in codes.chunks_exact(dim) {
        wide.extend(row.iter().map(|&code| i16::from(code)));
        wide.push(0);
    }
    padded
}

const ROWS_256: usize = 4;

#[target_feature(enable = "avx2")]
#[inline]
fn blocks_256<const B: usize>(
    query: &Packed,
    block: usize,
    wide: &[i16],
    padded: usize,
    rows: Rows<'_>,
    out: &mut [f32],
) {
    let mut best = [_mm256_set1_ps(f32::NEG_INFINITY); B];
    let count = rows.scales.len();
    let whole = count / ROWS_256 * ROWS_256;
    for at in (0..whole).step_by(ROWS_256) {
        let sums = sums_256::<B, ROWS_256>(query, block, &wide[at * padded..][..ROWS_256 * padded]);
        max_256(query, block, rows, at, &sums, &mut best);
    }
    for at in whole..count {
        let sums = sums_256::<B, 1>(query, block, &wide[at * padded..][..padded]);
        max_256(query, block, rows, at, &sums, &mut best);
    }
    for (best, out) in best.iter().zip(out[block * 8..].chunks_exact_mut(8)) {
        // SAFETY: `out` is a chunk of 8 numbers.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), *best) };
    }
}

/// Raises `best` by the scores of rows `at..at + R`.
#[target_feature(enable = "avx2")]
#[inline]
fn max_256<const B: usize, const R: usize>(
    query: &Packed,
    block: usize,
    rows: Rows<'_>,
    at: usize,
    sums: &[[__m256i; R]; B],
    best: &mut [__m256; B],
) {
    for b in 0..B {
        for r in 0..R {
            let mut score = _mm256_cvtepi32_ps(sums[b][r]);
            if let Some(bases) = rows.bases {
                let base = &bases.of(at + r, query.lanes())[(block + b) * 8..][..8];
                // SAFETY: `base` is a slice of 8 numbers.
                let base = unsafe { _mm256_loadu_ps(base.as_ptr()) };
                score = _mm256_add_ps(_mm256_mul_ps(score, _mm256_set1_ps(bases.step)), base);
            }
            let score = _mm256_mul_ps(score, _mm256_set1_ps(rows.scales[at + r]));
            best[b] = _mm256_max_ps(best[b], score);
        }
    }
}

/// Dot products of R widened document rows with the query rows of B blocks.
#[target_feature(enable = "avx2")]
#[inline]
fn sums_256<const B: usize, const R: usize>(
    query: &Packed,
    block: usize,
    codes: &[i16],
) -> [[__m256i; R]; B] {
    let padded = codes.len() / R;
    let entries = &query.entries[block * query.stride..][..B * query.stride];
    assert!(padded * R == codes.len() && padded * 4 == query.stride);
    let mut sums = [[_mm256_setzero_si256(); R]; B];
    for at in 0..padded / 2 {
        // SAFETY: a block holds `padded / 2` entries of 8 numbers, a row `padded / 2` pairs.
        unsafe {
            let row: [__m256i; B] = std::array::from_fn(|b| {
                _mm256_loadu_si256(entries.as_ptr().add(b * query.stride + at * 8).cast())
            });
            for r in 0..R {
                let pair = codes
                    .as_ptr()
                    .add(r * padded + at * 2)
                    .cast::<i32>()
                    .read_unaligned();
                let pair = _mm256_set1_epi32(pair);
                for b in 0..B {
                    sums[b][r] = _mm256_add_epi32(sums[b][r], _mm256_madd_epi16(pair, row[b]));
                }
            }
        }
    }
    sums
}

/// Writes the scaled dot product of each row with each query row, `[rows, lanes]`.
#[target_feature(enable = "avx2")]
fn table_256(query: &Packed, rows: Rows<'_>, wide: &mut Vec<i16>, out: &mut [f32]) {
    let lanes = query.lanes();
    let padded = widen(rows.codes, query.dim, wide);
    for (at, out) in out.chunks_exact_mut(lanes).enumerate() {
        let codes = &wide[at * padded..][..padded];
        let scale = _mm256_set1_ps(rows.scales[at]);
        for (block, out) in out.chunks_exact_mut(8).enumerate() {
            let [[sum]] = sums_256::<1, 1>(query, block, codes);
            let score = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
            // SAFETY: `out` is a chunk of 8 numbers.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), score) };
        }
    }
}

#[target_feature(enable = "avx2")]
fn dots_256(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dim = query.len();
    if dim == 0 {
        return out.fill(0);
    }
    let whole = dim / 16 * 16;
    for (row, out) in rows.chunks_exact(dim).zip(out) {
        let mut sum = _mm256_setzero_si256();
        for at in (0..whole).step_by(16) {
            // SAFETY: 16 bytes from `at` lie within both slices of `dim` bytes.
            let (a, b) = unsafe {
                (
                    _mm_loadu_si128(row.as_ptr().add(at).cast()),
                    _mm_loadu_si128(query.as_ptr().add(at).cast()),
                )
            };
            let products = _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b));
            sum = _mm256_add_epi32(sum, products);
        }
        let rest = row[whole..].iter().zip(&query[whole..]);
        let rest: i32 = rest.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        *out = rest + sum_256(sum);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn sum_256(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b00_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)))
}
