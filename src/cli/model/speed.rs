//! How fast this machine runs reader models: noted by `bench`, used by `recommend`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Bits of a weight in the quantisation that profiles recommend, `Q4_K_M`.
#[cfg_attr(not(feature = "llama"), allow(dead_code))]
const USUAL_BITS: f32 = 4.85;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The model that it was measured with.
    pub model: String,
    /// Answer tokens per second, without drafts.
    pub decode: f32,
    /// Prompt tokens per second.
    pub prefill: f32,
    /// Threads.
    pub threads: usize,
    /// Billions of weights in four bits that pass in a second.
    pub pace: f32,
}

/// Pace of a machine that answers so many tokens per second with a model of so
/// many billion weights per token, in files of so many bits per weight.
#[cfg_attr(not(feature = "llama"), allow(dead_code))]
pub fn pace(decode: f32, active: f32, bits: f32) -> f32 {
    decode * active * bits / USUAL_BITS
}

impl Speed {
    /// What was noted last, if it was with as many threads.
    pub fn load(data_dir: &Path, threads: usize) -> Option<Speed> {
        let text = std::fs::read_to_string(file(data_dir)).ok()?;
        let speed: Speed = serde_json::from_str(&text).ok()?;
        let sane = speed.pace.is_finite() && speed.pace > 0.0;
        (sane && speed.threads == threads).then_some(speed)
    }

    /// Notes it.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))]
    pub fn save(&self, data_dir: &Path) -> anyhow::Result<()> {
        let file = file(data_dir);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(file, serde_json::to_string(self)?)?)
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("reader/speed.json")
}
