//! What is said about a definition: its signature and its doc comment.

use fathom_indexes::ChunkKind::{self, Function, Method};
use tree_sitter::Node;

use crate::language::{Language, child, first_children};

/// Longest signature kept, in bytes.
const MAX_SIGNATURE: usize = 300;
/// Longest doc comment kept, in bytes.
const MAX_DOC: usize = 600;

/// What a line holds when it holds nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    None,
    /// A comment, which documents the definition below it.
    Comment,
    /// An attribute or annotation of the definition below it.
    Attribute,
    /// A comment about the file or module it stands in.
    Inner,
}

/// What a comment or leading node makes of its lines.
pub(crate) fn lead(language: &Language, content: &str, comment: bool) -> Option<Lead> {
    if comment {
        let inner =
            content.starts_with("//!") || content.starts_with("/*!") && language.name == "rust";
        return Some(if inner { Lead::Inner } else { Lead::Comment });
    }
    match language.name {
        // `-x` and `!x` are operators too; only `@doc …` and the like lead.
        "elixir" if content.starts_with("@moduledoc") => Some(Lead::Inner),
        "elixir" if content.starts_with("@doc") => Some(Lead::Comment),
        "elixir" => content.starts_with('@').then_some(Lead::Attribute),
        "julia" => content.starts_with('"').then_some(Lead::Comment),
        _ => Some(Lead::Attribute),
    }
}

const BODIES: [&str; 6] = [
    "block",
    "do_block",
    "statement_block",
    "declaration_list",
    "compound_statement",
    "structure",
];

/// The body of a definition: behind a field of that name, inside the value it
/// is given, or a child that is a block.
fn body<'t>(node: Node<'t>) -> Option<Node<'t>> {
    if let Some(body) = node.child_by_field_name("body") {
        return Some(body);
    }
    let value = node
        .child_by_field_name("value")
        .or_else(|| node.child_by_field_name("right"));
    if let Some(body) = value.and_then(|value| value.child_by_field_name("body")) {
        return Some(body);
    }
    first_children(node)
        .find(|child| BODIES.contains(&child.kind()) || child.kind().ends_with("_body"))
}

/// Where the part of a definition before its body ends.
pub(crate) fn head_end(node: Node) -> usize {
    // One byte more, so that `() {` can be told from `()`.
    body(node).map_or(node.end_byte(), |body| {
        body.start_byte().max(node.start_byte()) + 1
    })
}

/// The declaration up to its body on one line, at most [`MAX_SIGNATURE`] bytes.
/// Without a body: the whole of a function, the first line of anything else.
pub(crate) fn signature(node: Node, start: usize, kind: ChunkKind, text: &str) -> String {
    let whole = text.get(start..node.end_byte()).unwrap_or("");
    let head = match body(node) {
        Some(body) => text
            .get(start..first_comment(node).min(body.start_byte()))
            .unwrap_or(""),
        None if matches!(kind, Function | Method) => {
            let end = child(node, &["signature"]).map_or(node.end_byte(), |head| head.end_byte());
            text.get(start..end).unwrap_or("")
        }
        None => whole.lines().next().unwrap_or(""),
    };
    // A body that begins on the first line of a definition (`x = {`) leaves nothing.
    let head = if head.trim().is_empty() {
        whole.lines().next().unwrap_or("")
    } else {
        head
    };
    short(head)
}

/// A declaration on one line, without what opens its body and without conditional compilation.
pub(crate) fn short(head: &str) -> String {
    let conditional = |line: &&str| {
        !["#if", "#else", "#endif", "#pragma", "#region"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
    };
    let line = one_line(
        truncate(head, 4 * MAX_SIGNATURE)
            .lines()
            .filter(conditional),
    );
    let line = line
        .trim_end_matches(['{', ':', ' ', ',', ';', '('])
        .trim_end_matches(" =>")
        .trim_end_matches(" =")
        .trim_end_matches(" where");
    truncate(line, MAX_SIGNATURE).trim_end().to_string()
}

/// Where a comment between the declaration and its body begins.
fn first_comment(node: Node) -> usize {
    let comment = first_children(node).find(|child| child.kind().contains("comment"));
    comment.map_or(usize::MAX, |comment| comment.start_byte())
}

fn one_line<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `limit` bytes, cut at a character boundary.
pub(crate) fn truncate(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Adds one line of a comment without its markers.
pub(crate) fn push_doc(doc: &mut String, line: &str) {
    if doc.len() > MAX_DOC {
        return;
    }
    let line = line.trim();
    if line.starts_with("#!") || line.starts_with("{-#") {
        return;
    }
    let line = ["@moduledoc", "@doc", "@typedoc"]
        .iter()
        .fold(line, |line, mark| line.strip_prefix(mark).unwrap_or(line));
    let line = line.trim_start_matches(['/', '!', '*', '#', ' ', '\t', '"', '%']);
    let line = [
        "-- |", "--- ", "-- ", "--", "{-|", "{-", "(**", "(*", ";;", "~S\"\"\"", "'''",
    ]
    .iter()
    .find_map(|mark| line.strip_prefix(mark))
    .unwrap_or(line);
    let line = ["*/", "*)", "-}", "\"\"\"", "'''", "-->"]
        .iter()
        .fold(line, |line, mark| line.strip_suffix(mark).unwrap_or(line));
    let line = without_tags(line.trim()).trim_end_matches('"');
    if !line.is_empty() && line != "false" {
        doc.push_str(line);
        doc.push('\n');
    }
}

/// Without the XML elements that begin and end a line (`<summary>…</summary>`).
fn without_tags(line: &str) -> &str {
    let line = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((_, rest)) => rest,
        None => line,
    };
    match line.rsplit_once("</") {
        Some((before, tag)) if tag.ends_with('>') => before.trim(),
        _ => line.trim(),
    }
}

/// Cut to [`MAX_DOC`] bytes, without the last line break.
pub(crate) fn trim_doc(doc: String) -> String {
    truncate(&doc, MAX_DOC).trim_end().to_string()
}

/// Where a string is the first statement of the body (Python).
pub(crate) fn docstring_at(node: Node) -> Option<std::ops::Range<usize>> {
    let first = body(node)?
        .named_child(0)
        .filter(|first| first.kind() == "expression_statement");
    let string = first?
        .named_child(0)
        .filter(|string| string.kind() == "string");
    Some(string?.byte_range())
}

/// What that string says.
pub(crate) fn docstring(node: Node, text: &str) -> String {
    let mut doc = String::new();
    if let Some(content) = docstring_at(node).and_then(|bytes| text.get(bytes)) {
        let content = content
            .trim_start_matches(['r', 'b', 'u', 'R'])
            .trim_matches(['"', '\'']);
        truncate(content, 2 * MAX_DOC)
            .lines()
            .for_each(|line| push_doc(&mut doc, line));
    }
    trim_doc(doc)
}
