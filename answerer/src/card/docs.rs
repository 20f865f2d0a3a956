//! The doc comment of a definition, from the text around it.

use super::Subject;

/// Lines of a doc comment that are kept.
const LINES: usize = 30;

/// The comment above the definition, or the docstring below its head.
pub(super) fn doc(text: &[u8], subject: &Subject) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    let first = (subject.place.start_line as usize).saturating_sub(1);
    if subject.name.is_empty() || first >= lines.len() {
        return String::new();
    }
    let doc = match subject.language.as_str() {
        "python" => docstring(&lines, first, subject.place.end_line as usize),
        _ => String::new(),
    };
    match doc.is_empty() {
        true => above(&lines, first),
        false => doc,
    }
}

/// The comment that ends right above a line, without attributes in between.
fn above(lines: &[&str], first: usize) -> String {
    let mut from = first;
    while from > 0 && is_attribute(lines[from - 1]) {
        from -= 1;
    }
    let end = from;
    while from > 0 && end - from < LINES && is_comment(lines[from - 1]) {
        from -= 1;
    }
    let kept = lines[from..end].iter().map(|line| strip(line));
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn is_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[") || (line.starts_with('@') && line.len() > 1)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    let signs = ["//", "/*", "*", "# ", "##", "-- ", "---", ";;", "%%", "(*"];
    let inner = line.starts_with("//!") || line.starts_with("#!");
    line == "#" || (!inner && signs.iter().any(|sign| line.starts_with(sign)))
}

fn strip(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_suffix("*/").unwrap_or(line).trim_end();
    let signs = [
        "///", "//", "/**", "/*", "* ", "*", "##", "# ", "#", "---", "-- ", "--", ";;", "%%",
    ];
    let sign = signs.iter().find(|sign| line.starts_with(**sign));
    let rest = &line[sign.map_or(0, |sign| sign.len())..];
    rest.strip_prefix(' ').unwrap_or(rest)
}

/// The first string in the body of a Python definition.
fn docstring(lines: &[&str], first: usize, end: usize) -> String {
    let body = lines.get(first..end.min(lines.len())).unwrap_or_default();
    let Some(head) = body.iter().position(|line| line.trim_end().ends_with(':')) else {
        return String::new();
    };
    let Some(open) = body.get(head + 1).map(|line| line.trim_start()) else {
        return String::new();
    };
    let open = open.trim_start_matches(['r', 'R']);
    let Some(quote) = ["\"\"\"", "'''"].iter().find(|q| open.starts_with(**q)) else {
        return String::new();
    };
    let mut doc = Vec::new();
    let rest = body[head + 2..].iter().map(|line| line.trim());
    for line in std::iter::once(&open[quote.len()..])
        .chain(rest)
        .take(LINES)
    {
        if let Some(at) = line.find(quote) {
            doc.push(line[..at].trim_end());
            break;
        }
        doc.push(line);
    }
    doc.join("\n").trim().to_owned()
}
