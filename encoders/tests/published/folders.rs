//! What is made of a folder: rules, identity, and refusals with their reason.

use std::fs;
use std::path::Path;

use fathom_encoders::{Document, Encoder, EncoderOptions, Profile, TextEncoder};
use serde_json::{Value, json};

use super::{changed, folder, open};

/// A folder as the hub's cache has them: links to files in another.
fn linked(from: &Path, to: &Path, blobs: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name())
        };
        if path.is_dir() {
            linked(&path, &to.join(name), blobs);
            continue;
        }
        let hash = blake3_of(&path);
        fs::create_dir_all(blobs).unwrap();
        fs::copy(&path, blobs.join(&hash)).unwrap();
        std::os::unix::fs::symlink(blobs.join(&hash), to.join(name)).unwrap();
    }
}

fn blake3_of(path: &Path) -> String {
    blake3::hash(&fs::read(path).unwrap()).to_hex().to_string()
}

#[test]
fn links_of_a_cache_lead_to_the_same_model() {
    let cache = tempfile::tempdir().unwrap();
    let snapshot = cache.path().join("snapshots/1/gemma-modules");
    linked(
        &folder("gemma-modules"),
        &snapshot,
        &cache.path().join("blobs"),
    );
    let embedding = |path: &Path| open(path).encode_query("where is the lock taken").unwrap();
    assert_eq!(embedding(&snapshot), embedding(&folder("gemma-modules")));
    let id = |path: &Path| Profile::open(path).unwrap().id().to_owned();
    assert_eq!(id(&snapshot), id(&folder("gemma-modules")));
}

#[test]
fn headers_take_no_room_from_the_body() {
    let text = TextEncoder::open(&Profile::open(&folder("colbert-export")).unwrap()).unwrap();
    let room = text.max_document_tokens();
    assert_eq!(room, 40 - 3);
    let word = |n: usize| "lock ".repeat(n).trim_end().to_owned();
    for (header, body, most, cut) in [
        ("Store::read", word(1), 48, 0),
        // The first word is two tokens, those behind a space are one.
        ("Store::read", word(room - 1), 48, 0),
        ("Store::read", word(room + 3), 48, 4),
        ("Store::read", word(1), 0, 0),
    ] {
        let document = text.document(header, &body, most);
        assert_eq!(document.cut, cut, "{body}");
        let alone = text.document("", &body, 0);
        let grew = document.ids.len() > alone.ids.len();
        assert_eq!(grew, most > 0 && body == "lock", "{body}");
    }
}

#[test]
fn text_that_spells_a_special_token_is_text() {
    for name in ["colbert-export", "pylate", "sentence-bert"] {
        let text = TextEncoder::open(&Profile::open(&folder(name)).unwrap()).unwrap();
        let plain = text.document("", "", 0).ids;
        let ids = text.ids("[SEP] [CLS] [MASK]");
        assert!(ids.iter().all(|id| !plain.contains(id)), "{name} {ids:?}");
    }
}

#[test]
fn ids_tell_weights_and_rules_apart_and_not_places() {
    let profile = Profile::open(&folder("pylate")).unwrap();
    let id = |profile: &Profile| profile.id().split_once('@').unwrap().1.to_owned();
    let same = changed("pylate", "config.json", |_| {});
    assert_eq!(id(&Profile::open(same.path()).unwrap()), id(&profile));
    let file = "config_sentence_transformers.json";
    let other = changed("pylate", file, |config| config["query_length"] = json!(21));
    assert_ne!(id(&Profile::open(other.path()).unwrap()), id(&profile));
    let mut weights = fs::read(same.path().join("onnx/model.onnx")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    fs::write(same.path().join("onnx/model.onnx"), weights).unwrap();
    assert_ne!(id(&Profile::open(same.path()).unwrap()), id(&profile));
    let noted = Profile::open_as("pylate", &folder("pylate"), &|_| Some("5".repeat(64))).unwrap();
    assert_ne!(noted.id(), profile.id());
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let without = |name: &str, file: &str| {
        let copy = changed(name, "config.json", |_| {});
        fs::remove_file(copy.path().join(file)).unwrap();
        Profile::open(copy.path()).unwrap_err().to_string()
    };
    let with = |name: &str, file: &str, change: &dyn Fn(&mut Value)| {
        let copy = changed(name, file, change);
        let opened = Profile::open(copy.path())
            .and_then(|profile| Encoder::open(&profile, &EncoderOptions::default()));
        opened
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let empty = tempfile::tempdir().unwrap();
    let nothing = Profile::open(empty.path()).unwrap_err().to_string();
    for (error, part) in [
        (nothing, "no published layout is recognised"),
        (without("pylate", "onnx/model.onnx"), "export it first"),
        (
            without("pylate", "tokenizer.json"),
            "`tokenizer.json` is missing",
        ),
        (
            without("cross-bert", "config.json"),
            "none of `onnx_config.json`, `modules.json` and `config.json`",
        ),
        (
            with("pylate", "config_sentence_transformers.json", &|config| {
                config["query_prefix"] = json!("[nowhere]");
            }),
            "`[nowhere]` is no piece of its vocabulary",
        ),
        (
            with("pylate", "config_sentence_transformers.json", &|config| {
                config["document_length"] = json!(3);
            }),
            "3 tokens have no room for text",
        ),
        (
            with("pylate", "modules.json", &|modules| {
                modules[1]["path"] = json!("../1_Dense");
            }),
            "outside of the folder",
        ),
        (
            with("pylate", "modules.json", &|modules| {
                modules[1]["type"] = json!("somewhere.Unheard");
            }),
            "module `somewhere.Unheard` is not known",
        ),
        (
            with("sentence-bert", "1_Pooling/config.json", &|config| {
                config["pooling_mode_max_tokens"] = json!(true);
            }),
            "only one of mean",
        ),
        (
            with("gemma-modules", "2_Dense/config.json", &|config| {
                config["activation_function"] = json!("torch.nn.Mish");
            }),
            "activation `torch.nn.Mish` is not known",
        ),
        (
            with("cross-bert", "config.json", &|_| {}),
            "is of kind cross-encoder and gives no vectors",
        ),
    ] {
        assert!(error.contains(part), "{error}\n  has not: {part}");
    }
}

#[test]
fn a_wrong_dimension_is_found_before_anything_is_stored() {
    let copy = changed("colbert-export", "onnx_config.json", |config| {
        config["embedding_dim"] = json!(128);
    });
    let mut encoder = open(copy.path());
    let error = encoder
        .encode_documents(&[Document::new(vec![1, 2], 0)])
        .unwrap_err();
    let told = "vectors have 16 numbers, not 128";
    assert!(error.to_string().contains(told), "{error}");
}
