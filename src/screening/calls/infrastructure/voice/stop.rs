//! Stopping a render that runs on another thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::session::RunOptions;

use crate::shared::onnx::frugal_run;

/// Why a render came to no end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// Told to stop by [`Stop::fire`].
    #[error("stopped")]
    Stopped,
    #[error("{0}")]
    Failed(String),
}

impl<T> From<ort::Error<T>> for Unfinished {
    fn from(error: ort::Error<T>) -> Self {
        Self::Failed(format!("ONNX Runtime: {error}"))
    }
}

/// Told to one render; reaches into a model run that is under way.
#[derive(Default)]
pub struct Stop(Mutex<State>);

#[derive(Default)]
struct State {
    fired: bool,
    run: Option<Arc<RunOptions>>,
}

impl Stop {
    /// Stops the render, at its next operator when a model runs.
    pub fn fire(&self) {
        let mut state = self.lock();
        state.fired = true;
        if let Some(run) = &state.run {
            // It fails only for a handle that is gone, and this one is held.
            let _ = run.terminate();
        }
    }

    /// # Errors
    /// [`Unfinished::Stopped`] when it has been fired.
    pub fn check(&self) -> Result<(), Unfinished> {
        if self.lock().fired {
            Err(Unfinished::Stopped)
        } else {
            Ok(())
        }
    }

    /// Runs a model under options that [`fire`](Self::fire) terminates.
    ///
    /// # Errors
    /// [`Unfinished::Stopped`] when fired before or meanwhile, else what `run` fails with.
    pub fn during<T>(&self, run: impl FnOnce(&RunOptions) -> Result<T, Unfinished>) -> Result<T, Unfinished> {
        let options = Arc::new(frugal_run().map_err(|e| Unfinished::Failed(e.to_string()))?);
        {
            let mut state = self.lock();
            if state.fired {
                return Err(Unfinished::Stopped);
            }
            state.run = Some(options.clone());
        }
        let result = run(&options);
        let mut state = self.lock();
        state.run = None;
        match result {
            Err(_) if state.fired => Err(Unfinished::Stopped),
            other => other,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
