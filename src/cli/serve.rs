//! `fathom serve`: HTTP for programs and a page for people, until told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use fathom::config::Flags;
use fathom::env;
use fathom::reader;
use fathom::serve::gate::Token;
use fathom::serve::{Limits, Options, serve};

use super::Global;
use super::reader::ReaderArgs;
use crate::errors::{Exit, Notes};
use crate::signals;

#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Paths in the repositories to serve
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Where to listen; port 0 takes any that is free. Another address than this machine's own
    /// needs a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7171")]
    listen: SocketAddr,
    /// File with a text that requests must carry as `Authorization: Bearer TEXT`; only its user
    /// may be able to read it [env: FATHOM_TOKEN, the text itself]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Another name by which the server may be addressed; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Another site whose pages may ask, such as `https://ide.example`; may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// What opens a place in an editor, with `{path}` and `{line}`
    #[arg(
        long,
        value_name = "LINK",
        default_value = "vscode://file{path}:{line}"
    )]
    editor: String,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

/// How much may be asked.
#[derive(Args, Debug)]
#[command(next_help_heading = "How much may be asked")]
struct LimitArgs {
    /// Requests at once; more are answered 429
    #[arg(long, value_name = "N", default_value_t = 16)]
    max_requests: usize,
    /// Answers that are given or waited for at once; more are answered 503
    #[arg(long, value_name = "N", default_value_t = 4)]
    max_answers: usize,
    /// Bytes of a request's body; more are answered 413
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_body: usize,
    /// Seconds for a request
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u32,
    /// Seconds for an answer of a reader
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    answer_timeout: u32,
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        Limits {
            requests: self.max_requests.clamp(1, 1024),
            answers: self.max_answers.clamp(1, 1024),
            body: self.max_body,
            request: Duration::from_secs(self.timeout.into()),
            answer: Duration::from_secs(self.answer_timeout.into()),
            ..Limits::default()
        }
    }
}

pub fn run(global: &Global, args: &ServeArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        reader: args.reader.options(),
        ..Flags::default()
    })?;
    // A reader that cannot be is told now, not with the first question.
    reader::sources(&settings)?;
    let options = Options {
        settings,
        paths: args.paths.clone(),
        listen: args.listen,
        hosts: args.allow_host.clone(),
        origins: args.allow_origin.clone(),
        token: token(args.token_file.as_deref())?,
        limits: args.limits.limits(),
        editor: args.editor.clone(),
    };
    let (quiet, notes) = (global.quiet, Notes::new());
    let tell = notes.teller();
    let on: fathom::daemon::OnNote = Arc::new(move |line: &str| {
        if !quiet {
            tell(line);
        }
    });
    signals::during(|cancel| serve(&options, cancel, &on))??;
    Ok(Exit::Found)
}

/// What requests must carry: what the file holds, else what the environment says.
pub fn token(file: Option<&Path>) -> anyhow::Result<Option<Token>> {
    if let Some(path) = file {
        return Ok(Some(Token::read(path)?));
    }
    match std::env::var(env::TOKEN) {
        Ok(text) if !text.is_empty() => Ok(Some(Token::new(&text)?)),
        _ => Ok(None),
    }
}
