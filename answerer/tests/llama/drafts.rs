//! Drafts change the speed and nothing else.

use fathom_answerer::lookup::Sampling;
use fathom_answerer::reader::{Drafting, LlamaOptions, LlamaReader, Message, ReaderError};

use super::common::{ask_with, fixture, free, options, pieces, question, reader};

/// Conversations over different pieces of code, greedy and sampled.
fn conversations() -> impl Iterator<Item = (Vec<Message>, Sampling)> {
    let pieces = pieces();
    (0_usize..).map(move |round| {
        let start = round * 3 % (pieces.len() - 4);
        let count = 1 + round % 4;
        let temperature = [0.0, 0.0, 0.0, 0.7][round % 4];
        let sampling = Sampling {
            temperature,
            top_p: 0.95,
            seed: round as u64,
        };
        (question(&pieces[start..start + count]), sampling)
    })
}

/// What drafting did over all conversations.
#[derive(Debug, Default)]
struct Total {
    tokens: usize,
    steps: usize,
    accepted: Vec<usize>,
}

/// Compares answers until there are so many tokens.
fn same_answers(plain: &mut LlamaReader, drafting: &mut LlamaReader, tokens: usize) -> Total {
    let mut total = Total::default();
    for (messages, sampling) in conversations() {
        let a = ask_with(plain, &messages, 400, sampling);
        let b = ask_with(drafting, &messages, 400, sampling);
        assert_eq!(a.text, b.text, "after {} tokens", total.tokens);
        assert_eq!((a.finish, a.stats.tokens), (b.finish, b.stats.tokens));
        let (a, b_mean) = (a.mean_logprob.unwrap_or(0.0), b.mean_logprob.unwrap_or(0.0));
        assert!((a - b_mean).abs() < 1e-3, "{a} {b_mean}");
        total.tokens += b.stats.tokens;
        total.steps += b.stats.steps;
        total.accepted.resize(b.stats.drafts.len(), 0);
        for (sum, draft) in total.accepted.iter_mut().zip(&b.stats.drafts) {
            *sum += draft.accepted;
        }
        if total.tokens >= tokens {
            break;
        }
    }
    total
}

#[test]
fn ten_thousand_tokens_are_the_same_with_and_without_lookup() {
    let total = same_answers(
        &mut reader(Drafting::Off),
        &mut reader(Drafting::On),
        10_000,
    );
    assert!(total.steps * 2 < total.tokens, "{total:?}");
    assert!(total.accepted[0] * 2 > total.tokens, "{total:?}");
}

#[test]
fn a_draft_model_changes_nothing_either() {
    let with_draft = |lookup| {
        let options = LlamaOptions {
            lookup,
            draft: Some(fixture()),
            ..options()
        };
        let mut reader = LlamaReader::open(&options).unwrap();
        reader.set_costs(free());
        reader
    };
    let mut plain = reader(Drafting::Off);
    // Of the same model, a draft model is as slow as its target, and always right.
    let alone = same_answers(&mut plain, &mut with_draft(Drafting::Off), 1500);
    assert_eq!(alone.accepted.len(), 1);
    let both = same_answers(&mut plain, &mut with_draft(Drafting::On), 1500);
    assert_eq!(both.accepted.len(), 2);
    assert!(both.accepted[0] > 0, "{both:?}");
}

#[test]
fn a_draft_model_of_another_vocabulary_is_refused() {
    let other = super::files::with_metadata_byte_changed();
    let options = LlamaOptions {
        draft: Some(other.path().to_owned()),
        ..options()
    };
    let error = LlamaReader::open(&options).err().expect("refused");
    assert!(matches!(error, ReaderError::DraftModel { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("of its vocabulary is another text"),
        "{error}"
    );
}

#[test]
fn a_recurrent_model_answers_and_is_not_drafted_for() {
    let model = fixture().with_file_name("recurrent-tiny.gguf");
    let with = |lookup, draft| {
        let plain = LlamaOptions {
            lookup,
            draft,
            ..options()
        };
        LlamaReader::open(&LlamaOptions {
            model: model.clone(),
            ..plain
        })
    };
    for refused in [
        with(Drafting::On, None),
        with(Drafting::Auto, Some(fixture())),
    ] {
        let error = refused.err().expect("refused");
        assert!(
            error
                .to_string()
                .contains("recurrent or hybrid architecture"),
            "{error}"
        );
    }
    let mut reader = with(Drafting::Auto, None).unwrap();
    assert!(!reader.looks_up());
    let messages = question(&pieces()[..1]);
    let first = ask_with(&mut reader, &messages, 20, Sampling::GREEDY);
    // Nothing can be rolled back, so all is computed again.
    let second = ask_with(&mut reader, &messages, 20, Sampling::GREEDY);
    assert_eq!((first.stats.tokens, first.text), (20, second.text));
    assert_eq!(second.stats.cached_tokens, 0);
}
