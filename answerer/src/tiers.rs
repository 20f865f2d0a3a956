//! Which tier is asked, and why: each costs more than the one before, and is asked only where that
//! one was not sure enough.
//!
//! The order: rules (a name that has one definition), retrieval, readers from small to large. A
//! tier between two of them takes its place by where the caller asks it; nothing here counts them.

/// Confidence at which the rules' or the search's findings are taken for the answer, so that no
/// reader is asked, unless the user says otherwise. A search alone is never as sure.
const BEFORE_READERS: f32 = 0.95;
/// Confidence at which a reader's answer is taken, so that a larger one is not asked.
const BETWEEN_READERS: f32 = 0.5;

/// What can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// A name and its definition.
    Rules,
    /// The search.
    Retrieval,
    /// A reader of this name.
    Reader(String),
}

impl Tier {
    /// A word for output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Tier::Rules => "rules",
            Tier::Retrieval => "retrieval",
            Tier::Reader(_) => "reader",
        }
    }
}

/// What became of a tier.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Which tier.
    pub tier: Tier,
    /// How sure it was, 0 to 1; `None` if it was not asked.
    pub confidence: Option<f32>,
    /// Why it was asked, or not.
    pub why: String,
}

/// The tiers of one question, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct Tiers {
    /// What the user wants; `None`: the values above.
    threshold: Option<f32>,
    steps: Vec<Step>,
}

impl Tiers {
    /// None asked yet.
    #[must_use]
    pub fn new(threshold: Option<f32>) -> Tiers {
        Tiers {
            threshold,
            steps: Vec::new(),
        }
    }

    /// What was asked and what was not.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Notes how sure a tier is; true if that is enough, and no further one is to be asked.
    pub fn asked(&mut self, tier: Tier, confidence: f32) -> bool {
        let why = self.why();
        let least = self.least(&tier);
        self.steps.push(Step {
            tier,
            confidence: Some(confidence),
            why,
        });
        confidence >= least
    }

    /// Notes a tier that is not asked.
    pub fn left_out(&mut self, tier: Tier, why: impl Into<String>) {
        self.steps.push(Step {
            tier,
            confidence: None,
            why: why.into(),
        });
    }

    /// Notes a tier that is not asked because the last one asked is sure enough.
    pub fn not_needed(&mut self, tier: Tier) {
        let why = match self.last() {
            Some((step, confidence)) => {
                let (name, least) = (name(&step.tier), self.least(&step.tier));
                format!("{name} gave {confidence:.2}, no less than {least:.2}")
            }
            None => "nothing was asked".to_owned(),
        };
        self.left_out(tier, why);
    }

    fn least(&self, tier: &Tier) -> f32 {
        self.threshold.unwrap_or(match tier {
            Tier::Rules | Tier::Retrieval => BEFORE_READERS,
            Tier::Reader(_) => BETWEEN_READERS,
        })
    }

    fn last(&self) -> Option<(&Step, f32)> {
        let mut steps = self.steps.iter().rev();
        steps.find_map(|step| Some((step, step.confidence?)))
    }

    fn why(&self) -> String {
        match self.last() {
            None => "always asked first".to_owned(),
            Some((step, confidence)) => {
                let (name, least) = (name(&step.tier), self.least(&step.tier));
                format!("{name} gave {confidence:.2}, less than {least:.2}")
            }
        }
    }
}

fn name(tier: &Tier) -> String {
    match tier {
        Tier::Reader(name) => format!("`{name}`"),
        other => other.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks tiers with these confidences until one is sure enough; says what was asked.
    fn asked(threshold: Option<f32>, confidences: [f32; 4]) -> Vec<String> {
        let mut tiers = Tiers::new(threshold);
        let all = [
            Tier::Rules,
            Tier::Retrieval,
            Tier::Reader("small".into()),
            Tier::Reader("large".into()),
        ];
        let mut is_over = false;
        for (tier, confidence) in all.into_iter().zip(confidences) {
            match is_over {
                true => tiers.not_needed(tier),
                false => is_over = tiers.asked(tier, confidence),
            }
        }
        let asked = tiers.steps.iter().filter(|step| step.confidence.is_some());
        asked.map(|step| name(&step.tier)).collect()
    }

    #[test]
    fn the_next_tier_is_asked_where_the_one_before_is_not_sure() {
        for (threshold, confidences, expected) in [
            (None, [1.0, 0.9, 0.9, 0.9], &["rules"][..]),
            (
                None,
                [0.0, 0.9, 0.6, 0.9],
                &["rules", "retrieval", "`small`"],
            ),
            (
                None,
                [0.0, 0.9, 0.4, 0.9],
                &["rules", "retrieval", "`small`", "`large`"],
            ),
            (Some(0.8), [0.0, 0.9, 0.4, 0.9], &["rules", "retrieval"]),
            (
                Some(0.8),
                [0.0, 0.7, 0.7, 0.1],
                &["rules", "retrieval", "`small`", "`large`"],
            ),
            (Some(0.0), [0.0, 0.7, 0.7, 0.1], &["rules"]),
            (
                Some(1.1),
                [1.0, 1.0, 1.0, 1.0],
                &["rules", "retrieval", "`small`", "`large`"],
            ),
        ] {
            assert_eq!(
                asked(threshold, confidences),
                expected,
                "{threshold:?} {confidences:?}"
            );
        }
    }

    #[test]
    fn reasons_name_the_figures() {
        let mut tiers = Tiers::new(None);
        tiers.asked(Tier::Rules, 0.0);
        tiers.asked(Tier::Retrieval, 0.7);
        tiers.asked(Tier::Reader("small".into()), 0.75);
        tiers.not_needed(Tier::Reader("large".into()));
        let shown: Vec<&str> = tiers.steps.iter().map(|step| step.why.as_str()).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        always asked first
        rules gave 0.00, less than 0.95
        retrieval gave 0.70, less than 0.95
        `small` gave 0.75, no less than 0.50
        ");
    }
}
