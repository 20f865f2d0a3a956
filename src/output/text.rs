//! Results for people: a head with `path:line`, then the lines that matter.

use std::io::{self, Write};

use fathom_indexer::current::State;

use super::excerpt::{self, Amount};
use super::highlight::Highlighter;
use super::style::Paint;
use super::{Answer, Item, escape};

/// How to show results.
pub struct TextOptions {
    /// Colours.
    pub paint: Paint,
    /// How many lines of each.
    pub amount: Amount,
    /// Whether to show the parts of each score.
    pub explain: bool,
}

/// Writes all results, with an empty line between them.
pub fn write(
    out: &mut dyn Write,
    answer: &Answer,
    asked: &Highlighter,
    options: &TextOptions,
) -> io::Result<()> {
    for (i, item) in answer.results.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        write_item(out, item, asked, options)?;
    }
    Ok(())
}

/// Writes each file once, in the order of its best result.
pub fn write_files(out: &mut dyn Write, answer: &Answer, to_terminal: bool) -> io::Result<()> {
    let mut seen = std::collections::HashSet::new();
    for item in &answer.results {
        if !seen.insert(&item.path) {
            continue;
        }
        // Another program gets the exact bytes of the name, so that it can open the file.
        if to_terminal {
            writeln!(out, "{}", escape::path(&item.path))?;
        } else {
            out.write_all(&item.path)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Writes one result.
pub fn write_item(
    out: &mut dyn Write,
    item: &Item,
    asked: &Highlighter,
    options: &TextOptions,
) -> io::Result<()> {
    let paint = options.paint;
    writeln!(out, "{}", head(item, paint))?;
    if options.explain {
        writeln!(out, "  {}", paint.faint(explanation(item)))?;
    }
    write_lines(out, item, asked, options)
}

/// `path:first-last  kind name  score confidence`
fn head(item: &Item, paint: Paint) -> String {
    let what = match item.name.as_str() {
        "" => paint.faint(item.kind),
        name => {
            let name = escape::path(name.as_bytes());
            format!("{} {}", paint.faint(item.kind), paint.name(name))
        }
    };
    format!(
        "{}:{}  {}  {}{}",
        paint.path(escape::path(&item.path)),
        paint.line(lines_of(item)),
        what,
        paint.faint(format_args!("{:.2} {}", item.score, item.confidence)),
        state_of(item, paint),
    )
}

/// What has become of it since it was indexed; nothing if it is as it was.
fn state_of(item: &Item, paint: Paint) -> String {
    let state = match item.state {
        State::Unchanged => return String::new(),
        State::Moved { line } => format!("now in line {line}"),
        State::Changed => "changed since it was indexed".to_owned(),
        State::Gone => "gone since it was indexed".to_owned(),
    };
    format!("  {}", paint.doubtful(state))
}

fn lines_of(item: &Item) -> String {
    if item.start_line == item.end_line {
        item.start_line.to_string()
    } else {
        format!("{}-{}", item.start_line, item.end_line)
    }
}

fn explanation(item: &Item) -> String {
    let parts: Vec<String> = item
        .scores
        .iter()
        .map(|(name, score)| format!("{name} {score:+.3}"))
        .collect();
    parts.join("  ")
}

fn write_lines(
    out: &mut dyn Write,
    item: &Item,
    asked: &Highlighter,
    options: &TextOptions,
) -> io::Result<()> {
    let paint = options.paint;
    let lines = excerpt::lines(item, asked, options.amount);
    let width = lines
        .last()
        .map_or(1, |line| line.number.to_string().len())
        .max(3);
    let mut previous = None;
    for line in &lines {
        if previous.is_some_and(|number| number + 1 != line.number) {
            writeln!(out, "{:>width$} {}", "", paint.faint("⋮"))?;
        }
        previous = Some(line.number);
        writeln!(
            out,
            "{} {} {}",
            paint.line(format_args!("{:>width$}", line.number)),
            paint.faint(if line.matches { "▌" } else { "│" }),
            asked.paint(&line.text, paint)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_result_reads_well_without_colours() {
        let item = Item {
            path: b"src/wr\x1biter.rs".to_vec(),
            start_line: 9,
            end_line: 11,
            score: 0.913,
            confidence: "high",
            kind: "function",
            name: "Writer::commit".into(),
            text: b"pub fn commit(self) {\n    self.flush();\n}".to_vec(),
            scores: vec![("late", 0.5), ("test file", -0.1)],
            state: State::Moved { line: 12 },
            ..Item::default()
        };
        let options = TextOptions {
            paint: Paint::default(),
            amount: Amount::Short,
            explain: true,
        };
        let mut out = Vec::new();
        write_item(&mut out, &item, &Highlighter::words("flush"), &options).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        src/wr\u{1b}iter.rs:9-11  function Writer::commit  0.91 high  now in line 12
          late +0.500  test file -0.100
          9 │ pub fn commit(self) {
         10 ▌     self.flush();
         11 │ }
        ");
    }
}
