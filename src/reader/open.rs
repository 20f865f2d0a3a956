//! Readers while they are used: opened when they are first needed, or a little before.

use std::thread::JoinHandle;

use fathom_answerer::reader::{Reader, ReaderError};

use super::{ReaderChoiceError, Source};
use crate::config::Settings;

type Opened = Result<Box<dyn Reader>, ReaderChoiceError>;

/// The readers of a run, in the order in which they are asked.
pub struct Readers {
    slots: Vec<(Source, Slot)>,
    settings: Settings,
}

enum Slot {
    Closed,
    Loading(JoinHandle<Opened>),
    Open(Box<dyn Reader>),
}

impl Readers {
    /// None of them is open yet.
    pub fn new(sources: Vec<Source>, settings: &Settings) -> Readers {
        let slots = sources.into_iter().map(|source| (source, Slot::Closed));
        Readers {
            slots: slots.collect(),
            settings: settings.clone(),
        }
    }

    /// What can be asked.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.slots.iter().map(|(source, _)| source)
    }

    /// Begins to open the first one, beside everything else.
    pub fn begin(&mut self) {
        if let Some((source, slot @ Slot::Closed)) = self.slots.first_mut() {
            let (source, settings) = (source.clone(), self.settings.clone());
            *slot = Slot::Loading(std::thread::spawn(move || source.open(&settings)));
        }
    }

    /// The reader at `index`, opened if it is not.
    pub fn get(&mut self, index: usize) -> Result<&mut dyn Reader, ReaderChoiceError> {
        let (source, slot) = &mut self.slots[index];
        let open = match std::mem::replace(slot, Slot::Closed) {
            Slot::Closed => source.open(&self.settings)?,
            Slot::Loading(thread) => joined(thread)?,
            Slot::Open(reader) => reader,
        };
        *slot = Slot::Open(open);
        match slot {
            Slot::Open(reader) => Ok(reader.as_mut()),
            Slot::Closed | Slot::Loading(_) => Err(panicked()),
        }
    }
}

/// A process must not end while a model is loading in another of its threads.
impl Drop for Readers {
    fn drop(&mut self) {
        for (_, slot) in self.slots.drain(..) {
            if let Slot::Loading(thread) = slot {
                // Nobody is left to hear whether it failed.
                let _ = thread.join();
            }
        }
    }
}

fn joined(thread: JoinHandle<Opened>) -> Opened {
    thread.join().unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> ReaderChoiceError {
    ReaderError::Run("the thread that loads the model panicked".to_owned()).into()
}
