//! The bundled model against the f32 original: `training/export_default.py`
//! wrote what the original gives.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fathom_encoders::{Document, Encoder, EncoderOptions, Profile, TextEncoder};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    dense: Vec<f32>,
    tokens: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn encoder() -> Encoder {
    Encoder::open(&Profile::bundled(), &EncoderOptions::default()).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn texts_become_the_ids_of_the_reference() {
    let text = TextEncoder::open(&Profile::bundled()).unwrap();
    for case in cases() {
        let document = text.document("", &case.text, 0);
        assert_eq!(document, Document::new(case.ids, 0), "{}", case.text);
    }
}

#[test]
fn vectors_are_close_to_the_original() {
    let mut encoder = encoder();
    for case in cases() {
        let document = Document::new(case.ids, 0);
        let embedding = encoder.encode_documents(&[document]).unwrap().remove(0);
        assert!(
            cosine(&embedding.dense, &case.dense) > 0.985,
            "{}",
            case.text
        );
        assert_eq!(embedding.tokens.rows(), case.tokens.len());
        for (i, expected) in case.tokens.iter().enumerate() {
            let cosine = cosine(embedding.tokens.row(i), expected);
            assert!(cosine > 0.93, "{} token {i}: {cosine}", case.text);
        }
    }
}

#[test]
fn vectors_of_a_query_are_those_of_its_words_and_of_unit_length() {
    let profile = Profile::bundled();
    let embedding = encoder().encode_query("open a file").unwrap();
    assert_eq!(embedding.dense.len(), profile.dense_dim());
    assert_eq!(
        (embedding.tokens.dim(), embedding.tokens.rows()),
        (profile.token_dim(), 3)
    );
    let rows = (0..3).map(|i| embedding.tokens.row(i));
    for vector in rows.chain([&embedding.dense[..]]) {
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    }
}

#[test]
fn meaning_decides_not_words() {
    let mut encoder = encoder();
    let mut dense = |text: &str| encoder.encode_query(text).unwrap().dense;
    let question = dense("read the whole file into a string");
    let near = cosine(
        &question,
        &dense("let text = std::fs::read_to_string(path)?;"),
    );
    let far = cosine(
        &question,
        &dense("let socket = TcpListener::bind(address)?;"),
    );
    assert!(near > far + 0.2, "{near} {far}");
}

#[test]
fn a_document_gives_the_same_vectors_alone_and_among_others() {
    let mut encoder = encoder();
    let documents: Vec<Document> = cases()
        .into_iter()
        .map(|case| Document::new(case.ids, 0))
        .collect();
    let together = encoder.encode_documents(&documents).unwrap();
    for (document, expected) in documents.into_iter().zip(together) {
        assert_eq!(encoder.encode_documents(&[document]).unwrap()[0], expected);
    }
}

#[test]
fn an_empty_text_has_a_vector() {
    let embedding = encoder().encode_query("").unwrap();
    assert_eq!(embedding.tokens.rows(), 2);
}

#[test]
fn a_document_at_full_length_is_encoded() {
    let mut encoder = encoder();
    let room = encoder.text().max_document_tokens();
    let document = encoder.text().document("", &"word ".repeat(room + 3), 0);
    assert_eq!((document.ids.len(), document.cut), (room + 2, 3));
    assert_eq!(
        encoder.encode_documents(&[document]).unwrap()[0]
            .tokens
            .rows(),
        room + 2
    );
}
