//! Exit codes, and how a failure is told: what, where, why, and the next step.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

/// How the program ends. The numbers are part of the interface, as in ripgrep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something was found, or the work is done.
    Found,
    /// The search was sound and found nothing.
    Nothing,
    /// Something failed; stderr says what.
    Error,
    /// Ctrl-C or a termination signal; stderr says what was kept.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Found => 0,
            Exit::Nothing => 1,
            Exit::Error => 2,
            Exit::Interrupted => INTERRUPTED as u8,
        })
    }
}

/// Exit code after Ctrl-C, as shells count it: 128 + SIGINT.
pub const INTERRUPTED: i32 = 130;

/// A failure with the step that mends it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    what: String,
    hint: String,
}

impl Failure {
    /// `what` names the thing, the place and the cause; `hint` the next step.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// Turns the result of a command into its exit code, telling a failure on stderr.
pub fn finish(result: anyhow::Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        // `fathom search … | head` has all it wants: no error.
        Err(error) if is_broken_pipe(&error) => Exit::Found,
        Err(error) => {
            tell(&format!("error: {}", describe(&error)));
            if let Some(failure) = error.downcast_ref::<Failure>() {
                tell(&format!("hint: {}", failure.hint));
            }
            Exit::Error
        }
    }
}

/// One line on stderr. When stderr itself is closed there is nobody left to tell.
pub fn tell(line: &str) {
    let line = fathom::output::escape::text(line.as_bytes());
    let _ = writeln!(io::stderr(), "{line}");
}

/// Lines on stderr about what a server does, which never wait for whoever reads them: one who stopped
/// reading would stop the server too. What does not fit into [`UNREAD`] lines is dropped.
pub struct Notes {
    lines: SyncSender<Option<String>>,
    ended: Receiver<()>,
}

/// Lines that may wait to be read.
const UNREAD: usize = 256;
/// How long the last lines may take in the end.
const LAST: Duration = Duration::from_millis(500);

impl Notes {
    pub fn new() -> Notes {
        let (lines, told) = sync_channel::<Option<String>>(UNREAD);
        let (end, ended) = channel::<()>();
        let work = move || {
            let _end = end;
            while let Ok(Some(line)) = told.recv() {
                tell(&line);
            }
        };
        // Without a thread nothing is told, and nothing else is lost.
        let _ = std::thread::Builder::new().name("notes".into()).spawn(work);
        Notes { lines, ended }
    }

    /// Tells a line soon.
    pub fn teller(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let lines = self.lines.clone();
        move |line| {
            let _ = lines.try_send(Some(line.to_owned()));
        }
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        if self.lines.try_send(None).is_ok() {
            let _ = self.ended.recv_timeout(LAST);
        }
    }
}

/// `warning: …` on stderr.
pub fn warn(message: &str) {
    tell(&format!("warning: {message}"));
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The error and its causes on one line; causes that the text already quotes are left out.
fn describe(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_are_told_once() {
        let inner = io::Error::other("disk on fire");
        let error = Err::<(), _>(inner).context("cannot open `x`: disk on fire");
        assert_eq!(
            describe(&error.unwrap_err()),
            "cannot open `x`: disk on fire"
        );
        let error = Err::<(), _>(io::Error::other("disk on fire")).context("cannot open `x`");
        assert_eq!(
            describe(&error.unwrap_err()),
            "cannot open `x`: disk on fire"
        );
    }

    #[test]
    fn a_broken_pipe_is_quiet_success() {
        let error = io::Error::from(io::ErrorKind::BrokenPipe);
        let result = Err(error).context("cannot write the results");
        assert_eq!(finish(result), Exit::Found);
    }
}
