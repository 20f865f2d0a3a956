//! How files are cut: a sample of each language, properties over arbitrary
//! bytes in every language, and input that is meant to hurt.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fathom_indexer::chunk::{ChunkOptions, ParsedFile, parse_file};
use fathom_indexer::language;
use proptest::prelude::*;

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Sizes at which a sample of thirty lines shows what a file of a thousand does.
fn small() -> ChunkOptions {
    ChunkOptions {
        max_tokens: 30,
        target_tokens: 16,
        min_tokens: 6,
        tiny_tokens: 3,
        ..ChunkOptions::default()
    }
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

fn outline(parsed: &ParsedFile, text: &str) -> String {
    let mut shown = String::new();
    writeln!(shown, "{} {:?}", parsed.language.name, parsed.note).unwrap();
    for chunk in &parsed.chunks {
        let (first, last) = chunk.lines;
        let part = if chunk.part { " (part)" } else { "" };
        writeln!(
            shown,
            "{first}-{last} {} {}{part}",
            chunk.kind, chunk.qualified_name
        )
        .unwrap();
        for (label, value) in [("signature", &chunk.signature), ("doc", &chunk.doc)] {
            if !value.is_empty() {
                writeln!(shown, "    {label}: {}", value.replace('\n', " / ")).unwrap();
            }
        }
    }
    writeln!(shown, "symbols").unwrap();
    for symbol in &parsed.symbols {
        let source = text.lines().nth(symbol.line as usize - 1).unwrap().trim();
        writeln!(
            shown,
            "    {} {} {}-{}: {source}",
            symbol.kind, symbol.qualified_name, symbol.line, symbol.end_line
        )
        .unwrap();
    }
    let references: Vec<String> = parsed
        .references
        .iter()
        .map(|r| format!("{}:{}", r.line, r.name))
        .collect();
    writeln!(shown, "references {}", references.join(" ")).unwrap();
    shown
}

#[test]
fn samples_are_cut_as_shown() {
    for file in samples() {
        let text = fs::read_to_string(&file).unwrap();
        let parsed = parse_file(name(&file).as_bytes(), text.as_bytes(), &words, &small());
        insta::assert_snapshot!(name(&file), outline(&parsed, &text));
    }
}

#[test]
fn every_grammar_has_a_sample() {
    let names: Vec<String> = samples().iter().map(|file| name(file)).collect();
    for language in language::all()
        .iter()
        .filter(|language| language.grammar.is_some())
    {
        assert!(
            names
                .iter()
                .any(|file| file.starts_with(&format!("{}.", language.name))),
            "{}",
            language.name
        );
    }
}

/// What holds for every file: chunks in order, disjoint, sliceable, within the
/// limit, and each line that is not blank in exactly one (or in several parts of its own).
fn check(parsed: &ParsedFile, bytes: &[u8], options: &ChunkOptions) -> Result<(), TestCaseError> {
    let mut at = 0usize;
    for chunk in &parsed.chunks {
        let range = chunk.bytes.start as usize..chunk.bytes.end as usize;
        prop_assert!(at <= range.start && range.start < range.end && range.end <= bytes.len());
        let between = &bytes[at..range.start];
        prop_assert!(
            between.iter().all(u8::is_ascii_whitespace),
            "lost: {:?}",
            String::from_utf8_lossy(between)
        );
        let line = bytes[..range.start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u32
            + 1;
        prop_assert_eq!(line, chunk.lines.0);
        let inside = bytes[range.clone()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u32;
        let complete = bytes[range.end - 1] == b'\n';
        prop_assert_eq!(line + inside - u32::from(complete), chunk.lines.1);
        let single = String::from_utf8_lossy(&bytes[range.clone()])
            .chars()
            .count()
            == 1;
        prop_assert!(chunk.tokens <= options.max_tokens || single);
        prop_assert!(chunk.signature.len() <= 300 && chunk.doc.len() <= 600);
        at = range.end;
    }
    prop_assert!(bytes[at..].iter().all(u8::is_ascii_whitespace));
    for symbol in &parsed.symbols {
        prop_assert!(
            1 <= symbol.line && symbol.line <= symbol.end_line && symbol.end_line <= parsed.lines
        );
    }
    Ok(())
}

/// A file name for each language.
fn names() -> Vec<String> {
    let name = |language: &&language::Language| match (
        language.extensions.first(),
        language.file_names.first(),
    ) {
        (Some(extension), _) => format!("file.{extension}"),
        (_, Some(file)) => (*file).to_string(),
        _ => "file".to_string(),
    };
    language::all().iter().map(name).collect()
}

/// Text in the manner of code: words, brackets, quotes, indentation, now and then a strange byte.
fn codelike() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-zA-Z_]{1,8}".prop_map(String::into_bytes),
        4 => "[ \t\n]{1,3}".prop_map(String::into_bytes),
        3 => "[(){}\\[\\]<>;:,.=#/*\"'`@$|&!-]{1,2}".prop_map(String::into_bytes),
        1 => Just(b"fn ".to_vec()), 1 => Just(b"def ".to_vec()), 1 => Just(b"class ".to_vec()),
        1 => Just(b"end\n".to_vec()), 1 => Just(b"/* ".to_vec()), 1 => Just(b"\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn any_bytes_in_any_language_are_covered(bytes in codelike(), pick in any::<prop::sample::Index>()) {
        let names = names();
        let parsed = parse_file(names[pick.index(names.len())].as_bytes(), &bytes, &words, &small());
        check(&parsed, &bytes, &small())?;
    }

    #[test]
    fn damaged_samples_are_covered(
        pick in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..6),
        max in 1usize..40,
    ) {
        let samples = samples();
        let file = &samples[pick.index(samples.len())];
        let mut bytes = fs::read(file).unwrap();
        let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
        bytes.splice(a.min(b)..a.max(b), noise);
        let options = ChunkOptions { max_tokens: max, ..small() };
        let parsed = parse_file(name(file).as_bytes(), &bytes, &words, &options);
        check(&parsed, &bytes, &options)?;
    }
}

#[test]
fn truncated_samples_are_covered() {
    for file in samples() {
        let bytes = fs::read(&file).unwrap();
        for end in (0..bytes.len()).step_by(17) {
            let parsed = parse_file(name(&file).as_bytes(), &bytes[..end], &words, &small());
            check(&parsed, &bytes[..end], &small()).unwrap();
        }
    }
}

/// Runs on a stack as large as a worker's.
fn on_worker<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(16 << 20)
            .spawn_scoped(scope, run)
            .unwrap();
        thread.join().unwrap()
    })
}

fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    [open.repeat(depth), middle.to_string(), close.repeat(depth)].concat()
}

/// File name, content, and the note that is expected ("" for none, "*" for whichever).
fn hostile() -> Vec<(&'static str, String, &'static str)> {
    let deep = 100_000;
    vec![
        ("parens.rs", nested("(", "x", ")", deep), "too-deep"),
        ("open.rs", "((((".repeat(deep), "too-deep"),
        ("lines.c", nested("{\n", "x;", "\n}", deep), "too-deep"),
        ("deep.json", nested("[", "1", "]", deep), "too-deep"),
        (
            "objects.json",
            nested("{\"a\":", "1", "}", deep),
            "too-deep",
        ),
        (
            "deep.html",
            nested("<div>", "x", "</div>", deep),
            "too-deep",
        ),
        ("deep.js", nested("${`", "x", "`}", deep), "too-deep"),
        (
            "templates.cpp",
            format!("a<{}", nested("b<", "int", ">", deep)),
            "*",
        ),
        ("comments.ml", nested("(*", "x", "*)", deep), "too-deep"),
        ("sum.py", format!("x = {}1\n", "1 + ".repeat(deep)), "*"),
        ("calls.js", format!("x{}\n", ".a()".repeat(deep)), "*"),
        ("assign.js", format!("{}1\n", "x = ".repeat(deep)), "*"),
        (
            "else.c",
            format!("void f() {{ {} }}\n", "if (a) b(); else ".repeat(20_000)),
            "*",
        ),
        (
            "arrows.hs",
            format!("f :: {}Int\n", "Int -> ".repeat(deep)),
            "*",
        ),
        (
            "unary.rs",
            format!("fn f() {{ {}x }}", "!".repeat(deep)),
            "*",
        ),
        ("quotes.md", format!("{}x\n", "> ".repeat(deep)), "*"),
        (
            "lists.md",
            (0..2000)
                .map(|n| format!("{}- x\n", "  ".repeat(n % 500)))
                .collect(),
            "*",
        ),
        (
            "indent.py",
            (0..900)
                .map(|n| format!("{}if x:\n", " ".repeat(n)))
                .collect(),
            "too-deep",
        ),
        (
            "indent.yaml",
            (0..900).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
            "too-deep",
        ),
        (
            "dashes.yaml",
            format!("{}x\n", "- ".repeat(deep)),
            "too-deep",
        ),
        (
            "heredocs.rb",
            format!("f({})\n", "<<A, ".repeat(1000)),
            "too-deep",
        ),
        (
            "heredoc.rb",
            format!("<<{}\n", "A".repeat(1000)),
            "too-deep",
        ),
        (
            "heredoc.php",
            format!("<?php\n$a = <<<{};\n", "A".repeat(1000)),
            "too-deep",
        ),
        ("tag.html", format!("<{}>\n", "a-b".repeat(1000)), "*"),
        (
            "raw.cpp",
            format!("auto x = R\"{}(\n", "A".repeat(1000)),
            "*",
        ),
        (
            "quoted.ml",
            format!("let x = {{{}|\n", "a".repeat(3000)),
            "*",
        ),
        (
            "dollar.sql",
            format!("SELECT ${}$\n", "a".repeat(3000)),
            "*",
        ),
        (
            "hashes.rs",
            format!("let x = r{}\"\n", "#".repeat(3000)),
            "*",
        ),
        ("fence.md", format!("{}\n", "`".repeat(3000)), "*"),
        (
            "elements.sql",
            format!("SELECT {}1;\n", "(a), ".repeat(deep)),
            "*",
        ),
        (
            "string.rb",
            format!("\"{}\n", "#{".repeat(deep)),
            "too-deep",
        ),
        ("here.sh", "cat <<A\n".repeat(20_000), "*"),
        ("words.txt", "word ".repeat(200_000), ""),
        ("blank.rs", "\n".repeat(1_000_000), ""),
        ("bytes.py", "\u{1}\u{7f}".repeat(deep), "*"),
        (
            "functions.go",
            (0..20_000).map(|n| format!("func f{n}() {{}}\n")).collect(),
            "*",
        ),
        ("rows.csv", "a,b,c\n".repeat(150_000), "*"),
    ]
}

#[test]
fn hostile_input_ends_in_time_with_a_reason() {
    for (file, content, expected) in hostile() {
        let start = Instant::now();
        let parsed = on_worker(|| {
            parse_file(
                file.as_bytes(),
                content.as_bytes(),
                &words,
                &ChunkOptions::default(),
            )
        });
        let took = start.elapsed();
        let note = parsed.note.clone().unwrap_or_default();
        assert!(took < Duration::from_secs(10), "{file}: {took:?}");
        assert!(parsed.chunks.len() <= 2000, "{file}");
        assert!(
            expected == "*"
                || (expected.is_empty() && note.is_empty())
                || note.starts_with(expected),
            "{file}: {note}"
        );
        if !note.contains("too-many-chunks") && !note.contains("too-large") {
            check(&parsed, content.as_bytes(), &ChunkOptions::default()).unwrap();
        }
    }
}

#[test]
fn a_line_of_fifty_megabytes_costs_a_bounded_amount() {
    let content = "x y".repeat(50 << 20).into_bytes();
    let start = Instant::now();
    let parsed = parse_file(b"line.js", &content, &words, &ChunkOptions::default());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert!(parsed.note.is_some_and(|note| note.contains("too-large")));
    assert!(parsed.chunks.len() <= 2000);
}
