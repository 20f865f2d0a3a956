//! How editors are told the file and the line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::env;

/// What opens files if the user names nothing.
const DEFAULT: &str = "vi";

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is run.
    pub program: OsString,
    /// With this.
    pub arguments: Vec<OsString>,
}

/// What the user edits with: `$VISUAL`, else `$EDITOR`.
pub fn chosen() -> String {
    let of = |name: &str| std::env::var(name).ok();
    let named = [of(env::VISUAL), of(env::EDITOR)].into_iter().flatten();
    let mut named = named.filter(|editor| !editor.trim().is_empty());
    named.next().unwrap_or_else(|| DEFAULT.to_owned())
}

/// Opens `file` at `line` in an editor as the user wrote it, such as `code --wait`.
pub fn command(editor: &str, file: &Path, line: u32) -> Command {
    let mut words = words(editor).into_iter();
    let program = words.next().unwrap_or_else(|| DEFAULT.to_owned());
    let name = Path::new(&program).file_name().and_then(OsStr::to_str);
    let place = place(name.unwrap_or_default(), file, line);
    Command {
        program: program.into(),
        arguments: words.map(OsString::from).chain(place).collect(),
    }
}

/// A file and a line as an editor takes them; one that nobody knows is given the file.
fn place(name: &str, file: &Path, line: u32) -> Vec<OsString> {
    let file_and_line = || {
        let mut place = file.as_os_str().to_owned();
        place.push(format!(":{line}"));
        place
    };
    match name {
        "vi" | "vim" | "nvim" | "view" | "gvim" | "nano" | "pico" | "emacs" | "emacsclient"
        | "micro" | "kak" | "joe" | "jed" | "mg" | "ne" | "less" | "gedit" => {
            vec![format!("+{line}").into(), file.into()]
        }
        "code" | "code-insiders" | "codium" | "vscodium" | "cursor" | "windsurf" => {
            vec!["-g".into(), file_and_line()]
        }
        "hx" | "helix" | "subl" | "zed" | "zeditor" | "lapce" => vec![file_and_line()],
        "idea" | "pycharm" | "clion" | "goland" | "rustrover" | "webstorm" | "kate" => {
            vec!["--line".into(), line.to_string().into(), file.into()]
        }
        "mate" => vec!["--line".into(), line.to_string().into(), file.into()],
        _ => vec![file.into()],
    }
}

/// Words as a shell would see them, with quotes and backslashes, but nothing else.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(editor: &str) -> String {
        let command = command(editor, Path::new("/r/a b.rs"), 12);
        let words = std::iter::once(&command.program).chain(&command.arguments);
        let words = words.map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn each_editor_gets_the_line_in_its_way() {
        assert_eq!(run("vim"), "vim|+12|/r/a b.rs");
        assert_eq!(run("emacs -nw"), "emacs|-nw|+12|/r/a b.rs");
        assert_eq!(run("/usr/bin/nano"), "/usr/bin/nano|+12|/r/a b.rs");
        assert_eq!(run("code --wait"), "code|--wait|-g|/r/a b.rs:12");
        assert_eq!(run("hx"), "hx|/r/a b.rs:12");
        assert_eq!(run("idea"), "idea|--line|12|/r/a b.rs");
        assert_eq!(run("my-editor"), "my-editor|/r/a b.rs");
    }

    #[test]
    fn an_editor_may_be_quoted() {
        assert_eq!(
            run("'/opt/my editor/vim' -R"),
            "/opt/my editor/vim|-R|+12|/r/a b.rs"
        );
        assert_eq!(run(r#""a\"b" c\ d"#), "a\"b|c d|/r/a b.rs");
        assert_eq!(run("  "), "vi|+12|/r/a b.rs");
    }
}
