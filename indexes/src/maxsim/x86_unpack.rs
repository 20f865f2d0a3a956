//! AVX-512 and AVX2 unpacking of residual codes.
#![allow(unsafe_code)]

use super::kernel::unpack;
use super::residual::Levels;
use super::x86::AHEAD;
use std::arch::x86_64::*;

/// As [`unpack_256`]; single bits select with a mask register.
#[target_feature(enable = "avx2,avx512f,avx512bw")]
pub(super) fn unpack_512(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    if levels.bits != 1 {
        return unpack_256(packed, levels, out);
    }
    let clear = _mm512_set1_epi8(levels.bytes[0]);
    let set = _mm512_set1_epi8(levels.bytes[1]);
    let (masks, rest) = packed.as_chunks::<8>();
    let (dims, last) = out.split_at_mut(64 * masks.len());
    for (mask, dims) in masks.iter().zip(dims.chunks_exact_mut(64)) {
        let chosen = _mm512_mask_blend_epi8(u64::from_le_bytes(*mask), clear, set);
        // SAFETY: `dims` is a chunk of 64 bytes.
        unsafe { _mm512_storeu_si512(dims.as_mut_ptr().cast(), chosen) };
    }
    unpack(rest, levels, last);
}

/// Looks up the codes of each byte.
#[target_feature(enable = "avx2")]
pub(super) fn unpack_256(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    let whole = packed.len() / 32 * 32;
    let (first, rest) = packed.split_at(whole);
    let (dims, last) = out.split_at_mut(levels.per_byte() * whole);
    match levels.bits {
        1 => unpack_1(first, levels, dims),
        2 => unpack_2(first, levels, dims),
        4 => unpack_4(first, levels, dims),
        _ => unpack(first, levels, dims),
    }
    unpack(rest, levels, last);
}

/// One bit per dimension: each byte is repeated eight times and each copy keeps another bit.
#[target_feature(enable = "avx2")]
fn unpack_1(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    let spread = _mm256_setr_epi64x(
        0,
        0x0101_0101_0101_0101,
        0x0202_0202_0202_0202,
        0x0303_0303_0303_0303,
    );
    let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let clear = _mm256_set1_epi8(levels.bytes[0]);
    let set = _mm256_set1_epi8(levels.bytes[1]);
    let (masks, _) = packed.as_chunks::<4>();
    for (mask, dims) in masks.iter().zip(out.chunks_exact_mut(32)) {
        let mask = _mm256_set1_epi32(i32::from_le_bytes(*mask));
        let bits = _mm256_and_si256(_mm256_shuffle_epi8(mask, spread), bit);
        let chosen = _mm256_blendv_epi8(clear, set, _mm256_cmpeq_epi8(bits, bit));
        // SAFETY: `dims` is a chunk of 32 bytes.
        unsafe { _mm256_storeu_si256(dims.as_mut_ptr().cast(), chosen) };
    }
}

/// Two bits per dimension: a nibble is looked up once for each of its two dimensions.
#[target_feature(enable = "avx2")]
fn unpack_2(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    let mask = _mm_set1_epi8(0x0f);
    // SAFETY: both tables hold 16 bytes.
    let [first, second] =
        [0, 1].map(|at: usize| unsafe { _mm_loadu_si128(levels.nibbles[at].as_ptr().cast()) });
    let pairs = |nibbles: __m128i| {
        let (even, odd) = (
            _mm_shuffle_epi8(first, nibbles),
            _mm_shuffle_epi8(second, nibbles),
        );
        (_mm_unpacklo_epi8(even, odd), _mm_unpackhi_epi8(even, odd))
    };
    let (bytes, _) = packed.as_chunks::<16>();
    for (bytes, dims) in bytes.iter().zip(out.chunks_exact_mut(64)) {
        // SAFETY: `bytes` is a chunk of 16 bytes.
        let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        let low = pairs(_mm_and_si128(bytes, mask));
        let high = pairs(_mm_and_si128(_mm_srli_epi16::<4>(bytes), mask));
        let four = [
            _mm_unpacklo_epi16(low.0, high.0),
            _mm_unpackhi_epi16(low.0, high.0),
            _mm_unpacklo_epi16(low.1, high.1),
            _mm_unpackhi_epi16(low.1, high.1),
        ];
        for (dims, four) in dims.chunks_exact_mut(16).zip(four) {
            // SAFETY: `dims` is a chunk of 16 bytes.
            unsafe { _mm_storeu_si128(dims.as_mut_ptr().cast(), four) };
        }
    }
}

/// Four bits per dimension.
#[target_feature(enable = "avx2")]
fn unpack_4(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    // SAFETY: the table holds at least 16 bytes.
    let values = unsafe { _mm_loadu_si128(levels.bytes.as_ptr().cast()) };
    let values = _mm256_broadcastsi128_si256(values);
    let mask = _mm256_set1_epi8(0x0f);
    let (bytes, _) = packed.as_chunks::<32>();
    for (bytes, dims) in bytes.iter().zip(out.chunks_exact_mut(64)) {
        // SAFETY: a prefetch reads nothing; `bytes` is a chunk of 32 bytes, `dims` one of 64.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(AHEAD).cast());
            let bytes = _mm256_loadu_si256(bytes.as_ptr().cast());
            let low = _mm256_shuffle_epi8(values, _mm256_and_si256(bytes, mask));
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask);
            let high = _mm256_shuffle_epi8(values, high);
            let (even, odd) = (
                _mm256_unpacklo_epi8(low, high),
                _mm256_unpackhi_epi8(low, high),
            );
            let to: *mut __m256i = dims.as_mut_ptr().cast();
            _mm256_storeu_si256(to, _mm256_permute2x128_si256::<0x20>(even, odd));
            _mm256_storeu_si256(to.add(1), _mm256_permute2x128_si256::<0x31>(even, odd));
        }
    }
}
