//! Rust, C, C++, Go, Zig, Swift.

use fathom_indexes::ChunkKind::{
    Constant, Function, Impl, Interface, Macro, Method, Module, Test, Type, Variable,
};

use super::names::{self, declarator};
use super::{Language, Name, PLAIN, Place, def, named};

pub(super) static TABLE: &[Language] = &[
    Language {
        name: "rust",
        extensions: &["rs"],
        grammar: Some(|| tree_sitter_rust::LANGUAGE.into()),
        separator: "::",
        definitions: &[
            named("function_item", Function),
            named("function_signature_item", Function),
            named("struct_item", Type),
            named("enum_item", Type),
            named("union_item", Type),
            named("type_item", Type),
            named("trait_item", Interface),
            def("impl_item", Impl, Name::Field("type")),
            named("mod_item", Module).refined(names::has_body),
            named("const_item", Constant),
            named("static_item", Constant),
            named("macro_definition", Macro),
        ],
        leading: &["attribute_item"],
        calls: &[
            ("call_expression", "function"),
            ("macro_invocation", "macro"),
            ("struct_expression", "name"),
        ],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "c",
        extensions: &["c", "h"],
        grammar: Some(|| tree_sitter_c::LANGUAGE.into()),
        separator: "::",
        definitions: &[
            def("function_definition", Function, Name::Find(declarator)),
            def("declaration", Function, Name::Find(declarator))
                .refined(names::prototype)
                .at(Place::Top)
                .declaring(),
            named("struct_specifier", Type).refined(names::has_body),
            named("union_specifier", Type).refined(names::has_body),
            named("enum_specifier", Type).refined(names::has_body),
            def("type_definition", Type, Name::Find(declarator)),
            named("preproc_def", Macro),
            named("preproc_function_def", Macro),
        ],
        wrappers: &["declaration", "type_definition"],
        calls: &[("call_expression", "function")],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "cpp",
        extensions: &[
            "cc", "cpp", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl", "tpp", "ixx",
            "cppm",
        ],
        grammar: Some(|| tree_sitter_cpp::LANGUAGE.into()),
        separator: "::",
        definitions: &[
            def("function_definition", Function, Name::Find(declarator)),
            def("declaration", Function, Name::Find(declarator))
                .refined(names::prototype)
                .at(Place::Outside)
                .declaring(),
            def("field_declaration", Method, Name::Find(declarator))
                .refined(names::prototype)
                .declaring(),
            named("class_specifier", Type).refined(names::has_body),
            named("struct_specifier", Type).refined(names::has_body),
            named("union_specifier", Type).refined(names::has_body),
            named("enum_specifier", Type).refined(names::has_body),
            def("type_definition", Type, Name::Find(declarator)),
            named("alias_declaration", Type).at(Place::Top),
            named("concept_definition", Interface),
            named("namespace_definition", Module),
            named("preproc_def", Macro),
            named("preproc_function_def", Macro),
        ],
        wrappers: &[
            "declaration",
            "type_definition",
            "template_declaration",
            "field_declaration",
        ],
        calls: &[("call_expression", "function"), ("new_expression", "type")],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "go",
        extensions: &["go"],
        grammar: Some(|| tree_sitter_go::LANGUAGE.into()),
        definitions: &[
            named("function_declaration", Function).refined(names::go_function),
            def("method_declaration", Method, Name::Find(names::go_method)),
            named("type_spec", Type).refined(names::go_type),
            named("type_alias", Type),
            named("const_spec", Constant),
            named("var_spec", Variable),
        ],
        wrappers: &["type_declaration", "const_declaration", "var_declaration"],
        calls: &[("call_expression", "function")],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "zig",
        extensions: &["zig", "zon"],
        grammar: Some(|| tree_sitter_zig::LANGUAGE.into()),
        definitions: &[
            named("function_declaration", Function),
            def(
                "variable_declaration",
                Constant,
                Name::Child(&["identifier"]),
            )
            .refined(names::zig_variable)
            .at(Place::Anywhere),
            def(
                "test_declaration",
                Test,
                Name::Child(&["string", "identifier"]),
            ),
        ],
        calls: &[("call_expression", "function")],
        ..PLAIN
    },
    Language {
        name: "swift",
        extensions: &["swift"],
        shebangs: &["swift"],
        grammar: Some(|| tree_sitter_swift::LANGUAGE.into()),
        definitions: &[
            named("class_declaration", Type).refined(names::swift_class),
            named("protocol_declaration", Interface),
            named("function_declaration", Function),
            named("protocol_function_declaration", Method),
            def("init_declaration", Method, Name::Fixed("init")),
            def("deinit_declaration", Method, Name::Fixed("deinit")),
            def("subscript_declaration", Method, Name::Fixed("subscript")),
            named("property_declaration", Variable),
            named("typealias_declaration", Type),
            def("associatedtype_declaration", Type, Name::Field("name")),
        ],
        calls: &[("call_expression", "")],
        types: &["type_identifier"],
        ..PLAIN
    },
];
