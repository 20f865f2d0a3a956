//! Sessions of the model that are kept open between runs: opening one takes longer than encoding
//! what a saved file changed.

use std::sync::{Mutex, PoisonError};

use fathom_encoders::{Encoder, EncoderError, EncoderOptions, Profile};

/// Sessions that stay open while nothing is encoded. More are opened for a large run, and closed
/// after it: each takes about as much memory as the model.
const KEPT: usize = 1;

/// The encoders of one model profile.
pub struct Encoders {
    profile: Profile,
    options: EncoderOptions,
    idle: Mutex<Vec<Encoder>>,
}

impl Encoders {
    /// Opens nothing yet.
    pub fn new(profile: &Profile, options: EncoderOptions) -> Encoders {
        Encoders {
            profile: profile.clone(),
            options,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// The model that they encode with.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether the profile's models are loaded one at a time.
    pub fn takes_turns(&self) -> bool {
        self.options.one_at_a_time && self.profile.members().len() > 1
    }

    /// An idle encoder, or a new one.
    ///
    /// # Errors
    /// If the model or its runtime cannot be loaded.
    pub fn take(&self) -> Result<Encoder, EncoderError> {
        match self.idle().pop() {
            Some(encoder) => Ok(encoder),
            None => Encoder::open(&self.profile, &self.options),
        }
    }

    /// Keeps an encoder for the next run, if none is kept yet.
    pub fn give_back(&self, encoder: Encoder) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(encoder);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Encoder>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Encoders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Encoders({}, {} idle)",
            self.profile.id(),
            self.idle().len()
        )
    }
}
