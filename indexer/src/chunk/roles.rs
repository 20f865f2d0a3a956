//! What each node kind of a grammar means to the chunker, looked up by number.

use std::sync::OnceLock;

use crate::language::{self, Definition, Language};

/// The roles of one node kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Role {
    pub(crate) definition: Option<&'static Definition>,
    /// Field (by number) that holds what is called; `Some(None)`: the first named child.
    pub(crate) call: Option<Option<u16>>,
    pub(crate) comment: bool,
    pub(crate) leading: bool,
    pub(crate) wrapper: bool,
    pub(crate) type_name: bool,
}

/// The roles of all node kinds of a language, by kind number; built once.
pub(crate) fn roles(language: &'static Language) -> &'static [Role] {
    static TABLES: OnceLock<Vec<OnceLock<Vec<Role>>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| language::all().iter().map(|_| OnceLock::new()).collect());
    let index = language::all()
        .iter()
        .position(|known| std::ptr::eq(*known, language));
    match index {
        Some(index) => tables[index].get_or_init(|| build(language)),
        None => &[],
    }
}

fn build(language: &'static Language) -> Vec<Role> {
    let Some(grammar) = language.grammar else {
        return Vec::new();
    };
    let grammar = grammar();
    (0..grammar.node_kind_count())
        .map(|id| {
            let id = id as u16;
            match grammar.node_kind_for_id(id) {
                Some(kind) if grammar.node_kind_is_named(id) => role(language, &grammar, kind),
                _ => Role::default(),
            }
        })
        .collect()
}

fn role(language: &'static Language, grammar: &tree_sitter::Language, kind: &str) -> Role {
    let call = language.calls.iter().find(|(node, _)| *node == kind);
    Role {
        definition: language
            .definitions
            .iter()
            .find(|definition| definition.node == kind),
        call: call.map(|(_, field)| grammar.field_id_for_name(field).map(u16::from)),
        comment: kind.contains("comment") || kind == "haddock",
        leading: language.leading.contains(&kind),
        wrapper: language.wrappers.contains(&kind),
        type_name: language.types.contains(&kind),
    }
}
