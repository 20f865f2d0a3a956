//! What is done beside the interface: searching, reading files, explaining, looking after the
//! index. Each answers with events, and gives up what nobody waits for any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fathom_answerer::card::Target;

use super::desk::Desk;
use super::state::{Event, Index, Message, Source};
use super::text;
use crate::daemon::protocol::RepositoryStatus;
use crate::engine::explanation::Wanted;
use crate::engine::freshness::{Freshness, Notice};
use crate::engine::listener::{Listener, Silent};
use crate::engine::question::AnswerLimits;
use crate::engine::requests::SearchParams;
use crate::engine::{Engine, EngineError, Place};
use crate::output::answer::{Given, write_given};
use crate::output::escape;
use crate::output::style::Paint;
use crate::output::syntax;

/// Results of a search, unless told otherwise.
const RESULTS: usize = 30;
/// Typing that goes on sooner than this asks only once.
const DEBOUNCE: Duration = Duration::from_millis(40);
/// How often the index is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// What an explanation gets to end when the program does.
const GRACE: Duration = Duration::from_secs(2);
/// What is said where nobody explains.
const NO_READER: &str =
    "no reader model explains it; `fathom model pull qwen2.5-coder-1.5b` installs one";
/// Bytes of a file that has colours; a larger one is shown without.
const COLOURED: usize = 2 << 20;

/// Where answers go.
#[derive(Clone)]
pub struct Events(pub Sender<Event>);

impl Events {
    /// If nobody listens, the program ends.
    pub fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

/// A search with its number.
pub struct Search {
    /// The number.
    pub id: u64,
    /// What for.
    pub params: SearchParams,
}

/// A file with its language.
pub struct Load {
    /// Below the root.
    pub path: Vec<u8>,
    /// The language's name.
    pub language: String,
}

/// Those who work.
pub struct Workers {
    site: Arc<Site>,
    searches: Arc<Desk<Search>>,
    loads: Arc<Desk<Load>>,
    explaining: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

/// Where they work.
struct Site {
    engine: Engine,
    /// The part of the repository that is searched.
    place: Place,
    events: Events,
}

impl Workers {
    /// Begins: the model loads, and the index is brought up to date.
    ///
    /// # Errors
    /// If there are no threads.
    pub fn start(engine: Engine, place: Place, events: Sender<Event>) -> io::Result<Workers> {
        engine.load_model();
        let events = Events(events);
        let site = Arc::new(Site {
            engine,
            place,
            events,
        });
        let workers = Workers {
            site: site.clone(),
            searches: Arc::default(),
            loads: Arc::default(),
            explaining: None,
        };
        let (here, searches) = (site.clone(), workers.searches.clone());
        spawn("ui search", move || {
            searches.serve(DEBOUNCE, |search, cancel| here.search(&search, cancel));
        })?;
        let (here, loads) = (site.clone(), workers.loads.clone());
        spawn("ui file", move || {
            loads.serve(Duration::ZERO, |load, _| here.load(&load));
        })?;
        spawn("ui index", move || site.look_after_index())?;
        Ok(workers)
    }

    /// Searches, once nothing else is asked for a moment.
    pub fn search(&self, search: Search) {
        self.searches.put(search);
    }

    /// Gives up searching.
    pub fn stop_searching(&self) {
        self.searches.clear();
    }

    /// Gets a file.
    pub fn load(&self, load: Load) {
        self.loads.put(load);
    }

    /// Explains some lines.
    ///
    /// # Errors
    /// If there is no thread.
    pub fn explain(&mut self, id: u64, path: &[u8], (start, end): (u32, u32)) -> io::Result<()> {
        self.stop_explaining();
        let path = String::from_utf8_lossy(path).into_owned();
        let wanted = Wanted::One(Target::Lines { path, start, end });
        let (site, cancel) = (self.site.clone(), Arc::<AtomicBool>::default());
        let flag = cancel.clone();
        let thread = spawn("ui explain", move || {
            site.explain(id, &wanted, &flag);
            site.events.send(Event::Explained { id });
        })?;
        self.explaining = Some((thread, cancel));
        Ok(())
    }

    /// Stops the reader.
    pub fn stop_explaining(&self) {
        if let Some((_, cancel)) = &self.explaining {
            cancel.store(true, Ordering::SeqCst);
        }
    }

    /// Stops everything, and waits a moment for a reader.
    pub fn stop(self) {
        self.searches.clear();
        self.stop_explaining();
        let until = Instant::now() + GRACE;
        if let Some((thread, _)) = &self.explaining {
            while !thread.is_finished() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

impl Site {
    /// Answers from the index as it is, brings it up to date, and answers anew if it was not.
    fn search(&self, search: &Search, cancel: &AtomicBool) {
        let message = match self.searched(search, cancel) {
            Ok(None) => return,
            Ok(Some(said)) => said.into_iter().next_back().map(message_of),
            Err(error) => Some(Message::Problem(error.to_string())),
        };
        let id = search.id;
        self.events.send(Event::Searched { id, message });
    }

    /// What there is to say; `None` if it was given up.
    fn searched(
        &self,
        search: &Search,
        cancel: &AtomicBool,
    ) -> Result<Option<Vec<Notice>>, SearchError> {
        let wanted = match search.params.mode.as_str() {
            "lexical" | "regex" | "symbol" => Freshness::Words,
            _ => Freshness::Encoded,
        };
        // What is asked wrongly is said before anything is waited for.
        search.params.request(RESULTS)?;
        let known = self.generation()?;
        let mut said = Vec::new();
        if known > 0 {
            said = self.answer(search)?;
        }
        let waiting = |status: &RepositoryStatus| self.waiting(search.id, known, status);
        let caught_up = self.engine.catch_up(&self.place, wanted, cancel, &waiting);
        let notices = match caught_up {
            _ if cancel.load(Ordering::SeqCst) => return Ok(None),
            Ok(notices) => notices,
            Err(error) => return Err(error.into()),
        };
        if self.generation()? != known {
            said = self.answer(search)?;
        }
        said.extend(notices);
        Ok(Some(said))
    }

    fn answer(&self, search: &Search) -> Result<Vec<Notice>, SearchError> {
        let request = search.params.request(RESULTS)?;
        let mut listener = Silent::default();
        let answer = self.engine.search(&self.place, request, &mut listener)?;
        self.events.send(Event::Found {
            id: search.id,
            answer: Arc::new(answer),
        });
        Ok(listener.said.into_iter().map(Notice::Warning).collect())
    }

    fn generation(&self) -> Result<u64, EngineError> {
        Ok(self.place.repository.workspace().generation()?)
    }

    /// Says how far the index is, where there is nothing to show before it is made.
    fn waiting(&self, id: u64, known: u64, status: &RepositoryStatus) {
        if known == 0 {
            let progress = match status.files {
                0 => "making the index".to_owned(),
                files => format!("making the index: {files} files"),
            };
            self.events.send(Event::Waiting { id, progress });
        }
    }

    fn load(&self, load: &Load) {
        let event = match self.source(load) {
            Ok(source) => Event::Loaded(Arc::new(source)),
            Err(error) => Event::NotLoaded {
                path: load.path.clone(),
                problem: error.to_string(),
            },
        };
        self.events.send(event);
    }

    fn source(&self, load: &Load) -> Result<Source, EngineError> {
        let file = Place {
            under: Some(load.path.clone()),
            ..self.place.clone()
        };
        let generation = self.generation()?;
        let bytes = self.engine.text(&file)?;
        let language = match bytes.len() {
            0..COLOURED => load.language.as_str(),
            _ => "text",
        };
        let whole = String::from_utf8_lossy(&bytes);
        let lines = syntax::lines(&whole, language);
        Ok(Source {
            path: load.path.clone(),
            generation,
            lines: lines.into_iter().map(shown).collect(),
        })
    }

    fn explain(&self, id: u64, wanted: &Wanted, cancel: &Arc<AtomicBool>) {
        let mut heard = Heard {
            id,
            events: self.events.clone(),
            cancel: cancel.clone(),
        };
        if let Err(error) = self.explained(wanted, &mut heard) {
            heard.warn(&error.to_string());
        }
    }

    fn explained(&self, wanted: &Wanted, heard: &mut Heard) -> Result<(), EngineError> {
        let whole = Place {
            under: None,
            ..self.place.clone()
        };
        let seen = self.engine.explain(&whole, wanted)?;
        let mut text = Vec::new();
        // Nothing fails that is written to memory.
        let _ = seen.text(&mut text, Paint::default());
        let text = String::from_utf8_lossy(&text).into_owned();
        heard.events.send(Event::Card { id: heard.id, text });
        let Some(first) = seen.cards.first() else {
            return Err(EngineError::Missing(wanted.to_string()));
        };
        let limits = (AnswerLimits::default(), false);
        let prose = self.engine.tell(&whole, first, limits, heard)?;
        match prose.given {
            None if prose.steps.is_empty() => heard.note(NO_READER),
            None => {}
            Some(given) => {
                if let Some(reason) = given.ended_early() {
                    heard.note(reason);
                }
            }
        }
        Ok(())
    }

    /// Brings the index up to date once, then tells how it is whenever that changes.
    fn look_after_index(&self) {
        let place = self.place.clone();
        let first =
            self.engine
                .catch_up(&place, Freshness::Words, &AtomicBool::new(false), &|_| ());
        if let Err(error) = first {
            let problem = Message::Problem(error.to_string());
            self.events.send(Event::Say(problem));
        }
        let mut known = None;
        loop {
            let index = self.index(known.as_ref());
            if known.as_ref() != Some(&index) {
                self.events.send(Event::Index(index.clone()));
                known = Some(index);
            }
            thread::sleep(LOOK);
        }
    }

    /// How the index is now; files are counted only where there is another generation.
    fn index(&self, known: Option<&Index>) -> Index {
        let repository = &self.place.repository;
        let state = repository
            .status()
            .map_or("daemon".to_owned(), |one| one.state);
        let generation = self.generation().unwrap_or_default();
        if let Some(known) = known.filter(|known| known.generation == generation) {
            return Index {
                state,
                ..known.clone()
            };
        }
        let Ok(snapshot) = repository.snapshot() else {
            return Index::default();
        };
        Index {
            generation: snapshot.generation(),
            files: snapshot.counts().files,
            coverage: snapshot.coverage(),
            state,
        }
    }
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    #[error(transparent)]
    Request(#[from] crate::engine::requests::RequestError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn message_of(notice: Notice) -> Message {
    match notice {
        Notice::Note(note) | Notice::Warning(note) => Message::Note(note),
    }
}

/// A line's pieces, safe to show; tabs go to the stops of the whole line.
pub fn shown(line: Vec<(&str, syntax::Kind)>) -> Vec<(String, syntax::Kind)> {
    let mut column = 0;
    let mut pieces = Vec::with_capacity(line.len());
    for (piece, kind) in line {
        let safe = text::untabbed(&escape::text(piece.as_bytes()), column);
        column += text::width(&safe);
        pieces.push((safe, kind));
    }
    pieces
}

/// Hears a reader.
struct Heard {
    id: u64,
    events: Events,
    cancel: Arc<AtomicBool>,
}

impl Listener for Heard {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        Ok(self.cancel.clone())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.cancel.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (id, text) = (self.id, text.to_owned());
        self.events.send(Event::Prose { id, text });
        Ok(())
    }

    fn given(&mut self, given: &Given) -> io::Result<()> {
        let mut text = Vec::new();
        write_given(&mut text, given, Paint::default())?;
        let text = String::from_utf8_lossy(&text).into_owned();
        self.events.send(Event::Prose { id: self.id, text });
        Ok(())
    }

    fn note(&mut self, note: &str) {
        let (id, text) = (self.id, note.to_owned());
        self.events.send(Event::Remark { id, text });
    }

    fn warn(&mut self, warning: &str) {
        self.note(warning);
    }
}
