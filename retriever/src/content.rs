//! What a chunk is about: code, what explains it, what configures it.

use fathom_indexes::ChunkKind;

/// Which of a repository's contents may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Everything.
    #[default]
    All,
    /// Code, its doc comments among it.
    Code,
    /// Prose in files of its own: Markdown, reStructuredText, plain text.
    Docs,
    /// Data that programs read: JSON, YAML, TOML, INI, XML.
    Config,
}

/// Languages whose data chunks are what a programmer writes, not settings.
const SOURCES: [&str; 5] = ["html", "css", "scss", "template", "sql"];

impl Content {
    /// Every selection.
    pub const ALL: [Content; 4] = [Content::Code, Content::Docs, Content::Config, Content::All];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Content::All => "all",
            Content::Code => "code",
            Content::Docs => "docs",
            Content::Config => "config",
        }
    }

    /// The selection with this word.
    pub fn parse(word: &str) -> Option<Content> {
        Content::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// Whether a chunk of this kind, in a file of this language, belongs to it.
    pub fn holds(self, kind: ChunkKind, language: &str) -> bool {
        self == Content::All || self == of(kind, language)
    }
}

fn of(kind: ChunkKind, language: &str) -> Content {
    match kind {
        ChunkKind::Section => Content::Docs,
        ChunkKind::Data if !SOURCES.contains(&language) => Content::Config,
        _ => Content::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chunk_belongs_to_one_content() {
        for (kind, language, expected) in [
            (ChunkKind::Function, "rust", Content::Code),
            (ChunkKind::Test, "python", Content::Code),
            (ChunkKind::Code, "makefile", Content::Code),
            (ChunkKind::Section, "markdown", Content::Docs),
            (ChunkKind::Section, "text", Content::Docs),
            (ChunkKind::Data, "toml", Content::Config),
            (ChunkKind::Data, "ini", Content::Config),
            (ChunkKind::Data, "css", Content::Code),
            (ChunkKind::Data, "html", Content::Code),
        ] {
            let holding = Content::ALL.map(|one| one.holds(kind, language));
            let expected = Content::ALL.map(|one| one == expected || one == Content::All);
            assert_eq!(holding, expected, "{kind} {language}");
        }
    }

    #[test]
    fn words_and_contents_are_one_to_one() {
        for content in Content::ALL {
            assert_eq!(Content::parse(content.as_str()), Some(content));
        }
        assert_eq!(Content::parse("Docs"), None);
    }
}
