//! How well a definition answers to an identifier in a query.

use fathom_indexes::{ChunkKind, SymbolRecord};

use crate::understand::Identifier;

/// 0 to 1: by the case of the letters, the scope asked for, and what kind of thing is defined.
pub fn strength(wanted: &Identifier, symbol: &SymbolRecord) -> f32 {
    if !symbol.name.eq_ignore_ascii_case(&wanted.name) {
        return 0.0;
    }
    let case = if symbol.name == wanted.name { 1.0 } else { 0.7 };
    case * scope(wanted, symbol) * kind(symbol.kind)
}

/// Whether the segments asked for appear in order before the name.
fn scope(wanted: &Identifier, symbol: &SymbolRecord) -> f32 {
    let qualified = symbol.qualified_name.to_lowercase();
    let segments: Vec<&str> = qualified
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    let mut rest = segments.iter();
    let found = wanted
        .scope
        .iter()
        .all(|part| rest.any(|segment| segment.eq_ignore_ascii_case(part)));
    if found { 1.0 } else { 0.6 }
}

/// Types and functions are what people look for; a module or variable of that name is often incidental.
fn kind(kind: ChunkKind) -> f32 {
    match kind {
        ChunkKind::Type
        | ChunkKind::Interface
        | ChunkKind::Function
        | ChunkKind::Method
        | ChunkKind::Macro => 1.0,
        ChunkKind::Constant | ChunkKind::Module => 0.8,
        ChunkKind::Impl | ChunkKind::Variable | ChunkKind::Code => 0.6,
        ChunkKind::Test | ChunkKind::Section | ChunkKind::Data => 0.3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(qualified_name: &str, kind: ChunkKind) -> SymbolRecord {
        SymbolRecord {
            name: qualified_name
                .rsplit("::")
                .next()
                .unwrap_or_default()
                .to_owned(),
            qualified_name: qualified_name.to_owned(),
            kind,
            line: 1,
            end_line: 2,
            signature: String::new(),
        }
    }

    fn identifier(path: &str) -> Identifier {
        let mut scope: Vec<String> = path.split("::").map(str::to_owned).collect();
        let name = scope.pop().unwrap_or_default();
        Identifier { name, scope }
    }

    #[test]
    fn strengths() {
        for (wanted, defined, kind, expected) in [
            ("Router", "Router", ChunkKind::Type, 1.0),
            ("router", "Router", ChunkKind::Type, 0.7),
            ("Router", "routes", ChunkKind::Type, 0.0),
            ("Router::add", "http::Router::add", ChunkKind::Method, 1.0),
            ("http::add", "http::Router::add", ChunkKind::Method, 1.0),
            ("Server::add", "http::Router::add", ChunkKind::Method, 0.6),
            ("Router", "Router", ChunkKind::Variable, 0.6),
        ] {
            assert_eq!(
                strength(&identifier(wanted), &symbol(defined, kind)),
                expected,
                "{wanted} {defined}"
            );
        }
    }
}
