//! NEON kernel: four query rows per block, 8-bit products widened to 16 and then 32 bits.
#![allow(unsafe_code)]

use super::kernel::{Kernel, Packed, Rows, unpack};
use super::residual::Levels;
use std::arch::aarch64::*;

pub(super) static NEON: Kernel = Kernel {
    name: "neon",
    lanes: 4,
    group: 4,
    maxima,
    table,
    dots,
    unpack: unpack_neon,
};

#[target_feature(enable = "neon")]
fn maxima(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    for (block, out) in out.chunks_exact_mut(4).enumerate() {
        let entries = &query.entries[block * query.stride..][..query.stride];
        let mut best = vdupq_n_f32(f32::NEG_INFINITY);
        for (at, codes) in rows.codes.chunks_exact(query.dim).enumerate() {
            let mut score = vcvtq_f32_s32(row(entries, codes));
            if let Some(bases) = rows.bases {
                let base = &bases.of(at, query.lanes())[block * 4..][..4];
                // SAFETY: `base` is a slice of four numbers.
                let base = unsafe { vld1q_f32(base.as_ptr()) };
                score = vaddq_f32(vmulq_f32(score, vdupq_n_f32(bases.step)), base);
            }
            best = vmaxq_f32(best, vmulq_f32(score, vdupq_n_f32(rows.scales[at])));
        }
        // SAFETY: `out` is a chunk of four numbers.
        unsafe { vst1q_f32(out.as_mut_ptr(), best) };
    }
}

/// Writes the scaled dot product of each row with each query row, `[rows, lanes]`.
#[target_feature(enable = "neon")]
fn table(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    let codes = rows.codes.chunks_exact(query.dim).zip(rows.scales);
    for ((codes, scale), out) in codes.zip(out.chunks_exact_mut(query.lanes())) {
        for (entries, out) in query
            .entries
            .chunks_exact(query.stride)
            .zip(out.chunks_exact_mut(4))
        {
            let score = vmulq_f32(vcvtq_f32_s32(row(entries, codes)), vdupq_n_f32(*scale));
            // SAFETY: `out` is a chunk of four numbers.
            unsafe { vst1q_f32(out.as_mut_ptr(), score) };
        }
    }
}

/// Looks up the codes of each byte.
#[target_feature(enable = "neon")]
fn unpack_neon(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    let whole = packed.len() / 16 * 16;
    let per_byte = levels.per_byte();
    match levels.bits {
        1 => unpack_1(&packed[..whole], levels, out),
        2 => unpack_2(&packed[..whole], levels, out),
        4 => unpack_4(&packed[..whole], levels, out),
        _ => return unpack(packed, levels, out),
    }
    unpack(&packed[whole..], levels, &mut out[per_byte * whole..]);
}

/// One bit per dimension, two bytes at a time: whole 16-byte pieces only.
#[target_feature(enable = "neon")]
fn unpack_1(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    assert!(out.len() >= 8 * packed.len());
    let bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    let (clear, set) = (vdupq_n_s8(levels.bytes[0]), vdupq_n_s8(levels.bytes[1]));
    for (at, pair) in packed.chunks_exact(2).enumerate() {
        let bytes = vcombine_u8(vdup_n_u8(pair[0]), vdup_n_u8(pair[1]));
        let chosen = vbslq_s8(vtstq_u8(bytes, bit), set, clear);
        // SAFETY: two packed bytes give 16 of the `8 * packed.len()` bytes of `out`.
        unsafe { vst1q_s8(out.as_mut_ptr().add(16 * at), chosen) };
    }
}

/// Two bits per dimension: a nibble is looked up once for each of its two dimensions.
#[target_feature(enable = "neon")]
fn unpack_2(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    assert!(out.len() >= 4 * packed.len());
    // SAFETY: both tables hold 16 bytes; 16 packed bytes from `at` give the 64 from `4 * at`.
    unsafe {
        let first = vld1q_s8(levels.nibbles[0].as_ptr());
        let second = vld1q_s8(levels.nibbles[1].as_ptr());
        for at in (0..packed.len()).step_by(16) {
            let bytes = vld1q_u8(packed.as_ptr().add(at));
            let (low, high) = (vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8::<4>(bytes));
            let dims = [vqtbl1q_s8(first, low), vqtbl1q_s8(second, low)];
            let next = [vqtbl1q_s8(first, high), vqtbl1q_s8(second, high)];
            let pairs = [
                (vzip1q_s8(dims[0], dims[1]), vzip1q_s8(next[0], next[1])),
                (vzip2q_s8(dims[0], dims[1]), vzip2q_s8(next[0], next[1])),
            ];
            for (half, (low, high)) in pairs.into_iter().enumerate() {
                let (low, high) = (vreinterpretq_s16_s8(low), vreinterpretq_s16_s8(high));
                let to: *mut i16 = out.as_mut_ptr().add(4 * at + 32 * half).cast();
                vst1q_s16(to, vzip1q_s16(low, high));
                vst1q_s16(to.add(8), vzip2q_s16(low, high));
            }
        }
    }
}

/// Four bits per dimension.
#[target_feature(enable = "neon")]
fn unpack_4(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    assert!(out.len() >= 2 * packed.len());
    // SAFETY: the table holds 16 bytes; 16 packed bytes from `at` give the 32 from `2 * at`.
    unsafe {
        let values = vld1q_s8(levels.bytes.as_ptr());
        for at in (0..packed.len()).step_by(16) {
            let bytes = vld1q_u8(packed.as_ptr().add(at));
            let low = vqtbl1q_s8(values, vandq_u8(bytes, vdupq_n_u8(15)));
            let high = vqtbl1q_s8(values, vshrq_n_u8::<4>(bytes));
            vst1q_s8(out.as_mut_ptr().add(2 * at), vzip1q_s8(low, high));
            vst1q_s8(out.as_mut_ptr().add(2 * at + 16), vzip2q_s8(low, high));
        }
    }
}

/// The dot product of one document row with each of four query rows.
#[target_feature(enable = "neon")]
#[inline]
fn row(entries: &[i32], codes: &[i8]) -> int32x4_t {
    let mut low = vdupq_n_s32(0);
    let mut high = vdupq_n_s32(0);
    for (entry, bytes) in entries.chunks_exact(4).zip(codes.chunks(4)) {
        let mut four = [0_u8; 4];
        for (byte, code) in four.iter_mut().zip(bytes) {
            *byte = *code as u8;
        }
        let document = vreinterpret_s8_s32(vdup_n_s32(i32::from_le_bytes(four)));
        // SAFETY: `entry` holds four 32-bit numbers, 16 bytes.
        let query = unsafe { vld1q_s8(entry.as_ptr().cast()) };
        low = vpadalq_s16(low, vmull_s8(vget_low_s8(query), document));
        high = vpadalq_s16(high, vmull_s8(vget_high_s8(query), document));
    }
    vpaddq_s32(low, high)
}

#[target_feature(enable = "neon")]
fn dots(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let dim = query.len();
    if dim == 0 {
        return out.fill(0);
    }
    let whole = dim / 16 * 16;
    for (row, out) in rows.chunks_exact(dim).zip(out) {
        let mut sum = vdupq_n_s32(0);
        for at in (0..whole).step_by(16) {
            // SAFETY: 16 bytes from `at` lie within both slices of `dim` bytes.
            let (a, b) = unsafe {
                (
                    vld1q_s8(row.as_ptr().add(at)),
                    vld1q_s8(query.as_ptr().add(at)),
                )
            };
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
        }
        let rest = row[whole..].iter().zip(&query[whole..]);
        let rest: i32 = rest.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        *out = rest + vaddvq_s32(sum);
    }
}
