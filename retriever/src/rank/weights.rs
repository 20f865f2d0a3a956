//! The signals of the ranking and their weights: the whole model in one table.

use crate::understand::Understanding;

/// Declares the signals with their names and weights, in the order of output.
macro_rules! signals {
    ($($(#[$doc:meta])* $signal:ident $name:literal $words:literal $symbol:literal,)*) => {
        /// What a candidate is judged by. Each but the judge's has a value of 0 to 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Signal { $($(#[$doc])* $signal,)* }

        impl Signal {
            /// Every signal, in the order of the table.
            pub const ALL: &'static [Signal] = &[$(Signal::$signal,)*];

            /// The name shown by `--explain-score`.
            pub fn name(self) -> &'static str {
                match self { $(Signal::$signal => $name,)* }
            }

            /// The weight in queries of words and in queries that are one symbol.
            fn weights(self) -> (f32, f32) {
                match self { $(Signal::$signal => ($words, $symbol),)* }
            }
        }
    };
}

signals! {
    //                                                        words  symbol
    /// Late-interaction score, min-max over the pool.
    Late "late"                                                 0.85   0.30,
    /// Cosine of the dense vectors, min-max over the pool.
    Dense "dense"                                               0.15   0.15,
    /// BM25 score, as a share of the best.
    Lexical "lexical"                                           0.30   0.30,
    /// By how much it is better than other candidates where the judge reads both; of any range.
    Judge "judge"                                               0.10   0.00,
    /// It defines an identifier that the query names.
    Definition "definition"                                     0.30   0.75,
    /// Its file's path is one that the query names.
    Path "path"                                                 1.00   1.00,
    /// Share of the chunk's name that the query's words hold.
    Name "name"                                                 0.05   0.05,
    /// Share of the file's stem that the query's words hold.
    Stem "stem"                                                 0.35   0.50,
    /// Share of the query's words that the folders' names hold.
    Folders "folders"                                           0.30   0.05,
    /// Other good chunks of the same file.
    Coherence "coherence"                                       0.70   0.25,
    /// A test, when none is asked for.
    Test "test"                                                -0.60  -0.40,
    /// An example or a demo.
    Example "example"                                          -0.40  -0.40,
    /// A benchmark.
    Benchmark "benchmark"                                      -0.40  -0.40,
    /// Third-party code.
    Vendored "vendored"                                        -0.40  -0.40,
    /// Generated code.
    Generated "generated"                                      -0.40  -0.40,
    /// Compatibility code.
    Legacy "legacy"                                            -0.40  -0.40,
    /// Prose, when code is asked for.
    Docs "docs"                                                -0.60  -0.40,
    /// Data and configuration.
    Data "data"                                                -0.40  -0.40,
    /// Type declarations without code.
    Declaration "declaration"                                  -0.20  -0.20,
    /// An entry file's chunk that defines nothing.
    Reexport "re-export"                                       -0.20  -0.20,
    /// A further chunk of a file that is already listed.
    Repeat "repeat"                                            -0.60  -0.60,
}

impl Signal {
    /// The scores of the lists themselves, which are what fusion alone looks at.
    pub const LISTS: [Signal; 3] = [Signal::Late, Signal::Dense, Signal::Lexical];
}

/// One weight per signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights([f32; Signal::ALL.len()]);

impl Weights {
    /// The weights for a query of words, or for one that seeks a definition.
    pub fn of(query: &Understanding) -> Weights {
        let mut weights = [0.0; Signal::ALL.len()];
        for (weight, signal) in weights.iter_mut().zip(Signal::ALL) {
            let (words, symbol) = signal.weights();
            *weight = if query.seeks_definition() {
                symbol
            } else {
                words
            };
        }
        Weights(weights)
    }

    /// The same weights with only those signals that `keep` names.
    #[must_use]
    pub fn only(mut self, keep: &[Signal]) -> Weights {
        for (weight, signal) in self.0.iter_mut().zip(Signal::ALL) {
            if !keep.contains(signal) {
                *weight = 0.0;
            }
        }
        self
    }

    /// For a pool in which a single list has scores: that list takes half of what the three have together, which does
    /// better than its own share.
    #[must_use]
    pub fn with_only_list(mut self, alone: Signal) -> Weights {
        let total: f32 = Signal::LISTS.iter().map(|&list| self.get(list)).sum();
        for list in Signal::LISTS {
            self.0[list as usize] = if list == alone { total / 2.0 } else { 0.0 };
        }
        self
    }

    /// The same weights but for one.
    #[must_use]
    pub fn with(mut self, signal: Signal, weight: f32) -> Weights {
        self.0[signal as usize] = weight;
        self
    }

    /// The weight of one signal.
    pub fn get(&self, signal: Signal) -> f32 {
        self.0[signal as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::understand;

    #[test]
    fn every_signal_has_its_own_name_and_a_finite_weight() {
        for (i, signal) in Signal::ALL.iter().enumerate() {
            assert_eq!(*signal as usize, i);
            assert!(
                !Signal::ALL[..i]
                    .iter()
                    .any(|other| other.name() == signal.name()),
                "{signal:?}"
            );
            assert!(signal.weights().0.is_finite() && signal.weights().1.is_finite());
        }
    }

    #[test]
    fn the_query_picks_its_column() {
        let definition = |query| Weights::of(&understand(query)).get(Signal::Definition);
        assert!(definition("HTTPAdapter") > definition("retries of HTTPAdapter"));
        assert_eq!(
            definition("HTTPAdapter"),
            definition("where is HTTPAdapter defined")
        );
    }

    #[test]
    fn a_list_alone_takes_half_of_all_three() {
        let all = Weights::of(&understand("plain words"));
        let alone = all.clone().with_only_list(Signal::Lexical);
        assert_eq!(alone.get(Signal::Lexical), 0.65);
        assert_eq!(alone.get(Signal::Late), 0.0);
        assert_eq!(alone.get(Signal::Stem), all.get(Signal::Stem));
    }

    #[test]
    fn only_keeps_what_is_named() {
        let weights = Weights::of(&understand("plain words")).only(&[Signal::Late]);
        assert!(weights.get(Signal::Late) > 0.0);
        assert_eq!(weights.get(Signal::Dense), 0.0);
    }
}
