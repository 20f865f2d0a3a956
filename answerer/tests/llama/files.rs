//! Files that are not what they should be.

use std::io::Write;

use fathom_answerer::reader::{LlamaOptions, LlamaReader, Override, Reader, ReaderError};
use tempfile::NamedTempFile;

use super::common::{ask, fixture, options, pieces, question};

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file.flush().unwrap();
    file
}

/// The fixture with another letter in one word of its vocabulary.
pub fn with_metadata_byte_changed() -> NamedTempFile {
    let mut bytes = std::fs::read(fixture()).unwrap();
    // A word as the token list stores it: its length, then its bytes.
    let word = [&5_u64.to_le_bytes()[..], b"const"].concat();
    let at = bytes
        .windows(word.len())
        .position(|window| window == word)
        .unwrap();
    bytes[at + word.len() - 1] = b'x';
    file(&bytes)
}

fn refused(path: &std::path::Path) -> ReaderError {
    let options = LlamaOptions {
        model: path.to_owned(),
        ..options()
    };
    LlamaReader::open(&options).err().expect("refused")
}

#[test]
fn a_missing_file_is_named() {
    let error = refused(std::path::Path::new("/no/such/model.gguf"));
    insta::assert_snapshot!(error, @"`/no/such/model.gguf` is not a file; give the path of a GGUF file or the name of a model");
}

#[test]
fn another_kind_of_file_is_named() {
    let html = file(b"<!DOCTYPE html><title>Not found</title>");
    let error = refused(html.path()).to_string();
    assert!(
        error.contains(r#"is not a GGUF file (it begins with "<!DOCTYP")"#),
        "{error}"
    );
    assert!(matches!(
        refused(file(b"").path()),
        ReaderError::NotGguf { .. }
    ));
}

#[test]
fn a_damaged_file_is_an_error_that_says_why() {
    let bytes = std::fs::read(fixture()).unwrap();
    for length in [4, 20, 200, 5000, bytes.len() / 2, bytes.len() - 1] {
        let error = refused(file(&bytes[..length]).path());
        assert!(
            matches!(&error, ReaderError::Load { .. }),
            "{length}: {error}"
        );
        assert!(
            !error.to_string().contains("gave no reason"),
            "{length}: {error}"
        );
    }
    let mut counts = bytes;
    counts[8..24].fill(0xff);
    assert!(matches!(
        refused(file(&counts).path()),
        ReaderError::Load { .. }
    ));
}

#[test]
fn an_adapter_that_is_none_is_refused() {
    let with = |path: std::path::PathBuf| {
        let options = LlamaOptions {
            adapters: vec![(path, 1.0)],
            ..options()
        };
        LlamaReader::open(&options).err().expect("refused")
    };
    assert!(matches!(
        with("/no/such/adapter.gguf".into()),
        ReaderError::NotAFile { .. }
    ));
    // A model is no adapter.
    assert!(matches!(with(fixture()), ReaderError::Adapter { .. }));
}

#[test]
fn overrides_reach_the_model() {
    let with = |text: &str| {
        let overrides = vec![text.parse::<Override>().unwrap()];
        LlamaReader::open(&LlamaOptions {
            overrides,
            ..options()
        })
    };
    let short = with("qwen2.context_length=int:512").unwrap();
    assert_eq!(Reader::context(&short), 512);
    // A wrong number of layers: tensors are missing.
    assert!(with("qwen2.block_count=int:9").is_err());
    assert!(matches!(
        with(&format!("{}=int:1", "k".repeat(128))),
        Err(ReaderError::Override(_))
    ));
}

#[test]
fn an_adapter_changes_the_answer_by_its_scale() {
    let messages = question(&pieces()[..2]);
    let answer = |scale: Option<f32>| {
        let adapter = fixture().with_file_name("adapter-tiny.gguf");
        let adapters = scale.map(|scale| (adapter, scale)).into_iter().collect();
        let mut reader = LlamaReader::open(&LlamaOptions {
            adapters,
            ..options()
        })
        .unwrap();
        ask(&mut reader, &messages, 30).text
    };
    assert_eq!(answer(Some(0.0)), answer(None));
    assert_ne!(answer(Some(1.0)), answer(None));
}
