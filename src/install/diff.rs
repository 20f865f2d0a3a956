//! A change, as a difference of lines.

use std::io::{self, Write};

use fathom::output::escape;
use fathom::output::style::Paint;
use similar::{ChangeTag, TextDiff};

use super::Change;

/// Lines that are shown around a change.
const AROUND: usize = 3;

/// Writes what a change does to its file.
pub fn write(out: &mut dyn Write, change: &Change, paint: Paint) -> io::Result<()> {
    let path = escape::path(change.path.as_os_str().as_encoded_bytes());
    let name = |text: &Option<String>| match text {
        Some(_) => path.clone(),
        None => "/dev/null".to_owned(),
    };
    writeln!(out, "--- {}", paint.path(name(&change.before)))?;
    writeln!(out, "+++ {}", paint.path(name(&change.after)))?;
    let before = change.before.as_deref().unwrap_or_default();
    let after = change.after.as_deref().unwrap_or_default();
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        writeln!(out, "{}", paint.faint(hunk.header()))?;
        for line in hunk.iter_changes() {
            let text = escape::text(line.value().trim_end_matches('\n').as_bytes());
            let text = match line.tag() {
                ChangeTag::Delete => paint.bad(format_args!("-{text}")),
                ChangeTag::Insert => paint.good(format_args!("+{text}")),
                ChangeTag::Equal => format!(" {text}"),
            };
            writeln!(out, "{text}")?;
        }
    }
    Ok(())
}
