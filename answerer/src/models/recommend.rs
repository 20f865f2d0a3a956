//! Which reader suits a machine, and why.

use super::{PROFILES, ReaderProfile};

/// Tokens of context that answers are planned with.
const CONTEXT: usize = 8192;

/// Tokens per second below which waiting for an answer is no fun.
const COMFORTABLE: f32 = 6.0;

/// Billions of weights per second that one processor core passes through at
/// four bits: a cautious figure, measured on shared virtual cores.
const PER_CORE: f32 = 4.0;

/// Cores beyond which memory, not the cores, sets the speed.
const USEFUL_CORES: usize = 8;

/// What a machine has.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Bytes of memory, all of it.
    pub memory: u64,
    /// Cores that may be used.
    pub cores: usize,
}

/// A model with what is expected of it on a machine.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The model.
    pub profile: &'static ReaderProfile,
    /// Bytes of memory that it takes with a context of 8,192 tokens.
    pub memory: u64,
    /// Answer tokens per second, roughly, without drafts.
    pub speed: f32,
    /// Why it is not chosen; `None` for the recommended one.
    pub against: Option<String>,
}

/// Every model with what speaks against it; the one without is recommended.
/// On a machine too small for any, none is.
#[must_use]
pub fn recommend(machine: Machine) -> Vec<Choice> {
    let pace = PER_CORE * machine.cores.clamp(1, USEFUL_CORES) as f32;
    recommend_at(machine, pace)
}

/// Like [`recommend`], for a machine that was measured: `pace` is the billions
/// of weights in four bits that it passes through in a second.
#[must_use]
pub fn recommend_at(machine: Machine, pace: f32) -> Vec<Choice> {
    let mut choices: Vec<Choice> = PROFILES
        .iter()
        .map(|profile| judge(profile, machine, pace))
        .collect();
    // The strongest of those that fit and are fast enough, else the smallest that fits.
    let fits = |choice: &Choice| choice.memory <= machine.usable();
    let best = choices.iter().rposition(|choice| choice.against.is_none());
    let best = best.or_else(|| choices.iter().position(fits));
    for (index, choice) in choices.iter_mut().enumerate() {
        if Some(index) == best {
            choice.against = None;
        } else if choice.against.is_none() {
            choice.against = Some("a stronger one fits".to_owned());
        }
    }
    choices
}

impl Machine {
    /// Memory that a model may take: the system and other programs need theirs.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.memory / 10 * 6
    }
}

fn judge(profile: &'static ReaderProfile, machine: Machine, pace: f32) -> Choice {
    let memory = profile.memory(CONTEXT);
    let speed = pace / profile.active;
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let against = if memory > machine.usable() {
        let (needed, has) = (gigabytes(memory), gigabytes(machine.memory));
        Some(format!("takes {needed:.1} GB, too much of {has:.0} GB"))
    } else if profile.licence != "Apache-2.0" {
        Some(format!("licence: {}", profile.licence))
    } else if speed < COMFORTABLE {
        Some(format!(
            "about {speed:.0} tokens/s on {} cores",
            machine.cores
        ))
    } else {
        None
    };
    Choice {
        profile,
        memory,
        speed,
        against,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(gigabytes: u64, cores: usize) -> Option<&'static str> {
        let machine = Machine {
            memory: gigabytes * 1_000_000_000,
            cores,
        };
        let choices = recommend(machine);
        let mut best = choices.iter().filter(|choice| choice.against.is_none());
        let name = best.next().map(|choice| choice.profile.name);
        assert!(best.next().is_none());
        name
    }

    #[test]
    fn memory_and_cores_decide() {
        assert_eq!(chosen(1, 8), None);
        assert_eq!(chosen(2, 1), Some("qwen2.5-coder-0.5b"));
        assert_eq!(chosen(4, 4), Some("qwen2.5-coder-1.5b"));
        assert_eq!(chosen(8, 8), Some("qwen3-4b"));
        assert_eq!(chosen(16, 2), Some("qwen2.5-coder-0.5b"));
        assert_eq!(chosen(64, 16), Some("qwen3-coder-30b-a3b"));
        // Nothing is fast, but the smallest fits.
        assert_eq!(chosen(64, 0), Some("qwen2.5-coder-0.5b"));
    }

    #[test]
    fn reasons_name_the_figure() {
        let choices = recommend(Machine {
            memory: 8_000_000_000,
            cores: 4,
        });
        let shown: Vec<String> = choices
            .iter()
            .map(|choice| {
                format!(
                    "{}: {}",
                    choice.profile.name,
                    choice.against.as_deref().unwrap_or("recommended")
                )
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        qwen2.5-coder-0.5b: a stronger one fits
        qwen2.5-coder-1.5b: recommended
        qwen2.5-coder-3b: licence: Qwen Research Licence (not for commercial use)
        qwen3-4b: about 4 tokens/s on 4 cores
        qwen2.5-coder-7b: takes 5.8 GB, too much of 8 GB
        qwen3-coder-30b-a3b: takes 36.8 GB, too much of 8 GB
        ");
    }
}
