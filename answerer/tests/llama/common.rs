//! A reader and questions for it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use fathom_answerer::lookup::{CostCurve, Sampling};
use fathom_answerer::reader::{
    Completion, Drafting, LlamaOptions, LlamaReader, Message, Reader, Request, Role,
};

/// The model that quotes what it is shown.
pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reader-tiny.gguf")
}

pub fn options() -> LlamaOptions {
    LlamaOptions {
        threads: Some(1),
        context: 4096,
        ..LlamaOptions::new(fixture())
    }
}

/// A reader whose drafts are as long as they can be: passes cost nothing.
pub fn reader(lookup: Drafting) -> LlamaReader {
    let mut reader = LlamaReader::open(&LlamaOptions {
        lookup,
        ..options()
    })
    .unwrap();
    reader.set_costs(free());
    reader
}

pub fn free() -> CostCurve {
    CostCurve::measured(&[(1, 1.0), (64, 1.1)]).unwrap()
}

pub fn message(role: Role, content: impl Into<String>) -> Message {
    Message {
        role,
        content: content.into(),
    }
}

/// Pieces of code: files of this repository as they once were, so that the
/// answers to them stay.
pub fn pieces() -> Vec<(String, String)> {
    let sources = [
        ("src/cost.rs", include_str!("../fixtures/code/cost.rs.txt")),
        (
            "src/ngrams.rs",
            include_str!("../fixtures/code/ngrams.rs.txt"),
        ),
        (
            "src/decode.rs",
            include_str!("../fixtures/code/decode.rs.txt"),
        ),
        ("src/text.rs", include_str!("../fixtures/code/text.rs.txt")),
    ];
    let piece = |path: &str, first: usize, lines: &[&str]| {
        let last = first + lines.len() - 1;
        (format!("{path}:{first}-{last}"), lines.join("\n"))
    };
    let split = |(path, text): (&str, &str)| -> Vec<(String, String)> {
        let lines: Vec<&str> = text.lines().collect();
        let numbered = lines.chunks(5).enumerate();
        numbered
            .map(|(index, lines)| piece(path, index * 5 + 1, lines))
            .collect()
    };
    sources.into_iter().flat_map(split).collect()
}

/// A conversation that shows some pieces and asks for one.
pub fn question(pieces: &[(String, String)]) -> Vec<Message> {
    let shown: Vec<String> = (1..)
        .zip(pieces)
        .map(|(number, (label, code))| format!("[{number}] {label}\n```rust\n{code}\n```\n"))
        .collect();
    let code = &pieces[pieces.len() / 2].1;
    let mut names = code.rsplit(|c: char| !c.is_alphanumeric() && c != '_');
    let name = names.find(|name| name.len() > 3).unwrap_or("this");
    vec![
        message(
            Role::System,
            "Answer from the sources. Quote and cite them.",
        ),
        message(
            Role::User,
            format!("{}\nWhere is `{name}`?", shown.join("\n")),
        ),
    ]
}

/// Asks with everything at its default, for at most `max_tokens`.
pub fn ask(reader: &mut LlamaReader, messages: &[Message], max_tokens: usize) -> Completion {
    ask_with(reader, messages, max_tokens, Sampling::GREEDY)
}

pub fn ask_with(
    reader: &mut LlamaReader,
    messages: &[Message],
    max_tokens: usize,
    sampling: Sampling,
) -> Completion {
    let mut streamed = String::new();
    let cancel = AtomicBool::new(false);
    let request = Request {
        messages,
        quotable: &[],
        sampling,
        max_tokens,
        stop: &[],
        deadline: None,
        cancel: &cancel,
    };
    let completion = reader
        .read(&request, &mut |piece| {
            streamed.push_str(piece);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(streamed, completion.text);
    completion
}
