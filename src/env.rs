//! Every environment variable that fathom reads, in one place.
//!
//! The man page and `fathom doctor` list this table, so a variable that is not
//! here does not exist.

/// Where indexes are kept; wins over `XDG_DATA_HOME`.
pub const DATA_DIR: &str = "FATHOM_DATA_DIR";
/// How many threads encode.
pub const THREADS: &str = "FATHOM_THREADS";
/// `0` keeps a search from finishing an index in the background.
pub const BACKGROUND: &str = "FATHOM_BACKGROUND";
/// `0` keeps commands from using a daemon.
pub const DAEMON: &str = "FATHOM_DAEMON";
/// `auto`, `always` or `never`.
pub const COLOR: &str = "FATHOM_COLOR";
/// How many results a search shows.
pub const TOP_K: &str = "FATHOM_TOP_K";
/// The largest file that is indexed, in bytes.
pub const MAX_FILE_BYTES: &str = "FATHOM_MAX_FILE_BYTES";
/// Reader models, separated by commas.
pub const MODEL: &str = "FATHOM_MODEL";
/// Address of a server that answers.
pub const READER_URL: &str = "FATHOM_READER_URL";
/// Name of the model on that server.
pub const READER_MODEL: &str = "FATHOM_READER_MODEL";
/// Key for that server; there is no flag for it, so that no list of processes shows it.
pub const READER_KEY: &str = "FATHOM_READER_KEY";
/// What requests to `fathom serve` must carry.
pub const TOKEN: &str = "FATHOM_TOKEN";
/// Key for Qdrant; there is no flag for it.
pub const QDRANT_API_KEY: &str = "QDRANT_API_KEY";
/// Folder in which the hub's own tools keep models.
pub const HF_HOME: &str = "HF_HOME";
/// The hub's cache of models; wins over `HF_HOME`.
pub const HF_HUB_CACHE: &str = "HF_HUB_CACHE";
/// Address of the hub.
pub const HF_ENDPOINT: &str = "HF_ENDPOINT";
/// Token for the hub.
pub const HF_TOKEN: &str = "HF_TOKEN";
/// `1`: the hub is not asked.
pub const HF_HUB_OFFLINE: &str = "HF_HUB_OFFLINE";
/// Proxy for the hub; read by the HTTP client itself.
pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// Colours off when set to anything but the empty string.
pub const NO_COLOR: &str = "NO_COLOR";
/// `true` (or `1`) on build machines: no background processes.
pub const CI: &str = "CI";
/// The ONNX Runtime library to load.
pub const ORT_DYLIB_PATH: &str = "ORT_DYLIB_PATH";
/// Base folder of user data.
pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// Base folder of caches.
pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// Base folder of user configuration.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Folder of sockets, private to the user.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";

/// The user's editor; wins over `EDITOR`.
pub const VISUAL: &str = "VISUAL";
/// The user's editor.
pub const EDITOR: &str = "EDITOR";

/// One documented variable.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, one sentence.
    pub meaning: &'static str,
}

/// All variables, in the order of the manual.
pub const ALL: &[Variable] = &[
    Variable {
        name: DATA_DIR,
        meaning: "Folder that holds the indexes (default: `$XDG_DATA_HOME/fathom`)",
    },
    Variable {
        name: THREADS,
        meaning: "Number of threads that read, chunk and encode (default: all cores)",
    },
    Variable {
        name: BACKGROUND,
        meaning: "`0` keeps `fathom search` from finishing an index in a background process",
    },
    Variable {
        name: DAEMON,
        meaning: "`0` keeps commands from using the process that `fathom watch` starts",
    },
    Variable {
        name: COLOR,
        meaning: "`auto`, `always` or `never`",
    },
    Variable {
        name: TOP_K,
        meaning: "Number of results of a search (default: 10)",
    },
    Variable {
        name: MAX_FILE_BYTES,
        meaning: "Largest file that is indexed, in bytes",
    },
    Variable {
        name: MODEL,
        meaning: "Reader models, as for `--model`; several are separated by commas",
    },
    Variable {
        name: READER_URL,
        meaning: "OpenAI-compatible server that answers, as for `--reader-url`",
    },
    Variable {
        name: READER_MODEL,
        meaning: "Name of the model on that server",
    },
    Variable {
        name: READER_KEY,
        meaning: "Key that is sent to that server",
    },
    Variable {
        name: TOKEN,
        meaning: "Token that requests to `fathom serve` must carry, as for `--token-file`",
    },
    Variable {
        name: QDRANT_API_KEY,
        meaning: "Key that is sent to the server of `--store` (builds with the feature `qdrant`)",
    },
    Variable {
        name: HF_HOME,
        meaning: "Folder of the hub's tools; models in it are found too (default: `~/.cache/huggingface`)",
    },
    Variable {
        name: HF_HUB_CACHE,
        meaning: "Folder of the hub's cache, where `fathom model pull` puts models (default: `$HF_HOME/hub`)",
    },
    Variable {
        name: HF_ENDPOINT,
        meaning: "Address of the hub (default: `https://huggingface.co`)",
    },
    Variable {
        name: HF_TOKEN,
        meaning: "Token for the hub, sent to it alone (default: what `$HF_HOME/token` holds)",
    },
    Variable {
        name: HF_HUB_OFFLINE,
        meaning: "`1`: the hub is not asked",
    },
    Variable {
        name: HTTPS_PROXY,
        meaning: "Proxy on the way to the hub; `ALL_PROXY`, `HTTP_PROXY` and `NO_PROXY` too",
    },
    Variable {
        name: VISUAL,
        meaning: "Editor that `fathom ui` opens; before `EDITOR` (default: `vi`)",
    },
    Variable {
        name: EDITOR,
        meaning: "The same, where `VISUAL` is not set",
    },
    Variable {
        name: NO_COLOR,
        meaning: "Any value but the empty one turns colours off",
    },
    Variable {
        name: CI,
        meaning: "`true` or `1`: no background processes",
    },
    Variable {
        name: ORT_DYLIB_PATH,
        meaning: "ONNX Runtime library to load, before all other places",
    },
    Variable {
        name: XDG_DATA_HOME,
        meaning: "Base of the data folder (default: `~/.local/share`)",
    },
    Variable {
        name: XDG_CACHE_HOME,
        meaning: "Base of the cache folder, where the ONNX Runtime library is kept (default: `~/.cache`)",
    },
    Variable {
        name: XDG_CONFIG_HOME,
        meaning: "Base of the configuration folder (default: `~/.config`)",
    },
    Variable {
        name: XDG_RUNTIME_DIR,
        meaning: "Folder of the daemon's socket (default: the data folder)",
    },
];
