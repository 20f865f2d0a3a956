//! SQL, HTML, CSS, JSON, YAML, TOML, Markdown.

use fathom_indexes::ChunkKind::{Constant, Data, Function, Section, Type};

use super::names;
use super::{Language, Name, PLAIN, def};

pub(super) static TABLE: &[Language] = &[
    Language {
        name: "sql",
        extensions: &["sql", "ddl", "psql"],
        grammar: Some(|| tree_sitter_sequel::LANGUAGE.into()),
        definitions: &[
            def("create_table", Type, Name::Child(&["object_reference"])),
            def(
                "create_view",
                Type,
                Name::Child(&["object_reference", "identifier"]),
            ),
            def(
                "create_materialized_view",
                Type,
                Name::Child(&["object_reference"]),
            ),
            def("create_type", Type, Name::Child(&["object_reference"])),
            def(
                "create_function",
                Function,
                Name::Child(&["object_reference"]),
            ),
            def(
                "create_trigger",
                Function,
                Name::Child(&["object_reference", "identifier"]),
            ),
            def("create_index", Data, Name::Child(&["identifier"])),
            def(
                "create_sequence",
                Constant,
                Name::Child(&["object_reference"]),
            ),
        ],
        wrappers: &["statement"],
        calls: &[("invocation", "")],
        ..PLAIN
    },
    Language {
        name: "html",
        extensions: &["html", "htm", "xhtml", "vue", "svelte"],
        grammar: Some(|| tree_sitter_html::LANGUAGE.into()),
        loose: Data,
        ..PLAIN
    },
    Language {
        name: "css",
        extensions: &["css"],
        grammar: Some(|| tree_sitter_css::LANGUAGE.into()),
        definitions: &[
            def("rule_set", Data, Name::Child(&["selectors"])),
            def("media_statement", Data, Name::Fixed("@media")),
            def("supports_statement", Data, Name::Fixed("@supports")),
            def(
                "keyframes_statement",
                Data,
                Name::Child(&["keyframes_name"]),
            ),
        ],
        separator: " ",
        max_depth: 2,
        loose: Data,
        ..PLAIN
    },
    Language {
        name: "json",
        extensions: &[
            "json",
            "jsonc",
            "json5",
            "geojson",
            "webmanifest",
            "ipynb",
            "jsonl",
            "ndjson",
        ],
        file_names: &[".babelrc", ".eslintrc", ".prettierrc"],
        grammar: Some(|| tree_sitter_json::LANGUAGE.into()),
        definitions: &[def("pair", Data, Name::Field("key"))],
        max_depth: 3,
        loose: Data,
        ..PLAIN
    },
    Language {
        name: "yaml",
        extensions: &["yaml", "yml"],
        file_names: &[".clang-format", ".clang-tidy"],
        grammar: Some(|| tree_sitter_yaml::LANGUAGE.into()),
        definitions: &[def("block_mapping_pair", Data, Name::Field("key"))],
        max_depth: 3,
        loose: Data,
        ..PLAIN
    },
    Language {
        name: "toml",
        extensions: &["toml"],
        grammar: Some(|| tree_sitter_toml_ng::LANGUAGE.into()),
        definitions: &[
            def(
                "table",
                Data,
                Name::Child(&["dotted_key", "bare_key", "quoted_key"]),
            ),
            def(
                "table_array_element",
                Data,
                Name::Child(&["dotted_key", "bare_key", "quoted_key"]),
            ),
            def(
                "pair",
                Data,
                Name::Child(&["dotted_key", "bare_key", "quoted_key"]),
            ),
        ],
        max_depth: 2,
        loose: Data,
        ..PLAIN
    },
    Language {
        name: "markdown",
        extensions: &["md", "markdown", "mdx", "mdown", "qmd"],
        grammar: Some(|| tree_sitter_md::LANGUAGE.into()),
        definitions: &[def("section", Section, Name::Find(names::markdown_heading))],
        separator: " > ",
        max_depth: 6,
        loose: Section,
        ..PLAIN
    },
];
