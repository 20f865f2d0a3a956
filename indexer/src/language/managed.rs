//! Java, C#, Kotlin, Scala, Dart.

use fathom_indexes::ChunkKind::{
    Constant, Function, Impl, Interface, Method, Module, Type, Variable,
};

use super::names;
use super::{Language, Name, PLAIN, Place, def, named};

pub(super) static TABLE: &[Language] = &[
    Language {
        name: "java",
        extensions: &["java"],
        grammar: Some(|| tree_sitter_java::LANGUAGE.into()),
        definitions: &[
            named("class_declaration", Type),
            named("record_declaration", Type),
            named("enum_declaration", Type),
            named("interface_declaration", Interface),
            named("annotation_type_declaration", Interface),
            named("method_declaration", Method),
            named("constructor_declaration", Method),
            named("compact_constructor_declaration", Method),
            def("field_declaration", Constant, Name::Find(names::java_field))
                .refined(names::java_constant),
            def(
                "constant_declaration",
                Constant,
                Name::Find(names::java_field),
            ),
        ],
        calls: &[
            ("method_invocation", "name"),
            ("object_creation_expression", "type"),
        ],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "csharp",
        extensions: &["cs", "csx"],
        grammar: Some(|| tree_sitter_c_sharp::LANGUAGE.into()),
        definitions: &[
            named("namespace_declaration", Module),
            named("class_declaration", Type),
            named("struct_declaration", Type),
            named("record_declaration", Type),
            named("enum_declaration", Type),
            named("delegate_declaration", Type),
            named("interface_declaration", Interface),
            named("method_declaration", Method),
            named("constructor_declaration", Method),
            named("destructor_declaration", Method),
            def("operator_declaration", Method, Name::Fixed("operator")),
            def("indexer_declaration", Method, Name::Fixed("this")),
            named("local_function_statement", Function),
            named("property_declaration", Variable),
            named("event_declaration", Variable),
            def(
                "field_declaration",
                Constant,
                Name::Find(names::csharp_field),
            )
            .refined(names::csharp_constant),
        ],
        calls: &[
            ("invocation_expression", "function"),
            ("object_creation_expression", "type"),
        ],
        ..PLAIN
    },
    Language {
        name: "kotlin",
        extensions: &["kt", "kts"],
        grammar: Some(|| tree_sitter_kotlin_ng::LANGUAGE.into()),
        definitions: &[
            named("class_declaration", Type).refined(names::kotlin_class),
            named("object_declaration", Type),
            def(
                "companion_object",
                Type,
                Name::Find(names::kotlin_companion),
            ),
            named("function_declaration", Function),
            def("secondary_constructor", Method, Name::Fixed("constructor")),
            def(
                "property_declaration",
                Variable,
                Name::Find(names::kotlin_property),
            )
            .refined(names::kotlin_property_kind),
            def("type_alias", Type, Name::Field("type")),
        ],
        leading: &["annotation"],
        calls: &[("call_expression", ""), ("constructor_invocation", "")],
        types: &["user_type"],
        ..PLAIN
    },
    Language {
        name: "scala",
        extensions: &["scala", "sc", "sbt"],
        shebangs: &["scala"],
        grammar: Some(|| tree_sitter_scala::LANGUAGE.into()),
        definitions: &[
            named("class_definition", Type),
            named("object_definition", Type),
            named("package_object", Module),
            named("enum_definition", Type),
            named("trait_definition", Interface),
            named("function_definition", Function),
            named("function_declaration", Function),
            named("type_definition", Type).at(Place::Outside),
            named("given_definition", Constant),
            def(
                "extension_definition",
                Impl,
                Name::Find(names::scala_extension),
            ),
            def("val_definition", Constant, Name::Field("pattern")),
            def("var_definition", Variable, Name::Field("pattern")),
        ],
        calls: &[("call_expression", "function"), ("instance_expression", "")],
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "dart",
        extensions: &["dart"],
        grammar: Some(|| tree_sitter_dart::LANGUAGE.into()),
        definitions: &[
            named("class_declaration", Type),
            named("enum_declaration", Type),
            named("mixin_declaration", Type),
            named("extension_declaration", Impl),
            named("extension_type_declaration", Type),
            def(
                "function_declaration",
                Function,
                Name::Find(names::dart_signature),
            ),
            def(
                "local_function_declaration",
                Function,
                Name::Find(names::dart_signature),
            ),
            def(
                "getter_declaration",
                Function,
                Name::Find(names::dart_signature),
            ),
            def(
                "setter_declaration",
                Function,
                Name::Find(names::dart_signature),
            ),
            def(
                "method_declaration",
                Method,
                Name::Find(names::dart_signature),
            ),
            def("declaration", Method, Name::Find(names::dart_signature)).at(Place::Outside),
            def("type_alias", Type, Name::Child(&["type_identifier"])),
            def(
                "top_level_variable_declaration",
                Variable,
                Name::Find(names::dart_variable),
            ),
        ],
        wrappers: &["member_declaration"],
        leading: &["annotation"],
        calls: &[
            ("call_expression", "function"),
            ("new_expression", "type"),
            ("const_object_expression", "type"),
        ],
        types: &["type_identifier"],
        ..PLAIN
    },
];
