//! Python, JavaScript, TypeScript, Ruby, PHP, Bash, Lua, Elixir, Julia.

use fathom_indexes::ChunkKind::{
    Constant, Function, Interface, Macro, Method, Module, Type, Variable,
};

use super::names;
use super::{Definition, Language, Name, PLAIN, Place, def, named};

const SCRIPT_WRAPPERS: &[&str] = &[
    "export_statement",
    "lexical_declaration",
    "variable_declaration",
    "expression_statement",
];
const TYPED_WRAPPERS: &[&str] = &[
    "export_statement",
    "lexical_declaration",
    "variable_declaration",
    "expression_statement",
    "ambient_declaration",
];
const SCRIPT_CALLS: &[(&str, &str)] = &[
    ("call_expression", "function"),
    ("new_expression", "constructor"),
];
const JSX_CALLS: &[(&str, &str)] = &[
    ("call_expression", "function"),
    ("new_expression", "constructor"),
    ("jsx_opening_element", "name"),
    ("jsx_self_closing_element", "name"),
];

const TYPESCRIPT: &[Definition] = &[
    named("function_declaration", Function),
    named("generator_function_declaration", Function),
    named("function_signature", Function),
    named("class_declaration", Type),
    named("abstract_class_declaration", Type),
    named("method_definition", Method),
    named("abstract_method_signature", Method),
    named("interface_declaration", Interface),
    named("type_alias_declaration", Type),
    named("enum_declaration", Type),
    named("internal_module", Module),
    named("module", Module),
    named("variable_declarator", Variable)
        .refined(names::script_variable)
        .at(Place::Anywhere),
    def(
        "assignment_expression",
        Function,
        Name::Find(names::script_assignment),
    )
    .refined(names::script_function_value),
    def("pair", Method, Name::Field("key")).refined(names::script_method_value),
    named("public_field_definition", Method).refined(names::script_method_value),
    def("call_expression", Function, Name::Find(names::script_test)).refined(names::script_is_test),
];

pub(super) static TABLE: &[Language] = &[
    Language {
        name: "python",
        extensions: &["py", "pyi", "pyw", "pyx", "pxd", "bzl", "star"],
        file_names: &["sconstruct", "build.bazel", "wscript"],
        shebangs: &["python", "pypy"],
        grammar: Some(|| tree_sitter_python::LANGUAGE.into()),
        definitions: &[
            named("function_definition", Function),
            named("class_definition", Type),
            def("assignment", Variable, Name::Field("left"))
                .refined(names::python_assignment)
                .at(Place::Top),
            def("type_alias_statement", Type, Name::Field("left")),
        ],
        wrappers: &["decorated_definition", "expression_statement"],
        calls: &[("call", "function")],
        types: &["type"],
        ..PLAIN
    },
    Language {
        name: "javascript",
        extensions: &["js", "mjs", "cjs", "jsx"],
        shebangs: &["node", "nodejs", "bun"],
        grammar: Some(|| tree_sitter_javascript::LANGUAGE.into()),
        definitions: &[
            named("function_declaration", Function),
            named("generator_function_declaration", Function),
            named("class_declaration", Type),
            named("method_definition", Method),
            named("variable_declarator", Variable)
                .refined(names::script_variable)
                .at(Place::Anywhere),
            def(
                "assignment_expression",
                Function,
                Name::Find(names::script_assignment),
            )
            .refined(names::script_function_value),
            def("pair", Method, Name::Field("key")).refined(names::script_method_value),
            def("field_definition", Method, Name::Field("property"))
                .refined(names::script_method_value),
            def("call_expression", Function, Name::Find(names::script_test))
                .refined(names::script_is_test),
        ],
        wrappers: SCRIPT_WRAPPERS,
        calls: JSX_CALLS,
        ..PLAIN
    },
    Language {
        name: "typescript",
        extensions: &["ts", "mts", "cts"],
        shebangs: &["deno", "ts-node", "tsx"],
        grammar: Some(|| tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()),
        definitions: TYPESCRIPT,
        wrappers: TYPED_WRAPPERS,
        calls: SCRIPT_CALLS,
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "tsx",
        extensions: &["tsx"],
        grammar: Some(|| tree_sitter_typescript::LANGUAGE_TSX.into()),
        definitions: TYPESCRIPT,
        wrappers: TYPED_WRAPPERS,
        calls: JSX_CALLS,
        types: &["type_identifier"],
        ..PLAIN
    },
    Language {
        name: "ruby",
        extensions: &["rb", "rake", "gemspec", "ru", "podspec"],
        file_names: &[
            "rakefile",
            "gemfile",
            "podfile",
            "vagrantfile",
            "guardfile",
            "fastfile",
        ],
        shebangs: &["ruby", "jruby"],
        grammar: Some(|| tree_sitter_ruby::LANGUAGE.into()),
        separator: "::",
        definitions: &[
            named("method", Function),
            named("singleton_method", Function),
            named("class", Type),
            named("module", Module),
            def("assignment", Constant, Name::Field("left")).refined(names::ruby_constant),
            def("call", Function, Name::Find(names::ruby_test)).refined(names::ruby_is_test),
        ],
        calls: &[("call", "method")],
        types: &["constant"],
        ..PLAIN
    },
    Language {
        name: "php",
        extensions: &["php", "phtml", "php5", "phpt"],
        shebangs: &["php"],
        grammar: Some(|| tree_sitter_php::LANGUAGE_PHP.into()),
        separator: "::",
        definitions: &[
            named("function_definition", Function),
            named("method_declaration", Method),
            named("class_declaration", Type),
            named("trait_declaration", Type),
            named("enum_declaration", Type),
            named("interface_declaration", Interface),
            named("namespace_definition", Module).refined(names::has_body),
            def(
                "const_declaration",
                Constant,
                Name::Find(names::php_constant),
            ),
        ],
        calls: &[
            ("function_call_expression", "function"),
            ("member_call_expression", "name"),
            ("nullsafe_member_call_expression", "name"),
            ("scoped_call_expression", "name"),
            ("object_creation_expression", ""),
        ],
        types: &["named_type"],
        ..PLAIN
    },
    Language {
        name: "bash",
        extensions: &["sh", "bash", "zsh", "ksh", "bats", "ebuild"],
        file_names: &[".bashrc", ".bash_profile", ".profile", ".zshrc", "pkgbuild"],
        shebangs: &["sh", "bash", "zsh", "dash", "ksh", "bats"],
        grammar: Some(|| tree_sitter_bash::LANGUAGE.into()),
        definitions: &[named("function_definition", Function)],
        calls: &[("command", "name")],
        ..PLAIN
    },
    Language {
        name: "lua",
        extensions: &["lua", "rockspec"],
        shebangs: &["lua", "luajit"],
        grammar: Some(|| tree_sitter_lua::LANGUAGE.into()),
        definitions: &[
            named("function_declaration", Function),
            def(
                "assignment_statement",
                Variable,
                Name::Find(names::lua_target),
            )
            .refined(names::lua_assignment)
            .at(Place::Anywhere),
            named("field", Method).refined(names::lua_field),
        ],
        wrappers: &["variable_declaration"],
        calls: &[("function_call", "name")],
        ..PLAIN
    },
    Language {
        name: "elixir",
        extensions: &["ex", "exs"],
        shebangs: &["elixir"],
        grammar: Some(|| tree_sitter_elixir::LANGUAGE.into()),
        definitions: &[
            def("call", Function, Name::Find(names::elixir_name)).refined(names::elixir_kind)
        ],
        leading: &["unary_operator"],
        calls: &[("call", "target")],
        types: &["alias"],
        clauses: true,
        ..PLAIN
    },
    Language {
        name: "julia",
        extensions: &["jl"],
        shebangs: &["julia"],
        grammar: Some(|| tree_sitter_julia::LANGUAGE.into()),
        definitions: &[
            named("module_definition", Module),
            def(
                "function_definition",
                Function,
                Name::Find(names::julia_signature),
            ),
            def(
                "macro_definition",
                Macro,
                Name::Find(names::julia_signature),
            ),
            def(
                "struct_definition",
                Type,
                Name::Find(names::julia_signature),
            ),
            def(
                "abstract_definition",
                Type,
                Name::Find(names::julia_signature),
            ),
            def(
                "primitive_definition",
                Type,
                Name::Find(names::julia_signature),
            ),
            def("assignment", Constant, Name::Find(names::julia_signature))
                .refined(names::julia_assignment)
                .at(Place::Outside),
        ],
        wrappers: &[
            "const_statement",
            "macrocall_expression",
            "macro_argument_list",
        ],
        leading: &["string_literal"],
        calls: &[
            ("call_expression", ""),
            ("broadcast_call_expression", ""),
            ("macrocall_expression", ""),
        ],
        ..PLAIN
    },
];
