//! Profiles of several models: collections, and models that are loaded one after the other.

use std::cell::Cell;

use fathom_encoders::{Document, Embedding, Encoder, EncoderOptions, Profile};

use super::folder;

fn open(name: &str) -> Profile {
    Profile::open(&folder(name)).unwrap()
}

fn encoder(profile: &Profile, one_at_a_time: bool) -> Encoder {
    let options = EncoderOptions {
        one_at_a_time,
        ..EncoderOptions::default()
    };
    Encoder::open(profile, &options).unwrap()
}

fn documents(encoder: &Encoder, count: usize) -> Vec<Document> {
    let text = |n: usize| format!("fn open_{n}(path: &str) -> File {{ read(path, {n}) }}");
    let texts = (0..count).map(text);
    texts
        .map(|body| encoder.text().document("open", &body, 8))
        .collect()
}

#[test]
fn models_in_turn_make_what_they_make_together() {
    let pair = Profile::pair(&open("colbert-export"), &open("gemma-modules")).unwrap();
    let (mut together, mut in_turn) = (encoder(&pair, false), encoder(&pair, true));
    assert_eq!(
        (together.takes_turns(), in_turn.takes_turns()),
        (false, true)
    );
    // Few are encoded by both at once, many by one after the other, twice so that each begins once.
    for count in [0, 1, 16, 17, 40, 40] {
        let documents = documents(&together, count);
        let expected = together.encode_documents(&documents).unwrap();
        assert_eq!(
            in_turn.encode_documents(&documents).unwrap(),
            expected,
            "{count}"
        );
        assert_eq!(expected.len(), count);
    }
}

#[test]
fn who_is_told_to_stop_gives_what_is_whole() {
    let pair = Profile::pair(&open("colbert-export"), &open("gemma-modules")).unwrap();
    for (one_at_a_time, after, expected) in
        [(false, 5, 5), (true, 5, 0), (true, 45, 5), (true, 100, 40)]
    {
        let mut encoder = encoder(&pair, one_at_a_time);
        let documents = documents(&encoder, 40);
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        let made = encoder.encode_until(&documents, &stop).unwrap();
        assert_eq!(made.len(), expected, "{one_at_a_time} {after}");
    }
}

#[test]
fn a_collection_is_encoded_by_its_own_model() {
    let (code, docs) = (open("colbert-export"), open("gemma-modules"));
    let both = Profile::collections(&code, &docs).unwrap();
    assert_eq!(both.id(), format!("{} docs={}", code.id(), docs.id()));
    assert_eq!(
        (both.code().id(), both.docs().map(Profile::id)),
        (code.id(), Some(docs.id()))
    );
    let dims = |profile: &Profile| (profile.token_dim(), profile.dense_dim());
    assert_eq!(dims(&both), dims(&code));
    for one_at_a_time in [false, true] {
        let mut encoders = [&both, &code, &docs].map(|profile| encoder(profile, one_at_a_time));
        let [both, code, docs] = &mut encoders;
        let body = "the guide to locks";
        let of_docs = both.text().document_of_docs("guide", body, 8);
        let of_code = both.text().document("guide", body, 8);
        assert!(of_docs.docs && !of_code.docs);
        let made = both.encode_documents(&[of_docs.clone(), of_code]).unwrap();
        let alone = |encoder: &mut Encoder| -> Embedding {
            let document = encoder.text().document("guide", body, 8);
            encoder.encode_documents(&[document]).unwrap().remove(0)
        };
        assert_eq!(made, [alone(docs), alone(code)]);
        let query = both.encode_query("where are locks").unwrap();
        let expected = docs.encode_query("where are locks").unwrap();
        assert_eq!(query.docs.as_deref(), Some(&expected));
        assert_eq!(
            query.tokens,
            code.encode_query("where are locks").unwrap().tokens
        );
        let many = vec![of_docs; 20];
        assert_eq!(
            both.encode_documents(&many).unwrap(),
            docs.encode_documents(&many).unwrap()
        );
    }
    let same = Profile::collections(&code, &code).unwrap();
    assert_eq!((same.id(), same.docs().is_none()), (code.id(), true));
    for (one, other) in [(&both, &docs), (&code, &both), (&code, &open("cross-bert"))] {
        assert!(Profile::collections(one, other).is_err());
    }
}
