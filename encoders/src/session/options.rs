//! How sessions are opened.

use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::EncoderError;
use crate::runtime::{self, RuntimeLocation};

/// What computes. All but the processor need a library that was built with them; where it was
/// not, opening an encoder fails and says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's graphics processors.
    Cuda,
    /// Apple's.
    CoreMl,
    /// Windows's.
    DirectMl,
}

impl Provider {
    /// All of them, by name.
    pub const NAMES: &[&str] = &["cpu", "cuda", "coreml", "directml"];

    /// The provider of a name.
    pub fn named(name: &str) -> Option<Provider> {
        Some(match name.to_ascii_lowercase().as_str() {
            "cpu" => Provider::Cpu,
            "cuda" => Provider::Cuda,
            "coreml" => Provider::CoreMl,
            "directml" => Provider::DirectMl,
            _ => return None,
        })
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Cpu => "cpu",
            Provider::Cuda => "cuda",
            Provider::CoreMl => "coreml",
            Provider::DirectMl => "directml",
        }
    }

    /// What the runtime is asked for; nothing for the processor. It must not compute without.
    fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Provider::Cpu => return None,
            Provider::Cuda => ep::CUDA::default().build(),
            Provider::CoreMl => ep::CoreML::default().build(),
            Provider::DirectMl => ep::DirectML::default().build(),
        };
        Some(dispatch.error_on_failure())
    }
}

/// How to open an [`Encoder`](crate::Encoder).
#[derive(Debug, Clone)]
pub struct EncoderOptions {
    /// Threads inside one forward pass. One is best for throughput (one
    /// encoder per core); more shorten a single query.
    pub intra_threads: usize,
    /// How to find the library.
    pub runtime: RuntimeLocation,
    /// What computes.
    pub provider: Provider,
    /// Of a profile of several models, have but one loaded at a time while documents are encoded.
    /// It pays where memory is short, and documents come many at once.
    pub one_at_a_time: bool,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            intra_threads: 1,
            runtime: RuntimeLocation::Search,
            provider: Provider::Cpu,
            one_at_a_time: false,
        }
    }
}

/// A session of `profile`, made by `commit`. Graphs that were optimised when they were made
/// are run as they are.
pub(super) fn open(
    profile: &str,
    options: &EncoderOptions,
    is_optimised: bool,
    commit: impl FnOnce(&mut SessionBuilder) -> ort::Result<Session>,
) -> Result<Session, EncoderError> {
    let environment = runtime::environment(&options.runtime)?;
    let level = match is_optimised {
        true => GraphOptimizationLevel::Disable,
        false => GraphOptimizationLevel::Level3,
    };
    let failed = |error: ort::Error| EncoderError::Model {
        profile: profile.to_owned(),
        reason: error.to_string(),
    };
    let builder = || -> ort::Result<SessionBuilder> {
        Ok(Session::builder(&environment)?
            .with_optimization_level(level)?
            .with_intra_threads(options.intra_threads)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?)
    };
    let mut builder = builder().map_err(failed)?;
    if let Some(dispatch) = options.provider.dispatch() {
        let with = builder.with_execution_providers([dispatch]);
        builder = with.map_err(|error| EncoderError::Provider {
            provider: options.provider.as_str(),
            reason: error.to_string().trim_end_matches(['.', ' ']).to_owned(),
        })?;
    }
    commit(&mut builder).map_err(failed)
}
