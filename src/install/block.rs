//! Instructions in a file that agents read, between two marks, so that they can be found again.

use super::Manner;

const BEGIN: &str = "<!-- fathom:begin -->";
const END: &str = "<!-- fathom:end -->";

/// What agents are told. The server says more when it starts.
const TEXT: &str = "\
## Finding code: fathom

The MCP server `fathom` has this repository indexed by meaning, words, symbols and regex, always up to date.
Use its tools before grep, find or reading whole files:

- `search`: where something is or how it works, in plain words; with mode `regex` every occurrence of a pattern.
- `explain_symbol`: definition, callers, callees and tests of a name or of `file:line`.
- `read_span`: lines of a file. `find_similar`: code like some code. `repo_map`: an overview, once.

If the tools are missing: `fathom search \"…\"` in a terminal does the same.
";

const RULE: &str =
    "---\ndescription: How to find code in this repository\nalwaysApply: true\n---\n\n";

/// The text with the instructions in it, in place of those of before.
pub fn add(text: &str, manner: Manner) -> String {
    let block = format!("{BEGIN}\n{TEXT}{END}\n");
    match (parts(text), manner) {
        (Some((before, after)), _) => format!("{before}{block}{after}"),
        (None, Manner::CursorRule) if text.trim().is_empty() => format!("{RULE}{block}"),
        (None, _) if text.trim().is_empty() => block,
        (None, _) => format!("{}\n\n{block}", text.trim_end()),
    }
}

/// The text without the instructions.
pub fn remove(text: &str) -> String {
    let Some((before, after)) = parts(text) else {
        return text.to_owned();
    };
    let is_ours = before == RULE && after.trim().is_empty();
    match (before.trim_end(), after.trim_start()) {
        _ if is_ours => String::new(),
        ("", after) => after.to_owned(),
        (before, "") => format!("{before}\n"),
        (before, after) => format!("{before}\n\n{after}"),
    }
}

/// What stands before and after the instructions.
fn parts(text: &str) -> Option<(&str, &str)> {
    let start = text.find(BEGIN)?;
    let end = start + text[start..].find(END)? + END.len();
    let after = &text[end..];
    Some((&text[..start], after.strip_prefix('\n').unwrap_or(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays() {
        for text in ["", "# Rules\n\nBe kind.\n", "# Rules\n"] {
            for manner in [Manner::Shared, Manner::CursorRule] {
                let added = add(text, manner);
                assert!(added.contains(text.trim_end()) && added.contains(TEXT));
                assert_eq!(add(&added, manner), added);
                assert_eq!(remove(&added), text);
            }
        }
        let between = format!("a\n\n{BEGIN}\nold\n{END}\n\nb\n");
        assert_eq!(
            add(&between, Manner::Shared),
            between.replace("old\n", TEXT)
        );
        assert_eq!(remove(&between), "a\n\nb\n");
        assert_eq!(remove("a\n"), "a\n");
    }
}
