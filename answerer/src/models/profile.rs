//! Reader models by name.

/// Memory that the weights take per quantisation, the files' own sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantisation {
    /// Name, as in file names.
    pub name: &'static str,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A reader model that fathom knows by name.
#[derive(Debug, PartialEq)]
pub struct ReaderProfile {
    /// What users write.
    pub name: &'static str,
    /// Repository on the hub.
    pub repository: &'static str,
    /// File name in it, with `{}` for the quantisation.
    pub file: &'static str,
    /// Quantisations with their sizes, the recommended one first.
    pub quantisations: &'static [Quantisation],
    /// Weights that one token passes through, in billions: what its speed
    /// depends on. Less than all for a mixture of experts.
    pub active: f32,
    /// Longest context that the model was trained for, in tokens.
    pub context: usize,
    /// Bytes of memory per token of context.
    pub memory_per_token: u64,
    /// `--override-kv` that trades quality for speed, for a mixture of experts.
    pub fewer_experts: Option<&'static str>,
    /// Name of the profile that can draft for this one.
    pub draft: Option<&'static str>,
    /// Licence of the weights.
    pub licence: &'static str,
}

const MB: u64 = 1_000_000;

/// Every profile, smallest first.
pub static PROFILES: &[ReaderProfile] = &[
    ReaderProfile {
        name: "qwen2.5-coder-0.5b",
        repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        file: "qwen2.5-coder-0.5b-instruct-{}.gguf",
        quantisations: &[
            Quantisation {
                name: "q4_k_m",
                bytes: 491 * MB,
            },
            Quantisation {
                name: "q8_0",
                bytes: 676 * MB,
            },
        ],
        active: 0.49,
        context: 32_768,
        // Layers × 2 (keys, values) × heads × width × 2 bytes.
        memory_per_token: 24 * 2 * 2 * 64 * 2,
        fewer_experts: None,
        draft: None,
        licence: "Apache-2.0",
    },
    ReaderProfile {
        name: "qwen2.5-coder-1.5b",
        repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file: "qwen2.5-coder-1.5b-instruct-{}.gguf",
        quantisations: &[
            Quantisation {
                name: "q4_k_m",
                bytes: 1_117 * MB,
            },
            Quantisation {
                name: "q8_0",
                bytes: 1_895 * MB,
            },
        ],
        active: 1.54,
        context: 32_768,
        memory_per_token: 28 * 2 * 2 * 128 * 2,
        fewer_experts: None,
        draft: Some("qwen2.5-coder-0.5b"),
        licence: "Apache-2.0",
    },
    ReaderProfile {
        name: "qwen2.5-coder-3b",
        repository: "Qwen/Qwen2.5-Coder-3B-Instruct-GGUF",
        file: "qwen2.5-coder-3b-instruct-{}.gguf",
        quantisations: &[
            Quantisation {
                name: "q4_k_m",
                bytes: 2_105 * MB,
            },
            Quantisation {
                name: "q8_0",
                bytes: 3_616 * MB,
            },
        ],
        active: 3.09,
        context: 32_768,
        memory_per_token: 36 * 2 * 2 * 128 * 2,
        fewer_experts: None,
        draft: Some("qwen2.5-coder-0.5b"),
        licence: "Qwen Research Licence (not for commercial use)",
    },
    ReaderProfile {
        name: "qwen3-4b",
        repository: "Qwen/Qwen3-4B-GGUF",
        file: "Qwen3-4B-{}.gguf",
        quantisations: &[
            Quantisation {
                name: "Q4_K_M",
                bytes: 2_497 * MB,
            },
            Quantisation {
                name: "Q8_0",
                bytes: 4_280 * MB,
            },
        ],
        active: 4.02,
        context: 32_768,
        memory_per_token: 36 * 2 * 8 * 128 * 2,
        fewer_experts: None,
        draft: None,
        licence: "Apache-2.0",
    },
    ReaderProfile {
        name: "qwen2.5-coder-7b",
        repository: "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
        file: "qwen2.5-coder-7b-instruct-{}.gguf",
        quantisations: &[
            Quantisation {
                name: "q4_k_m",
                bytes: 4_683 * MB,
            },
            Quantisation {
                name: "q8_0",
                bytes: 8_098 * MB,
            },
        ],
        active: 7.62,
        context: 131_072,
        memory_per_token: 28 * 2 * 4 * 128 * 2,
        fewer_experts: None,
        draft: Some("qwen2.5-coder-0.5b"),
        licence: "Apache-2.0",
    },
    ReaderProfile {
        name: "qwen3-coder-30b-a3b",
        repository: "ggml-org/Qwen3-Coder-30B-A3B-Instruct-Q8_0-GGUF",
        file: "qwen3-coder-30b-a3b-instruct-{}.gguf",
        quantisations: &[Quantisation {
            name: "q8_0",
            bytes: 32_483 * MB,
        }],
        active: 3.3,
        context: 262_144,
        memory_per_token: 48 * 2 * 4 * 128 * 2,
        fewer_experts: Some("qwen3moe.expert_used_count=int:4"),
        draft: None,
        licence: "Apache-2.0",
    },
];

impl ReaderProfile {
    /// The profile of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static ReaderProfile> {
        PROFILES
            .iter()
            .find(|profile| profile.name.eq_ignore_ascii_case(name))
    }

    /// The file of a quantisation, or of the recommended one.
    #[must_use]
    pub fn file_name(&self, quantisation: Option<&str>) -> String {
        let recommended = self.quantisations.first().map_or("", |first| first.name);
        let known = quantisation.and_then(|wanted| {
            let same = |known: &&Quantisation| known.name.eq_ignore_ascii_case(wanted);
            self.quantisations.iter().find(same).map(|known| known.name)
        });
        self.file
            .replace("{}", known.or(quantisation).unwrap_or(recommended))
    }

    /// Bytes of memory with a context of so many tokens: weights, context,
    /// and a tenth and 150 MB for the computation.
    #[must_use]
    pub fn memory(&self, context: usize) -> u64 {
        let weights = self.quantisations.first().map_or(0, |first| first.bytes);
        let needed = weights + self.memory_per_token * context as u64;
        needed + needed / 10 + 150 * MB
    }
}
