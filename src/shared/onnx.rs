//! ONNX Runtime: loaded once from its library file; sessions with a bounded number of threads.

use std::path::Path;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session};

use crate::shared::memory;
use crate::shared::models::{MissingModel, ModelDir, ModelFile};

/// Why a model could not be opened or run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OnnxError {
    #[error(transparent)]
    Missing(#[from] MissingModel),
    #[error("ONNX Runtime: {0}")]
    Runtime(String),
}

impl<T> From<ort::Error<T>> for OnnxError {
    fn from(error: ort::Error<T>) -> Self {
        Self::Runtime(error.to_string())
    }
}

/// The loaded runtime; cheap to clone. A process loads it once.
#[derive(Clone)]
pub struct OnnxRuntime(Environment);

impl OnnxRuntime {
    /// Loads the runtime library; later calls answer as the first did.
    ///
    /// # Errors
    /// When the library is missing or does not fit.
    pub fn load(models: &ModelDir) -> Result<Self, OnnxError> {
        static LOADED: OnceLock<Result<OnnxRuntime, OnnxError>> = OnceLock::new();
        LOADED
            .get_or_init(|| {
                let library = models.require(ModelFile::OnnxRuntime)?;
                let environment =
                    ort::environment::init_from(&library).map_err(|e| OnnxError::Runtime(e.to_string()))?;
                Ok(Self(environment.with_name("emma").build()?))
            })
            .clone()
    }

    /// Opens a model with `threads` threads inside an operator. They never spin: on a busy machine a
    /// spinning pool takes the cores from the ears. `Session::run` needs `&mut`: one session per worker.
    ///
    /// # Errors
    /// When the file is no model ONNX Runtime can load.
    pub fn open(&self, model: &Path, threads: usize) -> Result<Session, OnnxError> {
        let session = self.builder(threads)?.commit_from_file(model)?;
        memory::give_back();
        Ok(session)
    }

    /// Opens a model that is in memory, with threads as in [`open`](Self::open).
    ///
    /// # Errors
    /// When the bytes are no model ONNX Runtime can load.
    pub fn open_bytes(&self, model: &[u8], threads: usize) -> Result<Session, OnnxError> {
        let session = self.builder(threads)?.commit_from_memory(model)?;
        memory::give_back();
        Ok(session)
    }

    fn builder(&self, threads: usize) -> Result<SessionBuilder, OnnxError> {
        Ok(Session::builder(&self.0)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_config_entry("session.intra_op.allow_spinning", "0")?
            // Weights beside the arena, so that the arena can be given back.
            .with_config_entry("session.use_device_allocator_for_initializers", "1")?)
    }
}

/// Options of a run that gives the memory it took back to the system, for models that need much of it at times; else a
/// session keeps what its largest run needed.
///
/// # Errors
/// When ONNX Runtime has no memory for them.
pub fn frugal_run() -> Result<RunOptions, OnnxError> {
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    Ok(options)
}
