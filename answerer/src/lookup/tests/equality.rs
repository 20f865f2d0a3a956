//! Drafts, right or wrong, change nothing but the number of passes.

use std::convert::Infallible;

use proptest::prelude::*;

use super::super::{CostCurve, DraftModel, Drafter, Lookup, Sampling, Target, Token};
use super::toy::{Scripted, Toy, run};

/// A processor on which long batches are nearly free, so that much is drafted.
fn flat() -> CostCurve {
    CostCurve::measured(&[(1, 1.0), (64, 1.5)]).unwrap()
}

fn sampling(temperature: f32) -> Sampling {
    Sampling {
        temperature,
        top_p: 0.9,
        seed: 42,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn output_is_that_of_plain_decoding(
        prompt in prop::collection::vec(0..30_i32, 1..120),
        seed in any::<u64>(),
        copying in 0.0..8.0_f32,
        temperature in prop_oneof![Just(0.0_f32), 0.2..2.0_f32],
        kind in 0..5,
    ) {
        let count = 120;
        let toy = Toy::new(30, seed, copying);
        let (plain, _) = run(&mut toy.clone(), &prompt, sampling(temperature), &mut [], count);
        prop_assert_eq!(plain.len(), count);

        let mut scripted = Scripted { vocabulary: 30, state: seed };
        let chunk = 0..prompt.len() / 2;
        let mut lookup = Lookup::new(&prompt, vec![chunk], flat());
        let mut draft = DraftModel::new(Toy::new(30, seed, copying + 1.0), &prompt, flat(), 0.1, 30);
        let mut drafters: Vec<&mut dyn Drafter<Infallible>> = match kind {
            0 => vec![&mut scripted],
            1 => vec![&mut lookup],
            2 => vec![&mut draft],
            3 => vec![&mut lookup, &mut draft],
            _ => vec![&mut scripted, &mut lookup],
        };
        let mut model = toy.clone();
        let (drafted, stats) = run(&mut model, &prompt, sampling(temperature), &mut drafters, count);
        prop_assert_eq!(&drafted, &plain);
        prop_assert_eq!(model.len(), prompt.len() + count);
        let accepted: usize = stats.drafts.iter().map(|draft| draft.accepted).sum();
        // The first token comes from the prompt's pass; the last pass may
        // end inside of a draft.
        prop_assert!(stats.tokens <= 1 + stats.steps + accepted);
        prop_assert_eq!(stats.tokens, count);
    }

    #[test]
    fn a_full_memory_ends_the_output_at_the_same_token(
        prompt in prop::collection::vec(0..5_i32, 1..20), room in 0..40_usize, seed in any::<u64>()
    ) {
        let mut toy = Toy::new(5, seed, 6.0);
        toy.capacity = prompt.len() + room;
        let (plain, _) = run(&mut toy.clone(), &prompt, Sampling::GREEDY, &mut [], 100);
        let mut lookup = Lookup::new(&prompt, Vec::new(), flat());
        let (drafted, _) = run(&mut toy.clone(), &prompt, Sampling::GREEDY, &mut [&mut lookup], 100);
        prop_assert_eq!(plain.len(), room + 1);
        prop_assert_eq!(drafted, plain);
    }
}

#[test]
fn a_copying_model_takes_few_passes() {
    let prompt: Vec<Token> = (0..200).map(|i| (i * i) % 101).collect();
    let mut lookup = Lookup::new(&prompt, Vec::new(), flat());
    let mut model = Toy::new(101, 3, 50.0);
    let prompt = [&prompt[..], &prompt[..4]].concat();
    for &token in &prompt[200..] {
        lookup.observe(token);
    }
    let (_, stats) = run(
        &mut model,
        &prompt,
        Sampling::GREEDY,
        &mut [&mut lookup],
        150,
    );
    assert!(stats.steps < 20, "{stats:?}");
}
