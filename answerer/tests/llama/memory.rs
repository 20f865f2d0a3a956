//! What was computed once is not computed again.

use fathom_answerer::reader::{Drafting, LlamaOptions, LlamaReader, Role};

use super::common::{ask, message, options, pieces, question, reader};

#[test]
fn a_following_question_computes_only_what_is_new() {
    let mut reader = reader(Drafting::On);
    let mut messages = question(&pieces()[..3]);
    let first = ask(&mut reader, &messages, 60);
    assert_eq!(first.stats.cached_tokens, 0);
    messages.push(message(Role::Assistant, first.text.clone()));
    messages.push(message(Role::User, "And where is `fn`?"));
    let second = ask(&mut reader, &messages, 60);
    assert!(
        second.stats.cached_tokens >= first.stats.prompt_tokens,
        "{:?}",
        second.stats
    );
    let mut fresh = super::common::reader(Drafting::Off);
    assert_eq!(ask(&mut fresh, &messages, 60).text, second.text);
}

#[test]
fn the_same_question_again_computes_one_token() {
    let mut reader = reader(Drafting::On);
    let messages = question(&pieces()[..3]);
    let first = ask(&mut reader, &messages, 60);
    let second = ask(&mut reader, &messages, 60);
    assert_eq!(second.stats.cached_tokens, second.stats.prompt_tokens - 1);
    assert_eq!(first.text, second.text);
}

#[test]
fn the_fixed_beginning_is_kept_between_runs() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let cache = Some(folder.path().to_owned());
        LlamaReader::open(&LlamaOptions { cache, ..options() }).unwrap()
    };
    let rules = message(
        Role::System,
        "Answer from the sources. Quote and cite them. ".repeat(10),
    );
    let with_rules = |pieces| {
        let mut messages = question(pieces);
        messages[0] = rules.clone();
        messages
    };
    let pieces = pieces();
    let (one, other) = (with_rules(&pieces[..2]), with_rules(&pieces[2..4]));
    let first = ask(&mut open(), &one, 60);
    assert_eq!(first.stats.cached_tokens, 0);
    let second = ask(&mut open(), &other, 60);
    assert!(second.stats.cached_tokens > 60, "{:?}", second.stats);
    let mut fresh = LlamaReader::open(&options()).unwrap();
    assert_eq!(ask(&mut fresh, &other, 60).text, second.text);

    // Damaged files are as good as none, and are replaced.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        std::fs::write(entry.unwrap().path(), b"damaged").unwrap();
    }
    let third = ask(&mut open(), &other, 60);
    assert_eq!((third.stats.cached_tokens, third.text), (0, second.text));
}

#[test]
fn costs_are_measured_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = LlamaOptions {
        cache: Some(folder.path().to_owned()),
        ..options()
    };
    let messages = question(&pieces()[..2]);
    let costs = || {
        let mut reader = LlamaReader::open(&options).unwrap();
        ask(&mut reader, &messages, 10);
        reader.costs().cloned()
    };
    let measured = costs().unwrap();
    assert!(measured.points().len() >= 3 && measured.of(1) == 1.0);
    assert_eq!(costs(), Some(measured));
}
