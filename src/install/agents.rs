//! The agents, and where each keeps its servers and instructions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// For whom something is installed.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The user, in all projects.
    User,
    /// Whoever works in this repository.
    Project(&'a Path),
}

/// Folders that agents keep their files in.
#[derive(Clone, Debug)]
pub struct Homes {
    home: PathBuf,
    /// `~/.config`, or what stands for it.
    config: PathBuf,
    codex: PathBuf,
}

impl Homes {
    /// Folders of this user, by the environment; `None` without a home folder.
    pub fn new(lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<Homes> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let home = PathBuf::from(set("HOME")?);
        let or =
            |name: &str, default: &str| set(name).map_or_else(|| home.join(default), PathBuf::from);
        Some(Homes {
            config: or("XDG_CONFIG_HOME", ".config"),
            codex: or("CODEX_HOME", ".codex"),
            home,
        })
    }

    fn code(&self) -> PathBuf {
        match cfg!(target_os = "macos") {
            true => self.home.join("Library/Application Support/Code/User"),
            false => self.config.join("Code/User"),
        }
    }
}

/// How servers are written down.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// In JSON, with comments allowed.
    Json(JsonShape),
    /// In TOML, as Codex has it.
    Toml,
}

/// Where in JSON the servers are, and how one is written.
#[derive(Clone, Copy, Debug)]
pub struct JsonShape {
    /// The object that holds the servers by name.
    pub key: &'static str,
    /// How a server is written.
    pub entry: Entry,
}

/// How a server is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `command` and `args`.
    Plain,
    /// These, and `type` that says `stdio`.
    Typed,
    /// One list, and `type` that says `local`.
    Listed,
}

/// How instructions stand in their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// In Markdown that others write too.
    Shared,
    /// In a rule of Cursor's that is always read.
    CursorRule,
}

/// The files of an agent.
pub struct Files {
    /// The list of servers.
    pub config: PathBuf,
    /// What the agent reads before it works.
    pub instructions: Option<(PathBuf, Manner)>,
}

/// A coding agent.
pub struct Agent {
    /// As it is written on the command line.
    pub id: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    /// How it writes servers down.
    pub shape: Shape,
    user: fn(&Homes) -> Files,
    project: Option<fn(&Path) -> Files>,
    /// One of these is there where the agent is used.
    marks: fn(&Homes) -> Vec<PathBuf>,
}

impl Agent {
    /// The agent that is called so.
    pub fn called(id: &str) -> Option<&'static Agent> {
        AGENTS.iter().find(|agent| agent.id == id)
    }

    /// Its files; `None` where it has none for a project.
    pub fn files(&self, scope: Scope<'_>, homes: &Homes) -> Option<Files> {
        match scope {
            Scope::User => Some((self.user)(homes)),
            Scope::Project(root) => self.project.map(|files| files(root)),
        }
    }

    /// Whether this user has it.
    pub fn is_there(&self, homes: &Homes) -> bool {
        (self.marks)(homes).iter().any(|mark| mark.exists())
    }
}

const MCP_SERVERS: &str = "mcpServers";

const fn json(key: &'static str, entry: Entry) -> Shape {
    Shape::Json(JsonShape { key, entry })
}

fn shared(path: PathBuf) -> Option<(PathBuf, Manner)> {
    Some((path, Manner::Shared))
}

/// The agents that fathom installs itself in.
pub const AGENTS: &[Agent] = &[
    Agent {
        id: "claude-code",
        name: "Claude Code",
        shape: json(MCP_SERVERS, Entry::Typed),
        user: |homes| Files {
            config: homes.home.join(".claude.json"),
            instructions: shared(homes.home.join(".claude/CLAUDE.md")),
        },
        project: Some(|root| Files {
            config: root.join(".mcp.json"),
            instructions: shared(root.join("CLAUDE.md")),
        }),
        marks: |homes| vec![homes.home.join(".claude.json"), homes.home.join(".claude")],
    },
    Agent {
        id: "codex",
        name: "Codex",
        shape: Shape::Toml,
        user: |homes| Files {
            config: homes.codex.join("config.toml"),
            instructions: shared(homes.codex.join("AGENTS.md")),
        },
        project: Some(|root| Files {
            config: root.join(".codex/config.toml"),
            instructions: shared(root.join("AGENTS.md")),
        }),
        marks: |homes| vec![homes.codex.clone()],
    },
    Agent {
        id: "cursor",
        name: "Cursor",
        shape: json(MCP_SERVERS, Entry::Plain),
        user: |homes| Files {
            config: homes.home.join(".cursor/mcp.json"),
            instructions: None,
        },
        project: Some(|root| Files {
            config: root.join(".cursor/mcp.json"),
            instructions: Some((root.join(".cursor/rules/fathom.mdc"), Manner::CursorRule)),
        }),
        marks: |homes| vec![homes.home.join(".cursor")],
    },
    Agent {
        id: "vscode",
        name: "VS Code (Copilot)",
        shape: json("servers", Entry::Typed),
        user: |homes| Files {
            config: homes.code().join("mcp.json"),
            instructions: None,
        },
        project: Some(|root| Files {
            config: root.join(".vscode/mcp.json"),
            instructions: shared(root.join(".github/copilot-instructions.md")),
        }),
        marks: |homes| vec![homes.code()],
    },
    Agent {
        id: "gemini",
        name: "Gemini CLI",
        shape: json(MCP_SERVERS, Entry::Plain),
        user: |homes| Files {
            config: homes.home.join(".gemini/settings.json"),
            instructions: shared(homes.home.join(".gemini/GEMINI.md")),
        },
        project: Some(|root| Files {
            config: root.join(".gemini/settings.json"),
            instructions: shared(root.join("GEMINI.md")),
        }),
        marks: |homes| vec![homes.home.join(".gemini")],
    },
    Agent {
        id: "zed",
        name: "Zed",
        shape: json("context_servers", Entry::Plain),
        user: |homes| Files {
            config: homes.config.join("zed/settings.json"),
            instructions: shared(homes.config.join("zed/AGENTS.md")),
        },
        project: None,
        marks: |homes| vec![homes.config.join("zed")],
    },
    Agent {
        id: "opencode",
        name: "opencode",
        shape: json("mcp", Entry::Listed),
        user: |homes| Files {
            config: either(&homes.config.join("opencode")),
            instructions: shared(homes.config.join("opencode/AGENTS.md")),
        },
        project: Some(|root| Files {
            config: either(root),
            instructions: shared(root.join("AGENTS.md")),
        }),
        marks: |homes| vec![homes.config.join("opencode")],
    },
    Agent {
        id: "windsurf",
        name: "Windsurf",
        shape: json(MCP_SERVERS, Entry::Plain),
        user: |homes| Files {
            config: homes.home.join(".codeium/windsurf/mcp_config.json"),
            instructions: None,
        },
        project: None,
        marks: |homes| vec![homes.home.join(".codeium/windsurf")],
    },
];

/// opencode reads both; the one that is there is the user's.
fn either(folder: &Path) -> PathBuf {
    let commented = folder.join("opencode.jsonc");
    match commented.exists() {
        true => commented,
        false => folder.join("opencode.json"),
    }
}
