//! Names and kinds that a field alone does not give: one small function per
//! peculiarity, used by the language tables.

use fathom_indexes::ChunkKind::{
    self, Constant, Function, Impl, Interface, Macro, Method, Module, Test, Type, Variable,
};
use tree_sitter::Node;

fn text<'a>(node: Node, source: &'a str) -> &'a str {
    source.get(node.byte_range()).unwrap_or("")
}

fn field_text<'a>(node: Node, field: &str, source: &'a str) -> Option<&'a str> {
    node.child_by_field_name(field)
        .map(|child| text(child, source))
}

/// The first named children; what says something about a node is among them.
/// (Counting through all of them would take quadratic time.)
pub(crate) fn first_children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let count = node.named_child_count().min(64) as u32;
    (0..count).filter_map(move |i| node.named_child(i))
}

/// The first named child of one of these kinds.
pub(crate) fn child<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    first_children(node).find(|child| kinds.contains(&child.kind()))
}

fn has_token(node: Node, token: &str) -> bool {
    let count = node.child_count().min(64);
    (0..count)
        .filter_map(|i| node.child(i))
        .any(|child| child.kind() == token)
}

/// Keeps only nodes that have a body; the kind follows from the node itself.
pub(super) fn has_body(node: Node, _: &str) -> Option<ChunkKind> {
    node.child_by_field_name("body")?;
    let module = ["mod_item", "namespace_definition"].contains(&node.kind());
    Some(if module { Module } else { Type })
}

// ---- C and C++ ----

/// Follows declarators down to the declared name; keeps `A::b` together.
pub(super) fn declarator(node: Node, source: &str) -> Option<String> {
    let mut at = node.child_by_field_name("declarator")?;
    for _ in 0..16 {
        let next = at
            .child_by_field_name("declarator")
            .or_else(|| match at.kind() {
                "reference_declarator" | "parenthesized_declarator" | "attributed_declarator" => {
                    at.named_child(0)
                }
                _ => None,
            });
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    Some(text(at, source).to_string())
}

/// A declaration that announces a function: somewhere among its declarators is a function's.
pub(super) fn prototype(node: Node, _: &str) -> Option<ChunkKind> {
    let mut at = node.child_by_field_name("declarator")?;
    for _ in 0..16 {
        if at.kind() == "function_declarator" {
            return Some(if node.kind() == "field_declaration" {
                Method
            } else {
                Function
            });
        }
        at = at
            .child_by_field_name("declarator")
            .or_else(|| match at.kind() {
                "reference_declarator" => at.named_child(0),
                _ => None,
            })?;
    }
    None
}

// ---- Go ----

pub(super) fn go_function(node: Node, source: &str) -> Option<ChunkKind> {
    let name = field_text(node, "name", source)?;
    let test = ["Test", "Benchmark", "Example", "Fuzz"]
        .iter()
        .any(|prefix| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
        });
    let takes_testing =
        field_text(node, "parameters", source).is_some_and(|text| text.contains("testing."));
    Some(if test && (takes_testing || name.starts_with("Example")) {
        Test
    } else {
        Function
    })
}

/// `func (s *Server[T]) Run()` is `Server.Run`.
pub(super) fn go_method(node: Node, source: &str) -> Option<String> {
    let receiver = field_text(node, "receiver", source)?;
    let receiver = receiver.split('[').next()?.trim_end_matches([')', ' ']);
    let receiver = receiver.rsplit(['*', ' ', '(']).next()?;
    Some(format!("{receiver}.{}", field_text(node, "name", source)?))
}

pub(super) fn go_type(node: Node, _: &str) -> Option<ChunkKind> {
    let interface = node
        .child_by_field_name("type")
        .is_some_and(|kind| kind.kind() == "interface_type");
    Some(if interface { Interface } else { Type })
}

// ---- Zig, Swift ----

/// `const X = struct {…}` is a type; other constants count at the top only.
pub(super) fn zig_variable(node: Node, source: &str) -> Option<ChunkKind> {
    const TYPES: [&str; 5] = [
        "struct_declaration",
        "enum_declaration",
        "union_declaration",
        "opaque_declaration",
        "error_set_declaration",
    ];
    if child(node, &TYPES).is_some() {
        return Some(Type);
    }
    let line = text(node, source);
    if line.contains("@import(") {
        return None;
    }
    let top = node.start_position().column == 0;
    top.then(|| {
        if has_token(node, "var") {
            Variable
        } else {
            Constant
        }
    })
}

pub(super) fn swift_class(node: Node, source: &str) -> Option<ChunkKind> {
    let extension = field_text(node, "declaration_kind", source) == Some("extension");
    Some(if extension { Impl } else { Type })
}

// ---- Java, C#, Kotlin, Scala, Dart ----

pub(super) fn java_field(node: Node, source: &str) -> Option<String> {
    let declarator = node.child_by_field_name("declarator")?;
    field_text(declarator, "name", source).map(str::to_string)
}

pub(super) fn java_constant(node: Node, source: &str) -> Option<ChunkKind> {
    let modifiers = text(child(node, &["modifiers"])?, source);
    (modifiers.contains("static") && modifiers.contains("final")).then_some(Constant)
}

pub(super) fn csharp_field(node: Node, source: &str) -> Option<String> {
    let declaration = child(node, &["variable_declaration"])?;
    let declarator = child(declaration, &["variable_declarator"])?;
    field_text(declarator, "name", source).map(str::to_string)
}

pub(super) fn csharp_constant(node: Node, source: &str) -> Option<ChunkKind> {
    let line = text(node, source);
    let head = line.split('=').next()?;
    (head.contains("const ") || (head.contains("static ") && head.contains("readonly ")))
        .then_some(Constant)
}

pub(super) fn kotlin_class(node: Node, _: &str) -> Option<ChunkKind> {
    Some(if has_token(node, "interface") {
        Interface
    } else {
        Type
    })
}

pub(super) fn kotlin_companion(node: Node, source: &str) -> Option<String> {
    Some(
        field_text(node, "name", source)
            .unwrap_or("Companion")
            .to_string(),
    )
}

/// `const val` is a constant.
pub(super) fn kotlin_property_kind(node: Node, source: &str) -> Option<ChunkKind> {
    let constant = child(node, &["modifiers"])
        .is_some_and(|modifiers| text(modifiers, source).contains("const"));
    Some(if constant { Constant } else { Variable })
}

pub(super) fn kotlin_property(node: Node, source: &str) -> Option<String> {
    let variable = child(node, &["variable_declaration"])?;
    child(variable, &["identifier"]).map(|name| text(name, source).to_string())
}

pub(super) fn scala_extension(node: Node, source: &str) -> Option<String> {
    let parameters = field_text(node, "parameters", source)?;
    let of = parameters.rsplit(':').next()?;
    Some(
        of.trim_end_matches(')')
            .split('[')
            .next()?
            .trim()
            .to_string(),
    )
}

/// The name lies in the signature, one to three levels down.
pub(super) fn dart_signature(node: Node, source: &str) -> Option<String> {
    let mut at = node;
    for _ in 0..4 {
        if let Some(name) = field_text(at, "name", source) {
            return Some(name.to_string());
        }
        if at.kind() == "operator_signature" {
            return Some("operator".to_string());
        }
        at = at
            .child_by_field_name("signature")
            .or_else(|| first_signature(at))?;
    }
    None
}

fn first_signature(node: Node) -> Option<Node> {
    first_children(node).find(|child| child.kind().ends_with("_signature"))
}

pub(super) fn dart_variable(node: Node, source: &str) -> Option<String> {
    let list = child(
        node,
        &[
            "static_final_declaration_list",
            "initialized_identifier_list",
        ],
    )?;
    let first = list.named_child(0)?;
    let name = field_text(first, "name", source).unwrap_or_else(|| text(first, source));
    Some(name.split(['=', ' ']).next()?.to_string())
}

// ---- Python, JavaScript, TypeScript ----

pub(super) fn python_assignment(node: Node, source: &str) -> Option<ChunkKind> {
    let left = node.child_by_field_name("left")?;
    (left.kind() == "identifier").then(|| constant_or_variable(text(left, source)))
}

fn constant_or_variable(name: &str) -> ChunkKind {
    let shouting = name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase);
    if shouting { Constant } else { Variable }
}

fn is_function(node: Node) -> bool {
    [
        "arrow_function",
        "function_expression",
        "generator_function",
        "function_definition",
    ]
    .contains(&node.kind())
}

/// The value behind parentheses and `as` casts, and the function inside `memo(…)`-like calls.
fn script_value<'t>(node: Node<'t>, field: &str) -> Option<Node<'t>> {
    let mut value = node.child_by_field_name(field)?;
    for _ in 0..4 {
        match value.kind() {
            "parenthesized_expression" | "as_expression" | "satisfies_expression" => {
                value = value.named_child(0)?
            }
            _ => break,
        }
    }
    Some(value)
}

/// `const f = () => …` is a function, `const C = class …` a type; other
/// variables count at the left margin only.
pub(super) fn script_variable(node: Node, source: &str) -> Option<ChunkKind> {
    let name = node.child_by_field_name("name")?;
    if name.kind() != "identifier" {
        return None;
    }
    let value = script_value(node, "value");
    match value {
        Some(value) if is_function(value) => Some(Function),
        Some(value) if value.kind() == "class" => Some(Type),
        // `const Page = memo(() => …)`: a component.
        Some(value)
            if text(name, source).starts_with(char::is_uppercase) && takes_function(value) =>
        {
            Some(Function)
        }
        Some(value) if text(value, source).starts_with("require(") => None,
        _ => at_margin(node).then(|| constant_or_variable(text(name, source))),
    }
}

/// A call with a function among its arguments.
fn takes_function(value: Node) -> bool {
    let arguments = value.child_by_field_name("arguments");
    value.kind() == "call_expression"
        && arguments.is_some_and(|arguments| first_children(arguments).any(is_function))
}

/// Whether the statement around a declarator begins at the left margin.
fn at_margin(node: Node) -> bool {
    let statement = node.parent().unwrap_or(node);
    let exported = statement
        .parent()
        .filter(|parent| parent.kind() == "export_statement");
    exported.unwrap_or(statement).start_position().column == 0
}

/// `exports.parse = function …` and `Parser.prototype.parse = function …`.
pub(super) fn script_assignment(node: Node, source: &str) -> Option<String> {
    let left = node.child_by_field_name("left")?;
    let path = text(left, source).replace(".prototype.", ".");
    let path = ["module.exports.", "exports.", "this.", "window.", "self."]
        .iter()
        .fold(path.as_str(), |path, prefix| {
            path.strip_prefix(prefix).unwrap_or(path)
        });
    if path == "module.exports" {
        let right = node.child_by_field_name("right")?;
        return Some(
            field_text(right, "name", source)
                .unwrap_or("exports")
                .to_string(),
        );
    }
    let plain = path
        .chars()
        .all(|c| c.is_alphanumeric() || "._$".contains(c));
    plain.then(|| path.to_string())
}

pub(super) fn script_function_value(node: Node, _: &str) -> Option<ChunkKind> {
    let mut value = script_value(node, "right")?;
    // `app.use = app.all = function …`
    for _ in 0..8 {
        if value.kind() != "assignment_expression" {
            break;
        }
        value = script_value(value, "right")?;
    }
    match value.kind() {
        "class" => Some(Type),
        _ => is_function(value).then_some(Function),
    }
}

pub(super) fn script_method_value(node: Node, _: &str) -> Option<ChunkKind> {
    script_value(node, "value")
        .filter(|value| is_function(*value))
        .map(|_| Method)
}

const SCRIPT_TESTS: [&str; 6] = ["describe", "it", "test", "suite", "context", "bench"];

/// `describe("…", () => …)`: a call of a test function with a title and a function.
pub(super) fn script_is_test(node: Node, source: &str) -> Option<ChunkKind> {
    let callee = field_text(node, "function", source)?;
    let base = callee.split(['.', '(', '`']).next()?;
    if !SCRIPT_TESTS.contains(&base) {
        return None;
    }
    let arguments = node.child_by_field_name("arguments")?;
    let title = arguments.named_child(0)?;
    let titled = ["string", "template_string"].contains(&title.kind());
    let runs = first_children(arguments).any(is_function);
    (titled && runs).then_some(Test)
}

pub(super) fn script_test(node: Node, source: &str) -> Option<String> {
    let title = node.child_by_field_name("arguments")?.named_child(0)?;
    Some(quoted(text(title, source)))
}

/// A string literal's content.
fn quoted(literal: &str) -> String {
    literal.trim_matches(['"', '\'', '`']).to_string()
}

// ---- Ruby, PHP, Lua ----

pub(super) fn ruby_constant(node: Node, _: &str) -> Option<ChunkKind> {
    (node.child_by_field_name("left")?.kind() == "constant").then_some(Constant)
}

pub(super) fn ruby_is_test(node: Node, source: &str) -> Option<ChunkKind> {
    let method = field_text(node, "method", source)?;
    let test = [
        "describe",
        "it",
        "context",
        "specify",
        "feature",
        "scenario",
        "test",
        "shared_examples",
    ];
    let block = node.child_by_field_name("block")?;
    let titled = node
        .child_by_field_name("arguments")?
        .named_child(0)
        .is_some();
    (test.contains(&method) && titled && ["do_block", "block"].contains(&block.kind()))
        .then_some(Test)
}

pub(super) fn ruby_test(node: Node, source: &str) -> Option<String> {
    let title = node.child_by_field_name("arguments")?.named_child(0)?;
    Some(quoted(text(title, source)))
}

pub(super) fn php_constant(node: Node, source: &str) -> Option<String> {
    let element = child(node, &["const_element"])?;
    element
        .named_child(0)
        .map(|name| text(name, source).to_string())
}

fn lua_value(node: Node) -> Option<Node> {
    let list = child(node, &["expression_list"])?;
    list.child_by_field_name("value")
        .or_else(|| list.named_child(0))
}

pub(super) fn lua_target(node: Node, source: &str) -> Option<String> {
    let list = child(node, &["variable_list"])?;
    let name = list
        .child_by_field_name("name")
        .or_else(|| list.named_child(0))?;
    Some(text(name, source).replace(':', "."))
}

/// `M.run = function …` anywhere; other assignments at the left margin only.
pub(super) fn lua_assignment(node: Node, source: &str) -> Option<ChunkKind> {
    let value = lua_value(node)?;
    if is_function(value) {
        return Some(Function);
    }
    let statement = node
        .parent()
        .filter(|parent| parent.kind() == "variable_declaration")
        .unwrap_or(node);
    let top = statement.start_position().column == 0 && !text(value, source).starts_with("require");
    top.then_some(Variable)
}

pub(super) fn lua_field(node: Node, _: &str) -> Option<ChunkKind> {
    node.child_by_field_name("value")
        .filter(|value| is_function(*value))
        .map(|_| Method)
}

// ---- Elixir, Julia ----

pub(super) fn elixir_kind(node: Node, source: &str) -> Option<ChunkKind> {
    match field_text(node, "target", source)? {
        "def" | "defp" | "defdelegate" | "defguard" | "defguardp" | "defn" | "defnp" => {
            Some(Function)
        }
        "defmacro" | "defmacrop" => Some(Macro),
        "defmodule" => Some(Module),
        "defprotocol" => Some(Interface),
        "defimpl" => Some(Impl),
        "test" | "describe" => child(node, &["do_block"]).map(|_| Test),
        _ => None,
    }
}

pub(super) fn elixir_name(node: Node, source: &str) -> Option<String> {
    let mut first = child(node, &["arguments"])?.named_child(0)?;
    for _ in 0..4 {
        match first.kind() {
            // `def f(x) when …`, `def a <> b`
            "binary_operator" => first = first.child_by_field_name("left")?,
            "call" => first = first.child_by_field_name("target")?,
            _ => break,
        }
    }
    Some(quoted(text(first, source)))
}

/// The name in a Julia signature: the identifier in front of parentheses, braces or `<:`.
pub(super) fn julia_signature(node: Node, source: &str) -> Option<String> {
    let head = child(
        node,
        &[
            "signature",
            "type_head",
            "call_expression",
            "typed_expression",
            "where_expression",
            "identifier",
        ],
    )?;
    let head = text(head, source).trim_start_matches('(');
    let end = head.find(['(', '{', '<', ' ', ':']).unwrap_or(head.len());
    Some(head[..end].to_string()).filter(|name| !name.is_empty())
}

/// `f(x) = …` is a function; plain names are constants at the left margin.
pub(super) fn julia_assignment(node: Node, _: &str) -> Option<ChunkKind> {
    let left = node.named_child(0)?;
    let statement = node
        .parent()
        .filter(|parent| parent.kind() == "const_statement")
        .unwrap_or(node);
    match left.kind() {
        "call_expression" | "where_expression" | "typed_expression" => Some(Function),
        "identifier" if statement.start_position().column == 0 => Some(Constant),
        _ => None,
    }
}

// ---- Haskell, OCaml ----

/// `instance Show Tree` is an implementation for `Tree`.
pub(super) fn haskell_instance(node: Node, source: &str) -> Option<String> {
    let patterns = field_text(node, "patterns", source)?;
    let of = patterns.trim_start_matches(['(', '[', ' ']);
    let end = of.find([' ', ')', ']']).unwrap_or(of.len());
    Some(of[..end].to_string()).filter(|name| !name.is_empty())
}

/// Only a `let` of the structure counts; one with parameters or a `fun` is a function.
pub(super) fn ocaml_let(node: Node, _: &str) -> Option<ChunkKind> {
    let definition = node.parent()?;
    let local = definition
        .parent()
        .is_some_and(|parent| parent.kind() == "let_expression");
    let pattern = node.child_by_field_name("pattern")?;
    if local || !["value_name", "parenthesized_operator"].contains(&pattern.kind()) {
        return None;
    }
    let function = child(node, &["parameter"]).is_some()
        || node
            .child_by_field_name("body")
            .is_some_and(|body| ["fun_expression", "function_expression"].contains(&body.kind()));
    Some(if function { Function } else { Constant })
}

pub(super) fn ocaml_exception(node: Node, source: &str) -> Option<String> {
    let constructor = child(node, &["constructor_declaration"])?;
    child(constructor, &["constructor_name"]).map(|name| text(name, source).to_string())
}

// ---- Markdown ----

/// The text of the heading that opens the section.
pub(super) fn markdown_heading(node: Node, source: &str) -> Option<String> {
    let heading = child(node, &["atx_heading", "setext_heading"])?;
    let line = text(heading, source).lines().next()?;
    let title = line.trim_matches(['#', ' ', '\t', '\r', '=', '-']);
    (!title.is_empty()).then(|| title.to_string())
}
