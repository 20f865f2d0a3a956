//! Haskell and OCaml.

use fathom_indexes::ChunkKind::{Function, Impl, Interface, Method, Module, Type};

use super::names;
use super::{Definition, Language, Name, PLAIN, Place, def, named};

const OCAML: &[Definition] = &[
    def("let_binding", Function, Name::Field("pattern")).refined(names::ocaml_let),
    named("type_binding", Type),
    def("module_binding", Module, Name::Child(&["module_name"])),
    def(
        "module_type_definition",
        Interface,
        Name::Child(&["module_type_name"]),
    ),
    def("class_binding", Type, Name::Child(&["class_name"])),
    def(
        "class_type_binding",
        Interface,
        Name::Child(&["class_type_name"]),
    ),
    def("method_definition", Method, Name::Child(&["method_name"])),
    def(
        "exception_definition",
        Type,
        Name::Find(names::ocaml_exception),
    ),
    def("external", Function, Name::Child(&["value_name"])),
    def(
        "value_specification",
        Function,
        Name::Child(&["value_name", "parenthesized_operator"]),
    )
    .declaring(),
];
const OCAML_WRAPPERS: &[&str] = &[
    "value_definition",
    "type_definition",
    "module_definition",
    "class_definition",
    "class_type_definition",
];

pub(super) static TABLE: &[Language] = &[
    Language {
        name: "haskell",
        extensions: &["hs", "hsc", "hs-boot"],
        shebangs: &["runhaskell", "runghc"],
        grammar: Some(|| tree_sitter_haskell::LANGUAGE.into()),
        definitions: &[
            named("function", Function),
            named("bind", Function).at(Place::Outside),
            named("data_type", Type),
            named("newtype", Type),
            named("type_synonym", Type),
            named("class", Interface),
            def("instance", Impl, Name::Find(names::haskell_instance)),
            named("type_family", Type),
            named("data_family", Type),
        ],
        leading: &["signature", "pragma", "haddock"],
        calls: &[("apply", "function")],
        types: &["name"],
        clauses: true,
        ..PLAIN
    },
    Language {
        name: "ocaml",
        extensions: &["ml"],
        shebangs: &["ocaml"],
        grammar: Some(|| tree_sitter_ocaml::LANGUAGE_OCAML.into()),
        definitions: OCAML,
        wrappers: OCAML_WRAPPERS,
        calls: &[("application_expression", "function")],
        types: &["type_constructor_path"],
        ..PLAIN
    },
    Language {
        name: "ocaml-interface",
        extensions: &["mli"],
        grammar: Some(|| tree_sitter_ocaml::LANGUAGE_OCAML_INTERFACE.into()),
        definitions: OCAML,
        wrappers: OCAML_WRAPPERS,
        types: &["type_constructor_path"],
        ..PLAIN
    },
];
