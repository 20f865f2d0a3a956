//! An entry in JSON with comments; everything else stays as it is, byte for byte.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Value, json};

use super::agents::{Entry, JsonShape};
use super::{NAME, Server};

/// What editors and agents read: JSON with comments and commas at the end.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The text with the server in it.
pub fn add(text: &str, shape: JsonShape, server: &Server) -> Result<String, String> {
    let root = parse(text)?;
    let is_new = root.value().is_none();
    let object = root
        .object_value_or_create()
        .ok_or("it does not hold an object")?;
    let servers = match nested(&object, shape) {
        Some(servers) => servers,
        None => object
            .object_value_or_create(shape.key)
            .ok_or_else(|| format!("`{}` is not an object", shape.key))?,
    };
    let wanted = entry(shape.entry, server);
    match servers.get(NAME) {
        Some(known)
            if known.value().and_then(|node| node.to_serde_value()) == Some(wanted.clone()) => {}
        Some(known) => known.set_value(input(&wanted)),
        None => drop(servers.append(NAME, input(&wanted))),
    }
    let mut text = root.to_string();
    if is_new && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The text without the server; empty if nothing else was in it.
pub fn remove(text: &str, shape: JsonShape) -> Result<String, String> {
    let root = parse(text)?;
    let Some(object) = root.object_value() else {
        return Ok(text.to_owned());
    };
    let servers = nested(&object, shape).or_else(|| object.object_value(shape.key));
    let Some(entry) = servers.as_ref().and_then(|servers| servers.get(NAME)) else {
        return Ok(text.to_owned());
    };
    entry.remove();
    let is_empty = servers.is_some_and(|servers| servers.children().len() <= 2);
    if let (true, Some(list)) = (is_empty, object.get(shape.key)) {
        let list_is_empty = list
            .object_value()
            .is_some_and(|list| list.properties().is_empty() && !list.to_string().contains('/'));
        if list_is_empty {
            list.remove();
        }
    }
    let left = root.to_string();
    let is_bare = left.split_whitespace().collect::<String>() == "{}";
    Ok(if is_bare { String::new() } else { left })
}

/// Newer versions of opencode keep servers one level deeper, if the user does.
fn nested(object: &CstObject, shape: JsonShape) -> Option<CstObject> {
    if shape.entry != Entry::Listed {
        return None;
    }
    let servers = object.object_value(shape.key)?.object_value("servers")?;
    // A server that is called `servers` has a type.
    servers.get("type").is_none().then_some(servers)
}

fn parse(text: &str) -> Result<CstRootNode, String> {
    let text = if text.trim().is_empty() { "" } else { text };
    CstRootNode::parse(text, &options()).map_err(|error| error.to_string())
}

fn entry(entry: Entry, server: &Server) -> Value {
    let Server { command, args } = server;
    match entry {
        Entry::Plain => json!({"command": command, "args": args}),
        Entry::Typed => json!({"type": "stdio", "command": command, "args": args}),
        Entry::Listed => {
            let all: Vec<&String> = std::iter::once(command).chain(args).collect();
            json!({"type": "local", "command": all})
        }
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<(String, CstInputValue)> = fields
                .iter()
                .map(|(key, value)| (key.clone(), input(value)))
                .collect();
            // As people write it: what it is, then what is run.
            fields.sort_by_key(|(key, _)| match key.as_str() {
                "type" => 0,
                "command" => 1,
                _ => 2,
            });
            CstInputValue::Object(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PLAIN: JsonShape = JsonShape {
        key: "mcpServers",
        entry: Entry::Plain,
    };
    const LISTED: JsonShape = JsonShape {
        key: "mcp",
        entry: Entry::Listed,
    };

    fn server() -> Server {
        Server {
            command: "fathom".into(),
            args: vec!["mcp".into()],
        }
    }

    #[test]
    fn a_new_file_is_well_formed() {
        insta::assert_snapshot!(add("", PLAIN, &server()).unwrap(), @r#"
        {
          "mcpServers": {
            "fathom": {
              "command": "fathom",
              "args": ["mcp"]
            }
          }
        }
        "#);
    }

    #[test]
    fn comments_order_and_unknown_keys_stay() {
        let text = "// mine\n{\n\t\"theme\": \"dark\", // night\n\t\"mcpServers\": {\n\t\t/* one */\n\t\t\"other\": {\"command\": \"x\", \"timeout\": 1e3},\n\t},\n}\n";
        let added = add(text, PLAIN, &server()).unwrap();
        insta::assert_snapshot!(added.replace('\t', "→"), @r#"
        // mine
        {
        →"theme": "dark", // night
        →"mcpServers": {
        →→/* one */
        →→"other": {"command": "x", "timeout": 1e3},
        →→"fathom": {
        →→→"command": "fathom",
        →→→"args": ["mcp"],
        →→},
        →},
        }
        "#);
        assert_eq!(add(&added, PLAIN, &server()).unwrap(), added);
        assert_eq!(remove(&added, PLAIN).unwrap(), text);
    }

    #[test]
    fn an_entry_of_before_is_replaced_where_it_stands() {
        let text = "{\"mcpServers\": {\"fathom\": {\"command\": \"old\"}, \"b\": 1}}";
        let added = add(text, PLAIN, &server()).unwrap();
        let value: Value = serde_json::from_str(&added).unwrap();
        assert_eq!(value["mcpServers"]["fathom"]["args"][0], "mcp");
        assert!(added.find("fathom") < added.find("\"b\""));
    }

    #[test]
    fn opencode_has_two_layouts() {
        for (text, path) in [
            ("{\"mcp\": {}}", "/mcp/fathom"),
            ("{\"mcp\": {\"servers\": {}}}", "/mcp/servers/fathom"),
            (
                "{\"mcp\": {\"servers\": {\"type\": \"remote\"}}}",
                "/mcp/fathom",
            ),
        ] {
            let added = add(text, LISTED, &server()).unwrap();
            let value: Value = serde_json::from_str(&added).unwrap();
            let expected = json!({"type": "local", "command": ["fathom", "mcp"]});
            assert_eq!(value.pointer(path), Some(&expected), "{added}");
            assert!(!remove(&added, LISTED).unwrap().contains("fathom"));
        }
    }

    #[test]
    fn what_is_not_understood_is_not_touched() {
        for (text, problem) in [
            ("{\"mcpServers\": []}", "`mcpServers` is not an object"),
            ("[]", "it does not hold an object"),
            ("{\"a\": 1", "Unterminated object"),
            ("not json", "Unexpected"),
        ] {
            let error = add(text, PLAIN, &server()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        assert_eq!(remove("{\"a\": 1}", PLAIN).unwrap(), "{\"a\": 1}");
    }
}
