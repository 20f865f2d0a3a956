//! How far the work is: bars on a terminal, plain lines elsewhere, always on stderr.

use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fathom_indexer::pipeline::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::errors::tell;

/// Plain lines come at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// Work that is over sooner is not worth a bar.
const SHOW_AFTER: Duration = Duration::from_millis(400);

/// Shows the events of indexing.
pub struct Progress {
    shown: Option<Shown>,
}

enum Shown {
    Bar(Mutex<Bar>),
    Plain(Mutex<Plain>),
}

struct Bar {
    bar: ProgressBar,
    stage: &'static str,
    started: Instant,
}

struct Plain {
    last: Instant,
    /// Stage, when it began and with how much done.
    began: Option<(&'static str, Instant, u64)>,
}

/// One step of a stage.
pub struct Step {
    /// What is going on.
    pub stage: &'static str,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// What is counted.
    pub unit: &'static str,
}

impl Progress {
    /// Progress on stderr, or none at all.
    pub fn new(quiet: bool) -> Progress {
        let shown = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => None,
            (false, true) => Some(Shown::Bar(Mutex::new(Bar::new()))),
            (false, false) => Some(Shown::Plain(Mutex::new(Plain::new()))),
        };
        Progress { shown }
    }

    /// Takes one event; called from several threads.
    pub fn on(&self, event: Event) {
        if let Some(step) = step(&event) {
            self.step(&step);
        }
    }

    /// Shows one step of any work; called from several threads.
    pub fn step(&self, step: &Step) {
        match &self.shown {
            None => {}
            Some(Shown::Bar(bar)) => lock(bar).show(step),
            Some(Shown::Plain(plain)) => lock(plain).show(step),
        }
    }

    /// Removes the bar, so that what follows stands on a clean line.
    pub fn finish(self) {
        if let Some(Shown::Bar(bar)) = &self.shown {
            lock(bar).bar.finish_and_clear();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn step(event: &Event) -> Option<Step> {
    let (stage, done, total, unit) = match *event {
        Event::Lexical { done, total } => ("reading", done, total, "files"),
        Event::Encoding { done, total, .. } => ("encoding", done, total, "chunks"),
        _ => return None,
    };
    Some(Step {
        stage,
        done: done as u64,
        total: total as u64,
        unit,
    })
}

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Bar {
            bar,
            stage: "",
            started: Instant::now(),
        }
    }

    fn show(&mut self, step: &Step) {
        if self.started.elapsed() > SHOW_AFTER && self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        if self.stage != step.stage {
            self.stage = step.stage;
            self.bar.reset();
            self.bar.set_style(style(step));
            self.bar.set_message(step.stage);
        }
        self.bar.set_length(step.total);
        self.bar.set_position(step.done);
    }
}

/// A bar with a rate and an ETA.
fn style(step: &Step) -> ProgressStyle {
    let unit = step.unit;
    let template =
        format!("{{msg:9}} {{bar:30}} {{pos}}/{{len}} {unit}  {{rate}} {unit}/s  {{eta}} left");
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{:.0}", state.per_sec());
    };
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate)
}

impl Plain {
    fn new() -> Plain {
        Plain {
            last: Instant::now(),
            began: None,
        }
    }

    fn show(&mut self, step: &Step) {
        let (_, began, first) = *match &mut self.began {
            Some(began) if began.0 == step.stage => began,
            began => began.insert((step.stage, Instant::now(), step.done)),
        };
        if self.last.elapsed() < PLAIN_INTERVAL {
            return;
        }
        self.last = Instant::now();
        let percent = 100 * step.done / step.total.max(1);
        tell(&format!(
            "{}: {}/{} {} ({percent} %){}",
            step.stage,
            step.done,
            step.total,
            step.unit,
            left(began.elapsed(), step.done.saturating_sub(first), step)
        ));
    }
}

/// How long it will take, if it goes on as it went.
fn left(took: Duration, done: u64, step: &Step) -> String {
    if done == 0 {
        return String::new();
    }
    let per_unit = took.as_secs_f64() / done as f64;
    let seconds = per_unit * step.total.saturating_sub(step.done) as f64;
    match seconds {
        0.0..90.0 => format!(", {seconds:.0} s left"),
        _ => format!(", {:.0} min left", seconds / 60.0),
    }
}
