//! The life of a daemon: claim the place, listen, end cleanly.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fathom_indexer::pipeline::Encoders;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::DaemonError;
use super::server::Server;
use super::watched::OnNote;
use crate::config::Settings;
use crate::encoder;
use crate::model::QueryModel;

/// How often it looks whether it should end.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// Why a daemon has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, or nobody needed it.
    Stopped,
    /// Other models were selected; these roots were watched.
    OtherModels(Vec<PathBuf>),
}

/// The profile that is selected now, as far as there is one.
pub type SelectedNow<'a> = &'a dyn Fn() -> Option<String>;

/// How to run a daemon.
pub struct Options {
    /// Settings of its user.
    pub settings: Settings,
    /// Paths in the repositories to be watched.
    pub paths: Vec<PathBuf>,
    /// It ends when nobody has needed it for so long; never if `None`.
    pub idle_exit: Option<Duration>,
}

/// Watches and listens until it is cancelled, told to stop, idle for too long, or until a client
/// has other models and `selected_now` says the same. `on` gets a line about everything that it
/// does.
///
/// # Errors
/// [`DaemonError`] if it cannot begin.
pub fn serve(
    options: Options,
    selected_now: SelectedNow<'_>,
    cancel: &AtomicBool,
    on: OnNote,
) -> Result<Ended, DaemonError> {
    let Options {
        settings,
        paths,
        idle_exit,
    } = options;
    let place = settings.daemon_place();
    // Dropped last, when nothing uses the socket and the cookies any more.
    let _claim = place.claim()?;
    let path = place.socket();
    let failed = |source| DaemonError::Place {
        path: path.clone(),
        source,
    };
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let profile = encoder::selected(&settings)?;
    let encoders = Arc::new(Encoders::new(
        &profile,
        encoder::options_of(&profile, &settings),
    ));
    let model = QueryModel::start_here(&profile, &settings);
    let server = Server::new(settings, place, encoders, model, on.clone());
    for path in &paths {
        if let Err(message) = server.watch(path) {
            on(&message);
        }
    }
    let mut ended = Ended::Stopped;
    std::thread::scope(|scope| {
        let is_idle = || idle_exit.is_some_and(|limit| server.idle() >= limit);
        while !cancel.load(Ordering::SeqCst) && !server.is_stopped() && !is_idle() {
            let is_other = |now: String| now != profile.id();
            if server.takes_doubt() && selected_now().is_some_and(is_other) {
                ended = Ended::OtherModels(server.roots());
                on("other models are selected; it begins anew");
                break;
            }
            if !is_readable(&listener) {
                continue;
            }
            if let Ok((stream, _)) = listener.accept() {
                let server = &server;
                // Without a thread the client gets no answer and works on its own.
                let _ = std::thread::Builder::new()
                    .name("connection".into())
                    .spawn_scoped(scope, move || server.attend(stream));
            }
        }
        server.stop();
    });
    server.end();
    Ok(ended)
}

fn is_readable(listener: &UnixListener) -> bool {
    let mut ready = [PollFd::new(listener, PollFlags::IN)];
    // An interrupted poll is one that found nothing.
    poll(&mut ready, Some(&TICK)).is_ok_and(|count| count > 0)
}
