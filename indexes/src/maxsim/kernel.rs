//! Kernel choice at run time, the packed query, and the scalar twin of every kernel.

use super::Tokens;
use std::sync::OnceLock;

/// Query rows interleaved for a kernel: `[block][group][lane]`, where a lane is one query row
/// and an entry holds [`Kernel::group`] consecutive dimensions of it (four bytes or two 16-bit
/// numbers). Missing rows and dimensions are zero.
#[derive(Debug)]
pub(super) struct Packed {
    pub dim: usize,
    pub blocks: usize,
    /// Entries of a block: groups × lanes.
    pub stride: usize,
    pub entries: Vec<i32>,
    /// `-128 · Σ row` per lane: what turns a product with `byte + 128` back.
    pub bias: Vec<i32>,
}

impl Packed {
    pub fn new(codes: &[i8], dim: usize, kernel: &Kernel) -> Packed {
        let (lanes, group) = (kernel.lanes, kernel.group);
        let rows = codes.len() / dim;
        let blocks = rows.div_ceil(lanes);
        let stride = dim.div_ceil(group) * lanes;
        let mut entries = vec![0; blocks * stride];
        let mut bias = vec![0; blocks * lanes];
        for (row, codes) in codes.chunks_exact(dim).enumerate() {
            bias[row] = -128 * codes.iter().map(|&code| i32::from(code)).sum::<i32>();
            let first = row / lanes * stride + row % lanes;
            for (at, dims) in codes.chunks(group).enumerate() {
                entries[first + at * lanes] = entry(dims, group);
            }
        }
        Packed {
            dim,
            blocks,
            stride,
            entries,
            bias,
        }
    }

    /// Query rows rounded up to whole blocks.
    pub fn lanes(&self) -> usize {
        self.bias.len()
    }
}

fn entry(dims: &[i8], group: usize) -> i32 {
    let bits = 32 / group as u32;
    let mask = u32::MAX >> (32 - bits);
    dims.iter().enumerate().fold(0_u32, |entry, (at, &code)| {
        entry | (i32::from(code) as u32 & mask) << (bits * at as u32)
    }) as i32
}

/// Writes, for each query lane, the largest `scale · dot` over the document's rows. The second
/// last argument is working memory.
pub(super) type Maxima = unsafe fn(&Packed, Tokens<'_>, &mut Vec<i16>, &mut [f32]);

/// Writes the dot product of a query with each row.
pub(super) type Dots = unsafe fn(&[i8], &[i8], &mut [i32]);

/// One implementation. The function pointers may be called only where the processor has the
/// features, which [`supported`] sees to.
#[derive(Debug)]
pub(super) struct Kernel {
    pub name: &'static str,
    /// Query rows per block.
    pub lanes: usize,
    /// Dimensions per packed entry, 4 or 2.
    pub group: usize,
    pub maxima: Maxima,
    pub dots: Dots,
}

impl Kernel {
    #[allow(unsafe_code)]
    pub fn maxima(&self, query: &Packed, tokens: Tokens<'_>, wide: &mut Vec<i16>, out: &mut [f32]) {
        assert_eq!(tokens.codes.len(), tokens.scales.len() * query.dim);
        assert_eq!(out.len(), query.lanes());
        // SAFETY: a kernel is reachable only through `supported`, which checked the processor's
        // features; the shapes that the kernels rely on were asserted above.
        unsafe { (self.maxima)(query, tokens, wide, out) }
    }

    #[allow(unsafe_code)]
    pub fn dots(&self, query: &[i8], rows: &[i8], out: &mut [i32]) {
        assert_eq!(rows.len(), query.len() * out.len(), "row shape");
        // SAFETY: as above.
        unsafe { (self.dots)(query, rows, out) }
    }
}

/// The fastest kernel of this processor, found once.
pub(super) fn fastest() -> &'static Kernel {
    static FASTEST: OnceLock<&'static Kernel> = OnceLock::new();
    FASTEST.get_or_init(|| supported()[0])
}

/// All kernels that this processor can run, fastest first, the scalar one last.
pub(super) fn supported() -> Vec<&'static Kernel> {
    let mut all: Vec<&'static Kernel> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni")
        {
            all.push(&super::x86::AVX512_VNNI);
        }
        if is_x86_feature_detected!("avx2") {
            all.push(&super::x86::AVX2);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        all.push(&super::neon::NEON);
    }
    all.push(&SCALAR);
    all
}

pub(super) static SCALAR: Kernel = Kernel {
    name: "scalar",
    lanes: 1,
    group: 4,
    maxima: scalar_maxima,
    dots: scalar_dots,
};

fn scalar_maxima(query: &Packed, tokens: Tokens<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    for (best, row) in out.iter_mut().zip(query.entries.chunks_exact(query.stride)) {
        *best = f32::NEG_INFINITY;
        for (codes, scale) in tokens.codes.chunks_exact(query.dim).zip(tokens.scales) {
            *best = best.max(scalar_dot(row, codes) as f32 * scale);
        }
    }
}

fn scalar_dot(row: &[i32], codes: &[i8]) -> i32 {
    let four = |entry: i32, codes: &[i8]| -> i32 {
        let query = entry.to_le_bytes();
        codes
            .iter()
            .zip(query)
            .map(|(&code, byte)| i32::from(code) * i32::from(byte as i8))
            .sum()
    };
    row.iter()
        .zip(codes.chunks(4))
        .map(|(&entry, codes)| four(entry, codes))
        .sum()
}

fn scalar_dots(query: &[i8], rows: &[i8], out: &mut [i32]) {
    if query.is_empty() {
        return out.fill(0);
    }
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = row
            .iter()
            .zip(query)
            .map(|(&a, &b)| i32::from(a) * i32::from(b))
            .sum();
    }
}
