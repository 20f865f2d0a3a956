//! The languages fathom knows, as data: how a file of each is recognised and
//! which syntax nodes define something.
//!
//! Adding a language is adding one [`Language`] to a table in this folder and a
//! sample to `tests/samples`. A language without a grammar is still named (for
//! `--lang`) and cut by lines.

mod data;
mod detect;
mod functional;
mod managed;
mod names;
mod plain;
mod scripting;
mod systems;

use std::sync::LazyLock;

use fathom_indexes::ChunkKind;
use tree_sitter::Node;

pub use detect::detect;
pub(crate) use names::{child, first_children};

/// One language: how to recognise it and how to read its syntax tree.
#[derive(Debug)]
pub struct Language {
    /// Name as used by `--lang`, lower case.
    pub name: &'static str,
    /// File extensions without the dot, lower case.
    pub extensions: &'static [&'static str],
    /// Whole file names, lower case.
    pub file_names: &'static [&'static str],
    /// Interpreters of a `#!` line.
    pub shebangs: &'static [&'static str],
    /// The tree-sitter grammar; without one the file is cut by lines.
    pub grammar: Option<fn() -> tree_sitter::Language>,
    /// What joins the parts of a qualified name.
    pub separator: &'static str,
    /// Syntax nodes that define something.
    pub definitions: &'static [Definition],
    /// Nodes around a single definition that belong to it (`export`, decorators, templates).
    pub wrappers: &'static [&'static str],
    /// Nodes, besides comments, that belong to the definition after them (attributes, annotations).
    pub leading: &'static [&'static str],
    /// Call-like nodes and the field that holds what is called (`""`: the first named child).
    pub calls: &'static [(&'static str, &'static str)],
    /// Nodes that name a type where it is used.
    pub types: &'static [&'static str],
    /// Several equations in a row make one function (Haskell, Elixir).
    pub clauses: bool,
    /// What text outside of definitions is.
    pub loose: ChunkKind,
    /// Definitions nested deeper than this are left to their parents (data files).
    pub max_depth: usize,
}

/// The base of every table entry: a language that is only known by name.
const PLAIN: Language = Language {
    name: "text",
    extensions: &[],
    file_names: &[],
    shebangs: &[],
    grammar: None,
    separator: ".",
    definitions: &[],
    wrappers: &[],
    leading: &[],
    calls: &[],
    types: &[],
    clauses: false,
    loose: ChunkKind::Code,
    max_depth: 64,
};

/// A syntax node that defines something.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Node kind in the grammar.
    pub node: &'static str,
    /// What it defines, unless `refine` says otherwise.
    pub kind: ChunkKind,
    /// How its name is found.
    pub name: Name,
    /// Where such a node counts.
    pub place: Place,
    /// Only announces something defined elsewhere (a C prototype): named in its
    /// chunk, absent from the symbol table.
    pub declares: bool,
    /// A second look at the node: another kind, or `None` when it defines nothing.
    pub refine: Option<fn(Node, &str) -> Option<ChunkKind>>,
}

/// How the name of a definition is found. A name may carry its scope
/// (`Server::run`); it is taken apart by the caller.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    /// The text of a field.
    Field(&'static str),
    /// The text of the first child of one of these kinds.
    Child(&'static [&'static str]),
    /// A fixed name (`init`, `constructor`).
    Fixed(&'static str),
    /// Anything else.
    Find(fn(Node, &str) -> Option<String>),
}

/// Where a node counts as a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere, function bodies included.
    Anywhere,
    /// Not inside a function.
    Outside,
    /// Neither inside a function nor inside a type.
    Top,
}

const fn def(node: &'static str, kind: ChunkKind, name: Name) -> Definition {
    let place = match kind {
        ChunkKind::Constant | ChunkKind::Variable => Place::Outside,
        _ => Place::Anywhere,
    };
    Definition {
        node,
        kind,
        name,
        place,
        declares: false,
        refine: None,
    }
}

/// A definition named by its field `name`: the common case.
const fn named(node: &'static str, kind: ChunkKind) -> Definition {
    def(node, kind, Name::Field("name"))
}

impl Definition {
    const fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    const fn declaring(mut self) -> Self {
        self.declares = true;
        self
    }

    const fn refined(mut self, refine: fn(Node, &str) -> Option<ChunkKind>) -> Self {
        self.refine = Some(refine);
        self
    }
}

/// All languages, in no particular order.
pub fn all() -> &'static [&'static Language] {
    static ALL: LazyLock<Vec<&'static Language>> = LazyLock::new(|| {
        [
            systems::TABLE,
            managed::TABLE,
            scripting::TABLE,
            functional::TABLE,
            data::TABLE,
            plain::TABLE,
        ]
        .into_iter()
        .flat_map(|table| table.iter())
        .collect()
    });
    &ALL
}

/// The language of that name, if fathom knows it.
pub fn named_language(name: &str) -> Option<&'static Language> {
    all().iter().copied().find(|language| language.name == name)
}

/// Plain text: what a file without a known language is.
pub fn text() -> &'static Language {
    &plain::TABLE[0]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_extensions_are_unique() {
        let mut names = BTreeSet::new();
        let mut extensions = BTreeSet::new();
        for language in all() {
            assert!(names.insert(language.name), "{} twice", language.name);
            for extension in language.extensions {
                assert!(extensions.insert(*extension), "{extension} twice");
            }
        }
    }

    #[test]
    fn every_node_kind_and_field_exists_in_its_grammar() {
        let mut missing = Vec::new();
        for language in all() {
            let Some(grammar) = language.grammar else {
                continue;
            };
            let grammar = grammar();
            let mut need = |node: &str, field: &str| {
                let field_known = field.is_empty() || grammar.field_id_for_name(field).is_some();
                if grammar.id_for_node_kind(node, true) == 0 || !field_known {
                    missing.push(format!("{}: {node}.{field}", language.name));
                }
            };
            for definition in language.definitions {
                let field = if let Name::Field(field) = definition.name {
                    field
                } else {
                    ""
                };
                need(definition.node, field);
            }
            language
                .calls
                .iter()
                .for_each(|(node, field)| need(node, field));
            language
                .wrappers
                .iter()
                .chain(language.leading)
                .chain(language.types)
                .for_each(|node| need(node, ""));
        }
        assert_eq!(missing, Vec::<String>::new());
    }
}
