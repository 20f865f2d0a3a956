//! Shows how files are cut: `chunks FILE…` prints each chunk, `chunks --tree FILE…`
//! the syntax tree, `chunks --stats DIR` the distribution of sizes per language.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use fathom_indexer::chunk::{Chunk, ChunkOptions, ParsedFile, parse_file};
use fathom_indexer::language;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--tree") => arguments[1..].iter().try_for_each(|file| tree(file)),
        Some("--stats") => arguments[1..]
            .iter()
            .try_for_each(|dir| stats(Path::new(dir))),
        _ => arguments.iter().try_for_each(|file| show(file)),
    }
}

/// About what the bundled model's tokenizer gives: words in pieces of six letters, no punctuation.
fn count(text: &str) -> usize {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.len().div_ceil(6))
        .sum()
}

fn parse(file: &Path) -> std::io::Result<ParsedFile> {
    let bytes = std::fs::read(file)?;
    Ok(parse_file(
        file.as_os_str().as_bytes(),
        &bytes,
        &count,
        &ChunkOptions::default(),
    ))
}

fn tree(file: &str) -> std::io::Result<()> {
    let bytes = std::fs::read(file)?;
    let Some(grammar) =
        language::detect(file.as_bytes(), &bytes).and_then(|language| language.grammar)
    else {
        println!("{file}: no grammar");
        return Ok(());
    };
    let mut parser = tree_sitter::Parser::new();
    parser
        .set_language(&grammar())
        .map_err(std::io::Error::other)?;
    let Some(tree) = parser.parse(&bytes, None) else {
        return Ok(());
    };
    let mut cursor = tree.walk();
    let mut depth = 0usize;
    loop {
        let node = cursor.node();
        if node.is_named() {
            let field = cursor
                .field_name()
                .map(|field| format!("{field}: "))
                .unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[node.byte_range()]).into_owned();
            let text: String = text.lines().next().unwrap_or("").chars().take(50).collect();
            println!(
                "{}{field}{} {} `{text}`",
                "  ".repeat(depth),
                node.kind(),
                node.start_position().row + 1
            );
        }
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(());
            }
            depth -= 1;
        }
    }
}

fn show(file: &str) -> std::io::Result<()> {
    let parsed = parse(Path::new(file))?;
    println!(
        "== {file}: {} lines, {}, note {:?}",
        parsed.lines, parsed.language.name, parsed.note
    );
    for chunk in &parsed.chunks {
        println!("{}", line(chunk));
    }
    if std::env::var_os("SYMBOLS").is_some() {
        for symbol in &parsed.symbols {
            println!(
                "  {}-{} {} {} | {}",
                symbol.line, symbol.end_line, symbol.kind, symbol.qualified_name, symbol.signature
            );
        }
        let names: Vec<String> = parsed
            .references
            .iter()
            .map(|r| format!("{}:{}", r.line, r.name))
            .collect();
        println!("  refs {}", names.join(" "));
    }
    Ok(())
}

fn line(chunk: &Chunk) -> String {
    let doc: String = chunk.doc.replace('\n', " ").chars().take(40).collect();
    let signature: String = chunk.signature.chars().take(80).collect();
    let part = if chunk.part { "+" } else { " " };
    let (first, last) = chunk.lines;
    format!(
        "{first:>5}-{last:<5}{:>4}t{part} {:<9} {} | {signature} | {doc}",
        chunk.tokens,
        chunk.kind.as_str(),
        chunk.qualified_name
    )
}

#[derive(Default)]
struct Sizes {
    files: usize,
    bytes: u64,
    tokens: Vec<usize>,
    unnamed: usize,
    parts: usize,
    symbols: usize,
    references: usize,
    notes: usize,
    seconds: f64,
}

fn stats(dir: &Path) -> std::io::Result<()> {
    let mut languages: BTreeMap<&str, Sizes> = BTreeMap::new();
    for entry in ignore::WalkBuilder::new(dir)
        .build()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let start = std::time::Instant::now();
        let Ok(parsed) = parse(entry.path()) else {
            continue;
        };
        let sizes = languages.entry(parsed.language.name).or_default();
        sizes.seconds += start.elapsed().as_secs_f64();
        sizes.files += 1;
        sizes.bytes += entry.metadata().map_or(0, |meta| meta.len());
        sizes.unnamed += parsed
            .chunks
            .iter()
            .filter(|chunk| chunk.name.is_empty())
            .count();
        sizes.parts += parsed.chunks.iter().filter(|chunk| chunk.part).count();
        sizes
            .tokens
            .extend(parsed.chunks.iter().map(|chunk| chunk.tokens));
        sizes.symbols += parsed.symbols.len();
        sizes.references += parsed.references.len();
        sizes.notes += usize::from(parsed.note.is_some());
    }
    println!(
        "language         files    MB chunks   p10  p25  p50  p75  p90  <15 unnamed parts symbols    refs notes    s"
    );
    for (name, mut sizes) in languages {
        sizes.tokens.sort_unstable();
        let at = |share: f64| {
            sizes
                .tokens
                .get((sizes.tokens.len() as f64 * share) as usize)
                .copied()
                .unwrap_or(0)
        };
        let small = sizes.tokens.iter().filter(|tokens| **tokens < 15).count();
        println!(
            "{name:<16} {:>5} {:>5.2} {:>6} {:>5} {:>4} {:>4} {:>4} {:>4} {small:>4} {:>7} {:>5} {:>7} {:>7} {:>5} {:.2}",
            sizes.files,
            sizes.bytes as f64 / 1e6,
            sizes.tokens.len(),
            at(0.1),
            at(0.25),
            at(0.5),
            at(0.75),
            at(0.9),
            sizes.unnamed,
            sizes.parts,
            sizes.symbols,
            sizes.references,
            sizes.notes,
            sizes.seconds,
        );
    }
    Ok(())
}
