//! Kernel choice at run time, the packed query, and the scalar twin of every kernel.

use super::Tokens;
use super::residual::Levels;
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

/// Document rows, and what their dot products are completed with.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub codes: &'a [i8],
    pub scales: &'a [f32],
    pub bases: Option<Bases<'a>>,
}

/// A row's score is `scale · (step · dot + base)` instead of `scale · dot`; its base for every
/// query lane is one row of a table.
#[derive(Clone, Copy)]
pub(super) struct Bases<'a> {
    pub step: f32,
    /// `[centroids, lanes]`.
    pub table: &'a [f32],
    /// Row of the table for each document row.
    pub rows: &'a [u16],
}

impl Bases<'_> {
    /// The bases of document row `at`.
    #[inline(always)]
    pub fn of(&self, at: usize, lanes: usize) -> &[f32] {
        &self.table[usize::from(self.rows[at]) * lanes..][..lanes]
    }
}

/// Reads rows, uses some working memory, and writes one number per query lane: the best score
/// of a row ([`Kernel::maxima`]), or one per row and lane: its score ([`Kernel::table`]).
pub(super) type Score = unsafe fn(&Packed, Rows<'_>, &mut Vec<i16>, &mut [f32]);

/// Writes the dot product of a query with each row.
pub(super) type Dots = unsafe fn(&[i8], &[i8], &mut [i32]);

/// Writes the value of each code, those in the lowest bits of a byte first.
pub(super) type Unpack = unsafe fn(&[u8], &Levels, &mut [i8]);

/// One implementation. The function pointers may be called only where the processor has the
/// features, which [`supported`] sees to.
#[derive(Debug)]
pub(super) struct Kernel {
    pub name: &'static str,
    /// Query rows per block.
    pub lanes: usize,
    /// Dimensions per packed entry, 4 or 2.
    pub group: usize,
    pub maxima: Score,
    pub table: Score,
    pub dots: Dots,
    pub unpack: Unpack,
}

impl Kernel {
    #[allow(unsafe_code)]
    pub fn maxima(&self, query: &Packed, rows: Rows<'_>, wide: &mut Vec<i16>, out: &mut [f32]) {
        assert_eq!(rows.codes.len(), rows.scales.len() * query.dim);
        assert!(
            rows.bases
                .is_none_or(|bases| bases.rows.len() == rows.scales.len())
        );
        assert_eq!(out.len(), query.lanes());
        // SAFETY: a kernel is reachable only through `supported`, which checked the processor's
        // features; the shapes that the kernels rely on were asserted above.
        unsafe { (self.maxima)(query, rows, wide, out) }
    }

    #[allow(unsafe_code)]
    pub fn table(&self, query: &Packed, tokens: Tokens<'_>, out: &mut [f32]) {
        let Tokens { codes, scales } = tokens;
        assert_eq!(codes.len(), scales.len() * query.dim);
        assert_eq!(out.len(), scales.len() * query.lanes());
        if out.is_empty() {
            return;
        }
        let rows = Rows {
            codes,
            scales,
            bases: None,
        };
        // SAFETY: as above.
        unsafe { (self.table)(query, rows, &mut Vec::new(), out) }
    }

    #[allow(unsafe_code)]
    pub fn unpack(&self, packed: &[u8], levels: &Levels, out: &mut [i8]) {
        assert_eq!(out.len(), levels.per_byte() * packed.len());
        // SAFETY: as above.
        unsafe { (self.unpack)(packed, levels, out) }
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
    table: scalar_table,
    dots: scalar_dots,
    unpack,
};

fn scalar_maxima(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    let lanes = query.lanes();
    for (lane, best) in out.iter_mut().enumerate() {
        let entries = &query.entries[lane * query.stride..][..query.stride];
        let scored = rows
            .codes
            .chunks_exact(query.dim)
            .enumerate()
            .map(|(at, codes)| {
                let dot = scalar_dot(entries, codes) as f32;
                let sum = rows
                    .bases
                    .map_or(dot, |bases| dot * bases.step + bases.of(at, lanes)[lane]);
                sum * rows.scales[at]
            });
        *best = scored.fold(f32::NEG_INFINITY, f32::max);
    }
}

fn scalar_table(query: &Packed, rows: Rows<'_>, _: &mut Vec<i16>, out: &mut [f32]) {
    let codes = rows.codes.chunks_exact(query.dim).zip(rows.scales);
    for ((codes, scale), out) in codes.zip(out.chunks_exact_mut(query.lanes())) {
        for (entries, out) in query.entries.chunks_exact(query.stride).zip(out) {
            *out = scalar_dot(entries, codes) as f32 * scale;
        }
    }
}

/// The scalar twin of the other kernels' unpacking, which also use it for the last few bytes.
pub(super) fn unpack(packed: &[u8], levels: &Levels, out: &mut [i8]) {
    let mask = u8::MAX >> (8 - levels.bits);
    for (dims, byte) in out.chunks_exact_mut(levels.per_byte()).zip(packed) {
        for (at, value) in dims.iter_mut().enumerate() {
            *value = levels.bytes[usize::from(byte >> (at * levels.bits) & mask)];
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
