//! NEON kernel: four query rows per block, 8-bit products widened to 16 and then 32 bits.
#![allow(unsafe_code)]

use super::Tokens;
use super::kernel::{Kernel, Packed};
use std::arch::aarch64::*;

pub(super) static NEON: Kernel = Kernel {
    name: "neon",
    lanes: 4,
    group: 4,
    maxima,
    dots,
};

#[target_feature(enable = "neon")]
fn maxima(query: &Packed, tokens: Tokens<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    for (block, out) in out.chunks_exact_mut(4).enumerate() {
        let entries = &query.entries[block * query.stride..][..query.stride];
        let mut best = vdupq_n_f32(f32::NEG_INFINITY);
        for (codes, scale) in tokens.codes.chunks_exact(query.dim).zip(tokens.scales) {
            let dots = vcvtq_f32_s32(row(entries, codes));
            best = vmaxq_f32(best, vmulq_f32(dots, vdupq_n_f32(*scale)));
        }
        // SAFETY: `out` is a chunk of four numbers.
        unsafe { vst1q_f32(out.as_mut_ptr(), best) };
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
