//! An entry in TOML; everything else stays as it is.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{NAME, Server};

/// The table that holds the servers.
const SERVERS: &str = "mcp_servers";

/// The text with the server in it.
pub fn add(text: &str, server: &Server) -> Result<String, String> {
    let mut document = parse(text)?;
    let servers = document.entry(SERVERS).or_insert_with(|| {
        let mut table = Table::new();
        // Only its parts are written down.
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers
        .as_table_like_mut()
        .ok_or_else(|| format!("`{SERVERS}` is not a table"))?;
    let entry = servers
        .entry(NAME)
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| format!("`{SERVERS}.{NAME}` is not a table"))?;
    let args: Array = server.args.iter().collect();
    if entry.get("command").and_then(Item::as_str) != Some(&server.command) {
        entry.insert("command", value(&server.command));
    }
    let known = entry.get("args").and_then(Item::as_array);
    let known: Option<Vec<&str>> =
        known.and_then(|args| args.iter().map(|arg| arg.as_str()).collect());
    if known.as_deref() != Some(&server.args.iter().map(String::as_str).collect::<Vec<_>>()) {
        entry.insert("args", value(args));
    }
    Ok(document.to_string())
}

/// The text without the server.
pub fn remove(text: &str) -> Result<String, String> {
    let mut document = parse(text)?;
    let Some(servers) = document.get_mut(SERVERS).and_then(Item::as_table_like_mut) else {
        return Ok(text.to_owned());
    };
    if servers.remove(NAME).is_none() {
        return Ok(text.to_owned());
    }
    if servers.is_empty() {
        document.remove(SERVERS);
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn server() -> Server {
        Server {
            command: "fathom".into(),
            args: vec!["mcp".into()],
        }
    }

    #[test]
    fn comments_and_unknown_keys_stay() {
        let text = "# mine\nmodel = \"x\" # best\n\n[mcp_servers.other]\ncommand = \"y\"\n\n[profiles.a]\nb = 1\n";
        let added = add(text, &server()).unwrap();
        insta::assert_snapshot!(added, @r#"
        # mine
        model = "x" # best

        [mcp_servers.other]
        command = "y"

        [mcp_servers.fathom]
        command = "fathom"
        args = ["mcp"]

        [profiles.a]
        b = 1
        "#);
        assert_eq!(add(&added, &server()).unwrap(), added);
        assert_eq!(remove(&added).unwrap(), text);
    }

    #[test]
    fn what_the_user_added_to_the_entry_stays() {
        let text = "[mcp_servers.fathom]\ncommand = \"/old/fathom\"\nargs = [\"mcp\"]\nstartup_timeout_sec = 20 # slow\n";
        let added = add(text, &server()).unwrap();
        assert_eq!(added, text.replace("/old/", ""));
        assert_eq!(remove(text).unwrap(), "");
    }

    #[test]
    fn what_is_not_understood_is_not_touched() {
        for (text, problem) in [
            ("mcp_servers = 1", "`mcp_servers` is not a table"),
            (
                "[[mcp_servers]]\nname = \"a\"",
                "`mcp_servers` is not a table",
            ),
            (
                "mcp_servers.fathom = 1",
                "`mcp_servers.fathom` is not a table",
            ),
            ("a = ", ""),
        ] {
            let error = add(text, &server()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        assert_eq!(remove("a = 1").unwrap(), "a = 1");
    }
}
