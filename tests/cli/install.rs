//! `fathom install` and `uninstall` in the folders of every agent.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Run, SMALL, Sandbox, check};

/// An agent, its list of servers, that list with a server in it, and where its instructions are;
/// `~/` is the home folder, `./` the repository.
const AGENTS: &[(&str, &str, &str, &str)] = &[
    (
        "claude-code",
        "~/.claude.json",
        CLAUDE,
        "~/.claude/CLAUDE.md",
    ),
    ("claude-code", "./.mcp.json", CLAUDE, "./CLAUDE.md"),
    ("codex", "~/.codex/config.toml", CODEX, "~/.codex/AGENTS.md"),
    ("codex", "./.codex/config.toml", CODEX, "./AGENTS.md"),
    ("cursor", "~/.cursor/mcp.json", CLAUDE, ""),
    (
        "cursor",
        "./.cursor/mcp.json",
        CLAUDE,
        "./.cursor/rules/fathom.mdc",
    ),
    ("vscode", "~/.config/Code/User/mcp.json", CODE, ""),
    (
        "vscode",
        "./.vscode/mcp.json",
        CODE,
        "./.github/copilot-instructions.md",
    ),
    (
        "gemini",
        "~/.gemini/settings.json",
        CLAUDE,
        "~/.gemini/GEMINI.md",
    ),
    ("gemini", "./.gemini/settings.json", CLAUDE, "./GEMINI.md"),
    (
        "zed",
        "~/.config/zed/settings.json",
        ZED,
        "~/.config/zed/AGENTS.md",
    ),
    (
        "opencode",
        "~/.config/opencode/opencode.json",
        OPENCODE,
        "~/.config/opencode/AGENTS.md",
    ),
    ("opencode", "./opencode.json", OPENCODE, "./AGENTS.md"),
    (
        "windsurf",
        "~/.codeium/windsurf/mcp_config.json",
        CLAUDE,
        "",
    ),
];

const CLAUDE: &str = "{\n  \"numStartups\": 7,\n  \"mcpServers\": {\n    \"other\": {\n      \"command\": \"x\"\n    }\n  }\n}\n";
const CODEX: &str = "# mine\nmodel = \"m\"\n\n[mcp_servers.other]\ncommand = \"x\"\n";
const CODE: &str = "{\n\t// mine\n\t\"servers\": {\n\t\t\"other\": { \"type\": \"http\", \"url\": \"http://x\" }\n\t},\n\t\"inputs\": []\n}\n";
const ZED: &str = "// Zed settings\n{\n  \"theme\": \"One Dark\", // dark\n  \"context_servers\": {\n    \"other\": { \"command\": \"x\", \"args\": [], },\n  },\n}\n";
const OPENCODE: &str = "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"mcp\": {\n    /* mine */\n    \"other\": { \"type\": \"remote\", \"url\": \"http://x\" }\n  }\n}\n";

/// A repository, in a home folder of which the configuration is a part.
struct Place {
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Place {
        let sandbox = Sandbox::new(SMALL);
        fs::create_dir(sandbox.tree().join(".git")).unwrap();
        fs::create_dir(sandbox.path("home/.config")).unwrap();
        Place { sandbox }
    }

    fn path(&self, short: &str) -> std::path::PathBuf {
        match short.split_once('/').unwrap() {
            ("~", rest) => self.sandbox.path("home").join(rest),
            (_, rest) => self.sandbox.tree().join(rest),
        }
    }

    fn write(&self, short: &str, text: &str) {
        let path = self.path(short);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, short: &str) -> Option<String> {
        fs::read_to_string(self.path(short)).ok()
    }

    fn run(&self, args: &[&str]) -> Run {
        let config = self.sandbox.path("home/.config");
        let variables = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
        self.sandbox.run_with(&variables, args)
    }

    /// Runs a command that changes things, for an agent whose files are there.
    fn change(&self, command: &str, agent: &str, config: &str) -> Run {
        let mut args = vec![command, agent, "--yes"];
        args.extend(config.starts_with("./").then_some("--project"));
        self.run(&args).expect_code(0)
    }
}

/// The commands that a list of servers has fathom run.
fn commands(config: &str, text: &str) -> Value {
    if config.ends_with("toml") {
        let table: toml::Table = toml::from_str(text).unwrap();
        let server = serde_json::to_value(&table["mcp_servers"]["fathom"]).unwrap();
        return json!([server["command"], server["args"][0]]);
    }
    let comments = regex::Regex::new(r"(?s:/\*.*?\*/)|(?m:[ \t]//.*$|^//.*$)").unwrap();
    let commas = regex::Regex::new(r",(\s*[}\]])").unwrap();
    let text = comments.replace_all(text, "");
    let strict = commas.replace_all(&text, "$1");
    let value: Value =
        serde_json::from_str(&strict).unwrap_or_else(|error| panic!("{error}: {text}"));
    let lists = ["mcpServers", "servers", "context_servers", "mcp"];
    let server = lists.iter().map(|list| &value[list]["fathom"]);
    let server = server
        .into_iter()
        .find(|server| server.is_object())
        .unwrap();
    match &server["command"] {
        Value::Array(all) => json!(all),
        command => json!([command, server["args"][0]]),
    }
}

#[test]
fn every_agent_gets_to_know_fathom_and_forgets_it() {
    for (agent, config, text, instructions) in AGENTS {
        for before in [None, Some(*text)] {
            let place = Place::new();
            if let Some(before) = before {
                place.write(config, before);
                if !instructions.is_empty() && !instructions.ends_with("mdc") {
                    place.write(instructions, "# Mine\n\nBe kind.\n");
                }
            }
            let told = before.and_then(|_| place.read(instructions_or(instructions, config)));
            let run = place.change("install", agent, config);
            let after = place.read(config).unwrap();
            let command = commands(config, &after);
            let program = command[0].as_str().unwrap();
            assert_eq!(command[1], "mcp", "{agent}: {after}");
            match config.starts_with("./") {
                true => assert_eq!(program, "fathom"),
                false => assert_eq!(program, env!("CARGO_BIN_EXE_fathom")),
            }
            assert!(
                run.stdout.contains("+++ ") && run.stdout.contains("fathom"),
                "{run}"
            );
            if !instructions.is_empty() {
                let said = place.read(instructions).unwrap();
                assert!(said.contains("explain_symbol"), "{agent}: {said}");
            }
            let again = place.change("install", agent, config);
            assert_eq!(again.stdout, "", "{again}");
            assert_eq!(place.read(config).unwrap(), after);
            place.change("uninstall", agent, config);
            assert_eq!(place.read(config).as_deref(), before, "{agent} {config}");
            if !instructions.is_empty() {
                assert_eq!(
                    place.read(instructions),
                    told.filter(|_| !instructions.ends_with("mdc"))
                );
            }
            let kept = place.read(&format!("{config}.fathom-backup"));
            assert_eq!(
                kept,
                Some(after),
                "{agent}: the text before the last change"
            );
        }
    }
}

/// A path that can be read, also where there are no instructions.
fn instructions_or<'a>(instructions: &'a str, config: &'a str) -> &'a str {
    match instructions {
        "" => config,
        other => other,
    }
}

#[test]
fn the_change_is_shown_and_nothing_written_without_consent() {
    let place = Place::new();
    place.write("~/.cursor/mcp.json", CLAUDE);
    let program = env!("CARGO_BIN_EXE_fathom");
    let mut run = place.run(&["install", "cursor"]);
    run.stdout = run.stdout.replace(program, "[PROGRAM]");
    check!(place.sandbox, run, @r#"
    exit 2
    --- stdout
    --- [SANDBOX]/home/.cursor/mcp.json
    +++ [SANDBOX]/home/.cursor/mcp.json
    @@ -3,6 +3,10 @@
       "mcpServers": {
         "other": {
           "command": "x"
    +    },
    +    "fathom": {
    +      "command": "[PROGRAM]",
    +      "args": ["mcp"]
         }
       }
     }
    --- stderr
    error: nothing was written
    hint: `--yes` writes it without asking
    "#);
    assert_eq!(place.read("~/.cursor/mcp.json").as_deref(), Some(CLAUDE));
}

#[test]
fn opencode_is_configured_where_its_user_does_it() {
    let place = Place::new();
    place.write("~/.config/opencode/opencode.jsonc", OPENCODE);
    place.change("install", "opencode", "~/");
    let text = place.read("~/.config/opencode/opencode.jsonc").unwrap();
    assert!(
        text.contains("\"fathom\"") && text.contains("/* mine */"),
        "{text}"
    );
    assert_eq!(place.read("~/.config/opencode/opencode.json"), None);
}

#[test]
fn links_and_modes_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new();
    place.write("~/dotfiles/claude.json", CLAUDE);
    let target = place.path("~/dotfiles/claude.json");
    fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
    let link = place.path("~/.claude.json");
    symlink(&target, &link).unwrap();
    place.change("install", "claude-code", "~/");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    for file in [
        "~/dotfiles/claude.json",
        "~/dotfiles/claude.json.fathom-backup",
    ] {
        let mode = fs::metadata(place.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(
        place
            .read("~/dotfiles/claude.json")
            .unwrap()
            .contains("\"fathom\"")
    );
}

#[test]
fn what_is_not_understood_is_left_alone() {
    for (agent, config, text, problem) in [
        (
            "cursor",
            "~/.cursor/mcp.json",
            "{\"mcpServers\": []}",
            "`mcpServers` is not an object; mend it",
        ),
        ("cursor", "~/.cursor/mcp.json", "{\"a\": ", "is not changed"),
        (
            "codex",
            "~/.codex/config.toml",
            "mcp_servers = 1",
            "`mcp_servers` is not a table; mend it",
        ),
    ] {
        let place = Place::new();
        place.write(config, text);
        let run = place.run(&["install", agent, "--yes"]).expect_code(2);
        assert!(run.stderr.contains(problem), "{run}");
        assert_eq!(place.read(config).as_deref(), Some(text));
    }
    let place = Place::new();
    for (args, problem) in [
        (&["install"][..], "no agent is named"),
        (&["install", "emacs"], "there is no agent `emacs`"),
        (
            &["install", "zed", "--project", "--yes"],
            "leave `--project` out",
        ),
    ] {
        let run = place.run(args).expect_code(2);
        assert!(run.stderr.contains(problem), "{run}");
    }
}

#[test]
fn agents_that_are_here_are_listed() {
    let place = Place::new();
    place.write("~/.gemini/settings.json", "{}");
    place.write("~/.codex/config.toml", "a = ");
    place.change("install", "gemini", "./");
    let listed = place
        .run(&["install", "--list", "--json"])
        .expect_code(0)
        .json();
    let of = |id: &str| {
        let all = listed.as_array().unwrap();
        all.iter().find(|one| one["agent"] == id).unwrap().clone()
    };
    let gemini = json!({"agent": "gemini", "name": "Gemini CLI", "found": true, "user": "not installed", "project": "installed"});
    assert_eq!(of("gemini"), gemini);
    assert_eq!(
        (&of("zed")["found"], &of("zed")["project"]),
        (&json!(false), &json!("unsupported"))
    );
    assert!(
        of("codex")["user"]
            .as_str()
            .unwrap()
            .contains("is not changed"),
        "{listed}"
    );
    let run = place.run(&["install", "--list"]).expect_code(0);
    assert!(
        run.stdout
            .contains("gemini       found      user: not installed; project: installed"),
        "{run}"
    );
}
