//! How sessions are opened.

use ort::ep;
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
    let session = || -> ort::Result<Session> {
        let mut builder = Session::builder(&environment)?
            .with_optimization_level(level)?
            .with_intra_threads(options.intra_threads)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?;
        builder = match options.provider {
            Provider::Cpu => builder,
            Provider::Cuda => builder
                .with_execution_providers([ep::CUDA::default().build().error_on_failure()])?,
            Provider::CoreMl => builder
                .with_execution_providers([ep::CoreML::default().build().error_on_failure()])?,
            Provider::DirectMl => builder
                .with_execution_providers([ep::DirectML::default().build().error_on_failure()])?,
        };
        commit(&mut builder)
    };
    session().map_err(|error| EncoderError::Model {
        profile: profile.to_owned(),
        reason: error.to_string(),
    })
}
