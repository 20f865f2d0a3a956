//! Colours of code: a small lexer that knows comments, strings, numbers and keywords, enough to
//! read by. It takes linear time whatever it is given, and knows no language exactly.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

/// What a piece of code is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A comment.
    Comment,
    /// A string or a character.
    String,
    /// A number.
    Number,
    /// A word of the language.
    Keyword,
    /// What is called.
    Call,
    /// A name that is written like a type's.
    Type,
}

/// Words of languages; the page that `fathom serve` shows has the same.
static KEYWORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "abstract and as async await begin bool boolean break case catch char class const constexpr \
     continue crate def default defer delete do double dyn elif else elseif end enum except export \
     extends extern false final finally float fn for foreach from func function go goto if impl \
     implements import in include inline instanceof int interface internal is lambda let local \
     long loop match mod module move mut mutable namespace new nil none None not null nullptr \
     object of open operator or override package pass private protected protocol pub public raise \
     readonly record ref require rescue return self Self sealed select short signed sizeof static \
     struct super switch template then this throw throws trait true True False try type typedef \
     typeof union unless unsafe unsigned until use using val var virtual void when where while \
     with yield"
        .split_whitespace()
        .collect()
});

/// How comments are written.
#[derive(Clone, Copy)]
enum Comments {
    Slashes,
    Hash,
    Dashes,
    SlashesAndHash,
    Tags,
    Stars,
}

/// How strings are written.
#[derive(Clone, Copy)]
enum Quotes {
    /// `'` may begin a string.
    Strings,
    /// `'` holds a character, and stands in names and lifetimes.
    Characters,
}

/// The pieces of a text: whole lines of it, each of which is a list of pieces. Line ends are left
/// out; prose has no colours.
pub fn lines<'a>(text: &'a str, language: &str) -> Vec<Vec<(&'a str, Kind)>> {
    let mut lines = vec![Vec::new()];
    for (piece, kind) in pieces(text, language) {
        for (at, part) in piece.split('\n').enumerate() {
            if at > 0 {
                lines.push(Vec::new());
            }
            let part = part.strip_suffix('\r').unwrap_or(part);
            if let (false, Some(line)) = (part.is_empty(), lines.last_mut()) {
                line.push((part, kind));
            }
        }
    }
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn pieces<'a>(text: &'a str, language: &str) -> Vec<(&'a str, Kind)> {
    let Some(lexer) = lexer(language) else {
        return vec![(text, Kind::Plain)];
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    for found in lexer.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let kind = match (found.get(1), found.get(2), found.get(3)) {
            (Some(_), _, _) => Kind::Comment,
            (_, Some(_), _) => Kind::String,
            (_, _, Some(_)) => Kind::Number,
            _ => word(whole.as_str(), &text[whole.end()..]),
        };
        pieces.push((&text[at..whole.start()], Kind::Plain));
        pieces.push((whole.as_str(), kind));
        at = whole.end();
    }
    pieces.push((&text[at..], Kind::Plain));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

fn word(word: &str, rest: &str) -> Kind {
    let has_small = word.contains(|c: char| c.is_lowercase());
    match word {
        word if KEYWORDS.contains(word) => Kind::Keyword,
        _ if rest.starts_with(['(', '!']) => Kind::Call,
        word if word.starts_with(|c: char| c.is_uppercase()) && has_small => Kind::Type,
        _ => Kind::Plain,
    }
}

/// The lexer of a language; none for prose.
fn lexer(language: &str) -> Option<&'static Regex> {
    use Comments::{Dashes, Hash, Slashes, SlashesAndHash, Stars, Tags};
    use Quotes::{Characters, Strings};
    let (comments, quotes) = match language {
        "markdown" | "text" | "rst" => return None,
        "python" | "ruby" | "bash" | "shell" | "yaml" | "toml" | "elixir" | "perl" | "r"
        | "make" | "dockerfile" | "cmake" | "nix" => (Hash, Strings),
        "julia" => (Hash, Characters),
        "sql" | "lua" => (Dashes, Strings),
        "haskell" | "elm" | "ada" => (Dashes, Characters),
        "php" => (SlashesAndHash, Strings),
        "html" | "xml" | "svg" | "vue" => (Tags, Strings),
        "ocaml" => (Stars, Characters),
        "rust" | "scala" | "c" | "cpp" | "csharp" | "java" | "go" | "zig" | "kotlin" | "swift" => {
            (Slashes, Characters)
        }
        _ => (Slashes, Strings),
    };
    static LEXERS: [OnceLock<Option<Regex>>; 12] = [const { OnceLock::new() }; 12];
    let at = comments as usize * 2 + quotes as usize;
    LEXERS[at].get_or_init(|| build(comments, quotes)).as_ref()
}

fn build(comments: Comments, quotes: Quotes) -> Option<Regex> {
    let comment = match comments {
        Comments::Slashes => r"//.*|/\*(?s:.*?)(?:\*/|\z)",
        Comments::Hash => "#.*",
        Comments::Dashes => "--.*",
        Comments::SlashesAndHash => r"(?://|#).*|/\*(?s:.*?)(?:\*/|\z)",
        Comments::Tags => r"<!--(?s:.*?)(?:-->|\z)",
        Comments::Stars => r"\(\*(?s:.*?)(?:\*\)|\z)",
    };
    let long = r#""""(?s:.*?)(?:"""|\z)|"(?:\\.|[^"\\\n])*"?|`(?:\\.|[^`\\])*`?"#;
    let short = match quotes {
        Quotes::Strings => r"'(?:\\.|[^'\\\n])*'",
        Quotes::Characters => r"'(?:\\[^'\n]{1,10}|\\'|[^'\\\n])'",
    };
    let number = r"\b(?:0[xob][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\w*";
    let name = r"[\p{L}_$@][\p{L}\p{N}_$]*";
    Regex::new(&format!("({comment})|({long}|{short})|({number})|{name}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a text that are something.
    fn seen(language: &str, text: &str) -> String {
        let lines = lines(text, language);
        let pieces = lines.iter().flatten();
        let pieces = pieces.filter(|(_, kind)| *kind != Kind::Plain);
        let pieces = pieces.map(|(piece, kind)| format!("{kind:?} {piece}"));
        pieces.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn code_has_colours() {
        let rust = "fn f<'a>(x: &'a str) -> Option<char> { g(0xff, 'x', \"s\\\"t\") } // done";
        assert_eq!(
            seen("rust", rust),
            "Keyword fn, Type Option, Keyword char, Call g, Number 0xff, String 'x', \
             String \"s\\\"t\", Comment // done"
        );
        assert_eq!(
            seen("python", "def f():\n  \"\"\"a\n  b\"\"\" # c"),
            "Keyword def, Call f, String \"\"\"a, String   b\"\"\", Comment # c"
        );
        assert_eq!(seen("sql", "-- a\n'b'"), "Comment -- a, String 'b'");
        assert_eq!(seen("markdown", "for \"all\""), "");
        assert_eq!(seen("c", "/* never closed"), "Comment /* never closed");
        assert_eq!(seen("haskell", "foldl' f 'x'"), "String 'x'");
    }

    #[test]
    fn every_line_is_there_once() {
        let text = "a /* b\r\n\n c */ \"d\ne\n";
        let joined: Vec<String> = lines(text, "java")
            .iter()
            .map(|line| line.iter().map(|(piece, _)| *piece).collect())
            .collect();
        assert_eq!(joined, ["a /* b", "", " c */ \"d", "e"]);
        assert!(lines("", "rust").is_empty());
    }
}
