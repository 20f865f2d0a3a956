//! Models in published layouts against the libraries that they are made for: PyLate,
//! sentence-transformers and transformers computed the references on the same weights
//! (`training/fixtures/make.py`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod folders;
mod turns;

use std::fs;
use std::path::{Path, PathBuf};

use fathom_encoders::{Encoder, EncoderOptions, Kind, PairEncoder, PairScore, Profile};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What `make.py` wrote for one way to use a model.
#[derive(Deserialize)]
struct Reference<V> {
    settings: serde_json::Map<String, Value>,
    queries: Vec<V>,
    documents: Vec<V>,
}

#[derive(Deserialize)]
struct Texts {
    queries: Vec<String>,
    documents: Vec<String>,
}

#[derive(Deserialize)]
struct Scores {
    scores: Vec<Vec<f32>>,
}

type Rows = Vec<Vec<f32>>;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn read<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_slice(&fs::read(folder(path)).unwrap()).unwrap()
}

fn texts() -> Texts {
    read("texts.json")
}

/// A copy of a fixture with other values in one of its files.
fn changed(name: &str, file: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&folder(name), copy.path());
    let path = copy.path().join(file);
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn open(folder: &Path) -> Encoder {
    Encoder::open(&Profile::open(folder).unwrap(), &EncoderOptions::default()).unwrap()
}

fn encode_document(encoder: &mut Encoder, text: &str) -> fathom_encoders::Embedding {
    let document = encoder.text().document("", text, 0);
    encoder.encode_documents(&[document]).unwrap().remove(0)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The least cosine of vectors of two models, which must be as many.
fn agreement(found: &Rows, expected: &Rows, what: &str) -> f32 {
    assert_eq!(found.len(), expected.len(), "rows of {what}");
    let pairs = found.iter().zip(expected);
    let cosines = pairs.map(|(found, expected)| {
        assert_eq!(found.len(), expected.len(), "numbers of {what}");
        cosine(found, expected)
    });
    cosines.fold(1.0, f32::min)
}

fn max_sim(query: &Rows, document: &Rows) -> f32 {
    let best = |row: &Vec<f32>| {
        document
            .iter()
            .map(|other| dot(row, other))
            .fold(f32::MIN, f32::max)
    };
    query.iter().map(best).sum()
}

/// Documents by falling score.
fn ranking(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

/// Equal rankings, but that what differs by less than the references' last digit has no order.
fn same_ranking(found: &[f32], expected: &[f32], what: &str) {
    let in_order = ranking(found).windows(2).all(|pair| {
        let (first, second) = (expected[pair[0]], expected[pair[1]]);
        first >= second - 1e-5 * first.abs().max(1.0)
    });
    assert!(in_order, "{what}: {found:?} against {expected:?}");
}

fn rows(embedding: &fathom_encoders::Embedding) -> Rows {
    let tokens = &embedding.tokens;
    (0..tokens.rows())
        .map(|row| tokens.row(row).to_vec())
        .collect()
}

/// Token matrices and rankings of a late-interaction model.
fn late_agrees(folder: &Path, reference: &Reference<Rows>) {
    let (mut encoder, texts) = (open(folder), texts());
    assert_eq!(encoder.profile().kind(), Kind::LateInteraction);
    let mut least: f32 = 1.0;
    let queries: Vec<Rows> = texts
        .queries
        .iter()
        .zip(&reference.queries)
        .map(|(text, expected)| {
            let found = rows(&encoder.encode_query(text).unwrap());
            least = least.min(agreement(&found, expected, text));
            found
        })
        .collect();
    let documents: Vec<Rows> = texts
        .documents
        .iter()
        .zip(&reference.documents)
        .map(|(text, expected)| {
            let found = rows(&encode_document(&mut encoder, text));
            least = least.min(agreement(&found, expected, text));
            found
        })
        .collect();
    assert!(least >= 0.9999, "{least} {:?}", reference.settings);
    for (at, query) in queries.iter().enumerate() {
        let found: Vec<f32> = documents.iter().map(|doc| max_sim(query, doc)).collect();
        let expected = &reference.documents;
        let expected: Vec<f32> = expected
            .iter()
            .map(|doc| max_sim(&reference.queries[at], doc))
            .collect();
        same_ranking(&found, &expected, &texts.queries[at]);
    }
}

/// Vectors and rankings of a dense model; references may be of the first texts only.
fn dense_agrees(profile: &Profile, reference: &Reference<Vec<f32>>) {
    let mut encoder = Encoder::open(profile, &EncoderOptions::default()).unwrap();
    let texts = texts();
    assert_eq!(profile.kind(), Kind::Dense);
    assert_eq!(profile.dense_dim(), reference.queries[0].len());
    let query = |(text, _): (&String, _)| encoder.encode_query(text).unwrap().dense;
    let queries: Rows = texts
        .queries
        .iter()
        .zip(&reference.queries)
        .map(query)
        .collect();
    let document = |(text, _): (&String, _)| encode_document(&mut encoder, text).dense;
    let documents: Rows = texts
        .documents
        .iter()
        .zip(&reference.documents)
        .map(document)
        .collect();
    let least = agreement(&queries, &reference.queries, "queries").min(agreement(
        &documents,
        &reference.documents,
        "documents",
    ));
    assert!(least >= 0.9999, "{least} {:?}", reference.settings);
    for vector in queries.iter().chain(&documents) {
        assert!((dot(vector, vector) - 1.0).abs() < 1e-4);
    }
    for (query, expected) in queries.iter().zip(&reference.queries) {
        let scores =
            |query: &[f32], of: &Rows| of.iter().map(|doc| dot(query, doc)).collect::<Vec<_>>();
        let found = scores(query, &documents);
        same_ranking(&found, &scores(expected, &reference.documents), "dense");
    }
}

#[test]
fn colbert_exports_give_what_pylate_gives() {
    for reference in read::<Vec<Reference<Rows>>>("colbert-export/reference.json") {
        let copy = changed("colbert-export", "onnx_config.json", |config| {
            for (key, value) in &reference.settings {
                config[key] = value.clone();
            }
        });
        late_agrees(copy.path(), &reference);
    }
}

#[test]
fn pylate_folders_give_what_pylate_gives() {
    for reference in read::<Vec<Reference<Rows>>>("pylate/reference.json") {
        let copy = changed("pylate", "config_sentence_transformers.json", |config| {
            for (key, value) in &reference.settings {
                config[key] = value.clone();
            }
        });
        late_agrees(copy.path(), &reference);
    }
}

#[test]
fn sentence_transformers_give_the_same_by_every_pooling() {
    for reference in read::<Vec<Reference<Vec<f32>>>>("sentence-bert/reference.json") {
        let wanted = match reference.settings["pooling_mode"].as_str().unwrap() {
            "mean" => "pooling_mode_mean_tokens",
            "cls" => "pooling_mode_cls_token",
            "max" => "pooling_mode_max_tokens",
            "lasttoken" => "pooling_mode_lasttoken",
            other => panic!("{other}"),
        };
        let copy = changed("sentence-bert", "1_Pooling/config.json", |config| {
            config["pooling_mode_mean_tokens"] = json!(false);
            config[wanted] = json!(true);
        });
        dense_agrees(&Profile::open(copy.path()).unwrap(), &reference);
    }
}

#[test]
fn task_prompts_and_dense_heads_are_as_in_sentence_transformers() {
    let references: Vec<Reference<Vec<f32>>> = read("gemma-modules/reference.json");
    let profile = Profile::open(&folder("gemma-modules")).unwrap();
    dense_agrees(&profile, &references[0]);
}

/// The settings of `embeddinggemma`, for a folder that does not tell them.
const GEMMA: &str = r#"
output = "sentence_embedding"
dim = 768
matryoshka = [768, 512, 256, 128]
query_prompt = "task: search result | query: "
document_prompt = "title: none | text: "
query_length = 48
document_length = 48
"#;

fn gemma_export() -> (tempfile::TempDir, Profile) {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&folder("gemma-onnx"), copy.path());
    fs::write(copy.path().join("profile.toml"), GEMMA).unwrap();
    let profile = Profile::open(copy.path()).unwrap();
    (copy, profile)
}

#[test]
fn graphs_with_data_beside_them_that_do_all_themselves() {
    let references: Vec<Reference<Vec<f32>>> = read("gemma-onnx/reference.json");
    let (_copy, profile) = gemma_export();
    dense_agrees(&profile, &references[0]);
}

#[test]
fn matryoshka_vectors_are_cut_and_normalised_again() {
    let (_copy, profile) = gemma_export();
    for reference in read::<Vec<Reference<Vec<f32>>>>("gemma-onnx/truncated.json") {
        let dim = reference.settings["truncate"].as_u64().unwrap() as usize;
        let cut = profile.truncated(dim).unwrap();
        assert_ne!(cut.id(), profile.id());
        assert!(cut.name().ends_with(&format!(":{dim}")));
        dense_agrees(&cut, &reference);
    }
    for (dim, why) in [
        (300, "can have 768, 512, 256, 128 numbers, not 300"),
        (0, "not 0"),
    ] {
        let error = profile.truncated(dim).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn cross_encoders_score_pairs_as_their_library_does() {
    let texts = texts();
    let documents: Vec<&str> = texts.documents.iter().map(String::as_str).collect();
    for name in ["cross-bert", "cross-bert-softmax", "cross-xlmr"] {
        let profile = Profile::open(&folder(name)).unwrap();
        assert_eq!(profile.kind(), Kind::CrossEncoder);
        let mut encoder = PairEncoder::open(&profile, &EncoderOptions::default()).unwrap();
        let expected: Scores = read(&format!("{name}/reference.json"));
        for (query, expected) in texts.queries.iter().zip(expected.scores) {
            let found = encoder.score(query, &documents).unwrap();
            for (PairScore { score, probability }, expected) in found.iter().zip(&expected) {
                assert!(
                    (score - expected).abs() < 1e-4,
                    "{name} {score} {expected} {query}"
                );
                assert!((0.0..=1.0).contains(probability));
            }
            let found: Vec<f32> = found.iter().map(|score| score.score).collect();
            same_ranking(&found, &expected, name);
        }
    }
}

/// Made by `training/fixtures/windows.py`.
#[derive(Deserialize)]
struct Windowed {
    length: usize,
    question: usize,
    overlap: usize,
    texts: Vec<String>,
    scores: Vec<Vec<f32>>,
}

#[test]
fn long_texts_are_read_in_windows_where_the_profile_says_so() {
    let expected: Windowed = read("cross-xlmr/windows.json");
    let Windowed {
        length,
        question,
        overlap,
        ..
    } = expected;
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(folder("cross-xlmr").join(file), copy.path().join(file)).unwrap();
    }
    let graph = "onnx/model.onnx";
    fs::create_dir(copy.path().join("onnx")).unwrap();
    fs::copy(folder("cross-xlmr").join(graph), copy.path().join(graph)).unwrap();
    let open = |question: usize| {
        let told = format!(
            "document_length = {length}\nquery_length = {question}\nwindow_overlap = {overlap}\n"
        );
        fs::write(copy.path().join("profile.toml"), told).unwrap();
        Profile::open(copy.path())
    };
    let error = open(length).unwrap_err().to_string();
    assert!(error.contains("twice the `query_length`"), "{error}");
    let profile = open(question).unwrap();
    let mut encoder = PairEncoder::open(&profile, &EncoderOptions::default()).unwrap();
    let long: Vec<&str> = expected.texts.iter().map(String::as_str).collect();
    for (query, expected) in texts().queries.iter().zip(expected.scores) {
        let found = encoder.score(query, &long).unwrap();
        assert_eq!(found.len(), expected.len());
        for ((found, expected), text) in found.iter().zip(&expected).zip(&long) {
            assert!(
                (found.score - expected).abs() < 1e-4,
                "{} {expected} {query} {text}",
                found.score
            );
        }
    }
}

#[test]
fn a_pair_of_models_gives_what_each_gives_alone() {
    let late = Profile::open(&folder("colbert-export")).unwrap();
    let dense = Profile::open(&folder("gemma-modules")).unwrap();
    let bundled = Profile::bundled();
    let alone = |profile: &Profile, text: &str| {
        let mut encoder = Encoder::open(profile, &EncoderOptions::default()).unwrap();
        let document = encoder.text().document("Store::read", text, 48);
        let document = encoder.encode_documents(&[document]).unwrap().remove(0);
        (encoder.encode_query(text).unwrap(), document)
    };
    let text = "fn read(&self) -> io::Result<Vec<u8>> {";
    for (first, second) in [(&late, &dense), (&late, &bundled), (&bundled, &dense)] {
        let pair = Profile::pair(first, second).unwrap();
        assert_eq!(pair.id(), format!("{}+{}", first.id(), second.id()));
        let dims = (pair.token_dim(), pair.dense_dim());
        assert_eq!(dims, (first.token_dim(), second.dense_dim()));
        let (both, one, other) = (alone(&pair, text), alone(first, text), alone(second, text));
        assert_eq!(both.0.tokens, one.0.tokens);
        assert_eq!(both.0.dense, other.0.dense);
        assert_eq!(both.1.tokens, one.1.tokens);
        assert_eq!(both.1.dense, other.1.dense);
    }
    let same = Profile::pair(&bundled, &bundled).unwrap();
    assert_eq!(same.id(), bundled.id());
    for (first, second, why) in [
        (
            &dense,
            &dense.truncated(256).unwrap(),
            "`gemma-modules` is of kind dense and gives no token vectors",
        ),
        (
            &bundled,
            &late,
            "`colbert-export` is of kind late-interaction and gives no dense vectors",
        ),
    ] {
        let error = Profile::pair(first, second).map_or_else(|e| e.to_string(), |_| String::new());
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn rules_for_queries_change_their_vectors() {
    for name in ["colbert-export", "pylate"] {
        let references: Vec<Reference<Rows>> = read(&format!("{name}/reference.json"));
        let of = |attend: bool| {
            let is_it = |r: &&Reference<Rows>| {
                r.settings.get("attend_to_expansion_tokens") == Some(&json!(attend))
            };
            &references.iter().find(is_it).unwrap().queries[1]
        };
        let least = agreement(of(true), of(false), name);
        assert!(least < 0.99, "{name} {least}");
    }
}
