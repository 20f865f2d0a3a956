//! `fathom ui`: search as one types, in a terminal.
//!
//! `state` is all that is known, `update` what an event changes in it, `view` how it looks;
//! none of them touches the world. `workers` do what takes time, `screen` is the terminal.

mod desk;
mod editor;
mod keys;
mod layout;
mod line;
mod screen;
mod state;
mod text;
mod update;
mod view;
mod workers;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event as Input};
use ratatui::layout::Size;
use rustix::process::{Pid, Signal, kill_current_process_group, kill_process};

use crate::config::Settings;
use crate::engine::requests::SearchParams;
use crate::engine::{Engine, EngineError, Place};
use crate::output::escape;
use crate::output::style::Paint;
use crate::workspace::{Workspace, WorkspaceError};
pub use screen::NoTerminal;
use screen::Screen;
use state::{Effect, Event, Message, State};
use view::Theme;
use workers::{Load, Search, Workers};

/// How long keys are waited for while something is to come.
const BUSY: Duration = Duration::from_millis(10);
/// How long while nothing is.
const IDLE: Duration = Duration::from_millis(100);
/// How often it looks whether the editor has ended.
const TICK: Duration = Duration::from_millis(20);

/// What is shown.
pub struct Options {
    /// Settings of the user.
    pub settings: Settings,
    /// Where is searched.
    pub path: PathBuf,
    /// What is searched for at the beginning, and what is in every request.
    pub params: SearchParams,
}

/// Signals that have come.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// The program is to end.
    pub end: Arc<AtomicBool>,
    /// Somebody pressed Ctrl-C while another program had the terminal, or sent the same.
    pub interrupt: Arc<AtomicBool>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The user wanted it to.
    Quit,
    /// By a signal.
    Signal,
}

/// Why there is no interface.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// There is nothing to show it on.
    #[error(transparent)]
    NoTerminal(#[from] NoTerminal),
    /// The repository cannot be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The repository cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The terminal fails.
    #[error("the terminal fails: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the interface until the user ends it, or a signal does.
///
/// # Errors
/// If there is no terminal, or the repository cannot be used.
pub fn run(options: &Options, signals: &Signals) -> Result<Ended, UiError> {
    screen::check()?;
    let settings = &options.settings;
    let engine = Engine::new(settings, std::slice::from_ref(&options.path))?;
    let place = place(&engine, &options.path)?;
    let root = place.repository.workspace().root().to_owned();
    let (sender, events) = channel();
    let faults = sender.clone();
    let workers = Workers::start(engine, place, sender)?;
    let screen = Screen::enter(move |fault| {
        // If nobody listens, the program ends.
        let _ = faults.send(Event::Say(Message::Problem(fault)));
    })?;
    let theme = Theme {
        color: Paint::for_stdout(settings.color).is_on(),
    };
    let mut running = Running {
        screen,
        workers,
        events,
        root,
        theme,
        signals,
    };
    let ended = running.until_end(options.params.clone());
    let Running {
        screen, workers, ..
    } = running;
    // The user has the terminal back before anything is waited for.
    drop(screen);
    workers.stop();
    Ok(ended?)
}

/// The part of the repository that a path means.
fn place(engine: &Engine, path: &Path) -> Result<Place, UiError> {
    let location = Workspace::locate(path, engine.settings())?;
    Ok(Place {
        repository: engine.repository(&location.root)?,
        under: location.under,
        edited: Arc::default(),
    })
}

struct Running<'a> {
    screen: Screen,
    workers: Workers,
    events: Receiver<Event>,
    root: PathBuf,
    theme: Theme,
    signals: &'a Signals,
}

impl Running<'_> {
    fn until_end(&mut self, params: SearchParams) -> io::Result<Ended> {
        let name = self.root.file_name().unwrap_or(self.root.as_os_str());
        let name = escape::path(name.as_encoded_bytes());
        let mut state = State::new(&name, self.screen.size()?, params);
        let mut effects = update::begin(&mut state);
        loop {
            for effect in std::mem::take(&mut effects) {
                if effect == Effect::Quit {
                    return Ok(Ended::Quit);
                }
                if let Some(event) = self.perform(effect)? {
                    effects.extend(update::update(&mut state, event));
                }
            }
            let theme = self.theme;
            self.screen.draw(|frame| view::draw(&state, theme, frame))?;
            for event in self.next(state.is_waiting())? {
                effects.extend(update::update(&mut state, event));
            }
            if self.is_over() {
                return Ok(Ended::Signal);
            }
        }
    }

    /// Whether a signal has come that ends the program.
    fn is_over(&self) -> bool {
        let of = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        of(&self.signals.end) || of(&self.signals.interrupt)
    }

    /// What has happened; nothing if that takes long.
    fn next(&self, is_waiting: bool) -> io::Result<Vec<Event>> {
        let patience = if is_waiting { BUSY } else { IDLE };
        let mut happened = Vec::new();
        let mut more = event::poll(patience)?;
        while more {
            happened.extend(translated(event::read()?));
            more = event::poll(Duration::ZERO)?;
        }
        happened.extend(self.events.try_iter());
        Ok(happened)
    }

    fn perform(&mut self, effect: Effect) -> io::Result<Option<Event>> {
        match effect {
            Effect::Search { id, params } => {
                let params = *params;
                self.workers.search(Search { id, params });
            }
            Effect::StopSearching => self.workers.stop_searching(),
            Effect::Load { path, language } => self.workers.load(Load { path, language }),
            Effect::Explain { id, path, lines } => self.workers.explain(id, &path, lines)?,
            Effect::StopExplaining => self.workers.stop_explaining(),
            Effect::Edit { path, line } => return self.edit(&path, line).map(Some),
            Effect::Copy(text) => {
                self.screen.copy(&text)?;
                let note = format!("copied {}", escape::path(&text));
                return Ok(Some(Event::Say(Message::Note(note))));
            }
            Effect::Redraw => self.screen.clear()?,
            Effect::Suspend => {
                // Where no shell can bring it back the signal does nothing.
                let stop = || kill_current_process_group(Signal::TSTP);
                let _ = self.screen.lend(stop)?;
            }
            Effect::Quit => {}
        }
        Ok(None)
    }

    /// Lends the terminal to the editor until that ends.
    fn edit(&mut self, path: &[u8], line: u32) -> io::Result<Event> {
        use std::os::unix::ffi::OsStrExt;
        let file = self.root.join(std::ffi::OsStr::from_bytes(path));
        let wanted = editor::command(&editor::chosen(), &file, line);
        let signals = self.signals;
        let ended = self.screen.lend(|| {
            let mut command = Command::new(&wanted.program);
            let child = command.args(&wanted.arguments).spawn()?;
            wait(child, signals)
        })?;
        // Ctrl-C was meant for the editor.
        signals.interrupt.store(false, Ordering::SeqCst);
        let size = Event::Resize(self.screen.size()?);
        let program = escape::path(wanted.program.as_encoded_bytes());
        let problem = match ended {
            Ok(()) => return Ok(size),
            Err(error) => format!("`{program}` does not run: {error}; set $VISUAL or $EDITOR"),
        };
        Ok(Event::Say(Message::Problem(problem)))
    }
}

/// Waits for the editor. If the program is to end meanwhile, so is the editor.
fn wait(mut child: Child, signals: &Signals) -> io::Result<()> {
    loop {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        if signals.end.load(Ordering::SeqCst) {
            if let Some(pid) = Pid::from_raw(child.id() as i32) {
                // It may have ended just now.
                let _ = kill_process(pid, Signal::TERM);
            }
            return Ok(());
        }
        std::thread::sleep(TICK);
    }
}

/// What the terminal says, if it means anything here.
fn translated(input: Input) -> Option<Event> {
    match input {
        Input::Key(key) => Some(Event::Key(key)),
        Input::Paste(text) => Some(Event::Paste(text)),
        Input::Resize(width, height) => Some(Event::Resize(Size { width, height })),
        Input::FocusGained | Input::FocusLost | Input::Mouse(_) => None,
    }
}

#[cfg(test)]
mod tests;
