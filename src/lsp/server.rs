//! The order of things: what may come when, what answers it, and when it ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gen_lsp_types::{
    DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::actions::{self, COMMANDS};
use super::asked::Asked;
use super::client::{Abilities, Client, Weight};
use super::documents::Documents;
use super::lanes::{Lane, Lanes};
use super::message::{
    self, INTERNAL_ERROR, INVALID_REQUEST, Id, METHOD_NOT_FOUND, Message, NOT_INITIALIZED, Refusal,
};
use super::running::Running;
use super::text::Encoding;
use super::world::World;
use super::{Ended, calls, commands, hover, navigate, symbols, uri};
use crate::config::Settings;

/// What answers a request.
type Handler = fn(&Asked) -> Result<Value, Refusal>;

/// Which handler answers which method, and in which lane.
const HANDLERS: [(&str, Lane, Handler); 9] = [
    ("textDocument/hover", Lane::Quick, hover::hover),
    ("textDocument/definition", Lane::Quick, navigate::definition),
    ("textDocument/references", Lane::Quick, navigate::references),
    (
        "textDocument/documentSymbol",
        Lane::Quick,
        symbols::of_document,
    ),
    ("textDocument/codeAction", Lane::Quick, actions::actions),
    (
        "textDocument/prepareCallHierarchy",
        Lane::Quick,
        calls::prepare,
    ),
    ("callHierarchy/incomingCalls", Lane::Quick, calls::incoming),
    ("callHierarchy/outgoingCalls", Lane::Quick, calls::outgoing),
    ("workspace/symbol", Lane::Search, symbols::of_workspace),
];

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Ready,
    ShutDown,
}

/// A conversation with a client.
pub struct Server {
    settings: Settings,
    client: Arc<Client>,
    running: Arc<Running>,
    lanes: Lanes,
    phase: Phase,
    folders: Vec<PathBuf>,
    encoding: Encoding,
    world: Option<Arc<World>>,
    documents: Documents,
    /// The client's process.
    pub parent: Option<i32>,
}

impl Server {
    /// Before anything was said.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(settings: Settings, client: Arc<Client>) -> std::io::Result<Server> {
        Ok(Server {
            settings,
            running: Arc::new(Running::new(client.clone())),
            client,
            lanes: Lanes::start()?,
            phase: Phase::New,
            folders: Vec::new(),
            encoding: Encoding::default(),
            world: None,
            documents: Documents::default(),
            parent: None,
        })
    }

    /// Takes one message; tells if it was the last.
    pub fn take(&mut self, value: Value) -> Option<Ended> {
        match message::parse(value) {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params),
            Ok(Message::Notification { method, params }) => {
                return self.notification(&method, params);
            }
            // Nothing that is asked of clients has an answer that matters.
            Ok(Message::Response { .. }) => {}
            Err(answer) => self.client.send(&answer),
        }
        None
    }

    /// What came is no JSON.
    pub fn garbage(&self, problem: &str) {
        let refusal = Refusal::new(message::PARSE_ERROR, problem);
        self.client.send(&message::refused(None, &refusal));
    }

    /// Nobody wants anything any more.
    pub fn stop(&mut self) {
        self.running.cancel_all();
        if let Some(world) = self.world.take() {
            world.stop.store(true, Ordering::SeqCst);
        }
    }

    fn request(&mut self, id: Id, method: &str, params: Value) {
        let refuse = |code, why: &str| {
            let refusal = Refusal::new(code, why);
            self.client.send(&message::refused(Some(&id), &refusal));
        };
        match (self.phase, method) {
            (Phase::New, "initialize") => {
                let result = self.initialize(&params);
                self.client.send(&message::answered(&id, result));
            }
            (Phase::New, _) => refuse(NOT_INITIALIZED, "`initialize` comes first"),
            (_, "initialize") => refuse(INVALID_REQUEST, "`initialize` comes once"),
            (Phase::ShutDown, _) => refuse(INVALID_REQUEST, "after `shutdown` comes `exit`"),
            (Phase::Ready, "shutdown") => {
                self.phase = Phase::ShutDown;
                self.stop();
                self.client.send(&message::answered(&id, Value::Null));
            }
            (Phase::Ready, _) => self.ask(id, method, params),
        }
    }

    /// Has a request answered in its lane.
    fn ask(&mut self, id: Id, method: &str, params: Value) {
        let found = match method {
            "workspace/executeCommand" => Some((lane_of(&params), commands::run as Handler)),
            _ => HANDLERS
                .iter()
                .find(|(name, ..)| *name == method)
                .map(|(_, lane, handler)| (*lane, *handler)),
        };
        let answer = |refusal: &Refusal| self.client.send(&message::refused(Some(&id), refusal));
        let Some((lane, handler)) = found else {
            let why = format!("`{method}` is not a request that fathom answers");
            return answer(&Refusal::new(METHOD_NOT_FOUND, why));
        };
        let Some(world) = self.world.clone() else {
            return answer(&Refusal::failed("no folder is open in the editor"));
        };
        let cancel = match self.running.begin(&id) {
            Ok(cancel) => cancel,
            Err(refusal) => return answer(&refusal),
        };
        if let Some(token) = params.get("workDoneToken") {
            self.running.add_token(&id, token);
        }
        let asked = Asked {
            world,
            documents: self.documents.clone(),
            cancel,
            id,
            running: self.running.clone(),
            raw: params,
        };
        self.lanes
            .run(lane, Box::new(move || answer_one(&asked, handler)));
    }

    fn notification(&mut self, method: &str, params: Value) -> Option<Ended> {
        match (self.phase, method) {
            (Phase::ShutDown, "exit") => return Some(Ended::Orderly),
            (_, "exit") => return Some(Ended::WithoutShutdown),
            (Phase::Ready, method) => {
                if let Err(problem) = self.told(method, params) {
                    let line = format!("`{method}` is left aside: {problem}");
                    self.client.log(Weight::Warning, &line);
                }
            }
            _ => {}
        }
        None
    }

    /// Something that needs no answer. What is not known is left aside without a word.
    fn told(&mut self, method: &str, params: Value) -> Result<(), String> {
        match method {
            "textDocument/didOpen" => {
                let opened: DidOpenTextDocumentParams = read(params)?;
                let document = opened.text_document;
                self.documents.open(&document.uri.0, document.text);
            }
            "textDocument/didChange" => {
                let changed: DidChangeTextDocumentParams = read(params)?;
                let uri = &changed.text_document.text_document_identifier.uri.0;
                let changes = changed.content_changes;
                if !self.documents.change(uri, changes, self.encoding) {
                    return Err(format!("`{uri}` is not open"));
                }
            }
            "textDocument/didClose" => {
                let closed: DidCloseTextDocumentParams = read(params)?;
                self.documents.close(&closed.text_document.uri.0);
            }
            "workspace/didChangeWorkspaceFolders" => {
                let changed: DidChangeWorkspaceFoldersParams = read(params)?;
                self.change_folders(&changed);
            }
            "$/cancelRequest" => match params.get("id") {
                Some(Value::Number(id)) => {
                    self.running
                        .cancel(&Id::Number(id.as_i64().unwrap_or_default()));
                }
                Some(Value::String(id)) => self.running.cancel(&Id::Text(id.clone())),
                _ => return Err("it names no request".to_owned()),
            },
            "window/workDoneProgress/cancel" => {
                let token = params.get("token").cloned().unwrap_or_default();
                self.running.cancel_token(&token);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes whatever a client says of itself, so that an odd one is not refused.
    fn initialize(&mut self, params: &Value) -> Value {
        self.phase = Phase::Ready;
        let capabilities = params.get("capabilities").cloned().unwrap_or_default();
        let offered = capabilities.pointer("/general/positionEncodings");
        let offered = offered.and_then(Value::as_array).into_iter().flatten();
        self.encoding = Encoding::of(offered.filter_map(Value::as_str));
        self.client.set_abilities(Abilities::of(&capabilities));
        let parent = params.get("processId").and_then(Value::as_i64);
        self.parent = parent.and_then(|pid| i32::try_from(pid).ok());
        self.folders = folders(params);
        self.open_world();
        json!({
            "capabilities": capabilities_of_server(self.encoding),
            "serverInfo": {"name": "fathom", "version": env!("CARGO_PKG_VERSION")},
        })
    }

    fn change_folders(&mut self, changed: &DidChangeWorkspaceFoldersParams) {
        for folder in &changed.event.removed {
            let gone = uri::path(&folder.uri.0);
            self.folders.retain(|one| Some(one) != gone.as_ref());
        }
        for folder in &changed.event.added {
            let path = uri::path(&folder.uri.0);
            let new = path.filter(|path| !self.folders.contains(path));
            self.folders.extend(new);
        }
        self.open_world();
    }

    /// Begins anew with the folders that are open now. Nothing is loaded or indexed for it.
    fn open_world(&mut self) {
        if let Some(old) = self.world.take() {
            old.stop.store(true, Ordering::SeqCst);
            // Whoever watches there ends between two batches.
            self.lanes.run(Lane::Reader, Box::new(move || drop(old)));
        }
        let client = self.client.clone();
        match World::new(&self.settings, &self.folders, client, self.encoding) {
            Ok(world) => self.world = Some(Arc::new(world)),
            Err(error) => self.client.log(Weight::Warning, &error.to_string()),
        }
    }
}

/// Readers answer one after the other; what needs none does not wait for them.
fn lane_of(params: &Value) -> Lane {
    match params.get("command").and_then(Value::as_str) {
        Some("fathom.similar") => Lane::Search,
        _ => Lane::Reader,
    }
}

/// Answers a request; a panic is an answer too.
fn answer_one(asked: &Asked, handler: Handler) {
    if asked.go_on().is_err() {
        return;
    }
    let result = catch_unwind(AssertUnwindSafe(|| handler(asked)));
    let result = result.unwrap_or_else(|_| {
        let why = "internal error; stderr says where";
        Err(Refusal::new(INTERNAL_ERROR, why))
    });
    asked.running.answer(&asked.id, result);
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}

/// The folders that a client opens: the newest way to say so that it uses.
fn folders(params: &Value) -> Vec<PathBuf> {
    let uris = params.get("workspaceFolders").and_then(Value::as_array);
    let uris = uris
        .into_iter()
        .flatten()
        .filter_map(|one| one["uri"].as_str());
    let mut folders: Vec<PathBuf> = uris.filter_map(uri::path).collect();
    if folders.is_empty() {
        let root = params.get("rootUri").and_then(Value::as_str);
        folders.extend(root.and_then(uri::path));
    }
    if folders.is_empty() {
        let root = params.get("rootPath").and_then(Value::as_str);
        folders.extend(root.filter(|root| !root.is_empty()).map(PathBuf::from));
    }
    folders
}

fn capabilities_of_server(encoding: Encoding) -> Value {
    let kinds: Vec<&str> = COMMANDS.iter().map(|(_, kind, _)| *kind).collect();
    let commands: Vec<&str> = COMMANDS.iter().map(|(command, ..)| *command).collect();
    json!({
        "positionEncoding": encoding.name(),
        // 2: what has changed, not all of it.
        "textDocumentSync": {"openClose": true, "change": 2},
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "documentSymbolProvider": true,
        "workspaceSymbolProvider": true,
        "callHierarchyProvider": true,
        "codeActionProvider": {"codeActionKinds": kinds},
        "executeCommandProvider": {"commands": commands, "workDoneProgress": true},
        "workspace": {"workspaceFolders": {"supported": true, "changeNotifications": true}},
    })
}
