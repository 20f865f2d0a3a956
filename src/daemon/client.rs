//! The side of the commands: everything here may fail, and then the command works without.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use fathom_encoders::{Document, Embedding};

use super::frame::Line;
use super::protocol::{
    DaemonStatus, Folder, Identity, REPLY_LIMIT, Reply, Request, WireDocument, rules,
};
use crate::config::Settings;

/// A daemon that does not greet in this time is as good as none.
const GREETING: Duration = Duration::from_secs(2);
/// Longest time that one query or one batch of documents takes.
const ENCODING: Duration = Duration::from_secs(20);
/// Longest time to catch up with a tree.
const CATCHING_UP: Duration = Duration::from_secs(60);
/// Token ids sent at once; well below the longest request.
const IDS_AT_ONCE: usize = 100_000;

/// A connection to the daemon.
pub struct Client {
    line: Line,
    /// The daemon's process.
    pub pid: u32,
    /// Whether it is the same program as this one.
    pub is_same: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client(process {})", self.pid)
    }
}

impl Client {
    /// Connects to a daemon of whatever version. `None` if there is none.
    pub fn connect(settings: &Settings) -> Option<Client> {
        let place = settings.daemon_place();
        if !place.is_private() {
            return None;
        }
        let stream = UnixStream::connect(place.socket()).ok()?;
        let mut line = Line::new(stream, REPLY_LIMIT).ok()?;
        let identity = Identity::ours(settings);
        line.send(&Request::Hello {
            identity: identity.clone(),
        })
        .ok()?;
        match line.receive(GREETING, &|| false).ok()?? {
            Reply::Hello {
                identity: theirs,
                pid,
            } => Some(Client {
                line,
                pid,
                is_same: theirs == identity,
            }),
            _ => None,
        }
    }

    /// Connects to a daemon that does what this program would do; not if the user wants none.
    fn connect_to_use(settings: &Settings) -> Option<Client> {
        if !settings.use_daemon {
            return None;
        }
        Client::connect(settings).filter(|client| client.is_same)
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &Request, patience: Duration) -> io::Result<Reply> {
        self.ask_unless(&|| false, request, patience)
    }

    /// Like [`Client::ask`], but gives up when `stop` says so.
    fn ask_unless(
        &mut self,
        stop: &dyn Fn() -> bool,
        request: &Request,
        patience: Duration,
    ) -> io::Result<Reply> {
        self.line.send(request)?;
        let reply = self.line.receive(patience, stop)?;
        reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// How the daemon is.
    pub fn status(&mut self) -> io::Result<DaemonStatus> {
        match self.ask(&Request::Status, GREETING)? {
            Reply::Status { status } => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    fn embeddings(&mut self, request: &Request) -> io::Result<Vec<Embedding>> {
        match self.ask(request, ENCODING)? {
            Reply::Embeddings { embeddings } => embeddings
                .iter()
                .map(|embedding| embedding.embedding())
                .collect::<Option<_>>()
                .ok_or_else(|| io::ErrorKind::InvalidData.into()),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(reply: &Reply) -> io::Error {
    match reply {
        Reply::Failed { message } => io::Error::other(message.clone()),
        other => io::Error::other(format!("the daemon answered {other:?}")),
    }
}

/// What is wanted of an index before it is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Words of all files as they are now.
    Words,
    /// And vectors, as far as they are quickly made.
    Encoded,
    /// All of it.
    Everything,
}

/// Has the daemon bring the index of `root` up to date. False if the caller has to do it: there
/// is no daemon, or it does not watch this repository, or something went wrong, or `cancel` was set.
pub fn catch_up(settings: &Settings, root: &Path, wanted: Wanted, cancel: &AtomicBool) -> bool {
    let Some(mut client) = Client::connect_to_use(settings) else {
        return false;
    };
    let request = Request::CatchUp {
        root: root.into(),
        rules: rules(settings),
        encoded: wanted != Wanted::Words,
        wait: wanted == Wanted::Everything,
    };
    let patience = match wanted {
        Wanted::Everything => Duration::MAX,
        _ => CATCHING_UP,
    };
    let stop = || cancel.load(Ordering::SeqCst);
    let reply = client.ask_unless(&stop, &request, patience);
    matches!(reply, Ok(Reply::CaughtUp))
}

/// Asks the daemon to watch a repository.
pub fn watch(client: &mut Client, root: &Path) -> io::Result<()> {
    let root = Folder::from(root);
    match client.ask(&Request::Watch { root }, GREETING)? {
        Reply::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// The model of the daemon.
#[derive(Debug)]
pub struct Remote {
    client: Client,
}

impl Remote {
    /// `None` if there is no daemon to use.
    pub fn connect(settings: &Settings) -> Option<Remote> {
        let client = Client::connect_to_use(settings)?;
        Some(Remote { client })
    }

    /// Encodes a query.
    pub fn query(&mut self, query: &str) -> io::Result<Embedding> {
        let query = query.to_owned();
        let mut embeddings = self.client.embeddings(&Request::Embed { query })?;
        embeddings
            .pop()
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Encodes the first of these documents, as many as there is time for.
    pub fn documents(&mut self, documents: &[Document]) -> io::Result<Vec<Embedding>> {
        let mut embeddings = Vec::with_capacity(documents.len());
        while embeddings.len() < documents.len() {
            let batch = batch(&documents[embeddings.len()..]);
            let wanted = batch.len();
            let made = self
                .client
                .embeddings(&Request::Encode { documents: batch })?;
            if made.len() > wanted {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let is_all = made.len() == wanted;
            embeddings.extend(made);
            if !is_all {
                break;
            }
        }
        Ok(embeddings)
    }
}

/// The first documents, as many as fit into one request.
fn batch(documents: &[Document]) -> Vec<WireDocument> {
    let mut ids = 0;
    let fits = documents.iter().enumerate().take_while(|(at, document)| {
        ids += document.all_ids().count();
        *at == 0 || ids <= IDS_AT_ONCE
    });
    fits.map(|(_, document)| document.into()).collect()
}
